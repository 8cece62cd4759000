"""Which dates cannot be read, and does the series go on without them?

A damaged file on disk costs its date and no more, and a note says so. On the web nothing is left out: what fails there
may work a minute later, and the same command would use other dates.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ssr.errors import ImageReadError
from ssr.raster.gdal import is_web_address
from ssr.scenes.acquisition import Acquisition, Bands
from ssr.scenes.notes import Note


class Damage:
    """Dates that were left out, and why."""

    def __init__(self) -> None:
        self._errors: list[ImageReadError] = []
        self.notes: list[Note] = []

    @contextmanager
    def leaves_out(self, name: str, *, is_local: bool = True) -> Iterator[None]:
        """What cannot be decoded in this block is left out; what does not suit the wanted channels is an error."""
        try:
            yield
        except ImageReadError as error:
            is_undecodable = error.__cause__ is not None
            if not (is_local and is_undecodable):
                raise
            self._errors.append(error)
            self.notes.append(Note(name, f"left out ({error})"))

    def refuse_if_nothing_is_left(self, dates: Sequence[object]) -> None:
        """Say what is wrong with the first date if none is left."""
        if dates or not self._errors:
            return
        first, *others = self._errors
        if not others:
            raise first
        raise ImageReadError(f"{first}; {len(others)} more cannot be read either, so no date is left") from first


def is_local(acquisition: Acquisition) -> bool:
    """Whether every file of a date is on disk or in memory."""
    names = (
        source.name
        for piece in acquisition.pieces
        for source in (piece.sources.values() if isinstance(piece, Bands) else [piece])
    )
    return not any(map(is_web_address, names))
