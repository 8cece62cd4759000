"""Which known objects are judged in a step, and what of an image is theirs?"""

import zlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.data.pairs import Batch, Box
from ssr.distributed import Team

CROP_PX = 32
STEP_STRIDE = 1_000_003
"""A prime: seeds of different runs do not meet the steps of one another."""


def draw_objects(batch: Batch, n_objects: int, *, seed: int, step: int) -> Batch:
    """So many of each image's objects, or all there are, by seed, step and the image's name alone."""
    assert batch.objects is not None, "the discriminator is to judge objects, the data have none"
    drawn = []
    for name, boxes in zip(batch.names, batch.objects, strict=True):
        generator = torch.Generator().manual_seed((seed * STEP_STRIDE + step) ^ zlib.crc32(name.encode()) << 30)
        order = torch.randperm(len(boxes), generator=generator)[:n_objects]
        drawn.append(tuple(boxes[k] for k in order.tolist()))
    return batch._replace(objects=tuple(drawn))


def objects_per_image(batch: Batch, team: Team) -> float:
    """Mean over the images of all processes."""
    n_images = len(batch.names)
    mean = sum(map(len, batch.objects or ())) / n_images
    return team.weighted_mean({"objects": mean}, n_images)["objects"]


def cut_out(images: Tensor, boxes: Sequence[Sequence[Box]]) -> Tensor:
    """Each image's boxes, resized bilinearly: `n 3 32 32`."""
    crops = [
        F.interpolate(image[None, :, top:bottom, left:right], (CROP_PX, CROP_PX), mode="bilinear")
        for image, own in zip(images, boxes, strict=True)
        for left, top, right, bottom in own
    ]
    return torch.cat(crops) if crops else images.new_zeros(0, images.shape[1], CROP_PX, CROP_PX)
