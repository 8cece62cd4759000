"""How are the samples of S2-NAIP found once, and found again without walking through millions of files?"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ssr.atomic import one_line, whole_file
from ssr.data.catalogue import Catalogue, Layout, high_res_path, low_res_path, tile_of
from ssr.errors import InputError, MissingExtraError

N_THREADS = 8
"""A local disk answers one thread as fast as many; one over a network does not."""
LAYOUT, COLUMNS = b"ssr.layout", ("image", "x", "y")


def scan(
    sentinel2: Path,
    naip: Path,
    *,
    layout: Literal["auto", "current", "old"] = "auto",
    old_naip: Path | None = None,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> Catalogue:
    """Every NAIP chip whose tile has a true-colour series, in the order of their names.

    Args:
        progress: receives how many of how many NAIP images are done.

    Raises:
        InputError: a folder is missing, or no pair is complete.
    """
    for folder in filter(None, (sentinel2, naip, old_naip)):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
    with os.scandir(naip) as entries:
        images = sorted(entry.name for entry in entries if entry.is_dir())
    found = _layout_of(sentinel2, naip, images) if layout == "auto" else _variant(layout, sentinel2)

    def tiles(image: str) -> tuple[NDArray[np.int32], int]:
        return _tiles_of(sentinel2, naip, image, found)

    columns, n_chips = [], 0
    with ThreadPoolExecutor(N_THREADS) as threads:
        for k, (complete, n_listed) in enumerate(threads.map(tiles, images)):
            columns.append(np.column_stack((np.full(len(complete), k, np.int32), complete)))
            n_chips += n_listed
            progress(k + 1, len(images))
    image, x, y = np.concatenate(columns).T if columns else np.empty((3, 0), np.int32)
    if not len(x):
        expected = high_res_path(found, "*", "X_Y"), low_res_path(found, 0, 0, "tci")
        raise InputError(
            f"{naip}: of {n_chips} chips {expected[0]} none has its series, such as {sentinel2}/{expected[1]}; "
            f"taken for the {found} layout"
        )
    image, x, y = (np.ascontiguousarray(column) for column in (image, x, y))
    catalogue = Catalogue(found, tuple(images), image, x, y)
    return replace(catalogue, old_high_res=_old_paths(old_naip, catalogue)) if old_naip else catalogue


def write_index(path: Path, catalogue: Catalogue) -> None:
    """Write the columns as Parquet.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    write_table(path, catalogue, {}, {})


def open_index(path: Path) -> Catalogue:
    """Read what `write_index` wrote.

    Raises:
        InputError: no such file, or not one of ours.
        MissingExtraError: pyarrow is not installed.
    """
    return open_table(path, ())[0]


def write_table(path: Path, catalogue: Catalogue, more: dict[str, NDArray[Any]], metadata: dict[bytes, bytes]) -> None:
    """Write a catalogue with further columns and notes, as `write_index`."""
    arrow, parquet = _parquet()
    image = arrow.DictionaryArray.from_arrays(catalogue.image, arrow.array(catalogue.images))
    columns = {"image": image, "x": arrow.array(catalogue.x), "y": arrow.array(catalogue.y)}
    columns |= {name: arrow.array(values) for name, values in more.items()}
    if catalogue.old_high_res is not None:
        columns["old_high_res"] = arrow.array(catalogue.old_high_res)
    table = arrow.table(columns).replace_schema_metadata({LAYOUT: catalogue.layout.encode(), **metadata})
    with whole_file(path, arrow.ArrowException) as part:
        parquet.write_table(table, part, compression="zstd")


def open_table(path: Path, more: tuple[str, ...]) -> tuple[Catalogue, list[NDArray[Any]], dict[bytes, bytes]]:
    """Read a catalogue with further columns and notes; raises as `open_index`."""
    arrow, parquet = _parquet()
    if not path.is_file():
        raise InputError(f"{path}: no such index; build it with: {'ssr data pack' if more else 'ssr data index'}")
    try:
        table = parquet.read_table(path, read_dictionary=["image"])
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as an index ({one_line(error)}); build it anew") from error
    metadata = table.schema.metadata or {}
    layout = metadata.get(LAYOUT, b"").decode()
    if layout not in get_args(Layout) or not {*COLUMNS, *more} <= set(table.column_names):
        raise InputError(f"{path}: is no such index of S2-NAIP; build one with: ssr data index (or pack)")
    image = table["image"].unify_dictionaries().combine_chunks()
    catalogue = Catalogue(
        cast("Layout", layout),
        tuple(image.dictionary.to_pylist()),
        image.indices.to_numpy(),
        table["x"].to_numpy(),
        table["y"].to_numpy(),
        table["old_high_res"].to_pylist() if "old_high_res" in table.column_names else None,
    )
    return catalogue, [table[name].to_numpy() for name in more], metadata


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "train", "the index of a data set") from error
    return pyarrow, pyarrow.parquet


def _layout_of(sentinel2: Path, naip: Path, images: list[str]) -> Layout:
    """By the first NAIP image that holds anything."""
    for image in images:
        names = _names(naip / image)
        if "tci" in names:
            return _variant("old", sentinel2)
        if any(map(tile_of, names)):
            return "current"
    return "current"


def _variant(layout: Literal["current", "old"], sentinel2: Path) -> Layout:
    """By the first folder of Sentinel-2: the old layout has a folder for each band, or none."""
    if layout == "current":
        return "current"
    with os.scandir(sentinel2) as entries:
        first = next((entry.path for entry in entries if entry.is_dir() and tile_of(entry.name)), None)
    return "old_bands" if first and "tci" in _names(Path(first)) else "old"


def _tiles_of(sentinel2: Path, naip: Path, image: str, layout: Layout) -> tuple[NDArray[np.int32], int]:
    """Columns and rows of an image's complete chips, and how many there are in all."""
    folder = naip / image if layout == "current" else naip / image / "tci"
    names = sorted(_names(folder)) if folder.is_dir() else []
    stems = names if layout == "current" else [name.removesuffix(".png") for name in names]
    listed = [(name, tile) for name in stems if (tile := tile_of(name))]
    truths, series = f"{naip}/", f"{sentinel2}/"
    complete = [
        tile
        for name, tile in listed
        if (layout != "current" or _exists(f"{truths}{image}/{name}/rgb.png"))
        and _exists(series + low_res_path(layout, *tile, "tci"))
    ]
    return np.array(complete, np.int32).reshape(-1, 2), len(listed)


def _old_paths(old_naip: Path, catalogue: Catalogue) -> list[str]:
    """For each sample the first `X_Y.png` of a tree, in the order of paths; empty where there is none."""
    first: dict[str, str] = {}
    for folder, folders, names in os.walk(old_naip):
        folders.sort()
        below = Path(folder).relative_to(old_naip).as_posix()
        for name in names:
            if name.endswith(".png"):
                first.setdefault(name[:-4], f"{below}/{name}")
    return [first.get(tile, "") for tile in catalogue.tiles()]


def _names(folder: Path) -> list[str]:
    return os.listdir(folder)  # noqa: PTH208 - a Path for every one of millions costs more than finding it


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - as above
