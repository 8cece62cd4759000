"""What can a picture of the ground be, of which windows are read?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssr.data.rescaling import axis_weights, weighted
from ssr.raster.reader import RasterReader
from ssr.sentinel2.radiometry import TCI_PEAK_DN, is_no_data


class Ground(Protocol):
    """A picture of which windows are read."""

    @property
    def name(self) -> str: ...

    @property
    def shape_hw(self) -> tuple[int, int]: ...

    @property
    def may_have_gaps(self) -> bool:
        """Whether black means that nothing is known."""
        ...

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """`h w c` in [0, 1]; a pixel without data is zero in every channel."""
        ...


@dataclass(frozen=True)
class Picture:
    """One picture in memory, `H W c` bytes: red, green, blue and perhaps near infrared."""

    name: str
    pixels: NDArray[np.uint8]
    may_have_gaps = False

    @property
    def shape_hw(self) -> tuple[int, int]:
        height, width = self.pixels.shape[:2]
        return height, width

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        return self.pixels[rows, columns].astype(np.float32) / np.float32(TCI_PEAK_DN)


@dataclass(frozen=True)
class RasterPicture:
    """One raster on a disk, of which no more is read than is asked for."""

    path: Path
    bands: tuple[int, int, int]
    white_dn: float | None
    shape_hw: tuple[int, int]
    may_have_gaps = True

    @property
    def name(self) -> str:
        return self.path.name

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        with RasterReader(self.path, bands=self.bands, white_dn=self.white_dn) as reader:
            return reader.read(rows, columns).transpose(1, 2, 0)


@dataclass(frozen=True)
class RescaledPicture:
    """A picture at another ground distance.

    ratio_hw: pixels of the picture that one of this spans.
    """

    picture: Ground
    ratio_hw: tuple[float, float]

    @property
    def name(self) -> str:
        return self.picture.name

    @property
    def may_have_gaps(self) -> bool:
        return self.picture.may_have_gaps

    @property
    def shape_hw(self) -> tuple[int, int]:
        height, width = (int(n / ratio) for n, ratio in zip(self.picture.shape_hw, self.ratio_hw, strict=True))
        return height, width

    def read(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """A pixel of which any part has no data has none."""
        height, width = self.picture.shape_hw
        source_rows, row_weights = axis_weights(rows, self.ratio_hw[0], height)
        source_columns, column_weights = axis_weights(columns, self.ratio_hw[1], width)
        pixels = self.picture.read(source_rows, source_columns)
        rescaled = weighted(pixels, row_weights, column_weights)
        if self.may_have_gaps and (missing := is_no_data(pixels, -1)).any():
            rescaled[weighted(missing[..., None].astype(np.float32), row_weights, column_weights)[..., 0] > 0] = 0
        return rescaled
