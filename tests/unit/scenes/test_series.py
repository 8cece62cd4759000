"""Is any mix of inputs one series: the right numbers, in the right place, and the right sentence when not?"""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.enums import Resampling
from rasterio.warp import reproject

from ssr.errors import ImageReadError, InputError, SeriesError, SSRError
from ssr.raster.extent import SATLAS_GSD_M
from ssr.scenes.aoi import parse_aoi
from ssr.scenes.period import parse_period
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import SceneSeries, open_series
from tests.support.scenes import TEN_METRES, textured, truncate, unit, write_image, write_series, write_tiff
from tests.support.sentinel2 import SIDE_PX, ground, true_colour_dn, write_jp2, write_safe, zipped
from tests.support.tolerances import BYTE_STEP, FLOAT32

RGB = ("B04", "B03", "B02")
FEW = ("B02", "B03", "B04")
TWELVE = ("tci", "b01", "b08", "b09", "b10", "b05", "b06", "b07", "b11", "b12")


@contextmanager
def opened(*inputs: Any, **how: Any) -> Iterator[SceneSeries]:
    with open_series(inputs, **how) as series:
        yield series


def whole(series: SceneSeries) -> np.ndarray:
    height, width = series.shape_hw
    return series.read(slice(0, height), slice(0, width), range(series.n_dates))


def tci(seed: int = 0) -> np.ndarray:
    return true_colour_dn({band: ground(band, seed=seed) for band in RGB}, 0).astype(np.float32) / 255


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_safe(tmp_path_factory.mktemp("full"))


@pytest.mark.parametrize("as_zip", [False, True])
def test_the_true_colour_image_is_read_as_it_is(full: Path, as_zip: bool) -> None:
    with opened(zipped(full) if as_zip else full) as series:
        np.testing.assert_array_equal(whole(series)[0], tci())
        assert (series.grid.crs.to_epsg(), series.shape_hw, series.names) == (32633, (48, 48), (full.name,))
        assert series.times[0].isoformat() == "2020-06-01T10:00:31.024000+00:00"
        assert series.notes == ()


def test_a_product_without_true_colour_gets_the_same_look_from_its_bands(tmp_path: Path) -> None:
    with opened(write_safe(tmp_path, bands=FEW, has_tci=False)) as series:
        np.testing.assert_allclose(whole(series)[0], tci(), atol=BYTE_STEP / 2 + FLOAT32)  # that image is rounded


@pytest.mark.parametrize(("added_dn", "offset_dn"), [(1000, -1000), (1000, None), (0, -1000), (0, None)])
def test_the_offset_is_right_whatever_the_metadata_say(tmp_path: Path, added_dn: int, offset_dn: int | None) -> None:
    """B10 is there, so the pixels decide; all four products show the same ground."""
    path = write_safe(tmp_path, bands=(*FEW, "B10"), has_tci=False, added_dn=added_dn, offset_dn=offset_dn)
    with opened(path) as series:
        np.testing.assert_allclose(whole(series)[0], tci(), atol=BYTE_STEP / 2 + FLOAT32)
        says_so = (added_dn > 0) != (offset_dn is not None)
        assert bool(series.notes) == says_so
        assert not says_so or "offset" in series.notes[0]


def test_baseline_0400_and_older_dates_make_one_look(tmp_path: Path) -> None:
    old = write_safe(tmp_path, bands=FEW, has_tci=False)
    new = write_safe(
        tmp_path,
        bands=FEW,
        has_tci=False,
        baseline="04.00",
        added_dn=1000,
        offset_dn=-1000,
        sensed="2022-06-01T10:00:31.024Z",
    )
    with opened(old, new) as series:
        pixels = whole(series)
    np.testing.assert_allclose(pixels[0], pixels[1], atol=FLOAT32)


def test_an_offset_of_the_user_overrules_everything(tmp_path: Path) -> None:
    path = write_safe(tmp_path, bands=(*FEW, "B10"), has_tci=False, added_dn=1000, offset_dn=-1000)
    with opened(path, rules=Rules(offset_dn=0.0)) as series:
        assert whole(series).min() > 1000 / 3558 - BYTE_STEP
        assert series.notes == ()


