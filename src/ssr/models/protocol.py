"""What must a network offer so that inference never asks which one it holds?"""

from typing import Protocol, runtime_checkable

from ssr.tensors import Image, LowResSeries


@runtime_checkable
class SuperResolver(Protocol):
    """A time series of low-resolution windows in, one sharper window out.

    Attributes:
        scale: how many times finer the output grid is.
        n_revisits: the number of dates the network takes, or None when any number will do.
        n_channels: channels of one date (3 for true colour).
        halo_px: low-resolution context around a window beyond which the result no longer changes by 1/255.
        size_multiple: height and width of the input must be multiples of this.
    """

    @property
    def scale(self) -> int: ...
    @property
    def n_revisits(self) -> int | None: ...
    @property
    def n_channels(self) -> int: ...
    @property
    def halo_px(self) -> int: ...
    @property
    def size_multiple(self) -> int: ...

    def __call__(self, low_res: LowResSeries) -> Image:
        """`b t c h w` in [0, 1] to `b c scale·h scale·w`, nominally in [0, 1] but not clamped."""
        ...
