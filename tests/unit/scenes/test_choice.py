from collections.abc import Sequence

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from ssr.scenes.choice import Choice, choose, find_doubles

SIDE = 224
WHOLE = slice(0, SIDE)


class ArrayScene:
    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels.astype(np.float32)
        self.shape_hw = pixels.shape[-2:]
        self.n_dates = len(pixels)

    def read(self, rows: slice, columns: slice, dates: Sequence[int]) -> np.ndarray:
        return self.pixels[list(dates)][:, :, rows, columns]

    def preview(self) -> np.ndarray:
        return self.pixels[:, :, ::2, ::2]


def ground() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(3, SIDE, SIDE))
    layers = sum(gaussian_filter(noise, (0, s, s)) * s for s in (1.2, 4))
    return (0.25 + 0.05 * layers / layers.std()).clip(0.05, 0.9)


def dates(n: int) -> np.ndarray:
    """Of one ground, with the noise that makes each an acquisition of its own."""
    rng = np.random.default_rng(1)
    return np.stack([ground() + rng.normal(0, 0.01, (3, SIDE, SIDE)) for _ in range(n)]).clip(1 / 255, 1)


def clouded(n: int = 5) -> np.ndarray:
    scene = dates(n)
    scene[0, :, :, :100] = 0.8
    scene[1, :, :, 124:] = 0.8
    scene[n - 1] = 0.85 + 0.01 * scene[n - 1]
    return scene


def chosen(pixels: np.ndarray, n_wanted: int | None = 3, **how: object) -> Choice:
    return choose(ArrayScene(pixels), n_wanted=n_wanted, **how)  # type: ignore[arg-type]


def test_clear_aligned_dates_reach_the_network_as_they_are() -> None:
    pixels = dates(3)
    choice = chosen(pixels)
    assert choice.plan.dates == [0, 1, 2]
    assert np.array_equal(choice.series.read(WHOLE, WHOLE, choice.plan.dates), pixels.astype(np.float32))


def test_a_date_without_ground_serves_nowhere() -> None:
    choice = chosen(clouded())
    assert choice.accounts[4].served == 0
    assert choice.accounts[4].hidden > 0.9
    assert 4 not in choice.dates_used


def test_half_cloudy_dates_serve_where_they_are_clear_and_no_cloud_is_left() -> None:
    choice = chosen(clouded(4), n_wanted=2)
    assert 0 < choice.accounts[0].served < 1 or 0 < choice.accounts[1].served < 1
    assert choice.series.read(WHOLE, WHOLE, choice.plan.dates).max() < 0.7


def test_choosing_for_the_whole_scene_keeps_each_slot_to_one_date() -> None:
    assert not chosen(clouded(), by_place=False).slots.is_mixed
    assert chosen(clouded(), n_wanted=4).slots.is_mixed


def test_fewer_dates_than_the_network_takes_are_repeated_best_first() -> None:
    choice = chosen(dates(2), n_wanted=4)
    assert len(choice.plan.dates) == 4
    assert set(choice.plan.dates) == {0, 1}
    assert choice.plan.dates[0] == choice.ranked[0]


def test_any_number_of_dates_are_all_seen_unless_limited() -> None:
    assert len(chosen(dates(5), n_wanted=None).plan.dates) == 5
    assert len(chosen(dates(5), n_wanted=None, at_most=2).plan.dates) == 2


def test_more_dates_than_the_network_takes_are_averaged_over_passes() -> None:
    choice = chosen(dates(5), n_wanted=2, more="average")
    assert len(choice.plan.passes) == 3
    assert sorted(set(choice.plan.dates)) == [0, 1, 2, 3, 4]


def test_a_copy_of_a_date_is_left_out_and_named() -> None:
    pixels = np.concatenate([dates(3), dates(3)[1:2] + 0.4 / 255])
    choice = chosen(pixels, n_wanted=None)
    doubles = [account for account in choice.accounts if account.double_of is not None]
    assert [(account.date, account.double_of) for account in doubles] in ([(3, 1)], [(1, 3)])
    assert len(choice.plan.dates) == 3


def test_two_acquisitions_of_unchanged_ground_are_no_copies() -> None:
    assert find_doubles(dates(4), [0, 1, 2, 3]) == {}


@pytest.mark.parametrize("tolerated_px", [0.0, 1.5])
def test_a_displaced_date_is_brought_back_unless_the_network_makes_up_for_it(tolerated_px: float) -> None:
    pixels = dates(3)
    pixels[2] = np.stack([shift(channel, (0.8, -0.6), order=5, mode="nearest") for channel in pixels[2]])
    choice = chosen(pixels.clip(1 / 255, 1), tolerated_px=tolerated_px)
    moved = choice.accounts[2].alignment or choice.accounts[0].alignment
    assert moved is not None
    displaced = [a.alignment for a in choice.accounts if a.alignment and a.alignment.largest_px > 0.5]
    assert displaced
    assert all((alignment.field is None) == (tolerated_px > 1) for alignment in displaced)


def test_beyond_what_a_network_makes_up_for_whole_pixels_are_taken() -> None:
    pixels = dates(3)
    pixels[1] = np.roll(pixels[1], (2, -3), (1, 2))
    choice = chosen(pixels, tolerated_px=1.5)
    inner = slice(16, SIDE - 16)
    image = choice.series.read(inner, inner, [0, 1, 2])
    fields = [a.alignment.field for a in choice.accounts if a.alignment is not None and a.alignment.field is not None]
    assert all(np.array_equal(field, np.round(field)) for field in fields)
    assert np.abs(image[1] - image[0]).mean() < 0.02


def test_displacement_is_not_looked_for_when_nobody_asks() -> None:
    assert all(account.alignment is None for account in chosen(dates(3), tolerated_px=None).accounts)


def test_the_choice_is_the_same_every_time() -> None:
    first, second = chosen(clouded()), chosen(clouded())
    assert np.array_equal(first.slots.dates, second.slots.dates)
    assert first.plan == second.plan


def test_one_date_is_enough() -> None:
    choice = chosen(dates(1), n_wanted=None)
    assert choice.plan.dates == [0]
    assert choice.accounts[0].served == 1
