"""Which network does a user mean by a name or a path?"""

from dataclasses import dataclass
from pathlib import Path

from ssr.build.networks import build_unlearned, load_model
from ssr.checkpoints.bundled import DEFAULT, bundled_names, bundled_weights
from ssr.checkpoints.described import described_options, read_description
from ssr.checkpoints.download import Progress
from ssr.checkpoints.files import read_weights, sha256_of
from ssr.checkpoints.published import recognise
from ssr.config.files import parse, read_yaml
from ssr.config.networks import BicubicModel, Model, OnnxNetwork, ShiftAndAddModel
from ssr.errors import MissingExtraError, WeightsError
from ssr.models.protocol import SuperResolver
from ssr.workflows.foreign import open_community, open_onnx_model
from ssr.workflows.shelf import Shelf, find_entry, obtain_entry
from ssr.workflows.sources import open_folder

UNLEARNED: dict[str, Model] = {"bicubic": BicubicModel(), "shift_and_add": ShiftAndAddModel()}
"""Models that need no weights, by name."""
NO_WEIGHTS = "none"


@dataclass(frozen=True)
class NamedModel:
    """A network, what to call it, the hash of its weight file, and how the user called it (for messages)."""

    network: SuperResolver
    name: str
    sha256: str
    given: str = "the network"


def open_model(
    name_or_file: str | Path = DEFAULT,
    *,
    offline: bool = False,
    url: str | None = None,
    progress: Progress | None = None,
    shelf: Shelf | None = None,
) -> NamedModel:
    """The network that a name, a file or a folder stands for.

    Published weights come from the cache, compared with the hash of their first download, or are fetched.

    Args:
        name_or_file: the name of a bundled, published or learning-free model; a weight file, of this program, of the
            original or of the community; an `.onnx` file, or a YAML file that names one (`config.schema.OnnxNetwork`);
            a folder in the Hugging Face layout.
        offline: use what is here and never a network.
        url: another address of published weights (`checkpoints/catalogue.addresses`).

    Raises:
        WeightsError: nothing of that name; not obtained, changed, unreadable, or not the network of that name.
    """
    given = str(name_or_file)
    if given in UNLEARNED:
        return NamedModel(build_unlearned(UNLEARNED[given]), given, NO_WEIGHTS, given)
    path = bundled_weights(given) if given in bundled_names() else Path(given)
    if path.is_dir():
        opened = open_folder(path)
        held = opened.network()
        assert isinstance(held, SuperResolver)
        return NamedModel(held, path.resolve().name, sha256_of(opened.path), given)
    if path.is_file():
        return NamedModel(_network_in(path), path.stem, sha256_of(path), given)
    shelf = shelf or Shelf()
    entry = find_entry(given, shelf)
    if entry.is_start_only:
        raise WeightsError(f"{entry.name}: {'; '.join(entry.warnings)}")
    obtained = obtain_entry(entry, shelf, url=url, offline=offline, progress=progress)
    network = load_model(obtained.path, shelf.networks[entry.name])
    return NamedModel(network, entry.name, obtained.record.sha256, given)


def _network_in(path: Path) -> SuperResolver:
    if path.suffix == ".onnx":
        return open_onnx_model(path)
    if path.suffix in (".yaml", ".yml"):
        declared = parse(read_yaml(path), OnnxNetwork, source=str(path))
        return open_onnx_model(path.parent / declared.onnx, **declared.model_dump(exclude={"onnx"}))
    if recognise(read_weights(path)) or described_options(read_description(path), source=path):
        return load_model(path)
    try:
        return open_community(path)
    except MissingExtraError as error:
        raise WeightsError(
            f"{path}: its tensors fit no network known here; for those of the community, {error}"
        ) from error
