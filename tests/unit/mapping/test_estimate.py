"""What a map takes agrees with what can be counted by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from ssr.mapping.cells import SATLAS_CELL_PX
from ssr.mapping.estimate import Rate, estimate, operations_a_pixel, operations_for, window_factor
from ssr.mapping.predicting import Windows
from ssr.models.esrgan import RRDBNet
from ssr.raster.extent import SATLAS_GSD_M

LAND_M2 = 149e12


class OneConvolution(nn.Module):
    """3 × 3 from 6 channels (2 dates of 3) to 5."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(6, 5, 3, padding=1, bias=False)

    def forward(self, low_res: torch.Tensor) -> torch.Tensor:
        return self.layer(low_res.flatten(1, 2))


def test_operations_are_multiplications_and_additions():
    assert operations_a_pixel(OneConvolution(), 2, 3) == 2 * 6 * 5 * 9


def test_all_land_takes_six_times_ten_to_the_nineteen_operations_of_the_full_esrgan():
    a_pixel = operations_a_pixel(RRDBNet(n_revisits=8).eval(), 8, 3)
    assert a_pixel == pytest.approx(35.9e6, rel=5e-3)
    pixels, operations = operations_for(LAND_M2, a_pixel, SATLAS_GSD_M)
    assert pixels == pytest.approx(1.6e12, rel=0.025)
    assert operations == pytest.approx(6e19, rel=0.03)


def test_windows_see_what_lies_around_their_cores_too():
    windows = Windows(margin_px=16, multiple=1, core_px=128)
    assert window_factor(windows, 512) == pytest.approx((4 * (128 + 32) / 512) ** 2)
    assert window_factor(Windows(margin_px=0, multiple=1, core_px=512), 512) == 1


def estimated(counts, rate, **more):
    recipe = {"channels": ["tci"], "scale": 4, "options": {"stored": "uint8", "with_trust": False}}
    how = {"side_px": SATLAS_CELL_PX, "margin_px": 0, "windows": Windows(0, 1, core_px=512), "n_dates": 8}
    return estimate(counts, recipe, a_pixel=1000.0, rate=rate, **how | more)


COUNTS = {"n_cells": 10, "n_with_dates": 4, "n_reads": 20, "ground_m2": 91.29e6}


def test_hours_and_money_follow_from_the_rate():
    takes = estimated(COUNTS, Rate(1e6, "as given"), price_per_hour=3.0)
    assert takes.n_cells == 4
    assert takes.operations == 4 * 512**2 * 1000
    assert takes.worker_hours == pytest.approx(4 * 512**2 * 1000 / 1e6 / 3600)
    assert takes.money == pytest.approx(3 * takes.worker_hours)
    assert takes.pixels_of_ground == pytest.approx(1e6, rel=1e-3)


def test_a_rate_in_pixels_counts_where_a_network_has_no_operations():
    takes = estimated(COUNTS, Rate(0.0, "measured here", pixels_per_s=512**2))
    assert takes.worker_hours * 3600 == pytest.approx(4)
    assert takes.money is None


def test_bytes_follow_from_dates_and_from_what_is_stored():
    rate = Rate(1e6, "as given")
    one, twice = estimated(COUNTS, rate), estimated(COUNTS | {"n_reads": 40}, rate)
    assert twice.gigabytes_in == pytest.approx(2 * one.gigabytes_in)
    # 3 bytes a pixel of 2048 x 2048, three quarters of that after compression.
    assert one.gigabytes_out == pytest.approx(4 * 2048**2 * 3 * 0.75 / 1e9)


def test_a_plan_without_dates_is_estimated_for_all_cells_with_as_many_dates_as_the_model_sees():
    takes = estimated({"n_cells": 10, "n_with_dates": 0, "n_reads": 0, "ground_m2": 1e6}, Rate(1e6, "as given"))
    assert takes.n_cells == 10
    with_dates = estimated({"n_cells": 10, "n_with_dates": 10, "n_reads": 80, "ground_m2": 1e6}, Rate(1e6, "as given"))
    assert takes.gigabytes_in == with_dates.gigabytes_in
    assert np.isfinite(takes.gigabytes_in)
