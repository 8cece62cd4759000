"""How does a network made elsewhere keep our protocol?"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ssr.errors import ConfigError, InputError
from ssr.models.registration import masked_median
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

Takes = Literal["series", "stacked", "single"]


class ForeignNetwork(nn.Module):
    """Any callable from tensor to tensor, with what it cannot say of itself declared.

    It is a module so that parameters of a wrapped module move with it; a callable that is no module, such as a runner
    of ONNX files, stays where it is. A wrapped module is put into evaluation mode.

    Args:
        network: the callable.
        scale: how many times finer its output is.
        n_channels: channels of one date.
        halo_px: context, in low-resolution pixels, beyond which its result no longer changes by 1/255.
        n_revisits: dates it takes; None for any number.
        size_multiple: height and width of its input must be multiples of this.
        takes: how it wants its dates. `series`: `b t c h w`. `stacked`: `b t·c h w`, which needs `n_revisits`.
            `single`: every date alone, `b c h w`; the results are joined by the median over the dates that have data.
        n_out_channels: channels of the result; by default those of one date.
        peak: the number that means white to it (1 or, for bytes, 255); ours is 1.
        name: what to call it in messages, such as its file.

    Raises:
        ConfigError: declarations out of range or against each other.
    """

    sees_place = False

    def __init__(
        self,
        network: Callable[[Tensor], Tensor],
        *,
        scale: int,
        n_channels: int,
        halo_px: int,
        n_revisits: int | None = None,
        size_multiple: int = 1,
        takes: Takes = "series",
        n_out_channels: int | None = None,
        peak: float = 1.0,
        name: str = "the foreign network",
    ) -> None:
        super().__init__()
        self.network = network
        self.scale = scale
        self.n_channels = n_channels
        self.halo_px = halo_px
        self.n_revisits = n_revisits
        self.size_multiple = size_multiple
        self.takes = takes
        self.n_out_channels = n_channels if n_out_channels is None else n_out_channels
        self.peak = peak
        self.name = name
        self._check_declarations()
        self.eval()

    def forward(self, low_res: LowResSeries) -> Image:
        given = low_res if self.peak == 1 else low_res * self.peak
        if self.takes == "series":
            result = self._checked(self.network(given), low_res)
        elif self.takes == "stacked":
            result = self._checked(self.network(given.flatten(1, 2)), low_res)
        else:
            result = self._median_of_dates(given, low_res)
        return result if self.peak == 1 else result / self.peak

    def _median_of_dates(self, given: Tensor, low_res: LowResSeries) -> Tensor:
        dates = [self._checked(self.network(date), low_res) for date in given.unbind(1)]
        valid = (~is_no_data(low_res, 2)).unsqueeze(2).to(low_res.dtype)
        fine = valid.repeat_interleave(self.scale, 3).repeat_interleave(self.scale, 4)
        return masked_median(torch.stack(dates, 1), fine)

    def _checked(self, result: object, low_res: LowResSeries) -> Tensor:
        height, width = low_res.shape[-2:]
        expected = (len(low_res), self.n_out_channels, height * self.scale, width * self.scale)
        if not isinstance(result, Tensor):
            raise InputError(f"{self.name}: expected a tensor from it, found {type(result).__name__}")
        if tuple(result.shape) != expected:
            raise InputError(
                f"{self.name}: returned {_times(result.shape)} for dates of {height}×{width} px, expected "
                f"{_times(expected)} as declared (scale {self.scale}, {self.n_out_channels} channels out)"
            )
        return result

    def _check_declarations(self) -> None:
        counts = {
            "scale": (self.scale, 1),
            "n_channels": (self.n_channels, 1),
            "halo_px": (self.halo_px, 0),
            "size_multiple": (self.size_multiple, 1),
            "n_out_channels": (self.n_out_channels, 1),
        }
        if self.n_revisits is not None:
            counts["n_revisits"] = (self.n_revisits, 1)
        for option, (value, least) in counts.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{self.name}: {option} is {value!r}, expected a whole number from {least}")
        if not isinstance(self.peak, int | float) or not 0 < self.peak < float("inf"):
            raise ConfigError(f"{self.name}: peak is {self.peak!r}, expected a number above 0")
        if self.takes not in get_args(Takes):
            raise ConfigError(f"{self.name}: takes is {self.takes!r}, expected one of {', '.join(get_args(Takes))}")
        if self.takes == "stacked" and self.n_revisits is None:
            raise ConfigError(f"{self.name}: takes stacked dates, so n_revisits must be declared")
        if self.takes == "single" and self.n_revisits is not None:
            raise ConfigError(
                f"{self.name}: takes every date alone, so any number will do; leave n_revisits out (it is "
                f"{self.n_revisits})"
            )


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
