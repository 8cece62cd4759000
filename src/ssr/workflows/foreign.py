"""How do networks go to other tools and come from them: ONNX and community weights?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssr import __version__
from ssr.checkpoints.community import RGB, open_community_network
from ssr.checkpoints.onnx_export import Axes, export_onnx, export_series_network
from ssr.checkpoints.onnx_files import OnnxRunner, open_onnx
from ssr.errors import ConfigError, OutputError, WeightsError
from ssr.models.foreign import ForeignNetwork, Takes
from ssr.models.protocol import SuperResolver
from ssr.models.sr3 import SR3

COMMUNITY_HALO_PX = 64
"""What a trained RRDBNet of 23 blocks needs to stay within half of 1/255 (`models/esrgan.py`), the deepest network of
convolutions in wide use. Networks that attend to the whole window or normalise over it have no such bound."""

SENTINEL2_GSD_CM = 1000


def export_network(
    network: SuperResolver,
    out: Path,
    *,
    n_revisits: int | None = None,
    stacked: bool = False,
    tile_px: int | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> float:
    """Write any network on the CPU as ONNX, with what `open_onnx_model` needs to take it back.

    Args:
        n_revisits: dates; needed where the network takes any number.
        stacked: take the dates on the channel axis, `b t·c h w`.
        tile_px: one window of so many pixels a side; with `stacked` also what QGIS Deepness asks for.
        metadata: what else the file should say of itself.

    Returns:
        Largest difference to torch.

    Raises:
        ConfigError: dates or tile do not fit the network.
        OutputError: it cannot be exported or written, or the results differ.
    """
    if isinstance(network, SR3):
        if n_revisits is not None or stacked or tile_px is not None:
            raise ConfigError(f"{out}: an SR3 gives its denoiser as it is; leave out dates, stacking and tiles")
        return _export_denoiser(network, out, metadata=metadata or {})
    if network.sees_place:
        raise OutputError(
            f"{out}: {type(network).__name__} draws noise by place, step by step; that is no single graph"
        )
    if network.n_revisits is not None and n_revisits not in (None, network.n_revisits):
        raise ConfigError(f"{out}: {n_revisits} dates are asked for, the network takes {network.n_revisits}")
    n_dates = network.n_revisits or n_revisits
    if n_dates is None or n_dates < 1:
        raise ConfigError(
            f"{out}: an ONNX file takes one number of dates, this network takes any; choose it, such as --dates 8"
        )
    if tile_px is not None and (tile_px < 1 or tile_px % network.size_multiple):
        raise ConfigError(f"{out}: the tile is {tile_px} px, expected a multiple of {network.size_multiple} (--tile)")
    declared = {
        "format": "ssr",
        "ssr": __version__,
        "scale": network.scale,
        "n_channels": network.n_channels,
        "n_revisits": n_dates,
        "halo_px": network.halo_px,
        "size_multiple": network.size_multiple,
        "takes": "stacked" if stacked else "series",
    }
    return export_series_network(
        network,
        out,
        n_revisits=n_dates,
        n_channels=network.n_channels,
        size_multiple=network.size_multiple,
        metadata={**(metadata or {}), **declared},
        stacked=stacked,
        tile_px=tile_px,
        properties=_for_deepness(tile_px) if stacked and tile_px else None,
    )


def _export_denoiser(network: SR3, out: Path, *, metadata: Mapping[str, Any]) -> float:
    """What an SR3 is asked at each step: the noise in an image, given the dates enlarged and its share of signal.

    Inputs `condition` (b t·c H W, dates enlarged) and `noisy` (b c H W), both in the network's range, and `signal` (b);
    output `noise`. Sampling stays with the caller.
    """
    n_condition, n_out = network.n_revisits * network.n_channels, network.n_out_channels
    side = network.size_multiple * network.scale
    generator = torch.Generator().manual_seed(0)

    def example(b: int, height: int, width: int) -> tuple[Tensor, ...]:
        shape = (height * side, width * side)
        return (
            torch.rand(b, n_condition, *shape, generator=generator),
            torch.randn(b, n_out, *shape, generator=generator),
            torch.rand(b, generator=generator),
        )

    free = {0: "batch", 2: "height", 3: "width"}
    declared = {"format": "ssr denoiser", "ssr": __version__, "scale": network.scale, "data_range": network.data_range}
    return export_onnx(
        _Denoiser(network),
        out,
        examples=[example(2, 4, 5), example(1, 3, 6), example(3, 5, 2)],
        inputs=[Axes("condition", free), Axes("noisy", free), Axes("signal", {0: "batch"})],
        output="noise",
        properties={"ssr": json.dumps({**metadata, **declared})},
    )


class _Denoiser(nn.Module):
    """The network's denoiser, called with the dates and the noisy image apart."""

    def __init__(self, network: SR3) -> None:
        super().__init__()
        self.unet = network.denoise_fn

    def forward(self, condition: Tensor, noisy: Tensor, signal: Tensor) -> Tensor:
        return self.unet(torch.cat([condition, noisy], 1), signal)


