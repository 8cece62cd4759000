"""What must a network offer so that inference never asks which one it holds?"""

from typing import Protocol, cast, runtime_checkable

from torch import Tensor

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
        sees_place: the result depends on where in the scene a window lies (a `PlacedSuperResolver`).
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
    @property
    def sees_place(self) -> bool: ...

    def __call__(self, low_res: LowResSeries) -> Image:
        """`b t c h w` in [0, 1] to `b c scale·h scale·w`, nominally in [0, 1] but not clamped."""
        ...


class PlacedSuperResolver(SuperResolver, Protocol):
    """A network that draws noise by place, so that overlapping windows draw the same where they overlap."""

    def __call__(self, low_res: LowResSeries, origins: Tensor | None = None) -> Image:
        """As above; `origins` are the (row, column) of each window's first pixel in the scene, `b 2` integers."""
        ...


@runtime_checkable
class RegisteringSuperResolver(SuperResolver, Protocol):
    """A network that finds by itself how far its dates are displaced, and lives on what lies between their pixels.

    Attributes:
        registers_px: displacements up to this many pixels.
    """

    @property
    def registers_px(self) -> float: ...


def registered_px(network: SuperResolver) -> float:
    """The displacement between dates that a network makes up for: 0 for most."""
    return network.registers_px if isinstance(network, RegisteringSuperResolver) else 0.0


def super_resolve(network: SuperResolver, low_res: LowResSeries, origins: Tensor | None) -> Image:
    """Call a network, telling it where its windows lie if it asks for that."""
    if network.sees_place:
        return cast(PlacedSuperResolver, network)(low_res, origins)
    return network(low_res)
