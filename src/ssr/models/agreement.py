"""What of a result hangs on which date? Evidence from subsets of the dates.

The network sees the series, two halves of it without a common date, and the series without each date in turn. Where
the results differ, what is seen there was not measured but chosen. Two things more are looked at, since dates that
agree can be wrong together: how much detail the result shows that the instrument cannot carry, and how far the dates
themselves agree once they are registered.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.errors import InputError
from ssr.models.bicubic import enlarge
from ssr.models.fidelity import Reference, held_to_input
from ssr.models.pointspread import PointSpread, blurred, sentinel2_sigma_px
from ssr.models.protocol import SuperResolver, super_resolve
from ssr.models.registration import Registration, register
from ssr.models.subsets import SubsetAverage
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

FEATURES = ("disagreement", "influence", "detail", "scatter", "scarcity")
"""What an expected error is estimated from, see `Evidence`."""

SMOOTHING_PX = 2.0
"""Differences of two results are noisy: they are averaged over a Gaussian of so many fine pixels."""
SURROUNDINGS_PX = 17
"""Side of the square, in low-resolution pixels, that a date is compared in: larger changes are weather, not objects."""
CLEAR_SHARE = 0.8
"""A date can hold an object where so much of its surroundings agrees with the series."""
NOISE_UNIT = 0.04
SLOPE_PX = 0.4
AROUND_SHARE = 1.5
"""What the departure of one date is measured against: noise, an error of registration times the slope, and what the
date departs by around. Chosen on objects painted into simulated dates (docs/trust.md)."""
PLAIN_VARIANCE = 0.01**2
"""Ground with less contrast than this tells nothing of the gain of a date."""
DEPARTURE = 1.0
"""From here on it is a thing of one date."""


class Plan(Protocol):
    """Dates of a series, and for each pass of a network positions among them (`scenes.ranking.DatePlan`)."""

    @property
    def dates(self) -> Sequence[int]: ...
    @property
    def passes(self) -> Sequence[Sequence[int]]: ...


class SubsetPlans(Protocol):
    """Plans for the halves of a series, and for all but each group of dates (`scenes.subsets.Subsets`)."""

    @property
    def halves(self) -> tuple[Plan, Plan]: ...
    @property
    def without(self) -> Sequence[tuple[frozenset[int], Plan]]: ...


class View(NamedTuple):
    """A network and the dates it sees: positions in the series, perhaps repeated."""

    network: SuperResolver
    dates: tuple[int, ...]

    def __call__(self, low_res: LowResSeries, origins: Tensor | None) -> Image:
        return super_resolve(self.network, low_res[:, list(self.dates)], origins).float().clamp(0, 1)

    def has_data(self, valid: Tensor) -> Tensor:
        """Where any of its dates has data: `b t 1 h w` to `b 1 h w`."""
        return valid[:, list(self.dates)].amax(1) > 0


class Views(NamedTuple):
    """The network on the whole series, on two halves, and without each group of dates.

    dates: positions of the distinct dates.
    """

    whole: View
    dates: tuple[int, ...]
    halves: tuple[View, View] | None
    without: tuple[tuple[frozenset[int], View], ...]


class Evidence(NamedTuple):
    """What is known of a result beside itself, `b 1 H W` each, in unit range but for the last three.

    disagreement: between the halves, beside slow changes of light; where only one of them has data, the influence.
    influence: by how much the result changes without the one most influential date (or group), beside light.
    detail: contrast of the result that the instrument cannot carry.
    scatter: of the registered dates around their mean.
    scarcity: 1/√n for n dates that agree with the series.
    departure: of one date beyond all others, over what noise and edges explain; from DEPARTURE on it is a thing.
    followed: by how much the result changes without that one date.
    n_agreeing: dates that have data and agree with the series.
    is_known: whether two dates have data, as 0 or 1: without that nothing can be compared.
    """

    disagreement: Tensor
    influence: Tensor
    detail: Tensor
    scatter: Tensor
    scarcity: Tensor
    departure: Tensor
    followed: Tensor
    n_agreeing: Tensor
    is_known: Tensor

    def features(self) -> Tensor:
        """`b k H W` in the order of FEATURES."""
        return torch.cat([getattr(self, name) for name in FEATURES], 1)


def views_of(
    network: SuperResolver,
    whole: Plan,
    subsets: SubsetPlans | None,
    *,
    strength: float = 0.0,
    reference: Reference = "mean",
) -> Views:
    """A network on a series and on its subsets, held to what it sees by `strength` (`models.fidelity`).

    Args:
        whole: how the series is seen; its dates say what stands at positions 0, 1, … of the input, perhaps repeated.
        subsets: of the positions in the input; None where there is one date.
    """

    def view(plan: Plan, dates: Sequence[int]) -> View:
        seen = network if len(plan.passes) == 1 else SubsetAverage(network, plan.passes)
        return View(held_to_input(seen, strength=strength, reference=reference), tuple(dates))

    seen = view(whole, range(len(whole.dates)))
    distinct = tuple(whole.dates.index(date) for date in dict.fromkeys(whole.dates))
    if subsets is None:
        return Views(seen, distinct, None, ())
    first, second = (view(plan, plan.dates) for plan in subsets.halves)
    return Views(
        seen, distinct, (first, second), tuple((group, view(plan, plan.dates)) for group, plan in subsets.without)
    )


def gather(views: Views, low_res: LowResSeries, origins: Tensor | None = None) -> tuple[Image, Evidence]:
    """The result on the whole series and the evidence around it."""
    scale, distinct = views.whole.network.scale, list(views.dates)
    with torch.autocast(low_res.device.type, enabled=False):
        valid = (~is_no_data(low_res, 2)).unsqueeze(2).float()
        registration = register(low_res[:, distinct].float(), valid[:, distinct])
        departure, departing = _departure(registration, low_res[:, distinct].float(), valid[:, distinct])
    result = views.whole(low_res, origins)
    if result.shape[1] != low_res.shape[2]:
        raise InputError(
            f"the result has {result.shape[1]} channels, the input {low_res.shape[2]}: no trust is defined"
        )
    changes = _compare(views, low_res, origins, result=result, valid=valid, departing=_fine(departing, scale))
    with torch.autocast(low_res.device.type, enabled=False):
        agreeing = registration.weight.sum(1)
        return result, Evidence(
            disagreement=blurred(changes.disagreement, SMOOTHING_PX),
            influence=blurred(changes.influence, SMOOTHING_PX),
            detail=blurred(_detail(result, scale), SMOOTHING_PX),
            scatter=_smoothly(_scatter(registration), scale),
            scarcity=_smoothly(agreeing.clamp_min(0.5).rsqrt(), scale),
            departure=_fine(departure, scale),
            followed=blurred(changes.followed, SMOOTHING_PX),
            n_agreeing=_fine((registration.weight > 0.5).sum(1).float(), scale),
            is_known=_fine((valid[:, distinct].sum(1) >= 2).float(), scale),
        )


class _Changes(NamedTuple):
    disagreement: Tensor
    influence: Tensor
    followed: Tensor


def _compare(
    views: Views, low_res: LowResSeries, origins: Tensor | None, *, result: Image, valid: Tensor, departing: Tensor
) -> _Changes:
    """See every subset once; keep no more than the halves."""
    scale = views.whole.network.scale
    influence = torch.zeros_like(result[:, :1])
    followed, has_both = torch.zeros_like(influence), torch.ones_like(valid[:, 0])
    halves: list[Image] = []
    for view, roles in _once(views):
        seen = view(low_res, origins)
        has_data = view.has_data(valid).float()
        change = beside_light(seen - result, has_data, scale).abs().mean(1, keepdim=True)
        for group in roles:
            if group is None:
                halves.append(seen)
                has_both = has_both * has_data
                continue
            influence = torch.maximum(influence, change)
            for date in group:
                followed = torch.where(departing == views.dates.index(date), change, followed)
    if not halves:
        return _Changes(influence, influence, followed)
    between = beside_light(halves[0] - halves[1], has_both, scale).abs().mean(1, keepdim=True)
    return _Changes(torch.where(_fine(has_both, scale) > 0, between, influence), influence, followed)


def beside_light(difference: Image, has_data: Tensor, scale: int) -> Image:
    """A difference of two images without what changes slowly: the light of which day is right has no answer.

    Args:
        has_data: where there are two images to compare, `b 1 h w` of 0 and 1; elsewhere the difference becomes 0.
    """
    coarse = F.avg_pool2d(difference, scale)
    slow = _local_mean(coarse * has_data) / _local_mean(has_data).clamp_min(1e-6)
    return (difference - _smoothly(slow, scale)) * _fine(has_data, scale)


def _once(views: Views) -> list[tuple[View, list[frozenset[int] | None]]]:
    """Every distinct view and what it stands for: a half (None), or the series without a group of dates."""
    roles: dict[tuple[int, ...], tuple[View, list[frozenset[int] | None]]] = {}
    asked: list[tuple[View, frozenset[int] | None]] = [(view, None) for view in views.halves or ()]
    for view, role in [*asked, *((view, group) for group, view in views.without)]:
        roles.setdefault(view.dates, (view, []))[1].append(role)
    return list(roles.values())


def _detail(result: Image, scale: int) -> Tensor:
    """What the instrument's point spread takes out of the result: `b 1 H W`."""
    seen = PointSpread(scale, sentinel2_sigma_px()).see(result)
    return (result - enlarge(seen, scale)).abs().mean(1, keepdim=True)


