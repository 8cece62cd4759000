"""How does a community weight file for single images become a network, through spandrel?"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssr.atomic import one_line
from ssr.checkpoints.files import read_weights
from ssr.errors import MissingExtraError, WeightsError

RGB = 3


class CommunityNetwork(nn.Module):
    """A network that spandrel knows, `b 3 h w` to `b 3 H W`, in [0, 1].

    Images go through one at a time, as spandrel's contract says; it extends those that are too small. Under autocast
    to bfloat16 a network that is not made for it runs in float32.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model = descriptor.model
        self.describe = descriptor
        self.architecture = str(descriptor.architecture.name)
        self.scale = int(descriptor.scale)
        self.size_multiple = int(descriptor.size_requirements.multiple_of)

    def forward(self, images: Tensor) -> Tensor:
        device = images.device.type
        with torch.autocast(device, enabled=torch.is_autocast_enabled(device) and self.describe.supports_bfloat16):
            return torch.cat([self.describe(image) for image in images.split(1)])


def open_community_network(path: Path, *, key: str | None = None) -> CommunityNetwork:
    """Read a file's tensors as all weights are read here, without running anything, and let spandrel name the network.

    Raises:
        WeightsError: not a weight file, no network that spandrel knows, or not one from RGB to RGB.
        MissingExtraError: spandrel is not installed.
    """
    try:
        import spandrel
    except ModuleNotFoundError as error:
        raise MissingExtraError("spandrel", "community", "reading community weights") from error
    state = read_weights(path, key=key)
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(dict(state))
    except spandrel.UnsupportedModelError as error:
        raise WeightsError(
            f"{path}: spandrel knows no network with these tensors ({', '.join(sorted(state)[:3])}, …)"
        ) from error
    except Exception as error:
        raise WeightsError(f"{path}: spandrel cannot make a network of it ({one_line(error)})") from error
    if not isinstance(descriptor, spandrel.ImageModelDescriptor) or descriptor.purpose not in ("SR", "Restoration"):
        raise WeightsError(f"{path}: {descriptor.architecture.name} is not a network from one image to one image")
    channels = descriptor.input_channels, descriptor.output_channels
    if channels != (RGB, RGB):
        raise WeightsError(
            f"{path}: {descriptor.architecture.name} takes {channels[0]} channels and gives {channels[1]}; only "
            f"networks of single RGB images (3 to 3) are taken"
        )
    return CommunityNetwork(descriptor)
