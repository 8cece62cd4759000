"""Which samples does an S2-NAIP data set have, and where do their files lie?

Columns of numbers instead of paths: 44 million samples fit in memory. Three layouts are known:

- current: `naip/{image}/{X}_{Y}/rgb.png`, `sentinel2/{X}_{Y}/{band}.png`
- old, before 2023-12-08: `naip/{image}/tci/{X}_{Y}.png`, `sentinel2/{X//16}_{Y//16}/{Y%16}_{X%16}.png`
- old_bands: the same with a folder for each band, `sentinel2/{X//16}_{Y//16}/{band}/{Y%16}_{X%16}.png`
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Layout = Literal["current", "old", "old_bands"]
TILES_A_SIDE = 16
"""Of a folder of the old layout: a zoom-13 tile of zoom-17 tiles."""


@dataclass(frozen=True)
class Catalogue:
    """Samples in the order of their images' names, then of their tiles'.

    images: the folders of NAIP images; `image` numbers them.
    x, y: column and row of each sample's tile on the 2^17 Web-Mercator grid.
    old_high_res: the path of each sample's older image below its folder, empty where there is none; or None.
    """

    layout: Layout
    images: tuple[str, ...]
    image: NDArray[np.int32]
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    old_high_res: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.x)

    def tile(self, index: int) -> str:
        return f"{self.x[index]}_{self.y[index]}"

    def tiles(self) -> Iterable[str]:
        """Of every sample, faster than one by one."""
        return (f"{x}_{y}" for x, y in zip(self.x.tolist(), self.y.tolist(), strict=True))

    def name(self, index: int) -> str:
        return f"{self.images[self.image[index]]}/{self.tile(index)}"

    def has_old(self, index: int) -> bool:
        return self.old_high_res is not None and bool(self.old_high_res[index])

    def high_res(self, index: int) -> str:
        return high_res_path(self.layout, self.images[self.image[index]], self.tile(index))

    def low_res(self, index: int, band: str) -> str:
        return low_res_path(self.layout, int(self.x[index]), int(self.y[index]), band)


def high_res_path(layout: Layout, image: str, tile: str) -> str:
    """Below the folder of NAIP."""
    return f"{image}/{tile}/rgb.png" if layout == "current" else f"{image}/tci/{tile}.png"


def low_res_path(layout: Layout, x: int, y: int, band: str) -> str:
    """Below the folder of Sentinel-2."""
    if layout == "current":
        return f"{x}_{y}/{band}.png"
    (folder_x, column), (folder_y, row) = divmod(x, TILES_A_SIDE), divmod(y, TILES_A_SIDE)
    return f"{folder_x}_{folder_y}/{'' if layout == 'old' else band + '/'}{row}_{column}.png"


def tile_of(name: str) -> tuple[int, int] | None:
    """Column and row of `X_Y`; None for any other name."""
    x, _, y = name.partition("_")
    return (int(x), int(y)) if x.isdecimal() and y.isdecimal() else None
