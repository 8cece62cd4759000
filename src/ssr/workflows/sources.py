"""Which tensors, and which network, does a weight file, a folder or a bundled name stand for?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field
from torch import nn

from ssr.build.networks import build_discriminator, build_model, model_of
from ssr.checkpoints.bundled import bundled_names, bundled_weights
from ssr.checkpoints.described import ENTRY, VERSION, described_options, read_description
from ssr.checkpoints.files import KNOWN_KEYS, StateDict, read_training_state, read_weights
from ssr.checkpoints.pretrained import CONFIG, WEIGHTS, read_pretrained
from ssr.checkpoints.published import load_strictly, needed_tensors, recognise
from ssr.config import basicsr
from ssr.config.files import parse, read_yaml
from ssr.config.networks import Model, UNetDiscriminator
from ssr.errors import ConfigError, WeightsError

Options = Model | UNetDiscriminator


class _Described(BaseModel, extra="forbid"):
    model: Annotated[Options, Field(discriminator="type")]


@dataclass(frozen=True)
class Source:
    """What a source holds.

    Attributes:
        path: the weight file.
        state: the tensors that its network needs.
        options: the network; None when the tensors fit none known here.
        description: what a safetensors file says beside its tensors.
        entry: the name under which a `.pth` in the published layout holds them.
    """

    path: Path
    state: StateDict
    options: Options | None
    description: Mapping[str, str]
    entry: str
    notes: tuple[str, ...] = ()

    def network(self) -> nn.Module:
        """The network with these tensors, in evaluation mode; every name and shape must fit."""
        assert self.options is not None
        return network_with(self.options, self.state, source=self.path)


def open_source(source: str | Path, *, key: str | None = None, model: Model | Path | None = None) -> Source:
    """Read a weight file, a pretrained folder or a bundled model.

    Args:
        key: the entry of a `.pth` to take.
        model: the network, or an option file that names it; by default what the file says or else its shapes tell.

    Raises:
        WeightsError: unreadable.
        ConfigError: options that a folder does not take, or that are wrong.
    """
    path = bundled_weights(str(source)) if str(source) in bundled_names() else Path(source)
    if path.is_dir():
        if key is not None or model is not None:
            raise ConfigError(f"{path}: a folder says itself which tensors and which network it holds")
        return open_folder(path)
    if path.suffix == ".onnx":
        raise WeightsError(f"{path}: an ONNX file is a graph, not the weights of a network; use what it was made of")
    state, description = read_weights(path, key=key), read_description(path)
    options = _options_of(path, state, description, model)
    needed, notes = needed_tensors(state), []
    if len(needed) < len(state):
        notes.append(f"{len(state) - len(needed)} tensors that take no part in the network were left out")
    if options is None:
        notes.append("the tensors fit no network known here; they were taken as they are")
    return Source(path, needed, options, description, _entry_of(path, key, description), tuple(notes))


def open_folder(folder: Path) -> Source:
    """Read a folder that `save_pretrained` or `convert` wrote."""
    config, state = read_pretrained(folder)
    config.pop(VERSION, None)
    options = parse(config, _Described, source=str(folder / CONFIG)).model
    weights = folder / WEIGHTS
    description = read_description(weights)
    return Source(weights, state, options, description, _entry_of(weights, None, description))


def network_with(options: Options, state: StateDict, *, source: Path) -> nn.Module:
    """A network in evaluation mode with these tensors.

    Raises:
        WeightsError: they do not fit, or such a network has none.
    """
    network = build_discriminator(options) if isinstance(options, UNetDiscriminator) else build_model(options)
    if not isinstance(network, nn.Module):
        raise WeightsError(f"{source}: a network of type '{options.type}' has no tensors")
    load_strictly(network, state, source=source)
    return network.eval().requires_grad_(False)


def _options_of(
    path: Path, state: StateDict, description: Mapping[str, str], model: Model | Path | None
) -> Options | None:
    if isinstance(model, Path):
        return _options_in_file(model)
    if model is not None:
        return model
    described = described_options(description, source=path)
    if described is not None:
        return parse({"model": described}, _Described, source=str(path)).model
    recognised = recognise(state)
    if recognised is None:
        return None
    if recognised.architecture == "unet_sn":
        arguments = {"type": "unet_sn", **recognised.arguments}
        return parse({"model": arguments}, _Described, source=str(path)).model
    return model_of(state, source=path)


def _options_in_file(path: Path) -> Options:
    """`model` of a native option file or a folder's `config.json`, or `network_g` of an original one."""
    options = read_yaml(path)
    if basicsr.is_original(options):
        _, arguments = basicsr.translate_network(options.get("network_g", {}), n_revisits=None, source=str(path))
    else:
        arguments = options.get("model", {})
    return parse({"model": arguments}, _Described, source=str(path)).model


def _entry_of(path: Path, key: str | None, description: Mapping[str, str]) -> str:
    """Moving averages and the weights that were trained stay what they are."""
    if path.suffix == ".safetensors":
        entry = description.get(ENTRY, KNOWN_KEYS[0])
        return entry if entry in KNOWN_KEYS else KNOWN_KEYS[0]
    content = read_training_state(path)
    wanted = (key, "params") if key else KNOWN_KEYS
    return next((k for k in wanted if k in KNOWN_KEYS and k in content), "params")
