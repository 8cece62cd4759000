"""How does the trust in a result become a raster beside it?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssr.checkpoints.bundled import FOLDER, bundled_names
from ssr.errors import InputError
from ssr.models.agreement import views_of
from ssr.models.fidelity import Reference
from ssr.models.protocol import SuperResolver
from ssr.models.trust import FULL_ERROR, MANY_DATES, Calibration, Layers, TrustedResult, calibration_from
from ssr.raster.layout import Layout
from ssr.scenes.ranking import DatePlan, MoreDates
from ssr.scenes.subsets import Subsets, plan_subsets

UNKNOWN = 255
"""No data: outside of the series, or where fewer than two dates have data, so that nothing can be compared."""
FOLLOWED = 0.02
"""A thing of one date counts as followed where the result would change by this much of the range without that date."""
NOTHING_ALONE, ALONE_REMOVED, ALONE_FOLLOWED = 0, 1, 2

STEPS: Mapping[str, float] = {
    "trust": 0.01,
    "expected_error": 0.001,
    "disagreement": 0.001,
    "influence": 0.001,
    "seen_once": 1.0,
    "n_dates": 1.0,
}
"""What one step of each band is worth."""

MEANING: Mapping[str, str] = {
    "trust": "per cent of pixels with such evidence that were within {tolerance:g} of the truth, light forgiven",
    "expected_error": "mean error of pixels with such evidence, light forgiven, in thousandths of the range",
    "disagreement": "between results from two halves of the dates, in thousandths of the range",
    "influence": "change of the result without its most influential date, in thousandths of the range",
    "seen_once": "0 no; 1 something is there on one date only and the result does not show it; 2 the result follows it",
    "n_dates": "dates that have data and agree with the series",
}


@dataclass(frozen=True)
class TrustPlan:
    """A network that gives trust beside its result, and what its raster means.

    n_passes: further passes of the network that trust costs.
    """

    network: SuperResolver
    layers: Layers
    bands: Layout
    tags: dict[str, str]
    n_passes: int
    notes: tuple[str, ...]


def trust_path(out: Path) -> Path:
    """`out.trust.tif` beside `out.tif`."""
    return out.with_suffix(f".trust{out.suffix}")


def find_calibration(given: str, sha256: str) -> Calibration | None:
    """The calibration of a bundled model, or the one beside a weight file (`<its name>.trust.json`).

    Args:
        given: the name or file that the user gave.
        sha256: of the weights that were loaded.

    Raises:
        InputError: it cannot be read, or it was fitted to other weights.
    """
    path = FOLDER / f"{given}.trust.json" if given in bundled_names() else Path(given).with_suffix(".trust.json")
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    calibration = calibration_from(text, source=str(path))
    if calibration.model_sha256 != sha256:
        raise InputError(
            f"{path}: was fitted to weights of SHA-256 {calibration.model_sha256[:12]}…, these are {sha256[:12]}…; "
            f"fit it anew or remove it"
        )
    return calibration


def plan_trust(
    network: SuperResolver,
    plan: DatePlan,
    ranked: list[int],
    calibration: Calibration | None,
    *,
    n_wanted: int | None,
    more: MoreDates,
    strength: float,
    reference: Reference,
) -> TrustPlan:
    """A network as it sees a plan of dates, with the trust in what it gives.

    Args:
        ranked: dates of the series, best first.
        n_wanted: dates the network takes; None when any number will do.
        more: what to do where there are more.
        strength: how far the result is held to the input (`models.fidelity`).
    """
    positions = [plan.dates.index(date) for date in ranked if date in plan.dates]
    subsets = plan_subsets(positions, n_wanted, more=more)
    views = views_of(network, plan, subsets, strength=strength, reference=reference)
    trusted = TrustedResult(views, calibration)
    names = band_names(trusted.layers)
    tolerance = calibration.tolerance if calibration else 0.0
    tags = {f"SSR_TRUST_{name.upper()}": MEANING[name].format(tolerance=tolerance) for name in names}
    return TrustPlan(
        trusted,
        trusted.layers,
        Layout(
            names=names, steps=tuple(STEPS[n] for n in names), no_data=UNKNOWN, is_picture=False, overviews="NEAREST"
        ),
        tags | _calibration_tags(calibration),
        subsets.n_passes if subsets else 0,
        _notes(subsets, len(positions), calibration, strength, more),
    )


def band_names(layers: Layers) -> tuple[str, ...]:
    """Trust and expected error only where there is a calibration: nothing is made up."""
    return tuple(name for name in STEPS if name in layers.names or name == "seen_once")


def to_trust_bytes(pixels: NDArray[np.float32], layers: Layers) -> NDArray[np.uint8]:
    """Channels that follow the result, in the order of `layers`, to the bands of the raster.

    The predictor lifts everything to 1/255 where there is data and zeroes everything where there is none.
    """
    held = dict(zip(layers.names, pixels, strict=True))
    is_known = held["is_known"] >= 0.5
    is_alone = held["departure"] >= 0.5
    is_followed = held["followed"] * FULL_ERROR >= FOLLOWED
    n_dates = np.rint(held["n_dates"] * MANY_DATES)
    values = {name: held[name] * (FULL_ERROR / STEPS[name]) for name in held if name in STEPS}
    values["seen_once"] = np.where(is_alone, np.where(is_followed, ALONE_FOLLOWED, ALONE_REMOVED), NOTHING_ALONE)
    if "trust" in held:
        values["trust"] = held["trust"] / STEPS["trust"]
    bands = {
        name: np.where(is_known, np.rint(values[name]), UNKNOWN) for name in band_names(layers) if name != "n_dates"
    }
    bands["n_dates"] = np.where(n_dates > 0, n_dates.clip(max=UNKNOWN - 1), UNKNOWN)
    return np.stack([bands[name] for name in band_names(layers)]).astype(np.uint8)


def _calibration_tags(calibration: Calibration | None) -> dict[str, str]:
    if calibration is None:
        return {"SSR_TRUST_CALIBRATION": "none: disagreement and influence are not errors"}
    fewest, most = calibration.n_dates
    made = calibration.provenance.get("made_on", "unknown data")
    return {"SSR_TRUST_CALIBRATION": f"simulated series of {fewest} to {most} dates: {made}"}


def _notes(
    subsets: Subsets | None, n_dates: int, calibration: Calibration | None, strength: float, more: MoreDates
) -> tuple[str, ...]:
    if subsets is None:
        return ("trust is unknown everywhere: there is one date, and agreement takes two",)
    notes = []
    if calibration is None:
        notes.append("no calibration for this model: the raster says how far dates disagree, not how large errors are")
        return tuple(notes)
    fewest, most = calibration.n_dates
    if not fewest <= n_dates <= most:
        notes.append(f"trust was calibrated on {fewest} to {most} dates, there are {n_dates}")
    if strength or more == "average":
        notes.append("trust was calibrated on plain results of the best dates, not with fidelity or averaged passes")
    return tuple(notes)
