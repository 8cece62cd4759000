"""How does a config become a network, and a file one with its weights?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_never

from pydantic import BaseModel
from torch import nn

from ssr.checkpoints.bundled import DEFAULT, bundled_weights
from ssr.checkpoints.described import described_options, read_description
from ssr.checkpoints.files import StateDict, read_weights
from ssr.checkpoints.published import load_strictly, load_what_fits, recognise
from ssr.config import basicsr
from ssr.config.files import parse
from ssr.config.networks import (
    BicubicModel,
    DateFusionModel,
    ESRGANModel,
    GridFusionModel,
    HighResNetModel,
    Model,
    ShiftAndAddModel,
    SR3Model,
    SRCNNModel,
    UNetDiscriminator,
    Weights,
)
from ssr.errors import ConfigError, WeightsError
from ssr.models.bicubic import Bicubic
from ssr.models.datefusion import DateFusion
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.esrgan import RRDBNet
from ssr.models.gridfusion import GridFusion
from ssr.models.highresnet import HighResNet
from ssr.models.protocol import SuperResolver
from ssr.models.shiftandadd import ShiftAndAdd
from ssr.models.sr3 import SR3
from ssr.models.srcnn import SRCNN
from ssr.sentinel2.bands import channels_per_date

Network = nn.Module | ShiftAndAdd | Bicubic


def build_model(config: Model) -> Network:
    """A network with fresh parameters."""
    match config:
        case DateFusionModel():
            return DateFusion(**arguments_of(config))
        case GridFusionModel():
            return GridFusion(**arguments_of(config))
        case ESRGANModel():
            return RRDBNet(**arguments_of(config))
        case SRCNNModel():
            return SRCNN(**arguments_of(config))
        case HighResNetModel():
            return HighResNet(**arguments_of(config))
        case SR3Model():
            return SR3(**arguments_of(config))
        case ShiftAndAddModel():
            return ShiftAndAdd(**arguments_of(config))
        case BicubicModel():
            return Bicubic(**arguments_of(config))
        case _:
            assert_never(config)


def build_unlearned(config: Model) -> SuperResolver:
    """A model that needs no weights.

    Raises:
        ConfigError: it does need some.
    """
    network = build_model(config)
    if isinstance(network, nn.Module):
        raise ConfigError("the network is given but no weights; set path.pretrain_network_g (or weights.path)")
    return network


def network_from_options(options: Mapping[str, Any], *, n_revisits: int | None = None) -> nn.Module:
    """Build any published `network_g` or `network_d` mapping, such as `{"type": "SSR_RRDBNet", "num_in_ch": 24, …}`.

    Args:
        n_revisits: dates on the channel axis of an ESRGAN input; by default as many as there are true-colour images
            in `num_in_ch`, or eight for the published band sets (32, 72 and 96 channels).
    """
    kind, arguments = basicsr.translate_network(options, n_revisits=n_revisits, source="network options")
    if kind == "discriminator":
        return build_discriminator(parse(arguments, UNetDiscriminator, source="network options"))
    network = build_model(_parse_model(arguments))
    assert isinstance(network, nn.Module)
    return network


def build_discriminator(config: UNetDiscriminator) -> UNetDiscriminatorSN:
    """A discriminator with fresh parameters."""
    return UNetDiscriminatorSN(**arguments_of(config))


def load_model(weights: Path | str, config: Model | None = None, *, key: str | None = None) -> SuperResolver:
    """A network in evaluation mode with the weights of a file; every name and shape must fit.

    Args:
        config: the architecture; read from the shapes in the file when not given.
        key: the entry of the file to take (`checkpoints.files.read_weights`).

    Raises:
        WeightsError: unreadable, or the tensors do not fit.
    """
    return load_weights(Weights(path=Path(weights), key=key), config)[0]


def load_weights(weights: Weights, config: Model | None = None) -> tuple[SuperResolver, list[str]]:
    """As `load_model`, strictly or not, with what there is to say about a start that is not strict."""
    state = read_weights(weights.path, key=weights.key)
    network = build_model(config or model_in(weights.path, state))
    assert isinstance(network, nn.Module)
    notes: list[str] = []
    if weights.strict:
        load_strictly(network, state, source=weights.path)
    else:
        notes = load_what_fits(network, state, source=weights.path)
    resolver = network.eval().requires_grad_(False)
    assert isinstance(resolver, SuperResolver)
    return resolver, notes


def bundled_model(name: str = DEFAULT) -> SuperResolver:
    """A model that comes with the package; needs no download."""
    return load_model(bundled_weights(name))


def model_in(path: Path, state: StateDict) -> Model:
    """The architecture that a file names itself, or else that its tensors tell."""
    described = described_options(read_description(path), source=path)
    return model_of(state, source=path) if described is None else _parse_model(described)


def model_of(state: StateDict, *, source: Path | str) -> Model:
    """The architecture that tensors belong to."""
    recognised = recognise(state)
    if recognised is None or recognised.architecture == "unet_sn":
        found = recognised or f"tensors such as {', '.join(sorted(state)[:3])}"
        known = "an ESRGAN, SRCNN, HighResNet, SR3, DateFusion or GridFusion"
        raise WeightsError(f"{source}: expected weights of {known}, found {found}")
    arguments: dict[str, Any] = {"type": recognised.architecture, **recognised.arguments}
    if recognised.n_stacked is not None:
        n_channels = channels_per_date(recognised.n_stacked)
        arguments |= {"n_channels": n_channels, "n_revisits": recognised.n_stacked // n_channels}
    return _parse_model(arguments)


class _ModelHolder(BaseModel):
    model: Model


def _parse_model(arguments: Mapping[str, Any]) -> Model:
    return parse({"model": dict(arguments)}, _ModelHolder, source="model").model


def arguments_of(config: BaseModel) -> dict[str, Any]:
    """Plain keyword arguments: constructors never see a config object."""
    return config.model_dump(exclude={"type"})