def _scatter(registration: Registration) -> Tensor:
    """Standard deviation of the harmonised dates, mean over channels: `b 1 h w`."""
    weight = registration.weight
    total = weight.sum(1).clamp_min(1e-3)
    mean = (registration.harmonised * weight).sum(1) / total
    variance = ((registration.harmonised - mean.unsqueeze(1)).square() * weight).sum(1) / total
    return variance.sqrt().mean(1, keepdim=True)


def _departure(registration: Registration, low_res: LowResSeries, valid: Tensor) -> tuple[Tensor, Tensor]:
    """How much further the one date departs that departs most than the next, over what explains it; which date.

    Shapes: `b 1 h w` each.
    """
    reference = registration.reference
    slope_x, slope_y = _slopes(reference)
    x, y = registration.shift_px.split(1, 2)
    moved = (reference.unsqueeze(1) + x * slope_x.unsqueeze(1)) + y * slope_y.unsqueeze(1)
    lit = _lit_alike(registration, low_res, registration.weight * valid)
    distance = (lit - moved).square().mean(2, keepdim=True).sqrt() * valid
    agreeing_share = _box_mean(registration.weight * valid) / _box_mean(valid).clamp_min(1e-3)
    distance = distance * (agreeing_share >= CLEAR_SHARE)
    around = _box_mean(distance)
    steepness = F.max_pool2d(torch.hypot(slope_x, slope_y).amax(1, keepdim=True), 3, stride=1, padding=1)
    ranked = distance.sort(1, descending=True)
    most, which = ranked.values[:, 0], ranked.indices[:, :1]
    second = ranked.values[:, 1] if distance.shape[1] > 1 else torch.zeros_like(most)
    explained = NOISE_UNIT + SLOPE_PX * steepness + AROUND_SHARE * around.gather(1, which)[:, 0]
    return (most - second) / explained, which[:, 0]


