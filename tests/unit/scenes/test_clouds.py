from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ssr.scenes.clouds import obstruction

SHARED_BANDS = [3, 2, 1]


def series(n_dates: int = 6, side: int = 64) -> np.ndarray:
    """Fields, a salt pan that is always bright, and dates that differ a little: `t 3 h w`."""
    rng = np.random.default_rng(0)
    ground = 0.15 + 0.05 * gaussian_filter(rng.normal(size=(3, side, side)), (0, 3, 3))
    ground[:, :12, :12] = 0.7
    return np.stack([ground * rng.uniform(0.9, 1.1) for _ in range(n_dates)]).astype(np.float32)


def test_ground_that_does_not_change_is_seen_everywhere() -> None:
    assert obstruction(series()).max() < 0.1


def test_a_cloud_hides_and_its_surroundings_do_not() -> None:
    dates = series()
    dates[2, :, 20:40, 20:40] += 0.5
    hidden = obstruction(dates)
    assert hidden[2, 20:40, 20:40].min() > 0.9
    assert hidden[2, 50:, 50:].max() < 0.1
    assert hidden[[0, 1, 3, 4, 5]].max() < 0.1


def test_thin_haze_hides_in_part() -> None:
    dates = series()
    dates[1] += 0.10
    assert 0.2 < np.median(obstruction(dates)[1]) < 0.8


def test_a_shadow_hides() -> None:
    dates = series()
    dates[4, :, 30:50, 30:50] *= 0.25
    assert obstruction(dates)[4, 35:45, 35:45].min() > 0.9


def test_bare_soil_of_one_date_is_ground() -> None:
    dates = series()
    dates[3, :, 30:50, 30:50] = np.array([0.45, 0.33, 0.22])[:, None, None]
    assert obstruction(dates)[3, 35:45, 35:45].max() < 0.1


def test_single_bright_pixels_are_ground() -> None:
    dates = series()
    dates[3, :, 40, 40] = 0.9
    assert obstruction(dates)[3, 40, 40] < 0.8
    assert obstruction(dates)[3, 50:, 50:].max() < 0.1


def test_what_has_no_data_is_hidden() -> None:
    dates = series()
    dates[0, :, :, :10] = 0
    assert (obstruction(dates)[0, :, :10] == 1).all()


def test_clouds_over_half_of_the_dates_are_found_in_each() -> None:
    dates = series(8)
    dates[:4, :, 20:40, 20:40] += 0.5
    hidden = obstruction(dates)[:, 25:35, 25:35]
    assert hidden[:4].min() > 0.9
    assert hidden[4:].max() < 0.1


def test_a_single_date_shows_its_opaque_clouds() -> None:
    dates = series(1)
    dates[0, :, 40:60, 40:60] = 0.97
    hidden = obstruction(dates)
    assert hidden[0, 45:55, 45:55].min() == 1
    assert hidden[0, 20:35, 20:35].max() == 0


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (3, 3, 2, 5), (2, 4, 7, 3)])
def test_odd_sizes_and_more_channels_are_taken(shape: tuple[int, ...]) -> None:
    values = obstruction(np.full(shape, 0.3, np.float32))
    assert values.shape == (shape[0], *shape[2:])
    assert np.isfinite(values).all()


@pytest.mark.shared
def test_real_cloudy_dates_are_told_from_clear_ones(shared: Path) -> None:
    scenes = np.load(shared / "imagery" / "scenes" / "slovenia_l1c" / "reference_scenes.npz")["REFERENCE_SCENES"]
    unit = (scenes[..., SHARED_BANDS].transpose(0, 3, 1, 2) / 0.3558).clip(0, 1)
    shares = obstruction(unit).mean((1, 2))
    assert (shares[:2] > 0.9).all()  # the two that are cloudy to the eye
    assert (shares[2:] < 0.05).all()
