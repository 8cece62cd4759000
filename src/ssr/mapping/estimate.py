"""What does a map take: pixels, operations, hours, bytes, money?"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ssr.inference.predictor import Predictor
from ssr.mapping.cells import land_px
from ssr.mapping.predicting import Windows
from ssr.models.protocol import SuperResolver

PROBE_PX = 32
MEASURED_FOR_S = 3.0
"""The network is seen again and again for so long, and the fastest counts: what else the machine does only slows."""
BYTES_A_NUMBER = 0.7
"""Of a compressed 8-bit image as products and catalogues have it; files of ESA's true colour have 0.5 to 0.9."""
OUT_SHARE = 0.75
"""Of what the result would take without compression, overviews included."""
LOOK_SHARE = 1 / 16
"""A fourth of the rows and columns is looked at around a cell."""

DEVICES: Mapping[str, tuple[float, str]] = {
    "rtx4090": (4.82 * 640 * 480 * 35_877_888, "4.82 frames of 640×480 a second of RRDB-23 in fp16, as others report"),
}
"""Operations a second that were reached with a network of this kind, and who says so."""


@dataclass(frozen=True)
class Rate:
    """Of one worker: operations a second, where the figure comes from, and pixels a second if that was measured."""

    operations_per_s: float
    told: str
    pixels_per_s: float | None = None


@dataclass(frozen=True)
class Estimate:
    """For all cells of a plan that are to be done.

    Attributes:
        n_cells: with dates, or all where a plan has none.
        pixels: of low resolution.
        operations: multiplications and additions of the network, with what windows read beyond their core.
        worker_hours: of the network alone, one worker.
        gigabytes_in, gigabytes_out: read and written.
        money: at the given price for an hour of a worker.
    """

    n_cells: int
    ground_km2: float
    pixels: float
    pixels_of_ground: float
    operations_a_pixel: float
    operations: float
    rate: float
    rate_told: str
    worker_hours: float
    gigabytes_in: float
    gigabytes_out: float
    money: float | None


def operations_a_pixel(network: SuperResolver, n_dates: int, n_channels: int, *, side_px: int = PROBE_PX) -> float:
    """Multiplications and additions for each pixel of low resolution, counted while the network runs once."""
    from torch.utils.flop_counter import FlopCounterMode

    seen = torch.zeros(1, n_dates, n_channels, side_px, side_px) + 0.5
    if isinstance(network, nn.Module):
        network.eval()
    with torch.inference_mode(False), torch.no_grad(), FlopCounterMode(display=False) as counted:
        network(seen)
    return counted.get_total_flops() / side_px**2


def operations_for(area_m2: float, a_pixel: float, gsd_m: float) -> tuple[float, float]:
    """Pixels of so many metres of ground that cover an area, and the operations they take without any overlap."""
    pixels = land_px(area_m2, gsd_m)
    return pixels, pixels * a_pixel


def window_factor(windows: Windows, side_px: int) -> float:
    """How many pixels the network sees for each of a cell."""
    spans = windows.spans(0, side_px)
    read = sum(span.read_stop - span.read_start for span in spans)
    return (read / side_px) ** 2


def measure_rate(
    predictor: Predictor, n_dates: int, n_channels: int, a_pixel: float, *, clock: Callable[[], float] = time.monotonic
) -> Rate:
    """Of this machine with this network, on windows of noise."""
    side = 128
    shown = np.random.default_rng(0).uniform(0.2, 0.8, (1, n_dates, n_channels, side, side)).astype(np.float32)
    predictor.predict(shown)
    fastest, until = float("inf"), clock() + MEASURED_FOR_S
    while clock() < until:
        began = clock()
        predictor.predict(shown)
        fastest = min(fastest, clock() - began)
    return Rate(a_pixel * side**2 / fastest, f"measured here, {predictor.compute}", side**2 / fastest)


def estimate(
    counts: Mapping[str, Any],
    recipe: Mapping[str, Any],
    *,
    side_px: int,
    margin_px: int,
    windows: Windows,
    a_pixel: float,
    rate: Rate,
    n_dates: int,
    price_per_hour: float | None = None,
) -> Estimate:
    """Of a plan.

    Args:
        counts: of the plan.
        n_dates: that a cell is taken to have where the plan names none.
    """
    n_cells = counts["n_with_dates"] or counts["n_cells"]
    n_reads = counts["n_reads"] or n_cells * n_dates
    pixels = float(n_cells) * side_px**2
    n_seen = pixels * window_factor(windows, side_px)
    operations = n_seen * a_pixel
    seconds = n_seen / rate.pixels_per_s if rate.pixels_per_s else operations / rate.operations_per_s
    hours = seconds / 3600
    looked, seen = (side_px + 2 * margin_px) ** 2 * LOOK_SHARE, (side_px + 2 * windows.inner_px) ** 2
    numbers = len(recipe["channels"]) + 2 * ("tci" in recipe["channels"])
    depth = 2 if recipe["options"]["stored"] == "uint16" else 1
    out_a_cell = (side_px * recipe["scale"]) ** 2 * (numbers * depth + 4 * recipe["options"]["with_trust"]) * OUT_SHARE
    return Estimate(
        n_cells=n_cells,
        ground_km2=round(counts["ground_m2"] / 1e6, 1),
        pixels=pixels,
        pixels_of_ground=land_px(counts["ground_m2"]),
        operations_a_pixel=a_pixel,
        operations=operations,
        rate=rate.operations_per_s,
        rate_told=rate.told,
        worker_hours=hours,
        gigabytes_in=n_reads * (looked + seen) * numbers * BYTES_A_NUMBER / 1e9,
        gigabytes_out=n_cells * out_a_cell / 1e9,
        money=None if price_per_hour is None else hours * price_per_hour,
    )
