"""How does a config become objects? The only match on config types."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_never

from pydantic import BaseModel
from torch import nn

from ssr.checkpoints.bundled import DEFAULT, bundled_weights
from ssr.checkpoints.files import StateDict, read_weights
from ssr.checkpoints.published import load_strictly, load_what_fits, recognise
from ssr.config import basicsr
from ssr.config.files import parse
from ssr.config.schema import (
    BicubicModel,
    Data,
    DateFusionModel,
    ESRGANModel,
    HighResNetModel,
    Loss,
    Model,
    S2NaipData,
    SimulatedData,
    SRCNNModel,
    Training,
    UNetDiscriminator,
    Weights,
)
from ssr.data.imagery import read_folder
from ssr.data.pairs import BatchSource
from ssr.data.s2naip import S2NaipPairs
from ssr.data.simulate import Degradation
from ssr.data.simulated import SimulatedPairs, ground_side_px
from ssr.errors import WeightsError
from ssr.losses.reconstruction import ReconstructionLoss
from ssr.models.bicubic import Bicubic
from ssr.models.datefusion import DateFusion
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.esrgan import RRDBNet
from ssr.models.highresnet import HighResNet
from ssr.models.protocol import SuperResolver
from ssr.models.srcnn import SRCNN
from ssr.sentinel2.bands import channels_per_date
from ssr.training.schedule import Schedule

Network = nn.Module | Bicubic


def build_model(config: Model) -> Network:
    """A network with fresh parameters."""
    match config:
        case DateFusionModel():
            return DateFusion(**_arguments(config))
        case ESRGANModel():
            return RRDBNet(**_arguments(config))
        case SRCNNModel():
            return SRCNN(**_arguments(config))
        case HighResNetModel():
            return HighResNet(**_arguments(config))
        case BicubicModel():
            return Bicubic(**_arguments(config))
        case _:
            assert_never(config)


def build_data(config: Data, *, batch_size: int, scale: int) -> BatchSource:
    """A source of training pairs."""
    match config:
        case SimulatedData():
            side_px = ground_side_px(config.chip_px, scale)
            folders = [
                read_folder(f.folder, include=f.include, exclude=f.exclude, share=f.share, min_side_px=side_px)
                for f in config.imagery
            ]
            return SimulatedPairs(
                folders,
                n_revisits=config.n_revisits,
                chip_px=config.chip_px,
                batch_size=batch_size,
                seed=config.seed,
                ranges=Degradation(scale=scale),
            )
        case S2NaipData():
            return S2NaipPairs(
                config.sentinel2,
                config.naip,
                n_revisits=config.n_revisits,
                batch_size=batch_size,
                seed=config.seed,
            )
        case _:
            assert_never(config)


def build_loss(config: Loss) -> ReconstructionLoss:
    """The regression loss."""
    return ReconstructionLoss(**_arguments(config))


def build_schedule(config: Training) -> Schedule:
    """The learning rate over time."""
    return Schedule(
        kind=config.schedule,
        peak=config.learning_rate,
        final=config.final_learning_rate,
        n_steps=config.n_steps,
        n_warmup_steps=config.n_warmup_steps,
        milestones=config.milestones,
        gamma=config.gamma,
    )


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
    arguments = _arguments(config)
    return UNetDiscriminatorSN(**arguments, clips_object_logits=config.judges_objects)


def load_model(weights: Weights | Path | str, config: Model | None = None) -> SuperResolver:
    """A network in evaluation mode with the weights of a file.

    Args:
        config: the architecture; read from the shapes in the file when not given.

    Raises:
        WeightsError: unreadable, or the tensors do not fit.
    """
    asked = weights if isinstance(weights, Weights) else Weights(path=Path(weights))
    state = read_weights(asked.path, key=asked.key)
    network = build_model(config or model_of(state, source=asked.path))
    assert isinstance(network, nn.Module)
    if asked.strict:
        load_strictly(network, state, source=asked.path)
    else:
        load_what_fits(network, state)
    resolver = network.eval().requires_grad_(False)
    assert isinstance(resolver, SuperResolver)
    return resolver


def bundled_model(name: str = DEFAULT) -> SuperResolver:
    """A model that comes with the package; needs no download."""
    return load_model(bundled_weights(name))


def model_of(state: StateDict, *, source: Path | str) -> Model:
    """The architecture that tensors belong to."""
    recognised = recognise(state)
    if recognised is None or recognised.architecture == "unet_sn":
        found = recognised or f"tensors such as {', '.join(sorted(state)[:3])}"
        raise WeightsError(f"{source}: expected weights of an ESRGAN, SRCNN, HighResNet or DateFusion, found {found}")
    arguments: dict[str, Any] = {"type": recognised.architecture, **recognised.arguments}
    if recognised.n_stacked is not None:
        n_channels = channels_per_date(recognised.n_stacked)
        arguments |= {"n_channels": n_channels, "n_revisits": recognised.n_stacked // n_channels}
    return _parse_model(arguments)


class _ModelHolder(BaseModel):
    model: Model


def _parse_model(arguments: Mapping[str, Any]) -> Model:
    return parse({"model": dict(arguments)}, _ModelHolder, source="model").model


def _arguments(config: BaseModel) -> dict[str, Any]:
    """Plain keyword arguments: constructors never see a config object."""
    return config.model_dump(exclude={"type"})
