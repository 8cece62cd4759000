"""Which pictures of a folder are the dates and the truth of one place?"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Generator

from ssr.data.imagery import read_picture
from ssr.data.samples import Flaw, Sample
from ssr.errors import InputError, SeriesError

NAME = "{name}"


@dataclass(frozen=True)
class _Place:
    name: str
    truth: Path
    dates: tuple[Path, ...]


class PairsInFolder:
    """Samples found by the patterns of their file names.

    Args:
        high_res, low_res: file names with `{name}` for the sample and `*` for anything; without `{name}` the folder
            is one sample.

    Attributes:
        scale: of the first sample that can be read; all others must have it.
    """

    def __init__(self, folder: Path, *, high_res: str, low_res: str) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of pairs")
        self.places = _find(folder, high_res, low_res)
        if not self.places:
            raise InputError(f"{folder}: no picture is called {high_res}, as the truth of a sample")
        self.scale = _first_scale(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def name(self, index: int) -> str:
        return self.places[index].name

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        """Every date, in the order of the names; nothing is left to chance."""
        place = self.places[index]
        if not place.dates:
            return Flaw("missing", f"{place.truth}: there are no dates beside it")
        truth = read_picture(place.truth).pixels
        dates = [read_picture(path).pixels for path in place.dates]
        odd = next((k for k, date in enumerate(dates) if date.shape != dates[0].shape), None)
        if odd is not None:
            sizes = " and ".join(f"{d.shape[1]}×{d.shape[0]}" for d in (dates[0], dates[odd]))
            raise SeriesError(f"{place.dates[odd]}: dates of one sample differ in size, {sizes} px")
        return Sample(np.stack(dates).transpose(0, 3, 1, 2), truth.transpose(2, 0, 1))

    def inspect(self, index: int) -> Flaw | None:
        drawn = self.draw(index, Generator())
        return drawn if isinstance(drawn, Flaw) else None


def _find(folder: Path, high_res: str, low_res: str) -> list[_Place]:
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    truths: dict[str, str] = {}
    for name in names:
        found = _expression(high_res).fullmatch(name)
        if found:
            sample = found.groupdict().get("name") or folder.resolve().name
            if sample in truths:
                raise InputError(f"{folder}: {truths[sample]} and {name} would both be the truth of '{sample}'")
            truths[sample] = name
    places = []
    for sample, truth in truths.items():
        wanted = _expression(low_res.replace(NAME, sample), is_literal_name=True)
        dates = tuple(folder / name for name in names if name != truth and wanted.fullmatch(name))
        places.append(_Place(sample, folder / truth, dates))
    return places


def _expression(pattern: str, *, is_literal_name: bool = False) -> re.Pattern[str]:
    parts = re.split(r"(\*)" if is_literal_name else r"(\*|\{name\})", pattern)
    special = {"*": ".*", NAME: "(?P<name>.+)"}
    return re.compile("".join(special.get(part, re.escape(part)) for part in parts))


def _first_scale(places: list[_Place]) -> int:
    for place in places:
        if not place.dates:
            continue
        try:
            fine, coarse = (read_picture(path).pixels.shape[0] for path in (place.truth, place.dates[0]))
        except InputError:
            continue
        if coarse and fine % coarse == 0 and fine > coarse:
            return fine // coarse
    raise InputError(f"{places[0].truth.parent}: no pair of pictures in which one is a whole number of times finer")
