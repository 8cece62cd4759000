"""How is a pair changed so that low and high resolution stay aligned?"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from ssr.data.pairs import Box
from ssr.data.samples import Sample

LEAST_SHARE = 3 / 4
"""`published` takes 24 to 32 pixels of a chip of 32."""


@dataclass(frozen=True)
class Augmentation:
    """Changes drawn anew for every sample.

    crop: `published` is the original's rand_crop, the top-left three quarters or more, enlarged back by repetition;
        `aligned` is a piece of `crop_px` low-resolution pixels from anywhere.
    """

    flips: bool = False
    turns: bool = False
    crop: Literal["none", "published", "aligned"] = "none"
    crop_px: int = 24

    def __call__(self, sample: Sample, scale: int, generator: Generator) -> Sample:
        """The same change to every image and box of a sample."""
        match self.crop:
            case "published":
                side = sample.low_res.shape[-1]
                size = draw_up_to(side, generator, least=int(side * LEAST_SHARE))
                sample = _enlarged(_cut(sample, 0, 0, size, scale), side, scale)
            case "aligned":
                height, width = sample.low_res.shape[-2:]
                y, x = (draw_up_to(n - self.crop_px, generator) for n in (height, width))
                sample = _cut(sample, y, x, self.crop_px, scale)
            case "none":
                pass
        if self.turns:
            sample = _turned(sample, draw_up_to(3, generator))
        if self.flips and draw_up_to(1, generator):
            sample = _mirrored(sample)
        return sample


def draw_up_to(largest: int, generator: Generator, *, least: int = 0) -> int:
    """A whole number, ends included, each as likely as any other."""
    return least + int(torch.randint(largest - least + 1, (1,), generator=generator))


def draw_whole_crop(is_whole: NDArray[np.bool_], side_px: int, generator: Generator) -> tuple[int, int] | None:
    """Row and column of a square without a gap, each such square as likely as any other; None where there is none.

    Args:
        is_whole: `h w`, the pixels of the low-resolution grid whose truth has no gap.
    """
    sums = np.pad((~is_whole).astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    before, after = slice(None, -side_px), slice(side_px, None)
    n_gaps: NDArray[np.int64] = sums[after, after] - sums[before, after] - sums[after, before] + sums[before, before]
    places = np.flatnonzero(n_gaps == 0)
    if not len(places):
        return None
    y, x = divmod(int(places[draw_up_to(len(places) - 1, generator)]), n_gaps.shape[1])
    return y, x


def is_whole_on_grid(is_whole: NDArray[np.bool_], scale: int) -> NDArray[np.bool_]:
    """Low-resolution pixels of which every high-resolution part is whole."""
    height, width = (n // scale for n in is_whole.shape)
    return np.asarray(is_whole.reshape(height, scale, width, scale).all((1, 3)))


def _cut(sample: Sample, y: int, x: int, side: int, scale: int) -> Sample:
    def cut(pixels: NDArray[Any], s: int) -> NDArray[Any]:
        return pixels[..., y * s : (y + side) * s, x * s : (x + side) * s]

    edge = side * scale
    objects = sample.objects and tuple(
        kept
        for left, top, right, bottom in sample.objects
        if (kept := _within(left - x * scale, top - y * scale, right - x * scale, bottom - y * scale, edge))
    )
    old = sample.old_high_res
    return Sample(
        cut(sample.low_res, 1), cut(sample.high_res, scale), None if old is None else cut(old, scale), objects
    )


def _within(left: int, top: int, right: int, bottom: int, edge: int) -> Box | None:
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, edge), min(bottom, edge)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _enlarged(sample: Sample, side: int, scale: int) -> Sample:
    def enlarge(pixels: NDArray[Any], n: int) -> NDArray[Any]:
        nearest = np.arange(n) * pixels.shape[-1] // n
        return pixels[..., nearest[:, None], nearest]

    edge, old = side * scale, sample.old_high_res
    cut_edge = sample.high_res.shape[-1]
    objects = sample.objects and tuple(
        (
            box[0] * edge // cut_edge,
            box[1] * edge // cut_edge,
            -(-box[2] * edge // cut_edge),
            -(-box[3] * edge // cut_edge),
        )
        for box in sample.objects
    )
    return Sample(
        enlarge(sample.low_res, side),
        enlarge(sample.high_res, edge),
        None if old is None else enlarge(old, edge),
        objects,
    )


def _turned(sample: Sample, n_quarters: int) -> Sample:
    """Counter-clockwise quarter turns."""
    objects, width = sample.objects, sample.high_res.shape[-1]
    for _ in range(n_quarters):
        objects = objects and tuple((top, width - right, bottom, width - left) for left, top, right, bottom in objects)
    old = sample.old_high_res
    low_res, high_res = (np.rot90(pixels, n_quarters, (-2, -1)) for pixels in (sample.low_res, sample.high_res))
    return Sample(low_res, high_res, None if old is None else np.rot90(old, n_quarters, (-2, -1)), objects)


def _mirrored(sample: Sample) -> Sample:
    """Left and right exchanged; with quarter turns this gives all eight symmetries of the square."""
    objects, width = sample.objects, sample.high_res.shape[-1]
    mirrored = objects and tuple((width - right, top, width - left, bottom) for left, top, right, bottom in objects)
    old = sample.old_high_res
    return Sample(
        sample.low_res[..., ::-1], sample.high_res[..., ::-1], None if old is None else old[..., ::-1], mirrored
    )
