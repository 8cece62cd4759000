"""Which networks judge images, and what is lacking where one is not to be had?"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from ssr.checkpoints.backbones import BACKBONES, load_backbone, load_image_encoder, read_lpips_heads
from ssr.config.metrics import ClipMeasure, LpipsMeasure, Network
from ssr.errors import MissingExtraError, SSRError, WeightsError
from ssr.losses.trunks import Trunk
from ssr.metrics.clipscore import ClipScore
from ssr.metrics.lpips import LAYERS, Lpips

LPIPS_NETWORKS: dict[LpipsMeasure, tuple[str, Literal["vgg16", "alexnet", "squeezenet1_1"]]] = {
    "lpips_vgg": ("vgg", "vgg16"),
    "lpips_alex": ("alex", "alexnet"),
    "lpips_squeeze": ("squeeze", "squeezenet1_1"),
}
"""Heads and trunk."""


def build_lpips(name: LpipsMeasure, weights: Path | None = None, *, offline: bool = False) -> Lpips:
    """LPIPS with its trunk's tensors from a file or from where they are published, and the published heads.

    Raises:
        MissingExtraError: torchmetrics, which carries the heads, is not installed.
        WeightsError: the trunk's or the heads' tensors are not to be had.
    """
    heads_name, trunk_name = LPIPS_NETWORKS[name]
    layers = LAYERS[trunk_name]
    heads = read_lpips_heads(heads_name)
    trunk = Trunk(trunk_name, layers)
    load_backbone(trunk, trunk_name, weights, offline=offline)
    return Lpips(trunk, dict(zip(layers, heads, strict=True)))


class PublishedClip(NamedTuple):
    """A network of open_clip, its option, where its weights lie on the Hugging Face Hub, and how large they are."""

    option: Literal["openai", "siglip", "clipa"]
    network: str
    tag: str
    repository: str
    size_gb: float


CLIP_NETWORKS: dict[ClipMeasure, PublishedClip] = {
    "clipscore_openai": PublishedClip("openai", "ViT-B-16", "openai", "timm/vit_base_patch16_clip_224.openai", 0.6),
    "clipscore_siglip": PublishedClip(
        "siglip", "ViT-SO400M-14-SigLIP-384", "webli", "timm/ViT-SO400M-14-SigLIP-384", 3.5
    ),
    "clipscore_clipa": PublishedClip(
        "clipa", "ViT-bigG-14-CLIPA-336", "datacomp1b", "UCSC-VLAA/ViT-bigG-14-CLIPA-336-datacomp1B", 10.0
    ),
}
"""Those that Satlas Super Resolution asks."""

EXTRA = "pip install 'satlas-super-resolution[metrics]'"


class LackingError(SSRError):
    """A network that is not to be had: why, and how it could be."""

    def __init__(self, why: str, how_to_get: str) -> None:
        super().__init__(why)
        self.why, self.how_to_get = why, how_to_get


class Judges:
    """Networks by the measures that ask them, each loaded once.

    Args:
        weights: local files by the networks' names in options.
        offline: nothing is fetched.
    """

    def __init__(
        self,
        weights: Mapping[Network, Path],
        *,
        offline: bool,
        device: torch.device,
        clip_networks: Mapping[ClipMeasure, PublishedClip] = CLIP_NETWORKS,
    ) -> None:
        self.weights = weights
        self.offline = offline
        self.device = device
        self.clip_networks = clip_networks
        self.lpips = cache(self._lpips)

    def _lpips(self, name: LpipsMeasure) -> Lpips:
        _, trunk_name = LPIPS_NETWORKS[name]
        given, entry = self.weights.get(trunk_name), BACKBONES[trunk_name]
        try:
            return build_lpips(name, given, offline=self.offline).to(self.device)
        except MissingExtraError as error:
            raise LackingError(str(error), EXTRA) from error
        except WeightsError as error:
            if given is not None:
                raise
            raise LackingError(
                str(error),
                f"fetch {entry.urls[0]} ({entry.size_mb:.0f} MB) and name the file in metrics.weights.{trunk_name}, "
                "or set metrics.offline to false",
            ) from error

    def clip(self, name: ClipMeasure) -> ClipScore:
        published = self.clip_networks[name]
        given = self.weights.get(published.option)
        try:
            encoder = load_image_encoder(
                published.network, str(given) if given else published.tag, offline=self.offline
            )
        except MissingExtraError as error:
            raise LackingError(str(error), EXTRA) from error
        except WeightsError as error:
            if given is not None:
                raise
            raise LackingError(
                str(error),
                f"fetch open_clip_model.safetensors of https://huggingface.co/{published.repository} (about "
                f"{published.size_gb} GB) and name the file in metrics.weights.{published.option}, or set "
                "metrics.offline to false",
            ) from error
        return ClipScore(
            encoder.network,
            side_px=encoder.side_px,
            mean=encoder.mean,
            std=encoder.std,
            interpolation=encoder.interpolation,
        ).to(self.device)