def open_onnx_model(
    path: Path,
    *,
    scale: int | None = None,
    n_channels: int | None = None,
    halo_px: int | None = None,
    n_revisits: int | None = None,
    size_multiple: int | None = None,
    takes: Takes | None = None,
    n_out_channels: int | None = None,
    peak: float = 1.0,
) -> ForeignNetwork:
    """An ONNX file as a network. What is declared here goes before what the file says of itself.

    Args:
        path: a file of this program needs no more; of another, `scale`, `n_channels` and `halo_px` are needed.
        takes: by default `single` where the input has four axes (`stacked` with `n_revisits`) and `series` where five.
        peak: the number that means white to the network. The other arguments are `ForeignNetwork`'s.

    Raises:
        WeightsError: not readable as ONNX, or of a fixed image size.
        ConfigError: a declaration is missing or out of range.
    """
    runner, found = open_onnx(path)
    given = {
        "scale": scale,
        "n_channels": n_channels,
        "halo_px": halo_px,
        "n_revisits": n_revisits,
        "size_multiple": size_multiple,
        "takes": takes,
        "n_out_channels": n_out_channels,
    }
    said = {name: value for name, value in (found or {}).items() if name in given}
    declared = said | {name: value for name, value in given.items() if value is not None}
    missing = [name for name in ("scale", "n_channels", "halo_px") if name not in declared]
    if missing:
        raise ConfigError(f"{path}: does not say its {', '.join(missing)}; declare them")
    n_axes = _check_input(runner, path)
    declared.setdefault("takes", "series" if n_axes == 5 else "stacked" if "n_revisits" in declared else "single")
    if (declared["takes"] == "series") != (n_axes == 5):
        raise ConfigError(
            f"{path}: its input has {n_axes} axes, which is not how a network takes {declared['takes']!r}"
        )
    return ForeignNetwork(runner, **declared, peak=peak, name=str(path))


def open_community(path: Path, *, key: str | None = None, halo_px: int = COMMUNITY_HALO_PX) -> ForeignNetwork:
    """A network of single RGB images that spandrel knows; dates pass one by one and their median is the result.

    Args:
        key: the entry of a `.pth` to take.
        halo_px: context in low-resolution pixels, rounded up to what the network takes.

    Raises:
        WeightsError: not a weight file, unknown to spandrel, or not from RGB to RGB.
    """
    network = open_community_network(path, key=key)
    multiple = network.size_multiple
    return ForeignNetwork(
        network,
        scale=network.scale,
        n_channels=RGB,
        halo_px=-(-halo_px // multiple) * multiple,
        size_multiple=multiple,
        takes="single",
        name=f"{path} ({network.architecture})",
    )


def _check_input(runner: OnnxRunner, path: Path) -> int:
    """Number of axes of the one input, whose height and width must be free."""
    if len(runner.input_shapes) != 1:
        raise WeightsError(f"{path}: expected one input, found {len(runner.input_shapes)}")
    shape = runner.input_shapes[0]
    if len(shape) not in (4, 5):
        raise WeightsError(f"{path}: expected an input of 4 or 5 axes, found {len(shape)}")
    if any(isinstance(side, int) for side in shape[-2:]):
        raise WeightsError(
            f"{path}: takes windows of {shape[-2]}×{shape[-1]} px only; export it with height and width left free"
        )
    return len(shape)


def _for_deepness(tile_px: int) -> dict[str, str]:
    """What the QGIS plugin Deepness asks a file for. It lays tiles of super-resolution beside each other."""
    entries = {
        "model_type": "Superresolution",
        "resolution": SENTINEL2_GSD_CM,
        "tile_size": tile_px,
        "tiles_overlap": 0,
    }
    return {name: json.dumps(value) for name, value in entries.items()}