def _lit_alike(registration: Registration, low_res: LowResSeries, weight: Tensor) -> LowResSeries:
    """Harmonised dates, but on plain ground with the bias of their surroundings alone.

    Where there is no contrast to fit a gain to, as on water, the fit would take that of a ship away.
    """
    reference = registration.reference
    bias = _box_mean(weight * (low_res - reference.unsqueeze(1))) / (_box_mean(weight) + 1e-5)
    variance = _local_mean(reference.square()) - _local_mean(reference).square()
    plainness = PLAIN_VARIANCE / (variance.clamp_min(0).mean(1, keepdim=True) + PLAIN_VARIANCE)
    return torch.lerp(registration.harmonised, low_res - bias, plainness.unsqueeze(1))


def _slopes(image: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    return slope_x, (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2


def _box_mean(maps: Tensor) -> Tensor:
    """Of each date: `b t 1 h w`."""
    return _local_mean(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])


def _local_mean(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, SURROUNDINGS_PX, stride=1, padding=SURROUNDINGS_PX // 2)


def _fine(coarse: Tensor, scale: int) -> Tensor:
    """Repeat each pixel."""
    return coarse.repeat_interleave(scale, -2).repeat_interleave(scale, -1)


def _smoothly(coarse: Tensor, scale: int) -> Tensor:
    return F.interpolate(coarse, scale_factor=scale, mode="bilinear", align_corners=False)
