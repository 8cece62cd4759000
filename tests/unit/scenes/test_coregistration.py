from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter, shift
from skimage.registration import phase_cross_correlation

from ssr.scenes.coregistration import MAX_SHIFT_PX, align, measure_displacement, read_aligned

WELL_PX = 0.1


def ground(side: int = 256, seed: int = 0) -> np.ndarray:
    """`3 h w` with detail at all sizes, finer than the pixels that are made of it."""
    noise = np.random.default_rng(seed).normal(size=(3, side, side))
    layers = sum(gaussian_filter(noise, (0, s, s)) * s for s in (1.5, 4, 12))
    return (0.4 + 0.1 * layers / layers.std()).clip(0.05, 0.95).astype(np.float32)


def displaced(image: np.ndarray, y: float, x: float) -> np.ndarray:
    """What lies at a pixel lies `y` further down and `x` further right; by splines, not by the code under test."""
    moved = np.stack([shift(channel, (y, x), order=5, mode="nearest") for channel in image])
    return moved.clip(1 / 255, 1).astype(np.float32)


def everywhere(window: tuple[slice, slice]) -> np.ndarray:
    rows, columns = window
    return np.ones((rows.stop - rows.start, columns.stop - columns.start), bool)


@pytest.mark.parametrize(("y", "x"), [(0, 0), (0.3, -0.45), (-1.5, 0.5), (2.7, 3.1), (-3.4, 0.05)])
def test_displacements_are_recovered_to_a_tenth_of_a_pixel(y: float, x: float) -> None:
    image = ground()
    noise = np.random.default_rng(1).normal(0, 0.01, image.shape)
    found = measure_displacement(displaced(image, y, x) * 0.8 + noise + 0.05, image)
    assert found is not None
    assert found.y_px == pytest.approx(y, abs=WELL_PX)
    assert found.x_px == pytest.approx(x, abs=WELL_PX)


def test_cloud_that_nobody_marked_does_not_mislead() -> None:
    image = ground()
    date = displaced(image, 0.6, -0.4)
    date[:, 30:130, 60:160] = 0.9
    found = measure_displacement(date, image)
    assert found is not None
    assert (found.y_px, found.x_px) == (pytest.approx(0.6, abs=WELL_PX), pytest.approx(-0.4, abs=WELL_PX))


@pytest.mark.parametrize(
    "date",
    [
        np.zeros((3, 256, 256), np.float32),
        np.full((3, 256, 256), 0.5, np.float32),
        ground(seed=7),
        np.random.default_rng(0).random((3, 256, 256)).astype(np.float32),
        displaced(ground(), 0, MAX_SHIFT_PX + 3),
    ],
    ids=["no data", "flat", "another place", "noise", "too far"],
)
def test_what_does_not_fit_is_not_believed(date: np.ndarray) -> None:
    assert measure_displacement(date, ground()) is None


def test_a_date_mostly_hidden_is_not_asked() -> None:
    usable = np.zeros((256, 256), bool)
    usable[:100, :100] = True
    assert measure_displacement(ground(), ground(), usable) is None


def test_an_aligned_scene_has_no_displacement_left() -> None:
    image = ground(420)
    dates = [image, displaced(image, 1.3, -0.7)]
    shape_hw = image.shape[1:]

    def read(rows: slice, columns: slice, date: int) -> np.ndarray:
        return dates[date][:, rows, columns]

    found = align(read, shape_hw, date=1, reference=0, is_usable=everywhere)
    assert found.largest_px == pytest.approx(np.hypot(1.3, 0.7), abs=WELL_PX)

    def brought_back(rows: slice, columns: slice, date: int) -> np.ndarray:
        return read_aligned(read, shape_hw, rows, columns, date, found) if date else read(rows, columns, 0)

    again = align(brought_back, shape_hw, date=1, reference=0, is_usable=everywhere)
    assert again.largest_px < WELL_PX
    assert again.field is None
    assert "as it is" in again.told()
    inner = slice(40, 380)
    error = brought_back(inner, inner, 1) - image[:, inner, inner]
    assert np.abs(error).mean() < 0.25 * np.abs(dates[1] - image)[:, inner, inner].mean()


