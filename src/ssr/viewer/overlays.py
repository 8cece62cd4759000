"""What may lie over a picture, and what do its colours mean?"""

from dataclasses import dataclass, field

from ssr.viewer.pixels import Raster

NO_DATA = 255
LOW_TO_HIGH = ("#b3300a", "#e6843c", "#f3d9a4", "#a9cbe0", "#3f7fb5", "#123f73")
"""Red over sand to blue: told apart by everyone."""
HIGHEST = {"trust": 1.0, "expected_error": 0.1, "disagreement": 0.1, "influence": 0.1}
GOOD_IF_HIGH = ("trust", "n_dates")
CLASSES = {
    "seen_once": {
        1: ("#1f9ed1", "on one date only, not in the result"),
        2: ("#d55e00", "on one date only, and the result follows it"),
    }
}
TITLES = {
    "trust": "trust",
    "expected_error": "expected error",
    "disagreement": "disagreement of dates",
    "influence": "influence of one date",
    "seen_once": "seen on one date only",
    "n_dates": "number of dates",
}


@dataclass(frozen=True)
class Overlay:
    """One band of a raster of bytes, laid over pictures.

    step: what one step is worth; highest: the value of the last colour, that of the first is 0.
    is_quiet_if_high: whether high values are those of no concern, which let the picture through.
    classes: number: colour and meaning, where numbers are names.
    """

    id: str
    band: int
    title: str
    meaning: str
    step: float
    highest: float
    colours: tuple[str, ...]
    is_quiet_if_high: bool
    classes: dict[int, tuple[str, str]] = field(default_factory=dict)


def overlays_of(raster: Raster) -> tuple[Overlay, ...]:
    """The bands of a raster of trust."""
    found = []
    for band, name in enumerate(raster.names, start=1):
        step = raster.scales[band - 1]
        found.append(
            Overlay(
                id=f"o{band}",
                band=band,
                title=TITLES.get(name, name.replace("_", " ")),
                meaning=_of_values(raster.tags.get(f"SSR_TRUST_{name.upper()}", "")),
                step=step,
                highest=HIGHEST.get(name, _most_dates(raster) if name == "n_dates" else step * (NO_DATA - 1)),
                colours=LOW_TO_HIGH if name in GOOD_IF_HIGH else LOW_TO_HIGH[::-1],
                is_quiet_if_high=name in GOOD_IF_HIGH,
                classes=CLASSES.get(name, {}),
            )
        )
    return tuple(found)


def _most_dates(raster: Raster) -> float:
    return max(1.0, float(len([name for name in raster.tags.get("SSR_DATES", "").split(",") if name])))


def _of_values(meaning: str) -> str:
    """The file tells what its numbers mean; shown are values, which are numbers times their step."""
    return meaning.replace("per cent of pixels", "share of pixels").replace(
        "in thousandths of the range", "of the range"
    )
