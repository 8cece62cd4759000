"""How does a model take another form: `convert`, `save_pretrained`, `from_pretrained`?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import nn

from ssr import __version__
from ssr.atomic import refuse_existing
from ssr.checkpoints.described import ENTRY, MODEL, SOURCE, SOURCE_SHA256, VERSION
from ssr.checkpoints.files import StateDict, sha256_of, write_safetensors, write_torch
from ssr.checkpoints.pretrained import CONFIG, find_pretrained, write_pretrained
from ssr.config.networks import Model, UNetDiscriminator
from ssr.errors import ConfigError, WeightsError
from ssr.models.protocol import SuperResolver
from ssr.workflows.foreign import export_network
from ssr.workflows.models import NamedModel
from ssr.workflows.sources import Options, Source, network_with, open_folder, open_source

Kind = Literal["safetensors", "pth", "onnx", "folder"]
SUFFIXES: dict[str, Kind] = {".safetensors": "safetensors", ".pth": "pth", ".onnx": "onnx", "": "folder"}


@dataclass(frozen=True)
class ConvertResult:
    """What became of a weight file.

    Attributes:
        model: the network's options by name; None when the tensors fit no network known here.
        sha256: of the source.
        largest_difference: of the ONNX file's results to torch's; None for other kinds.
    """

    source: Path
    out: Path
    kind: Kind
    model: dict[str, Any] | None
    n_tensors: int
    sha256: str
    largest_difference: float | None
    notes: tuple[str, ...]


def convert(
    source: str | Path,
    out: Path,
    *,
    key: str | None = None,
    model: Model | Path | None = None,
    to: Kind | None = None,
    n_revisits: int | None = None,
    stacked: bool = False,
    tile_px: int | None = None,
    overwrite: bool = False,
) -> ConvertResult:
    """Write a model in another form; tensors keep their names and bits.

    Args:
        source: a weight file, a pretrained folder, or the name of a bundled model.
        out: by its suffix a `.safetensors`, a `.pth` in the published layout, an `.onnx`, or (no suffix) a folder.
        key: the entry of a `.pth` to take; by default the moving average where there is one.
        model: the network, or an option file that names it; by default what the file says or else its shapes tell.
        to: the form, where the suffix does not tell it.
        n_revisits: ONNX: dates; needed where the network takes any number.
        stacked: ONNX: take the dates on the channel axis.
        tile_px: ONNX: one window of so many pixels a side, for tools that ask the file for the size.

    Raises:
        WeightsError: unreadable, or the tensors do not fit.
        ConfigError: options that do not belong together.
        OutputError: exists, cannot be written, or the ONNX file's results differ from torch's.
    """
    kind = _kind_of(out, to)
    if kind != "onnx" and (n_revisits is not None or stacked or tile_px is not None):
        raise ConfigError(f"{out}: dates, stacking and tiles are choices for ONNX files; this one will be {kind}")
    refuse_existing(out / CONFIG if kind == "folder" else out, overwrite=overwrite)
    opened = open_source(source, key=key, model=model)
    network = None if opened.options is None else opened.network()
    sha256, difference = sha256_of(opened.path), None
    metadata = _metadata(opened, sha256)
    if kind == "safetensors":
        write_safetensors(out, _unshared(opened.state), metadata=metadata)
    elif kind == "pth":
        write_torch(out, {opened.entry: opened.state})
    elif kind == "folder":
        config = _config(_super_resolver_options(opened))
        write_pretrained(out, config, _unshared(opened.state), metadata=metadata, overwrite=overwrite)
    else:
        options = _super_resolver_options(opened)
        assert isinstance(network, SuperResolver)
        origin = {MODEL: options.model_dump(mode="json"), SOURCE: opened.path.name, SOURCE_SHA256: sha256}
        difference = export_network(
            network, out, n_revisits=n_revisits, stacked=stacked, tile_px=tile_px, metadata=origin
        )
    shown = None if opened.options is None else opened.options.model_dump(mode="json")
    return ConvertResult(opened.path, out, kind, shown, len(opened.state), sha256, difference, opened.notes)


def save_pretrained(
    network: SuperResolver | NamedModel, config: Model, folder: Path, *, overwrite: bool = False
) -> None:
    """Write a network as a folder with `config.json` and `model.safetensors`.

    Raises:
        WeightsError: the network has no tensors, or is not the one that the config describes.
    """
    held = network.network if isinstance(network, NamedModel) else network
    if not isinstance(held, nn.Module) or not held.state_dict():
        raise WeightsError(f"{folder}: {type(held).__name__} has no tensors to save")
    state = _unshared(held.state_dict())
    network_with(config, state, source=folder)
    metadata = {VERSION: __version__, MODEL: config.model_dump_json()}
    write_pretrained(folder, _config(config), state, metadata=metadata, overwrite=overwrite)


def from_pretrained(folder_or_id: str | Path, *, revision: str | None = None, offline: bool = False) -> SuperResolver:
    """A network in evaluation mode from a folder or, by `organisation/name`, from the Hugging Face hub.

    Args:
        revision: branch, tag or commit on the hub.
        offline: use what was fetched before, never the network.
    """
    opened = open_folder(find_pretrained(folder_or_id, revision=revision, offline=offline))
    _super_resolver_options(opened)
    network = opened.network()
    assert isinstance(network, SuperResolver)
    return network


def _kind_of(out: Path, to: Kind | None) -> Kind:
    if to is not None:
        if to not in get_args(Kind):
            raise ConfigError(f"to is {to!r}, expected one of {', '.join(get_args(Kind))}")
        return to
    if out.is_dir():
        return "folder"
    if out.suffix not in SUFFIXES:
        known = ", ".join(suffix for suffix in SUFFIXES if suffix)
        raise ConfigError(f"{out}: expected a name that ends in {known}, or a folder's without a suffix (or use --to)")
    return SUFFIXES[out.suffix]


def _metadata(opened: Source, sha256: str) -> dict[str, str]:
    """What the source said of itself, and where the tensors come from."""
    own = {VERSION: __version__, SOURCE: opened.path.name, SOURCE_SHA256: sha256, ENTRY: opened.entry}
    known = {} if opened.options is None else {MODEL: opened.options.model_dump_json()}
    return {**opened.description, **own, **known}


def _config(options: Options) -> dict[str, Any]:
    return {VERSION: __version__, MODEL: options.model_dump(mode="json")}


def _super_resolver_options(opened: Source) -> Options:
    if opened.options is None or isinstance(opened.options, UNetDiscriminator):
        found = "a discriminator" if opened.options else f"tensors such as {', '.join(sorted(opened.state)[:3])}"
        raise WeightsError(f"{opened.path}: expected the weights of a network that super-resolves, found {found}")
    return opened.options


def _unshared(state: StateDict) -> StateDict:
    """Copies, for formats in which no two names may share memory."""
    return {name: tensor.detach().clone() for name, tensor in state.items()}