def test_a_displacement_below_a_tenth_of_a_pixel_is_left_alone() -> None:
    dates = [ground(), displaced(ground(), 0.04, 0.05)]
    found = align(lambda r, c, d: dates[d][:, r, c], (256, 256), date=1, reference=0, is_usable=everywhere)
    assert found.n_believed
    assert found.field is None
    window = slice(10, 50)
    same = read_aligned(lambda r, c, d: dates[d][:, r, c], (256, 256), window, window, 1, found)
    assert np.array_equal(same, dates[1][:, window, window])


def test_a_window_brought_back_is_a_part_of_the_whole_brought_back() -> None:
    dates = [ground(300), displaced(ground(300), -0.8, 1.9)]

    def read(rows: slice, columns: slice, date: int) -> np.ndarray:
        return dates[date][:, rows, columns]

    found = align(read, (300, 300), date=1, reference=0, is_usable=everywhere)
    whole = read_aligned(read, (300, 300), slice(0, 300), slice(0, 300), 1, found)
    rows, columns = slice(0, 77), slice(190, 300)
    assert np.allclose(read_aligned(read, (300, 300), rows, columns, 1, found), whole[:, rows, columns], atol=1e-5)


def test_nothing_is_made_up_where_the_displaced_date_has_no_data() -> None:
    image = ground()
    date = displaced(image, 2.0, 0.0)
    date[:, :, :40] = 0
    dates = [image, date]
    found = align(lambda r, c, d: dates[d][:, r, c], (256, 256), date=1, reference=0, is_usable=everywhere)
    whole = read_aligned(lambda r, c, d: dates[d][:, r, c], (256, 256), slice(0, 256), slice(0, 256), 1, found)
    assert not whole[:, :, :40].any()
    assert not whole[:, -2:].any()
    assert (whole[:, 5:-5, 45:] > 0).all()


def test_nothing_believed_says_so() -> None:
    dates = [ground(), ground(seed=9)]
    found = align(lambda r, c, d: dates[d][:, r, c], (256, 256), date=1, reference=0, is_usable=everywhere)
    assert (found.n_believed, found.field, found.largest_px) == (0, None, 0.0)
    assert "not known" in found.told()


@pytest.mark.shared
def test_two_real_dates_agree_with_an_independent_library(shared: Path) -> None:
    folder = shared / "imagery" / "scenes" / "registration_pair_jp2"
    date, reference = (
        rasterio.open(folder / f"{name}_T33UUU_sub.jp2").read(1, window=Window(x, y, 256, 256))
        for name, x, y in (("tgt_S2A_20160529T153631", 1256, 1649), ("ref_S2A_20160608T153121", 1800, 1200))
    )
    found = measure_displacement(date[None] / np.float32(10_000), reference[None] / np.float32(10_000))
    # The library compares spectra of whole windows, which change between the dates is part of: a fifth of a pixel.
    oracle, _, _ = phase_cross_correlation(date.astype(float), reference.astype(float), upsample_factor=100)
    assert found is not None
    assert (found.y_px, found.x_px) == (pytest.approx(oracle[0], abs=0.2), pytest.approx(oracle[1], abs=0.2))


@pytest.mark.shared
def test_two_real_dates_lie_on_each_other_to_a_tenth_of_a_pixel_once_aligned(shared: Path) -> None:
    """The subset of each date is placed to whole pixels by hand; what is left is measured again in three places."""
    folder = shared / "imagery" / "scenes" / "registration_pair_jp2"
    side = 512
    dates = [
        rasterio.open(folder / f"{name}_T33UUU_sub.jp2").read(1, window=Window(x, y, side, side))[None]
        / np.float32(10_000)
        for name, x, y in (("tgt_S2A_20160529T153631", 1256, 1649), ("ref_S2A_20160608T153121", 1800, 1200))
    ]

    def read(rows: slice, columns: slice, date: int) -> np.ndarray:
        return dates[date][:, rows, columns]

    def left(images: np.ndarray) -> list[float]:
        places = [(slice(a, a + 192), slice(b, b + 192)) for a, b in ((40, 40), (150, 280), (290, 120))]
        found = [measure_displacement(images[:, r, c], dates[1][:, r, c]) for r, c in places]
        return [float(np.hypot(f.y_px, f.x_px)) for f in found if f is not None]

    before = left(dates[0])
    found = align(read, (side, side), date=0, reference=1, is_usable=everywhere)
    after = left(read_aligned(read, (side, side), slice(0, side), slice(0, side), 0, found))
    assert len(before) == len(after) == 3
    assert min(before) > 0.2
    assert max(after) < 0.1
