"""Does a raster reach the disk whole, in its place, or not at all?"""

import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rio_cogeo.cogeo import cog_info, cog_validate

from ssr.errors import OutputError
from ssr.raster.grid import Grid
from ssr.raster.layout import RGB, Layout, picture_layout
from ssr.raster.strips import Strips
from ssr.raster.writer import publish_cog, write_png, write_raster
from tests.support.scenes import TEN_METRES, UTM33, read_pixels, textured

ROTATED = Affine.translation(300_000, 4_000_000) @ Affine.rotation(30) @ Affine.scale(2.5, -2.5)


def grid(height: int = 24, width: int = 33, transform: Affine = TEN_METRES, crs: str | None = UTM33) -> Grid:
    return Grid(CRS.from_string(crs) if crs else None, transform, (height, width))


def write_cog(
    path: Path, pixels: np.ndarray, place: Grid, *, tags: dict[str, str] | None = None, layout: Layout = RGB
) -> None:
    """In one strip, whose folder is beside the others."""
    height, width = pixels.shape[1:]
    with tempfile.TemporaryDirectory() as folder:
        strips = Strips(Path(folder), "picture", place, layout, target=path)
        with strips.writing(0, slice(0, height)) as strip:
            strip.write(slice(0, height), slice(0, width), pixels)
        publish_cog(strips.mosaic([slice(0, height)], tags or {}), path, layout)


def writers() -> dict[str, object]:
    pixels = textured(1, 24, 33)[0]
    return {
        "cog": lambda path: write_cog(path, pixels, grid()),
        "raster": lambda path: write_raster(path, pixels, grid()),
        "png": lambda path: write_png(path, pixels.transpose(1, 2, 0)),
    }


every_writer = pytest.mark.parametrize("kind", list(writers()))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 4), (24, 33), (520, 700), (1030, 40)])
def test_the_result_is_a_valid_cog_with_every_pixel_in_place(tmp_path: Path, height: int, width: int) -> None:
    pixels, path = textured(1, height, width)[0], tmp_path / "a.tif"
    write_cog(path, pixels, grid(height, width))
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert (dataset.nodata, dataset.dtypes) == (0, ("uint8",) * 3)
        assert dataset.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        assert dataset.descriptions == ("red", "green", "blue")
    assert list(tmp_path.iterdir()) == [path]


def test_large_rasters_have_overviews_and_small_ones_none(tmp_path: Path) -> None:
    for side, n_levels in ((512, 0), (1100, 2)):
        path = tmp_path / f"{side}.tif"
        write_cog(path, np.full((3, side, side), 9, np.uint8), grid(side, side))
        assert len(cog_info(path).IFD) - 1 == n_levels


def test_overviews_do_not_mix_no_data_into_the_edge_of_the_data(tmp_path: Path) -> None:
    pixels, path = np.full((3, 1024, 1024), 200, np.uint8), tmp_path / "a.tif"
    pixels[:, :, 511:] = 0
    write_cog(path, pixels, grid(1024, 1024))
    with rasterio.open(path, overview_level=0) as dataset:
        assert set(np.unique(dataset.read())) == {0, 200}


@pytest.mark.parametrize(
    ("transform", "crs"),
    [(TEN_METRES @ Affine.scale(0.25), UTM33), (ROTATED, UTM33), (Affine(1e-4, 0, 12, 0, -1e-4, 45), "EPSG:4326")],
)
def test_place_is_kept_exactly(tmp_path: Path, transform: Affine, crs: str) -> None:
    path = tmp_path / "a.tif"
    write_cog(path, textured(1, 24, 33)[0], grid(transform=transform, crs=crs))
    with rasterio.open(path) as dataset:
        assert dataset.crs == CRS.from_string(crs)
        np.testing.assert_allclose(tuple(dataset.transform), tuple(transform), rtol=1e-15, atol=1e-12)


@pytest.mark.parametrize("scale", [1, 4])
def test_a_raster_without_a_place_is_written_without_warnings(tmp_path: Path, scale: int) -> None:
    path, place = tmp_path / "a.tif", grid(8, 8, Affine.identity(), crs=None).finer(scale)
    write_cog(path, textured(1, 8 * scale, 8 * scale)[0], place)
    assert path.exists()


def test_tags_survive(tmp_path: Path) -> None:
    tags = {"TIFFTAG_SOFTWARE": "ssr 1", "SSR_MODEL": "m", "SSR_DATES": "a.tif,b.tif"}
    write_cog(tmp_path / "a.tif", textured(1, 24, 33)[0], grid(), tags=tags)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert tags.items() <= dataset.tags().items()


