"""Which weights do networks have that judge images: torchvision's, LPIPS' heads, CLIP of open_clip?

Tensors are read without unpickling. torchvision's file names end in the first digits of their SHA-256, which every
download must bear out; open_clip keeps a cache of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from ssr.atomic import one_line
from ssr.checkpoints.cache import cache_folder
from ssr.checkpoints.catalogue import Published, addresses
from ssr.checkpoints.download import DEFAULT_PATIENCE, Patience
from ssr.checkpoints.files import read_weights, sha256_of
from ssr.checkpoints.obtain import obtain
from ssr.errors import MissingExtraError, WeightsError

TORCHVISION = "https://download.pytorch.org/models/"


def _torchvision(architecture: str, digits: str, n_parameters: int, size_mb: float) -> Published:
    name = f"{architecture}-{digits}"
    return Published(
        name=name,
        architecture=architecture,
        n_revisits=1,
        bands=(),
        n_parameters=n_parameters,
        size_mb=size_mb,
        urls=(f"{TORCHVISION}{name}.pth",),
        provenance="torchvision's IMAGENET1K_V1, trained on ImageNet",
        licence="BSD-3-Clause, the licence of torchvision; none is stated for the weights alone",
    )


BACKBONES: dict[str, Published] = {
    "vgg19": _torchvision("vgg19", "dcbb9e9d", 143_667_240, 548.1),
    "vgg16": _torchvision("vgg16", "397923af", 138_357_544, 527.8),
    "squeezenet1_1": _torchvision("squeezenet1_1", "b8a52dc0", 1_235_496, 4.7),
    "alexnet": _torchvision("alexnet", "owt-7be5be79", 61_100_840, 233.1),
}
"""Files of torchvision, by its names for the networks."""


def load_backbone(
    trunk: nn.Module,
    name: str,
    path: Path | None = None,
    *,
    entries: Mapping[str, Published] = BACKBONES,
    url: str | None = None,
    folder: Path | None = None,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
) -> None:
    """Give a trunk its tensors; what the file holds beyond them (a classifier) is left out.

    Args:
        path: a local file; by default torchvision's, from the cache or from where it is published.
        url: where to look instead (`addresses`).
        offline: nothing is fetched from the web.

    Raises:
        WeightsError: the file is not to be had, damaged, or lacks a tensor of the trunk.
    """
    if path is None:
        entry = entries[name]
        sources = addresses(entry, url)
        check = _digits_of(entry)
        path = obtain(
            entry.file, sources, folder or cache_folder(), check=check, offline=offline, patience=patience
        ).path
    state, own = read_weights(path), trunk.state_dict()
    for tensor, wanted in own.items():
        found = tuple(state[tensor].shape) if tensor in state else "nothing"
        if found != tuple(wanted.shape):
            raise WeightsError(f"{path}: expected {name}: '{tensor}' is {found}, expected {tuple(wanted.shape)}")
    trunk.load_state_dict({tensor: state[tensor] for tensor in own})


def _digits_of(entry: Published) -> Callable[[Path], None]:
    digits = entry.name.rpartition("-")[2]

    def check(path: Path) -> None:
        found = sha256_of(path)
        if not found.startswith(digits):
            raise WeightsError(f"{path}: found SHA-256 {found}, expected {digits}…")

    return check


def read_lpips_heads(name: str) -> list[Tensor]:
    """Weights of LPIPS' layers for `vgg`, `alex` or `squeeze`, from the files that torchmetrics carries; it is not run.

    Raises:
        MissingExtraError: torchmetrics is not installed.
        WeightsError: it lies there without these files.
    """
    found = find_spec("torchmetrics")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("torchmetrics", "metrics", "LPIPS")
    state = read_weights(Path(found.submodule_search_locations[0], "functional/image/lpips_models", f"{name}.pth"))
    return [state[f"lin{k}.model.1.weight"].flatten() for k in range(len(state))]


@dataclass(frozen=True)
class ImageEncoder:
    """The half of a CLIP network that sees images, and what it expects of them."""

    network: nn.Module
    side_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["bicubic", "bilinear"]


def load_image_encoder(
    name: str, weights: str | None = None, *, offline: bool = False, folder: Path | None = None
) -> ImageEncoder:
    """A CLIP network of open_clip by its name there.

    A local file does not say how its network saw images; the first published weights of that network do.

    Args:
        weights: a local file, or the tag of published weights; by default the first that open_clip lists.
        offline: published weights must lie in the cache of the Hugging Face Hub.
        folder: that cache, where it is not in its usual place.

    Raises:
        MissingExtraError: open_clip is not installed.
        WeightsError: no such network, weights that are not to be had, or none that give one embedding for an image.
    """
    open_clip = _open_clip()
    tags = open_clip.list_pretrained_tags_by_model(name)
    weights = weights or next(iter(tags), None)
    if weights is None:
        raise WeightsError(f"{name}: open_clip has no published weights of this name; give a file")
    published = open_clip.get_pretrained_cfg(name, weights if weights in tags else next(iter(tags), "")) or {}
    if offline and weights in tags:
        weights = str(_cached_on_hub(name, weights, published, folder))
    try:
        model = open_clip.create_model(
            name,
            pretrained=weights,
            force_quick_gelu=bool(published.get("quick_gelu")),
            force_preprocess_cfg={key: published[key] for key in ("mean", "std", "interpolation") if key in published},
            pretrained_text=False,
            require_pretrained=True,
            cache_dir=folder,
        )
    except Exception as error:  # of a server, a file or a name: whatever open_clip lets through
        raise WeightsError(f"{name}, {weights}: not loaded by open_clip ({one_line(error)})") from error
    if hasattr(model, "text_decoder"):
        raise WeightsError(f"{name}: writes captions; expected a network that gives one embedding for an image")
    seen = open_clip.get_model_preprocess_cfg(model)
    side = seen["size"] if isinstance(seen["size"], int) else seen["size"][0]
    interpolation: Literal["bicubic", "bilinear"] = "bilinear" if seen["interpolation"] == "bilinear" else "bicubic"
    return ImageEncoder(model.visual.eval(), side, tuple(seen["mean"]), tuple(seen["std"]), interpolation)


def _cached_on_hub(name: str, tag: str, published: Mapping[str, Any], folder: Path | None) -> Path:
    hub, constants = import_module("huggingface_hub"), import_module("open_clip.constants")
    repository, _, file = str(published.get("hf_hub", "")).rpartition("/")
    files = [file] if file else [constants.HF_SAFE_WEIGHTS_NAME, constants.HF_WEIGHTS_NAME]
    for candidate in files if repository else ():
        found = hub.try_to_load_from_cache(repository, candidate, cache_dir=folder)
        if isinstance(found, str):
            return Path(found)
    raise WeightsError(f"{name}, {tag}: not in the cache of the Hugging Face Hub, and nothing is fetched offline")


def _open_clip() -> Any:
    try:
        return import_module("open_clip")
    except ModuleNotFoundError as error:
        raise MissingExtraError("open_clip_torch", "train", "a CLIP network") from error