def test_reflectance_can_be_asked_for(full: Path) -> None:
    with opened(full, rules=Rules(values="reflectance", channels=("tci", "b08"))) as series:
        expected = np.concatenate([ground(band) for band in (*RGB, "B08")]) / 10000
        np.testing.assert_allclose(whole(series)[0], expected, atol=FLOAT32)


def test_bands_of_the_twelve_channel_model_stand_in_its_order(full: Path) -> None:
    with opened(full, rules=Rules(channels=TWELVE)) as series:
        pixels = whole(series)[0]
        assert (series.n_channels, pixels.shape) == (12, (12, 48, 48))
    np.testing.assert_array_equal(pixels[:3], tci())
    np.testing.assert_array_equal(pixels[4], np.minimum(ground("B08")[0] // 32, 255).astype(np.float32) / 255)


@pytest.mark.parametrize("band", ["B01", "B05"])
def test_coarse_bands_are_brought_to_ten_metres_bilinearly(full: Path, band: str) -> None:
    with opened(full, rules=Rules(values="reflectance", channels=("tci", band.lower()))) as series:
        found = whole(series)[0, 3]
    coarse = ground(band)[0].astype(np.float64)
    step = SIDE_PX // len(coarse)
    at = ((np.arange(SIDE_PX) + 0.5) / step - 0.5).clip(0, len(coarse) - 1)  # centres of fine pixels in coarse ones
    rows = np.array([np.interp(at, np.arange(len(coarse)), row) for row in coarse])
    expected = np.array([np.interp(at, np.arange(len(coarse)), column) for column in rows.T]).T
    np.testing.assert_allclose(found * 10000, expected, atol=0.51)  # GDAL rounds to whole numbers


def test_where_true_colour_has_no_data_no_channel_has(tmp_path: Path) -> None:
    path = write_safe(tmp_path, bands=(*FEW, "B08"), gap_columns=2)
    with opened(path, rules=Rules(channels=("tci", "b08"))) as series:
        pixels = whole(series)[0]
    assert not pixels[:, :, :12].any()
    assert pixels[:3, :, 12:].all()


@pytest.mark.parametrize("window", [(0, 1, 0, 1), (5, 40, 7, 48), (47, 48, 0, 48)])
@pytest.mark.parametrize("grid", ["native", "satlas", "EPSG:32634@10"])
def test_a_window_is_that_part_of_the_whole(full: Path, grid: str, window: tuple[int, int, int, int]) -> None:
    rows, columns = slice(*window[:2]), slice(*window[2:])
    with opened(full, grid=grid, rules=Rules(channels=("tci", "b05"))) as series:
        np.testing.assert_array_equal(series.read(rows, columns, [0]), whole(series)[:, :, rows, columns])


def test_the_satlas_grid_is_that_of_the_original_and_global(full: Path) -> None:
    with opened(full, grid="satlas") as series:
        transform, (height, width) = series.grid.transform, series.shape_hw
        pixels = whole(series)[0]
    assert series.grid.crs.to_epsg() == 3857
    assert transform.a == -transform.e == pytest.approx(9.554628535647032, rel=1e-15)
    for corner in (transform.c, transform.f):
        steps = (corner + 20037508.342789244) / SATLAS_GSD_M
        assert steps == pytest.approx(round(steps), abs=1e-6)
    expected = np.zeros((3, height, width), np.uint8)
    reproject(
        np.rint(tci() * 255).astype(np.uint8),
        expected,
        src_transform=Affine(10, 0, 500_000, 0, -10, 5_000_040),
        src_crs="EPSG:32633",
        dst_transform=transform,
        dst_crs="EPSG:3857",
        resampling=Resampling.bilinear,
        src_nodata=0,
        tolerance=1e-4,
    )
    np.testing.assert_allclose(pixels * 255, expected, atol=1 + 1e-3)
    assert (pixels[:, 5:-5, 5:-5] > 0).all()


def test_neighbouring_granules_of_one_overflight_are_one_date(tmp_path: Path) -> None:
    left = write_safe(tmp_path, bands=FEW, tile="33UUU")
    right = write_safe(tmp_path, bands=FEW, tile="33UVU", origin_xy=(500_000 + 240, 5_000_040), seed=1)
    with opened(left, right) as series:
        assert (series.n_dates, series.shape_hw) == (1, (48, 72))
        pixels = whole(series)[0]
        assert "2 products of one overflight, read as one date" in series.notes[0]
    np.testing.assert_array_equal(pixels[:, :, :48], tci())
    np.testing.assert_array_equal(pixels[:, :, 48:], tci(1)[:, :, 24:])


def test_of_other_extents_the_common_ground_is_read_or_all_of_it(tmp_path: Path) -> None:
    first = write_tiff(tmp_path / "a.tif", textured(1, 20, 30)[0])
    second = write_tiff(tmp_path / "b.tif", textured(1, 25, 22)[0], transform=TEN_METRES @ Affine.translation(10, -3))
    a, b = (unit(textured(1, *shape))[0] for shape in ((20, 30), (25, 22)))
    with opened(first, second) as series:
        assert (series.shape_hw, series.grid.transform) == ((20, 20), TEN_METRES @ Affine.translation(10, 0))
        np.testing.assert_array_equal(whole(series)[0], a[:, :, 10:])
        np.testing.assert_array_equal(whole(series)[1], b[:, 3:23, :20])
    with opened(first, second, extent="union") as series:
        pixels = whole(series)
        assert (series.shape_hw, series.grid.transform) == ((25, 32), TEN_METRES @ Affine.translation(0, -3))
    np.testing.assert_array_equal(pixels[0, :, 3:23, :30], a)
    np.testing.assert_array_equal(pixels[1, :, :, 10:], b)
    assert pixels[0].sum() == pytest.approx(a.sum())


def test_a_date_of_another_zone_is_brought_to_the_pixels_of_the_others(tmp_path: Path) -> None:
    paths = [write_tiff(tmp_path / f"{k}.tif", np.full((3, 40, 40), 100, np.uint8)) for k in "ab"]
    x, y = 28_000, 5_016_000  # about 15.0°E 45.15°N in zone 34
    wide = write_tiff(
        tmp_path / "c.tif",
        np.full((3, 900, 900), 100, np.uint8),
        crs="EPSG:32634",
        transform=Affine(10, 0, x - 4500, 0, -10, y + 3000),
    )
    with opened(*paths, wide) as series:
        assert series.grid.crs.to_epsg() == 32633
        assert "bilinear" in series.notes[-1]
        pixels = whole(series)
    np.testing.assert_allclose(pixels, 100 / 255, atol=FLOAT32)


def test_dates_shifted_by_part_of_a_pixel_are_resampled(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(20, 60, dtype=np.uint8), (3, 30, 40))
    first = write_tiff(tmp_path / "a.tif", ramp)
    second = write_tiff(tmp_path / "b.tif", ramp, transform=TEN_METRES @ Affine.translation(0.5, 0))
    with opened(first, second) as series:
        inner = whole(series)[:, :, 2:-2, 2:-2] * 255
    np.testing.assert_allclose(inner[0] - inner[1], 0.5, atol=0.5 + 1e-3)  # half a step of the ramp, rounded


def test_the_preview_shows_every_date_thinned(tmp_path: Path) -> None:
    frames = textured(2, 300, 260).repeat(2, 2).repeat(2, 3)
    with opened(*write_series(tmp_path, frames)) as series:
        np.testing.assert_array_equal(series.preview(), unit(frames)[:, :, ::2, ::2])


@pytest.mark.parametrize("grid", ["satlas", "EPSG:32634"])
def test_the_preview_on_another_grid_looks_like_the_series(tmp_path: Path, grid: str) -> None:
    smooth = np.broadcast_to(np.linspace(20, 200, 700), (3, 640, 700)).astype(np.uint8)
    with opened(write_tiff(tmp_path / "a.tif", smooth), grid=grid) as series:
        thin, step = series.preview()[0], -(-max(series.shape_hw) // 512)
        full = whole(series)[0]
        centre = full[:, step // 2 :: step, step // 2 :: step][:, : thin.shape[1], : thin.shape[2]]
    np.testing.assert_allclose(thin[:, 40:-40, 40:-40], centre[:, 40:-40, 40:-40], atol=2 * BYTE_STEP)


def test_an_area_cuts_out_whole_pixels(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", textured(1, 100, 100)[0])
    with opened(path) as series:
        west, east = 15.0, 15.0 + 500 / 78_700  # 500 m at 45°N
    with opened(path, area=parse_aoi(f"{west},45.1475,{east},45.151")) as series:
        height, width = series.shape_hw
        assert width == pytest.approx(50, abs=2)
        assert series.grid.transform.c == 500_000
        assert height == pytest.approx(39, abs=2)  # 0.0035° are 389 m


def test_an_area_elsewhere_names_where_the_images_are(full: Path) -> None:
    with pytest.raises(SeriesError, match=r"--aoi 1,1,2,2: lies outside of the images, which show 15\.0"):
        open_series([full], area=parse_aoi("1,1,2,2"))


def test_dates_are_chosen_by_when_they_were_taken(tmp_path: Path) -> None:
    for month in (5, 6, 7):
        write_safe(tmp_path, bands=FEW, sensed=f"2020-0{month}-01T10:00:31.024Z", seed=month)
    with opened(tmp_path, period=parse_period("2020-06/..")) as series:
        assert [moment.month for moment in series.times] == [6, 7]
        np.testing.assert_array_equal(whole(series), [tci(6), tci(7)])


def test_no_date_in_range_says_which_there_are(full: Path, tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=r"no date lies within 2021.*the 1 found are of 2020-06-01 to 2020-06-01"):
        open_series([full], period=parse_period("2021"))
    with pytest.raises(SeriesError, match=r"odd\.tif: its date is not known"):
        open_series([write_tiff(tmp_path / "odd.tif", textured(1, 9, 9)[0])], period=parse_period("2021"))


def test_order_and_doubling_of_inputs_do_not_matter(tmp_path: Path) -> None:
    paths = [write_safe(tmp_path, bands=FEW, sensed=f"2020-06-0{day}T10:00:31.024Z") for day in (3, 1, 2)]
    with opened(*paths) as one, opened(tmp_path) as two, opened(*paths[::-1]) as three:
        assert one.names == two.names == three.names == tuple(sorted(path.name for path in paths))


def test_tiles_without_common_ground_are_named(tmp_path: Path) -> None:
    here = write_safe(tmp_path, bands=FEW)
    there = write_safe(
        tmp_path, bands=FEW, tile="33UXU", origin_xy=(600_000, 5_000_040), sensed="2020-06-04T10:00:31.024Z"
    )
    with pytest.raises(
        SeriesError, match=r"no ground in common: .*T33UUU.* shows 15.*T33UXU.* shows 16.*--extent union"
    ):
        open_series([here, there])


def test_pictures_without_a_place_must_show_the_same_ground(tmp_path: Path) -> None:
    frames = textured(2, 14, 19)
    paths = [write_image(tmp_path / f"{k}.png", frame) for k, frame in enumerate(frames)]
    with opened(*paths) as series:
        np.testing.assert_array_equal(whole(series), unit(frames))
    odd = write_image(tmp_path / "odd.png", textured(1, 14, 20)[0])
    with pytest.raises(SeriesError, match=r"odd\.png: shows other ground than 0\.png"):
        open_series([*paths, odd])
    with pytest.raises(SeriesError, match=r"odd\.png: shows other ground than 0\.png"):
        open_series([paths[0], odd])
    with pytest.raises(SeriesError, match=r"has no coordinate system, other images of the series have"):
        open_series([write_tiff(tmp_path / "a.tif", frames[0]), write_tiff(tmp_path / "b.tif", frames[1]), odd])
    for how in ({"grid": "satlas"}, {"area": parse_aoi("1,1,2,2")}):
        with pytest.raises(InputError, match="have no coordinate system"):
            open_series(paths, **how)


def test_of_pictures_without_a_place_the_odd_one_is_named_and_how_to_name_the_others(tmp_path: Path) -> None:
    """The odd one comes first by name, yet the others are what is expected."""
    for k, frame in enumerate(textured(3, 14, 19)):
        write_image(tmp_path / f"s2_{k}.png", frame)
    write_image(tmp_path / "naip.png", textured(1, 56, 76)[0])
    told = r"^naip\.png: .*76×56 px.* expected 19×14 px.* 3 of 4 dates.*name the others alone, such as s2_\*\.png"
    with pytest.raises(SeriesError, match=told):
        open_series([tmp_path])
    write_image(tmp_path / "s2_naip.png", textured(1, 56, 76)[0])
    with pytest.raises(SeriesError, match=r"^naip\.png, s2_naip\.png: ") as caught:
        open_series([tmp_path])
    assert "such as" not in str(caught.value), "the pattern would match an odd one"


def test_a_single_true_colour_file_and_loose_bands_are_dates(tmp_path: Path) -> None:
    stored = {band: ground(band) for band in RGB}
    single = write_jp2(tmp_path / "one" / "T33UUU_20200601T100031_TCI.jp2", true_colour_dn(stored, 0), 10)
    loose = [write_jp2(tmp_path / "two" / f"T33UUU_20200603T100031_{band}.jp2", stored[band], 10) for band in RGB]
    with opened(single, loose[0].parent) as series:
        assert [moment.day for moment in series.times] == [1, 3]
        np.testing.assert_allclose(whole(series)[0], whole(series)[1], atol=BYTE_STEP / 2 + FLOAT32)


def test_named_bands_of_a_raster_are_read_by_name(tmp_path: Path) -> None:
    stored = np.concatenate([ground(band) for band in (*FEW, "B08")])
    path = write_tiff(tmp_path / "L1C_2020-06-01.tif", stored)
    with opened(path, band_names=("B2", "B03", "B4", "b08")) as series:
        np.testing.assert_allclose(whole(series)[0], tci(), atol=BYTE_STEP / 2 + FLOAT32)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = (*FEW, "B08")
    with opened(path) as series:
        np.testing.assert_allclose(whole(series)[0], tci(), atol=BYTE_STEP / 2 + FLOAT32)
    with opened(path, rules=Rules(picture_bands=(3, 2, 1), white_dn=3558)) as series:
        rgb = np.concatenate([ground(band) for band in RGB])
        np.testing.assert_allclose(whole(series)[0], np.minimum(rgb / 3558, 1), atol=FLOAT32)


@pytest.mark.parametrize(
    ("make", "rules", "message"),
    [
        ({"bands": FEW}, Rules(channels=("tci", "b08")), r"has no B08, expected B08; it has B02, B03, B04, TCI"),
        (
            {"bands": ("B02", "B08"), "has_tci": False},
            Rules(),
            r"has no TCI, expected TCI, or B04, B03 and B02; it has B02, B08",
        ),
        (
            {"bands": FEW, "level": "L2A"},
            Rules(channels=("tci", "b10")),
            r"is L2A, which has no B10; .* needs the L1C product",
        ),
    ],
)
def test_a_missing_band_is_named(tmp_path: Path, make: dict[str, Any], rules: Rules, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_series([write_safe(tmp_path, **make)], rules=rules)


def test_l2a_gets_the_light_of_clean_air_or_stays_as_it_is(tmp_path: Path) -> None:
    path = write_safe(tmp_path, level="L2A", bands=FEW)
    with opened(path) as lit, opened(path, rules=Rules(l2a_look="ground")) as plain:
        difference = (whole(lit) - whole(plain))[0]
        assert "L2A, but the models saw L1C" in lit.notes[0]
        assert plain.notes == ()
        np.testing.assert_allclose(whole(plain)[0], tci(), atol=BYTE_STEP / 2 + FLOAT32)
    dark = [channel[ground(band)[0] < 100].mean() for channel, band in zip(difference, RGB, strict=True)]
    assert dark[2] > dark[1] > dark[0] > 0.03  # most of it is blue


def test_a_series_of_both_levels_says_so(tmp_path: Path) -> None:
    paths = [write_safe(tmp_path, level=level, bands=FEW) for level in ("L1C", "L2A")]
    with opened(*paths) as series:
        assert any("mixes L1C and L2A" in note for note in series.notes)


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_truncated_image_is_named(tmp_path: Path, as_zip: bool) -> None:
    safe = write_safe(tmp_path, bands=FEW)
    truncate(next(safe.rglob("*_TCI.jp2")), 0.6)
    with (
        pytest.raises(ImageReadError, match=f"{safe.stem}.* TCI: cannot be"),
        opened(zipped(safe) if as_zip else safe) as series,
    ):
        whole(series)


def test_a_wrong_last_input_leaves_no_file_open(tmp_path: Path) -> None:
    paths = write_series(tmp_path, textured(2, 9, 9))
    Image.new("RGB", (5, 7)).save(tmp_path / "z.png")  # has no place, unlike the others
    with pytest.raises(SSRError, match=r"z\.png"):
        open_series([*paths, tmp_path / "z.png"])
    open_files = {link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists()}
    assert not open_files & set(paths)


@pytest.mark.parametrize("inputs", [[], ["nowhere"], ["."]])
def test_nothing_to_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no such file or folder|no images; expected one file per date"):
        open_series(inputs)


def test_a_result_among_the_dates_is_left_out(tmp_path: Path) -> None:
    paths = write_series(tmp_path, textured(2, 9, 9))
    with opened(tmp_path, leave_out=[paths[1]]) as series:
        assert series.names == ("date_0.tif",)


def test_a_metadata_file_stands_for_its_product(full: Path) -> None:
    with opened(full / "MTD_MSIL1C.xml") as series:
        assert series.names == (full.name,)


def test_a_local_file_cannot_send_for_files_on_the_web(tmp_path: Path) -> None:
    path = tmp_path / "sly.vrt"
    source = "<SourceFilename>/vsicurl/http://127.0.0.1:9/a.tif</SourceFilename><SourceBand>1</SourceBand>"
    band = '<VRTRasterBand dataType="Byte" band="{}"><SimpleSource>' + source + "</SimpleSource></VRTRasterBand>"
    path.write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="4">' + "".join(band.format(k) for k in (1, 2, 3)) + "</VRTDataset>"
    )
    with pytest.raises(ImageReadError, match=r"sly\.vrt"), opened(path) as series:
        whole(series)


@pytest.mark.shared
def test_real_products_are_read_or_refused_with_the_right_sentence(shared: Path) -> None:
    folder = shared / "imagery" / "safe"
    found = {}
    for path in sorted(folder.iterdir()):
        tile = path.name.partition("_T")[2][:5] if "_TL_" not in path.name else "55JGF"
        try:
            with opened(path, rules=Rules(channels=TWELVE)) as series:
                found[tile] = (series.shape_hw, whole(series).shape[1])
        except SSRError as error:
            found[tile] = str(error).partition(": ")[2][:40]
    assert found == {
        "56JMM": ((439, 439), 12),
        "55JGF": ((439, 439), 12),
        "48LWP": ((20, 20), 12),
        "32TQT": "its 14 band images are empty (0 bytes): ",
        "01LAC": "holds metadata only, no band images, 14 ",
        "46RER": "holds metadata only, no band images, 14 ",
    }


@pytest.mark.shared
def test_real_true_colour_is_what_the_recipe_makes_of_real_bands(shared: Path) -> None:
    """T56JMM: bands and true colour were shrunk and compressed apart, so a constant of up to 3.4 bytes is left."""
    path = next((shared / "imagery" / "safe").glob("*T56JMM*.zip"))
    with opened(path) as series:
        image = whole(series)[0] * 255
    with opened(path, rules=Rules(values="reflectance")) as series:
        rho = whole(series)[0]
    inside = (rho.min(0) > 0.005) & (image.min(0) > 5)
    for _ in range(3):
        inside[1:-1, 1:-1] &= inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    left = (image - (1 + 254 * rho / 0.3558))[:, inside]
    assert inside.sum() > 100_000
    assert (np.abs(np.median(left, axis=1)) < [3.5, 1.5, 3.5]).all()
    for channel, values in zip(left, rho[:, inside], strict=True):
        low, high = np.quantile(values, (0.1, 0.9))
        bright, dark = np.median(channel[values > high]), np.median(channel[values < low])
        assert abs(bright - dark) < 0.6  # the slope is right: what is left does not depend on brightness


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "offset_dn"), [("282D_485L_3_3", -1000), ("609U_541L_3_0", -1000), ("38D_378R_2_3", 0)]
)
def test_the_offset_of_real_images_is_found_without_metadata(shared: Path, name: str, offset_dn: int) -> None:
    names = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
    path = shared / "imagery" / "scenes" / "l1c_13_bands" / f"{name}.tif"
    with (
        opened(path, band_names=names) as found,
        opened(path, band_names=names, rules=Rules(offset_dn=offset_dn)) as told,
    ):
        np.testing.assert_array_equal(whole(found), whole(told))
        assert ("offset -1000 is applied" in " ".join(found.notes)) == (offset_dn < 0)


@pytest.mark.slow
@pytest.mark.shared
def test_an_edited_real_product_of_baseline_0400_is_read_as_the_true_one(shared: Path, tmp_path: Path) -> None:
    """EDITED: no product of baseline 04.00 with images is at hand, so a copy of T56JMM is made into one here: 1000 is
    added to its numbers and the metadata name the offset."""
    path = next((shared / "imagery" / "safe").glob("*T56JMM*.zip"))
    with zipfile.ZipFile(path) as archive:
        wanted = ("MTD_MSIL1C.xml", "MTD_TL.xml", "_B02.jp2", "_B03.jp2", "_B04.jp2", "_B10.jp2")
        archive.extractall(tmp_path, [name for name in archive.namelist() if name.endswith(wanted)])
    safe = next(tmp_path.glob("*.SAFE"))
    plain = shutil.copytree(safe, tmp_path / "plain" / safe.name)
    for image in safe.rglob("*.jp2"):
        with rasterio.open(image) as dataset:
            stored, profile = dataset.read(), dataset.profile
        moved = np.where(stored == 0, 0, stored + 1000).astype(np.uint16)
        image.unlink()
        place = profile["transform"]
        write_jp2(image, moved, place.a, origin_xy=(place.c, place.f), crs=str(profile["crs"]))
    with opened(plain) as series:
        expected = whole(series)

    def read_edited(baseline: str, offset: int | None) -> tuple[np.ndarray, str]:
        head = safe / "MTD_MSIL1C.xml"
        listed = (f'<RADIO_ADD_OFFSET band_id="{k}">{offset}</RADIO_ADD_OFFSET>' for k in range(13))
        offsets = "" if offset is None else "".join(listed)
        text = (plain / "MTD_MSIL1C.xml").read_text().replace(">02.06<", f">{baseline}<")
        head.write_text(text.replace("<Reflectance_Conversion>", offsets + "<Reflectance_Conversion>", 1))
        with opened(safe) as series:
            return whole(series), " ".join(series.notes)

    for baseline, offset in (("04.00", -1000), ("04.00", None), ("02.06", None)):
        pixels, notes = read_edited(baseline, offset)
        np.testing.assert_allclose(pixels, expected, atol=FLOAT32)
        assert ("B10 lie near 1000" in notes) == (baseline == "02.06")


def test_a_drop_of_rounding_in_the_origin_is_the_same_ground(tmp_path: Path) -> None:
    frames = textured(2, 14, 19)
    moved = TEN_METRES @ Affine.translation(1e-6, 0)
    write_tiff(tmp_path / "a.tif", frames[0])
    write_tiff(tmp_path / "b.tif", frames[1], transform=moved)
    with open_series([tmp_path]) as series:
        assert series.notes == ()
        np.testing.assert_array_equal(series.read(slice(0, 14), slice(0, 19), [1, 0, 1]), unit(frames)[[1, 0, 1]])


@pytest.mark.parametrize(("grid", "is_told"), [("EPSG:32633@2.5", True), ("EPSG:32634@8", False), ("native", False)])
def test_a_grid_much_finer_than_the_dates_is_told_to_be_the_input_s(tmp_path: Path, grid: str, is_told: bool) -> None:
    with opened(*write_series(tmp_path, textured(2, 20, 24)), grid=grid) as series:
        told = " ".join(series.notes)
    assert ("4.0 times finer than the dates': --grid names the pixels of the input" in told) == is_told
    assert ("times finer" in told) == is_told