def test_a_result_that_is_there_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"former")
    write_cog(path, textured(1, 24, 33)[0], grid())
    assert cog_validate(path)[0]
    assert list(tmp_path.iterdir()) == [path]


def test_reflectance_keeps_sixteen_bits_and_says_what_a_step_is(tmp_path: Path) -> None:
    pixels = (np.arange(4 * 24 * 33) % 9000).astype(np.uint16).reshape(4, 24, 33)
    layout = picture_layout(("red", "green", "blue", "B08"), "uint16", step=1e-4)
    write_cog(tmp_path / "a.tif", pixels, grid(), layout=layout)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert (dataset.dtypes, dataset.scales) == (("uint16",) * 4, (1e-4,) * 4)
        assert dataset.colorinterp[3] == ColorInterp.nir


def test_a_mask_inside_the_file_says_where_there_is_data(tmp_path: Path) -> None:
    pixels, path = np.full((3, 1100, 700), 9, np.uint8), tmp_path / "a.tif"
    pixels[:, :600, 300:] = 0
    pixels[1, 900:, :50] = 0  # one dark band is no missing pixel
    write_cog(path, pixels, grid(1100, 700))
    assert [found.name for found in tmp_path.iterdir()] == ["a.tif"]
    with rasterio.open(path) as dataset:
        assert dataset.mask_flag_enums == ([MaskFlags.per_dataset],) * 3
        np.testing.assert_array_equal(dataset.dataset_mask() > 0, pixels.any(0))
    with rasterio.open(path, overview_level=0) as coarse:
        np.testing.assert_array_equal(coarse.dataset_mask() > 0, pixels[:, ::2, ::2].any(0))


@every_writer
def test_folders_are_made(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "new" / "er" / "a.png"
    writers()[kind](path)
    assert list(path.parent.iterdir()) == [path]


@every_writer
def test_a_folder_that_cannot_be_is_an_output_error(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"a\.png: cannot be written"):
        writers()[kind](tmp_path / "file" / "a.png")


@every_writer
def test_a_path_that_is_a_folder_is_an_output_error(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match=r"a\.png: (cannot be written|exists already)"):
        writers()[kind](tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


def test_a_png_keeps_its_bytes(tmp_path: Path) -> None:
    pixels = textured(1, 8, 5)[0].transpose(1, 2, 0)
    write_png(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png"), pixels)


@pytest.mark.parametrize("n_bands", [1, 3, 4])
def test_a_plain_raster_keeps_numbers_and_place(tmp_path: Path, n_bands: int) -> None:
    pixels = (np.arange(n_bands * 24 * 33) % 9000).astype(np.uint16).reshape(n_bands, 24, 33)
    names = ("a", "b", "c", "d")[:n_bands]
    write_raster(tmp_path / "a.tif", pixels, grid(), band_names=names)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert (dataset.transform, dataset.crs.to_epsg(), dataset.descriptions) == (TEN_METRES, 32633, names)


@pytest.mark.parametrize("limit_kb", [1, 100, 1500, 2500])
def test_a_full_disk_is_an_output_error_and_leaves_no_file(tmp_path: Path, limit_kb: int) -> None:
    """Noise of 3 MB does not compress, so that scratch file and result both meet the limit somewhere."""
    program = """
        import numpy as np
        from pathlib import Path
        from affine import Affine
        from ssr.errors import OutputError
        from ssr.raster.grid import Grid
        from ssr.raster.layout import RGB
        from ssr.raster.strips import Strips
        from ssr.raster.unfinished import UnfinishedWork
        from ssr.raster.writer import publish_cog
        noise = np.random.default_rng(0).integers(1, 255, (3, 1000, 1000), np.uint8)
        whole, out = slice(0, 1000), Path("a.tif")
        try:
            with UnfinishedWork(out, job="", n_rows=1) as work:
                strips = Strips(work.folder, "picture", Grid(None, Affine.scale(2), (1000, 1000)), RGB, target=out)
                with strips.writing(0, whole) as strip:
                    strip.write(whole, whole, noise)
                publish_cog(strips.mosaic([whole], {}), out, RGB)
        except OutputError as error:
            print(error)
    """

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_kb * 1024, limit_kb * 1024))

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        preexec_fn=small_disk,
        capture_output=True,
        text=True,
        check=False,
    )
    assert list(tmp_path.iterdir()) == []
    assert done.stdout.startswith("a.tif: cannot be written"), done.stdout + done.stderr
