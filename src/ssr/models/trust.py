"""How far can each pixel of a result be trusted, given the evidence of its dates?

A calibration is fitted on series whose truth is known (`evaluation.calibration`). The evidence becomes one score, a
weighted sum of logarithms with weights that are never negative: more disagreement cannot mean more trust. Two
monotone curves over the score, straight between their knots and constant beyond them, say what error was found where
the score was such.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ssr.errors import InputError
from ssr.models.agreement import DEPARTURE, FEATURES, Evidence, Views, gather
from ssr.tensors import Image, LowResSeries

FULL_ERROR = 0.254
"""Differences are carried as shares of this, and cut there: 254 steps of a thousandth."""
MANY_DATES = 255
EVIDENCE_HALO_PX = 32
"""Context that registration and smoothing read, beyond which bands move by no more than two steps."""
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """From evidence to an expected error.

    Attributes:
        weights: of the logarithm of each feature.
        floors: added to each feature before the logarithm.
        score: knots, rising.
        expected_error: mean over channels of |result − truth|, light forgiven (`beside_light`), never falling.
        trust: share of pixels whose error is within the tolerance, never rising.
        tolerance: the error that counts as right, in unit range.
        n_dates: fewest and most dates it was fitted on.
        model_sha256: of the weights it belongs to.
        provenance: how it was made and what was measured.
    """

    weights: tuple[float, ...]
    floors: tuple[float, ...]
    score: tuple[float, ...]
    expected_error: tuple[float, ...]
    trust: tuple[float, ...]
    tolerance: float
    n_dates: tuple[int, int]
    model_sha256: str
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_knots = len(self.score)
        wrong = [
            (len(self.weights) != len(FEATURES), f"{len(self.weights)} weights for {len(FEATURES)} features"),
            (len(self.floors) != len(FEATURES), f"{len(self.floors)} floors for {len(FEATURES)} features"),
            (any(not w >= 0 for w in self.weights), "a weight that is not at least 0"),
            (any(not f > 0 for f in self.floors), "a floor that is not above 0"),
            (n_knots < 2, f"{n_knots} knots; at least 2 are needed"),
            (len(self.expected_error) != n_knots or len(self.trust) != n_knots, "curves of different lengths"),
            (not _rises(self.score, strictly=True), "knots that do not rise"),
            (not _rises(self.expected_error), "an expected error that falls"),
            (not _rises([-t for t in self.trust]), "a trust that rises"),
            (any(not 0 <= t <= 1 for t in self.trust), "a trust outside of 0 to 1"),
        ]
        for is_wrong, what in wrong:
            if is_wrong:
                raise InputError(f"this calibration has {what}")

    def scores(self, features: Tensor) -> Tensor:
        """`b k …` in the order of FEATURES to `b 1 …`."""
        return sum(
            (
                weight * torch.log(features[:, k : k + 1] + floor)
                for k, (weight, floor) in enumerate(zip(self.weights, self.floors, strict=True))
            ),
            torch.zeros_like(features[:, :1]),
        )

    def read(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Trust and expected error where the features are such, `b 1 …` each."""
        score = self.scores(features)
        return interpolate(score, self.score, self.trust), interpolate(score, self.score, self.expected_error)

    def to_text(self) -> str:
        """JSON."""
        return json.dumps({"format": FORMAT, "features": FEATURES} | asdict(self), indent=1) + "\n"


def calibration_from(text: str, *, source: str) -> Calibration:
    """Read what `to_text` wrote.

    Raises:
        InputError: it is no calibration, or one for other features.
    """
    try:
        held = json.loads(text)
        form, features = held.pop("format"), tuple(held.pop("features"))
        if form != FORMAT or features != FEATURES:
            raise InputError(
                f"{source}: a calibration of format {form} for {', '.join(features)}; expected format {FORMAT} for "
                f"{', '.join(FEATURES)}. Fit it anew"
            )
        lists = {name: tuple(value) for name, value in held.items() if isinstance(value, list)}
        numbers = [*lists["weights"], *lists["floors"], *lists["score"], *lists["expected_error"], *lists["trust"]]
        if not all(math.isfinite(number) for number in [*numbers, held["tolerance"]]):
            raise InputError(f"{source}: holds numbers that are not finite")
        return Calibration(**held | lists)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{source}: not a calibration ({type(error).__name__}: {error}); fit it anew") from error


def interpolate(values: Tensor, knots: tuple[float, ...], heights: tuple[float, ...]) -> Tensor:
    """A curve that is straight between its knots and constant beyond them."""
    x, y = (torch.tensor(line, dtype=values.dtype, device=values.device) for line in (knots, heights))
    above = torch.bucketize(values.contiguous(), x).clamp(1, len(knots) - 1)
    share = ((values - x[above - 1]) / (x[above] - x[above - 1])).clamp(0, 1)
    return y[above - 1] + share * (y[above] - y[above - 1])


@dataclass(frozen=True)
class Layers:
    """Which channels follow the result's, in order; all in [0, 1], so that windows blend like any image."""

    has_calibration: bool

    @property
    def names(self) -> tuple[str, ...]:
        calibrated = ("trust", "expected_error") if self.has_calibration else ()
        return (*calibrated, "disagreement", "influence", "departure", "followed", "n_dates", "is_known")


class TrustedResult(nn.Module):
    """A network on the whole series, with the trust in its result as further channels (`Layers`).

    Where it is not known whether the dates agree, `is_known` is 0 and only `n_dates` means something.

    Args:
        views: the network on the series and on its subsets.
        calibration: None where there is none for this network.
    """

    def __init__(self, views: Views, calibration: Calibration | None) -> None:
        super().__init__()
        network = views.whole.network
        self.networks = nn.ModuleList(_modules(views))  # so that they move to the device
        self.views = views
        self.calibration = calibration
        self.layers = Layers(calibration is not None)
        self.scale = network.scale
        self.n_channels = network.n_channels
        self.n_revisits = len(views.whole.dates)
        self.size_multiple = network.size_multiple
        self.sees_place = network.sees_place
        self.halo_px = max(network.halo_px, EVIDENCE_HALO_PX)

    def forward(self, low_res: LowResSeries, origins: Tensor | None = None) -> Image:
        result, evidence = gather(self.views, low_res, origins)
        with torch.autocast(low_res.device.type, enabled=False):
            return torch.cat([result, self._layers(evidence)], 1)

    def _layers(self, evidence: Evidence) -> Tensor:
        shown = {
            "disagreement": evidence.disagreement / FULL_ERROR,
            "influence": evidence.influence / FULL_ERROR,
            "departure": evidence.departure / (evidence.departure + DEPARTURE),
            "followed": evidence.followed / FULL_ERROR,
            "n_dates": evidence.n_agreeing / MANY_DATES,
            "is_known": evidence.is_known,
        }
        if self.calibration is not None:
            trust, expected_error = self.calibration.read(evidence.features())
            shown |= {"trust": trust, "expected_error": expected_error / FULL_ERROR}
        return torch.cat([shown[name] for name in self.layers.names], 1).clamp(0, 1)


def _modules(views: Views) -> list[nn.Module]:
    others = [*(views.halves or ()), *(view for _, view in views.without)]
    networks = [view.network for view in (views.whole, *others)]
    return [network for network in networks if isinstance(network, nn.Module)]


def _rises(line: Any, *, strictly: bool = False) -> bool:
    return all(a < b if strictly else a <= b for a, b in pairwise(line))
