"""How is one date read, whose pieces (granules, products of one overflight) complete one another?"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.raster.grid import Grid
from ssr.raster.reader import RasterReader
from ssr.scenes.radiometry import Layer
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS
from ssr.sentinel2.radiometry import is_no_data


class OpenDate(NamedTuple):
    """The readers of each piece of a date; their channels follow one another.

    n_seen: the first so many channels tell where there is data; None: all of them.
    """

    pieces: tuple[tuple[RasterReader, ...], ...]
    n_seen: int | None

    @property
    def n_channels(self) -> int:
        return sum(len(reader.bands) for reader in self.pieces[0])

    @property
    def readers(self) -> list[RasterReader]:
        return [reader for piece in self.pieces for reader in piece]

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """A window, `c h w`."""
        return self._joined([reader.read(rows, columns) for reader in piece] for piece in self.pieces)

    def read_thinned(self, step: int) -> NDArray[np.float32]:
        """About every `step`-th row and column, `c h w`."""
        return self._joined([reader.read_thinned(step) for reader in piece] for piece in self.pieces)

    def _joined(self, pieces: Iterator[Sequence[NDArray[np.float32]]]) -> NDArray[np.float32]:
        """Channels of the first piece that shows a pixel; no channel has data where true colour has none.

        Later pieces are read only where pixels are still missing.
        """
        out = np.concatenate(next(pieces))
        missing = is_no_data(out[: self.n_seen], 0)
        while missing.any() and (piece := next(pieces, None)) is not None:
            out[:, missing] = np.concatenate(piece)[:, missing]
            missing = is_no_data(out[: self.n_seen], 0)
        out[:, missing] = 0
        return out


def open_date(layers: Sequence[Sequence[Layer]], channels: Sequence[str], *, on: Grid, opened: ExitStack) -> OpenDate:
    """Open the layers of each piece of a date, whose channels are those named, on a grid.

    Raises:
        ImageReadError: a file cannot be opened.
    """
    pieces = tuple(tuple(opened.enter_context(open_layer(layer, on=on)) for layer in piece) for piece in layers)
    return OpenDate(pieces, TRUE_COLOUR_CHANNELS if channels[0] == "tci" else None)


def open_layer(layer: Layer, *, on: Grid | None = None) -> RasterReader:
    """Open one file's share of the channels, on its own grid or another."""
    return RasterReader(
        layer.name,
        bands=layer.bands,
        white_dn=layer.white_dn,
        to_unit=layer.to_unit,
        missing_dn=layer.missing_dn,
        on=on,
        label=layer.label,
    )
