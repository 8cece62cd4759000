"""The recorded networks of the original, by name."""

import json
from pathlib import Path

import numpy as np
import torch

from tests.support.uniform import golden_state

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
NETWORKS = json.loads((GOLDEN / "networks.json").read_text())
PUBLISHED_SHAPES = json.loads((GOLDEN / "state_dict_shapes.json").read_text())


def published_state(name: str) -> dict[str, torch.Tensor]:
    """Every tensor of a recorded network, also those that never take part."""
    with np.errstate(divide="ignore"):  # one of them is of size zero, so its fan-in is too
        return golden_state(NETWORKS[name]["state_dict"])
