"""How does the trust in one result look?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.device import Compute
from ssr.inference.predictor import Predictor
from ssr.inference.trust import STEPS, UNKNOWN, find_calibration, plan_trust, to_trust_bytes
from ssr.scenes.ranking import plan_dates, rank_dates
from ssr.workflows.contestants import Contestant

DARK_TO_BRIGHT = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Equal steps of brightness, readable without colour."""
UNKNOWN_COLOUR = (128, 128, 128)
FULL_DISAGREEMENT = 0.1


class TrustPicture(NamedTuple):
    """kind: `trust` or `disagreement`; pixels: `3 H W` in [0, 1]; told: what the colours mean."""

    kind: str
    pixels: NDArray[np.float32]
    told: str


def trust_picture(contestant: Contestant, low_res: NDArray[np.float32], compute: Compute) -> TrustPicture | str:
    """The trust in a result of all dates, or how far they disagree where the model has no calibration; or why not."""
    if not contestant.has_learnt:
        return "it learns nothing, so it invents nothing"
    if len(low_res) < 2:
        return "there is one date, and agreement takes two"
    candidate = contestant.candidate
    ranked = rank_dates(low_res)[: candidate.at_most]
    plan = plan_dates(ranked, candidate.n_wanted)
    planned = plan_trust(
        contestant.plain,
        plan,
        ranked,
        find_calibration(contestant.given, contestant.sha256),
        n_wanted=candidate.n_wanted,
        more="best",
        strength=contestant.config.fidelity,
        reference=contestant.config.fidelity_to,
    )
    seen = low_res[plan.dates][None, :, : candidate.n_channels]
    result = Predictor(planned.network, compute, name=contestant.name).predict(seen)[0]
    bands = dict(
        zip(planned.bands.names, to_trust_bytes(result[-len(planned.layers.names) :], planned.layers), strict=True)
    )
    name = "trust" if "trust" in bands else "disagreement"
    values = bands[name] * np.float32(STEPS[name])
    told, shown = "bright: trusted, dark: not, grey: unknown", values
    if name == "disagreement":
        told = f"bright where two halves of the dates disagree by {FULL_DISAGREEMENT:g} of the range or more"
        shown = values / FULL_DISAGREEMENT
    return TrustPicture(name, coloured(shown, bands[name] == UNKNOWN), "; ".join((told, *planned.notes)))


def coloured(values: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`H W` in [0, 1] from dark to bright, `3 H W`."""
    stops = np.array(DARK_TO_BRIGHT, np.float32) / 255
    places = np.linspace(0, 1, len(stops))
    channels = np.stack([np.interp(values.clip(0, 1), places, stops[:, k]) for k in range(3)]).astype(np.float32)
    channels[:, unknown] = (np.array(UNKNOWN_COLOUR, np.float32) / 255)[:, None]
    return channels
