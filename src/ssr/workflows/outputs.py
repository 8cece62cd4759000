"""Which files make up a result, may they be written there, and which of an older one have to go?"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ssr.atomic import one_line, remove
from ssr.errors import ImageReadError, OutputError
from ssr.inference.trust import trust_path
from ssr.raster.gdal import is_web_address
from ssr.raster.publishing import check_publishable
from ssr.raster.reader import RasterReader
from ssr.raster.results import is_result
from ssr.raster.unfinished import is_half_published
from ssr.scenes.cubes import CUBE_SUFFIXES
from ssr.scenes.inputs import PRODUCT_HEADS
from ssr.scenes.products import is_product_folder
from ssr.scenes.rasters import IMAGE_SUFFIXES
from ssr.workflows.explanation import explanation_paths
from ssr.workflows.stacitem import item_path

ELSEWHERE = "give another name with -o"


def companions_of(out: Path) -> tuple[Path, ...]:
    """All files that may stand beside a result and say something of it."""
    return (trust_path(out), *explanation_paths(out), item_path(out))


def check_output(inputs: Sequence[str | Path], out: Path, *, overwrite: bool) -> None:
    """Fail before anything is fetched or computed.

    A companion of an older result counts even if it would not be written anew: beside another result it would lie.
    What an earlier run has put there that was ended amid its publication is left for that run's job to finish.

    Args:
        inputs: all files, folders and addresses that the run reads.

    Raises:
        OutputError: a file of the result is an input or lies inside of one, is a folder, or exists.
        MissingExtraError: what writes it is not installed.
    """
    paths = (out, *companions_of(out))
    for path in paths:
        for given in inputs:
            _refuse_input(path, given)
    may_replace = overwrite or is_half_published(out)
    for path in paths:
        check_publishable(path, overwrite=may_replace)


def remove_stale(out: Path, written: Iterable[Path]) -> list[Path]:
    """Remove those companions that were not written with this result; gives what was removed.

    Raises:
        OutputError: one cannot be removed.
    """
    kept = set(written)
    stale = [path for path in companions_of(out) if path.exists() and path not in kept]
    for path in stale:
        try:
            remove(path)
        except OSError as error:
            raise OutputError(f"{path}: is of an older result and cannot be removed ({one_line(error)})") from error
    return stale


def _refuse_input(path: Path, given: str | Path) -> None:
    if isinstance(given, str) and is_web_address(given):
        return
    at, source = path.resolve(), Path(given).resolve()
    if PRODUCT_HEADS.match(source.name) and source.is_file():
        source = source.parent
    if source.is_dir() and not _is_one_input(source):
        source = next((one for one in (at, *at.parents) if one.parent == source), source)
        if source == at and _is_image(at) and not is_result(at):
            raise OutputError(f"{path}: is an image of the input folder {given} and no earlier result; {ELSEWHERE}")
        if source == at or not _is_one_input(source):
            return
    if source in at.parents:
        raise OutputError(f"{path}: lies inside of the input {source.name}, which is only read; {ELSEWHERE}")
    if at.exists() and any(at.samefile(one) for one in _files_of(source)):
        raise OutputError(f"{path}: is an input, which the result or its companions would replace; {ELSEWHERE}")


def _is_one_input(path: Path) -> bool:
    """As against a folder of inputs."""
    return path.suffix.lower() in CUBE_SUFFIXES or is_product_folder(path)


def _is_image(path: Path) -> bool:
    return path.exists() and path.suffix.lower() in (*IMAGE_SUFFIXES, *CUBE_SUFFIXES)


def _files_of(source: Path) -> list[Path]:
    """An input's own file and, of a VRT, those that it names."""
    files = [source] if source.exists() else []
    if files and source.suffix.lower() == ".vrt":
        try:
            with RasterReader(source, bands=(1,), to_unit=np.asarray) as reader:
                files += [Path(name) for name in reader.dataset.files if Path(name).exists()]
        except ImageReadError:
            return files  # whoever opens it says what is wrong with it
    return files
