"""Is the detail of a result in the truth (improvement), missing (omission), or in neither (hallucination)?

Definitions, names and constants of opensr-test (Aybar et al. 2024). With D a distance between images, x the result
harmonised with the truth y, and z the interpolated dates:

    d_ref = D(z, y)    d_im = D(x, y) / d_ref    d_om = D(x, z) / d_ref    e = 1 − exp(−λ (d_im + d_om − 1))
    to improvement  d_im + d_om e      to omission  d_om + d_im e      to hallucination  exp(−λ d_im d_om)

The three are shares that add to 1: a softmin of these with temperature T. Judged are pixels where one of the distances
(before division) exceeds a threshold, by default the 75 % quantile of d_ref: elsewhere is no detail to judge.
A result equal to the truth (or to the dates) has improvement (or omission) 1 / (1 + 2 exp(−1/T)) = 0.965, not 1.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.metrics.harmony import harmonised
from ssr.metrics.measure import Judged, Measure
from ssr.metrics.triplet import BORDER_PX, Triplet, mean_of, triplet

Distance = Callable[[Tensor, Tensor], Tensor]
"""Two batches `b c H W` in [0, 1] to how far apart they lie at every pixel, `b H W` or `b 1 H W`."""
ImageDistance = Callable[[Tensor, Tensor], Tensor]
"""Two batches `b c H W` in [0, 1] to one number a pair, of as many elements as pairs."""

LAMBDA = 0.05
TEMPERATURE = 0.25
GRADIENT_QUANTILE = 0.75
PATCH_PX = 16
SUM_FLOOR = 1e-8
PATCHES_AT_ONCE = 64


class Correctness(NamedTuple):
    """Shares at every pixel, `b H W`, that add to 1; NaN where there was no detail to judge."""

    improvement: Tensor
    omission: Tensor
    hallucination: Tensor

    @property
    def classes(self) -> Tensor:
        """The largest share, `b H W`: 0 improvement, 1 omission, 2 hallucination, -1 not judged."""
        shares = torch.stack(self, 1)
        return shares.nan_to_num(nan=-1.0).argmax(1).masked_fill(shares.isnan().any(1), -1)


def normalised_difference(a: Tensor, b: Tensor) -> Tensor:
    """|a − b| / |a + b|, mean of the channels: a `Distance` without a network, `nd` in opensr-test."""
    return ((a - b).abs() / (a + b + SUM_FLOOR).abs()).mean(1)


def by_patch(
    distance: ImageDistance, *, patch_px: int = PATCH_PX, least_side_px: int | None = None, padding: float = 0.0
) -> Distance:
    """A distance between whole images, taken patch by patch and said of all pixels of a patch.

    Args:
        distance: sees patches.
        patch_px: their side; where it does not divide the image, that is padded on all sides.
        least_side_px: smaller patches are enlarged to this, bilinear (opensr-test: 64 for LPIPS, 256 for CLIP).
        padding: value of what is padded (opensr-test: 0.5 for LPIPS, whose images it pads in [-1, 1]).
    """

    def at_every_pixel(a: Tensor, b: Tensor) -> Tensor:
        size_hw = a.shape[-2:]
        n_yx = [-(-n // patch_px) for n in size_hw]
        both = [_enlarged(_patches(image, patch_px, n_yx, padding), least_side_px) for image in (a, b)]
        chunks = zip(*(image.split(PATCHES_AT_ONCE) for image in both), strict=True)
        values = torch.cat([_one_a_pair(distance(x, y), len(x)) for x, y in chunks])
        return F.interpolate(values.view(len(a), 1, *n_yx), size=size_hw, mode="nearest").squeeze(1)

    return at_every_pixel


def correctness(
    images: Triplet,
    distance: Distance,
    *,
    gradient_threshold: float | None = None,
    gradient_quantile: float = GRADIENT_QUANTILE,
    im_score: float = LAMBDA,
    om_score: float = LAMBDA,
    ha_score: float = LAMBDA,
    temperature: float = TEMPERATURE,
) -> Correctness:
    """Judge every pixel.

    Args:
        gradient_threshold: distances up to this are no detail; by default the quantile of the image's own d_ref.
        im_score, om_score, ha_score: λ of the three formulas.
    """
    result, dates, truth = harmonised(images.super_res, images.truth, images.clear), images.interpolated, images.truth
    d_ref, d_im, d_om = (_at_pixels(distance, *pair) for pair in ((dates, truth), (result, truth), (result, dates)))
    threshold = (
        _quantile(d_ref, images.comparable, gradient_quantile) if gradient_threshold is None else gradient_threshold
    )
    has_detail = (d_ref > threshold) | (d_im > threshold) | (d_om > threshold)
    improvement, omission = d_im / d_ref, d_om / d_ref
    excess = improvement + omission - 1
    apart = torch.stack(
        (
            improvement + omission * (1 - torch.exp(-excess * im_score)),
            omission + improvement * (1 - torch.exp(-excess * om_score)),
            torch.exp(-improvement * omission * ha_score),
        )
    )
    shares = torch.softmax(-apart / temperature, 0)
    return Correctness(*shares.masked_fill(~(has_detail & images.comparable), torch.nan))


def hallucination_measures(
    distance_name: str, distance: Distance, scale: int, *, border_px: int = BORDER_PX
) -> list[Measure]:
    """`hallucination_NAME`, `omission_NAME`, `improvement_NAME`, computed once a batch for all three.

    Args:
        distance: `normalised_difference`, or a network's `by_patch`.
    """
    judge = _Judge(distance, scale, border_px)
    return [
        Measure(f"hallucination_{distance_name}", "corrected", "", "lower", lambda judged: judge(judged)[2]),
        Measure(f"omission_{distance_name}", "corrected", "", "lower", lambda judged: judge(judged)[1]),
        Measure(f"improvement_{distance_name}", "corrected", "", "higher", lambda judged: judge(judged)[0]),
    ]


class _Judge:
    """Mean shares of each image; the batch judged last is remembered, for measures are asked one after the other."""

    def __init__(self, distance: Distance, scale: int, border_px: int) -> None:
        self.distance = distance
        self.scale = scale
        self.border_px = border_px
        self._last: tuple[Judged, list[Tensor]] | None = None

    def __call__(self, judged: Judged) -> list[Tensor]:
        if self._last is None or self._last[0] is not judged:
            images = triplet(judged, self.scale, border_px=self.border_px)
            shares = correctness(images, self.distance)
            self._last = judged, [mean_of(share, *images[:3]).double().cpu() for share in shares]
        return self._last[1]


def _quantile(d_ref: Tensor, where: Tensor, quantile: float) -> Tensor:
    """Of each image the value of rank ⌊quantile · n⌋ among its n pixels there, without interpolation: `b 1 1`."""
    ordered = d_ref.masked_fill(~where, torch.inf).flatten(1).sort(1).values
    rank = (where.flatten(1).sum(1, keepdim=True) * quantile).long()
    return ordered.gather(1, (rank - 1).clamp(min=0))[:, :, None]


def _at_pixels(distance: Distance, a: Tensor, b: Tensor) -> Tensor:
    found = distance(a, b)
    wanted = (len(a), *a.shape[-2:])
    if tuple(found.shape) not in (wanted, (wanted[0], 1, *wanted[1:])):
        raise ValueError(f"a distance gave {tuple(found.shape)}, expected {wanted}; `by_patch` makes maps of numbers")
    return found.reshape(wanted).to(a.dtype)


def _one_a_pair(values: Tensor, n_pairs: int) -> Tensor:
    if values.numel() != n_pairs:
        raise ValueError(f"a distance gave {tuple(values.shape)} for {n_pairs} pairs, expected one number a pair")
    return values.reshape(n_pairs)


def _patches(image: Tensor, patch_px: int, n_yx: list[int], padding: float) -> Tensor:
    """`b c H W` to `(b y x) c patch patch`."""
    spare_y, spare_x = (n * patch_px - side for n, side in zip(n_yx, image.shape[-2:], strict=True))
    sides = (spare_x // 2, spare_x - spare_x // 2, spare_y // 2, spare_y - spare_y // 2)
    padded = F.pad(image, sides, value=padding)
    cut = padded.unfold(2, patch_px, patch_px).unfold(3, patch_px, patch_px)
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


def _enlarged(patches: Tensor, least_side_px: int | None) -> Tensor:
    if least_side_px is None or patches.shape[-1] >= least_side_px:
        return patches
    size = (least_side_px, least_side_px)
    return F.interpolate(patches, size=size, mode="bilinear", align_corners=False, antialias=True)
