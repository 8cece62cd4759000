"""A CLIP network of open_clip small enough for tests."""

from typing import Any

import torch

SIDE_PX = 32
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CONFIG: dict[str, Any] = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": SIDE_PX, "layers": 2, "width": 16, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 4, "vocab_size": 32, "width": 8, "heads": 2, "layers": 1},
}


def tiny_clip() -> Any:
    import open_clip

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return open_clip.model.CLIP(**CONFIG).eval()
