"""How does ESRGAN see a scene row by row, computing no pixel twice?

Windows of a network that looks 64 px far compute every pixel more than twice. Here strips of rows go through the
network from top to bottom, and every layer keeps the last rows of its input until the next strip comes: the result is
that of the whole scene at once, without windows, seams or halo. What a layer gives lags by one row behind what it
gets; the last layer of 23 blocks by 351. Rows outside of the scene are zero to every layer, as padding is.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.device import Compute
from ssr.models.esrgan import RESIDUAL_SCALE, RRDB, ResidualDenseBlock, RRDBNet
from ssr.models.layers import leaky, leaky_into

STRIP_PIXELS = 32 * 1024
LEAST_ROWS, MOST_ROWS = 8, 64
N_DENSE = 5
"""Convolutions of a dense block, and so the rows that its result lags behind."""


class Rows:
    """Rows of maps `1 c h w` and the number of their first in the scene, at their own resolution."""

    def __init__(self, maps: Tensor, start: int) -> None:
        self.maps = maps
        self.start = start

    @property
    def n(self) -> int:
        return self.maps.shape[2]


class RowWise:
    """One scene on its way through a network, from its first row or any other.

    Args:
        network: at a scale without pixel-unshuffle, on the device of `compute`.
        shape_hw: of the scene.
        n_rows: height of the strips that will be pushed, all alike.
    """

    def __init__(self, network: RRDBNet, compute: Compute, shape_hw: tuple[int, int], n_rows: int) -> None:
        self.scale = network.scale
        self.height, width = shape_hw
        self.n_rows = n_rows
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[compute.precision]
        n_features, n_in = network.conv_first.weight.shape[:2]
        self.first = _Layer(network.conv_first, torch.float32, self.height, width)
        first_block = network.body[0]
        assert isinstance(first_block, RRDB)
        work = _work_buffer(first_block, dtype, n_rows, width, compute.device)
        self.blocks = [_Residual(block, work, dtype, self.height) for block in network.body]
        lag = sum(block.lag for block in self.blocks) + 1
        self.skip = _Delay(n_features, lag, width, compute.device)
        self.after = _Layer(network.conv_body, dtype, self.height, width)
        self.enlarging: list[tuple[int, _Layer]] = []
        factor = 1
        for k, times in network.enlargements.items():
            factor *= times
            layer = _Layer(network.get_submodule(f"conv_up{k}"), dtype, self.height * factor, width * factor)
            self.enlarging.append((times, layer))
        self.fine = _Layer(network.conv_hr, dtype, self.height * factor, width * factor)
        self.last = _Layer(network.conv_last, torch.float32, self.height * factor, width * factor)
        self.empty = torch.zeros((1, n_in, n_rows, width), device=compute.device)

    @torch.inference_mode()
    def push(self, strip: Tensor, start: int) -> Rows:
        """The next `n_rows` rows of the stacked series, `1 t·c h w`, zero beyond the scene; gives earlier fine rows."""
        first = self.first(Rows(strip.contiguous(memory_format=torch.channels_last), start))
        seen = first
        for block in self.blocks:
            seen = block(seen)
        body = self.after(seen)
        features = Rows(self.skip(first.maps) + body.maps, body.start)
        for factor, layer in self.enlarging:
            finer = F.interpolate(features.maps.to(layer.dtype), scale_factor=factor)
            features = _leaky(layer(Rows(finer, features.start * factor)))
        features = _leaky(self.fine(features))
        return self.last(features)


def row_strips(height: int, n_rows: int, first: int, lag: int) -> Iterator[int]:
    """First rows of the strips to push, from the one that holds row `first` until all has come out."""
    yield from range(first // n_rows * n_rows, height + lag, n_rows)


def rows_of_a_strip(width: int) -> int:
    """Enough pixels to keep all cores busy, few enough to stay in the cache."""
    return min(MOST_ROWS, max(LEAST_ROWS, STRIP_PIXELS // width))


def lag_px(network: RRDBNet) -> int:
    """Low-resolution rows by which the result may lag, and which it needs above where it begins."""
    return network.receptive_px + 1


def may_go_row_by_row(network: object) -> bool:
    """Whether it is a network whose layers are known here."""
    return isinstance(network, RRDBNet) and network.unshuffle == 1


def bytes_by_row(network: RRDBNet, width: int, *, is_16_bit: bool) -> int:
    """What the layers keep between strips, and what a strip needs on its way."""
    size = 2 if is_16_bit else 4
    block = network.body[0]
    assert isinstance(block, RRDB)
    n_features = network.conv_first.weight.shape[0]
    n_seen = _weight_of(block.rdb1.get_submodule("conv5")).shape[1]
    n_dense = 3 * network.n_blocks
    kept = n_dense * (n_seen * (N_DENSE + 1) * size + n_features * N_DENSE * 4)
    kept += 2 * n_dense * N_DENSE * n_features * 4  # of residuals over three blocks each, and over all
    n_rows = rows_of_a_strip(width)
    strip = n_rows * (3 * n_seen * size + 3 * n_features * 4 + network.scale**2 * n_features * (2 * size + 8))
    return width * (kept + strip)


class _Layer:
    """A 3×3 convolution whose result lags by one row."""

    def __init__(self, layer: nn.Module, dtype: torch.dtype, limit: int, width: int) -> None:
        self.dtype = dtype
        self.limit = limit
        self.weight = _weight_of(layer).to(dtype).contiguous(memory_format=torch.channels_last)
        self.bias = _bias_of(layer).to(dtype)
        self.kept = _blank(self.weight.shape[1], 2, width, dtype, self.weight.device)

    def __call__(self, rows: Rows) -> Rows:
        given = torch.cat([self.kept, rows.maps.to(self.dtype)], 2)
        self.kept = given[:, :, -2:].clone(memory_format=torch.channels_last)
        return Rows(_convolved(given, self.weight, self.bias, rows.start - 1, self.limit), rows.start - 1)


class _Dense:
    """A dense block: what it saw and made in the last six rows, and its input in the last five."""

    lag = N_DENSE

    def __init__(self, block: nn.Module, work: Tensor, dtype: torch.dtype, limit: int) -> None:
        assert isinstance(block, ResidualDenseBlock)
        self.dtype = dtype
        self.limit = limit
        self.work = work
        layers = [block.get_submodule(f"conv{k}") for k in range(1, N_DENSE + 1)]
        self.weights = [_weight_of(layer).to(dtype).contiguous(memory_format=torch.channels_last) for layer in layers]
        self.biases = [_bias_of(layer).to(dtype) for layer in layers]
        n_features, width = self.weights[0].shape[1], work.shape[3]
        self.kept = _blank(work.shape[1], N_DENSE + 1, width, dtype, work.device)
        self.input = _Delay(n_features, N_DENSE, width, work.device)

    def __call__(self, rows: Rows) -> Rows:
        n, work = rows.n, self.work
        above = N_DENSE + 1
        work[:, :, :above] = self.kept
        work[:, : rows.maps.shape[1], above : above + n] = rows.maps
        made = rows.maps
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            n_seen, n_made = weight.shape[1], weight.shape[0]
            seen = work[:, :n_seen, N_DENSE - k : N_DENSE - k + n + 2]
            made = _convolved(seen, weight, bias, rows.start - k, self.limit)
            if k < N_DENSE:
                leaky_into(work[:, n_seen : n_seen + n_made, above - k : above - k + n], made)
        self.kept.copy_(work[:, :, n : n + above])
        return Rows(self.input(rows.maps).add_(made, alpha=RESIDUAL_SCALE), rows.start - self.lag)


class _Residual:
    """Three dense blocks inside one residual."""

    def __init__(self, block: nn.Module, work: Tensor, dtype: torch.dtype, limit: int) -> None:
        assert isinstance(block, RRDB)
        self.inner = [_Dense(one, work, dtype, limit) for one in (block.rdb1, block.rdb2, block.rdb3)]
        self.lag = sum(one.lag for one in self.inner)
        self.input = _Delay(self.inner[0].weights[0].shape[1], self.lag, work.shape[3], work.device)

    def __call__(self, rows: Rows) -> Rows:
        inner = rows
        for block in self.inner:
            inner = block(inner)
        return Rows(self.input(rows.maps).add_(inner.maps, alpha=RESIDUAL_SCALE), inner.start)


class _Delay:
    """Gives rows back so many rows later, in float32; before that, zeros."""

    def __init__(self, n_channels: int, lag: int, width: int, device: torch.device) -> None:
        self.kept = _blank(n_channels, lag, width, torch.float32, device)

    def __call__(self, maps: Tensor) -> Tensor:
        n = maps.shape[2]
        line = torch.cat([self.kept, maps], 2)
        self.kept = line[:, :, n:].clone(memory_format=torch.channels_last)
        return line[:, :, :n].clone(memory_format=torch.channels_last)


def _convolved(given: Tensor, weight: Tensor, bias: Tensor, start: int, limit: int) -> Tensor:
    """Two rows fewer than given, the first of them number `start`; zero where they lie outside of the scene."""
    n_rows = given.shape[2] - 2
    lowest, highest = max(0, -start), min(n_rows, limit - start)
    if lowest == 0 and highest == n_rows:
        return F.conv2d(given, weight, bias, padding=(0, 1))
    result = _blank(len(weight), n_rows, given.shape[3], given.dtype, given.device)
    if lowest < highest:
        seen = given[:, :, lowest : highest + 2]
        result[:, :, lowest:highest] = F.conv2d(seen, weight, bias, padding=(0, 1))
    return result


def _weight_of(layer: nn.Module) -> Tensor:
    assert isinstance(layer, nn.Conv2d)
    return layer.weight.detach()


def _bias_of(layer: nn.Module) -> Tensor:
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    return layer.bias.detach()


def _leaky(rows: Rows) -> Rows:
    return Rows(leaky(rows.maps), rows.start)


def _blank(n_channels: int, n_rows: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    maps = torch.zeros((1, n_channels, n_rows, width), dtype=dtype, device=device)
    return maps.contiguous(memory_format=torch.channels_last)


def _work_buffer(block: RRDB, dtype: torch.dtype, n_rows: int, width: int, device: torch.device) -> Tensor:
    """Input and pieces of one dense block beside each other; all blocks use the same, one after the other."""
    n_seen = _weight_of(block.rdb1.get_submodule("conv5")).shape[1]
    return _blank(n_seen, n_rows + N_DENSE + 1, width, dtype, device)
