"""Is a result kept from replacing what it is made of, or what nobody said it may replace?"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ssr.errors import OutputError
from ssr.raster.grid import stand_in_grid
from ssr.raster.unfinished import UnfinishedWork
from ssr.raster.writer import write_raster
from ssr.workflows.outputs import check_output, companions_of, remove_stale
from tests.support.scenes import textured, write_tiff

IMAGE = textured(1, 8, 8)[0]
GRID = stand_in_grid((8, 8), 10.0)
COMPANIONS = ["a.trust.tif", "a.dates.json", "a.dates.tif", "a.stac.json"]


def image(path: Path) -> Path:
    return write_tiff(path, IMAGE)


def result(path: Path) -> Path:
    write_raster(path, IMAGE, GRID, tags={"SSR_MODEL": "bicubic"}, overwrite=True)
    return path


def kept(inputs: list[Path | str], out: Path, *, overwrite: bool = True) -> str:
    """That an output is refused, and by what words."""
    with pytest.raises(OutputError) as refused:
        check_output(inputs, out, overwrite=overwrite)
    return str(refused.value)


def test_companions_are_found_beside_their_result(tmp_path: Path) -> None:
    assert companions_of(tmp_path / "a.tif") == tuple(tmp_path / name for name in COMPANIONS)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["a.tif", *COMPANIONS])
def test_no_file_of_a_result_replaces_an_input(tmp_path: Path, name: str, overwrite: bool) -> None:
    source = image(tmp_path / name)
    told = kept([tmp_path / "b.tif", str(source)], tmp_path / "a.tif", overwrite=overwrite)
    assert told.startswith(f"{source}: is an input")
    assert "-o" in told


def named_by_a_link(folder: Path) -> tuple[Path, Path]:
    (folder / "a.tif").symlink_to(image(folder / "in" / "b.tif"))
    return folder / "in" / "b.tif", folder / "a.tif"


def named_by_a_roundabout_way(folder: Path) -> tuple[Path, Path]:
    return image(folder / "in" / "b.tif"), folder / "in" / ".." / "in" / "b.tif"


def source_of_a_vrt(folder: Path) -> tuple[Path, Path]:
    image(folder / "b.tif")
    (folder / "a.vrt").write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">b.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    return folder / "a.vrt", folder / "b.tif"


def inside_a_product(folder: Path) -> tuple[Path, Path]:
    (folder / "S2.SAFE").mkdir()
    return folder / "S2.SAFE", folder / "S2.SAFE" / "new" / "a.tif"


def inside_a_product_named_by_its_metadata(folder: Path) -> tuple[Path, Path]:
    (folder / "S2").mkdir()
    (folder / "S2" / "MTD_MSIL1C.xml").touch()
    return folder / "S2" / "MTD_MSIL1C.xml", folder / "S2" / "a.tif"


def inside_a_product_of_a_folder(folder: Path) -> tuple[Path, Path]:
    inside_a_product(folder)
    return folder, folder / "S2.SAFE" / "a.tif"


def inside_a_zip(folder: Path) -> tuple[Path, Path]:
    (folder / "S2.zip").touch()
    return folder / "S2.zip", folder / "S2.zip" / "a.tif"


def the_cube_itself(folder: Path) -> tuple[Path, Path]:
    (folder / "a.zarr").mkdir()
    (folder / "a.zarr" / ".zgroup").touch()
    return folder / "a.zarr", folder / "a.zarr"


def inside_a_cube(folder: Path) -> tuple[Path, Path]:
    return the_cube_itself(folder)[0], folder / "a.zarr" / "a.tif"


def a_cube_of_a_folder(folder: Path) -> tuple[Path, Path]:
    return the_cube_itself(folder)[0].parent, folder / "a.zarr"


def an_image_of_a_folder(folder: Path) -> tuple[Path, Path]:
    return image(folder / "a.tif").parent, folder / "a.tif"


@pytest.mark.parametrize(
    "case",
    [
        named_by_a_link,
        named_by_a_roundabout_way,
        source_of_a_vrt,
        inside_a_product,
        inside_a_product_named_by_its_metadata,
        inside_a_product_of_a_folder,
        inside_a_zip,
        the_cube_itself,
        inside_a_cube,
        a_cube_of_a_folder,
        an_image_of_a_folder,
    ],
    ids=lambda case: case.__name__,
)
def test_what_is_read_is_not_written_to(tmp_path: Path, case: Callable[[Path], tuple[Path, Path]]) -> None:
    source, out = case(tmp_path)
    told = kept([source], out)
    assert told.startswith(f"{out}: ")
    assert "input" in told


def test_an_earlier_result_in_the_input_folder_may_be_replaced(tmp_path: Path) -> None:
    image(tmp_path / "date.tif")
    result(tmp_path / "a.trust.tif")
    out = result(tmp_path / "a.tif")
    (tmp_path / "a.stac.json").touch()
    check_output([tmp_path, "https://example.com/a.tif"], out, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_refused_at_once_and_a_file_in_it_proposed(tmp_path: Path, overwrite: bool) -> None:
    told = kept(["dates"], tmp_path, overwrite=overwrite)
    assert told == f"{tmp_path}: is a folder; give a file name such as {tmp_path / 'scene.tif'}"


@pytest.mark.parametrize("name", ["a.tif", *COMPANIONS])
def test_nothing_is_replaced_unasked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert f"{tmp_path / name}: exists already; pass --overwrite" in kept([], tmp_path / "a.tif", overwrite=False)
    check_output([], tmp_path / "a.tif", overwrite=True)


def test_what_was_ended_amid_its_publication_is_not_refused_at_once(tmp_path: Path) -> None:
    out = tmp_path / "a.tif"
    with suppress(KeyboardInterrupt), UnfinishedWork(out, job="", n_rows=1) as work, work.publishing():
        out.touch()
        raise KeyboardInterrupt
    check_output([], out, overwrite=False)


def test_companions_that_were_not_written_go_and_all_else_stays(tmp_path: Path) -> None:
    for name in ["a.tif", "b.trust.tif", *COMPANIONS]:
        (tmp_path / name).touch()
    stale = remove_stale(tmp_path / "a.tif", [tmp_path / "a.stac.json"])
    assert [path.name for path in stale] == COMPANIONS[:3]
    assert {path.name for path in tmp_path.iterdir()} == {"a.tif", "b.trust.tif", "a.stac.json"}
