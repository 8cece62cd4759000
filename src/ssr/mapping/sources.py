"""Which dates are there, where do they lie, and how are they written down so that any machine can open them?"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssr.errors import InputError
from ssr.mapping.boxes import TURNS, Box
from ssr.mapping.placewise import Identity
from ssr.scenes.acquisition import Acquisition, Bands, BandSource, Picture

IN_MEMORY = "/vsimem/"


@dataclass(frozen=True)
class Source:
    """A date of a place: an acquisition, the ground it shows, and a text that differs wherever its pixels could."""

    acquisition: Acquisition
    box: Box
    stamp: str

    @property
    def identity(self) -> Identity:
        return identity_of(self.acquisition)


def identity_of(acquisition: Acquisition) -> Identity:
    """The same for all granules of one overflight."""
    sensed = acquisition.sensed
    return Identity(sensed.toordinal() if sensed else 0, acquisition.datatake or acquisition.name)


def stamp_of(acquisition: Acquisition) -> str:
    """Names, sizes and times of change of the files of a date; addresses have names only, without signatures."""
    told: list[tuple[str, int, int]] = []
    for piece in acquisition.pieces:
        names = {source.name for source in piece.sources.values()} if isinstance(piece, Bands) else {piece.name}
        for name in sorted(names):
            if name.startswith(IN_MEMORY):
                raise InputError(
                    f"{acquisition.name}: is held in memory (a cube); a map reads files that every worker can open, so "
                    f"write its dates as GeoTIFFs first"
                )
            at = Path(name)
            known = at.stat() if at.is_file() else None
            told.append((name, known.st_size, known.st_mtime_ns) if known else (name.partition("?")[0], 0, 0))
    return hashlib.sha256(repr((acquisition.name, told)).encode()).hexdigest()


def to_json(acquisition: Acquisition) -> str:
    """An acquisition as text."""
    told = asdict(acquisition)
    told["sensed"] = acquisition.sensed.isoformat() if acquisition.sensed else None
    for piece, known in zip(told["pieces"], acquisition.pieces, strict=True):
        piece["kind"] = "bands" if isinstance(known, Bands) else "picture"
    return json.dumps(told, separators=(",", ":"))


def from_json(text: str) -> Acquisition:
    """What `to_json` wrote.

    Raises:
        InputError: something else.
    """
    try:
        told = json.loads(text)
        told["sensed"] = datetime.fromisoformat(told["sensed"]) if told["sensed"] else None
        told["pieces"] = tuple(_piece(one) for one in told["pieces"])
        return Acquisition(**told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{text[:60]}…: describes no date that this version knows ({error})") from error


def _piece(told: dict[str, Any]) -> Bands | Picture:
    kind = told.pop("kind")
    if kind == "picture":
        return Picture(**told)
    sources: Mapping[str, Any] = told.pop("sources")
    held = {band: BandSource(one["name"], tuple(one["indexes"])) for band, one in sources.items()}
    return Bands(sources=held, **told)


class Sources:
    """Dates by number, found by place.

    Args:
        sources: in the order of their numbers.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = tuple(sources)
        self._boxes = np.array([one.box for one in sources], np.float64).reshape(-1, 4)

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, number: int) -> Source:
        return self.sources[number]

    def in_box(self, box: Box, among: NDArray[np.int_] | None = None) -> NDArray[np.int_]:
        """Numbers of the dates that may show ground in a box."""
        numbers = np.arange(len(self)) if among is None else among
        boxes = self._boxes[numbers]
        west, south, east, north = boxes.T
        meets = (south < box[3]) & (north > box[1])
        beside = np.zeros(len(numbers), bool)
        for turn in TURNS:
            beside |= (west + turn < box[2]) & (east + turn > box[0])
        return numbers[meets & beside]

    def input_of(self, numbers: Sequence[int]) -> str:
        """A hash of what some dates are."""
        stamps = sorted(self.sources[number].stamp for number in numbers)
        return hashlib.sha256("\n".join(stamps).encode()).hexdigest()
