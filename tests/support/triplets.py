"""Results, truths and dates made from seeds, for measures that compare three images."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.metrics.measure import Judged
from tests.support.uniform import golden_input

SCALE = 4
CASES = {
    "noise": (96, 0),
    "detail": (128, 0),
    "moved": (128, 3),
    "side_not_in_patches": (100, 1),
    "moved_too_far": (128, 28),
}
"""High-resolution side in px, and by how much the result is displaced."""


class EdgeDistance(nn.Module):
    """Mean absolute difference of the steps of squares: a distance that enlarging and padding change."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        difference = (a.square() - b.square()).reshape(-1, *a.shape[-3:])
        steps = (difference.diff(dim=axis).abs().flatten(1).mean(1) for axis in (-1, -2))
        return torch.stack(list(steps)).sum(0)


def made(name: str) -> Judged:
    side, shift = CASES[name]
    if name == "noise":
        images = [golden_input(f"opensr/{name}/{role}", [1, 3, side, side]) for role in ("result", "truth")]
        return Judged(*images, golden_input(f"opensr/{name}/date", [1, 1, 3, side // SCALE, side // SCALE]))
    ground = scene(name, side + 64)
    truth = ground[..., 32:-32, 32:-32]
    seen = ground[..., 32 - shift : 32 - shift + side, 32:-32]
    result = 0.9 * seen + 0.03 + 0.04 * (golden_input(f"opensr/{name}/noise", [1, 3, side, side]) - 0.5)
    date = F.avg_pool2d(truth, SCALE) + 0.02 * golden_input(f"opensr/{name}/date", [1, 3, side // SCALE, side // SCALE])
    return Judged(result, truth, date.unsqueeze(1))


def scene(name: str, side: int) -> Tensor:
    """Fields within fields, `1 3 side side` in 0.1…0.9."""
    layers = []
    for cell in (2, 8, 32):
        cells = golden_input(f"opensr/{name}/fields{cell}", [1, 3, -(-side // cell), -(-side // cell)])
        layers.append(F.interpolate(cells, scale_factor=cell, mode="nearest")[..., :side, :side])
    return 0.1 + 0.8 * torch.stack(layers).mean(0)
