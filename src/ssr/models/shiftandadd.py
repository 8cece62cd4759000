"""What do several dates tell about the ground without having learnt anything? The reference against invention.

Each date is registered on the series' median (`registration`); its samples are laid onto the fine grid where they
belong. The image is then sought that the instrument would have seen so: steps down the Huber distance between
samples and the blurred image (robust back-projection: Irani & Peleg 1991, Farsiu et al. 2004), with a Huber total
variation where samples say nothing. A fixed number of local steps, so windows give what the whole scene gives.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ssr.models.bicubic import enlarge
from ssr.models.pointspread import blurred, sentinel2_sigma_px
from ssr.models.registration import MAX_SHIFT_PX, Registration, register
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

N_STEPS = 20
"""Constants were chosen on simulated series of a training city; around them cPSNR moves by less than 0.2 dB."""
STEP = 1.0
"""Step length over the weight of the samples around a pixel; steps build up momentum (Nesterov 1983)."""
OUTLIER_UNIT = 0.04
"""Differences (unit range) beyond this pull no harder: what is there on one date, and residues of clouds."""
SMOOTHNESS = 0.01
EDGE_UNIT = 0.02
"""Steps between neighbours beyond this count as edges, which total variation leaves alone."""
DENSITY_SIGMA_PX = 0.25
"""Over which distance, in low-resolution pixels, a sample speaks for the fine pixels around it."""
FLOOR = 0.1
"""Added to that weight: where samples are few, steps are short."""
LEAST_WEIGHT = 1e-3
EFFECTIVE_HALO_PX = 32


class ShiftAndAdd:
    """Any number of dates to one image; no parameters."""

    n_revisits: int | None = None
    size_multiple = 1
    sees_place = False
    registers_px = MAX_SHIFT_PX
    halo_px = EFFECTIVE_HALO_PX

    def __init__(self, *, scale: int = 4, n_channels: int = 3) -> None:
        self.scale = scale
        self.n_channels = n_channels

    def __call__(self, low_res: LowResSeries) -> Image:
        with torch.autocast(low_res.device.type, enabled=False):
            dates = low_res.float()
            valid = (~is_no_data(dates, 2)).unsqueeze(2).float()
            seen = register(dates, valid)
            return self._restore(seen)

    def _restore(self, seen: Registration) -> Image:
        sigma = sentinel2_sigma_px() * self.scale
        total = seen.weight.sum(1)
        mean = (seen.harmonised * seen.weight).sum(1) / total.clamp_min(LEAST_WEIGHT)
        image = enlarge(torch.where(total > LEAST_WEIGHT, mean, seen.reference), self.scale)
        samples, before = Samples(seen, self.scale), image
        for k in range(N_STEPS):
            ahead = image + k / (k + 3) * (image - before)
            expected = samples.read(blurred(ahead, sigma))
            pull = samples.lay((samples.values - expected).clamp(-OUTLIER_UNIT, OUTLIER_UNIT))
            correction = blurred(blurred(pull, sigma), DENSITY_SIGMA_PX * self.scale) / (samples.density + FLOOR)
            before, image = image, ahead + STEP * correction + SMOOTHNESS * _towards_neighbours(ahead)
        return image


class Samples:
    """The pixels of all dates as points on the fine grid.

    values: `b c n` and weights `b 1 n`, n = dates × low-resolution pixels.
    """

    def __init__(self, seen: Registration, scale: int) -> None:
        b, _, c, h, w = seen.harmonised.shape
        self.values = seen.harmonised.transpose(1, 2).reshape(b, c, -1)
        self.weights = seen.weight.transpose(1, 2).reshape(b, 1, -1)
        self.shape_hw = (h * scale, w * scale)
        device = self.values.device
        rows = torch.arange(h, device=device)[:, None] + 0.5 + seen.shift_px[:, :, 1]
        columns = torch.arange(w, device=device) + 0.5 + seen.shift_px[:, :, 0]
        self.corners = _corners(rows.flatten(1) * scale - 0.5, columns.flatten(1) * scale - 0.5, self.shape_hw)
        self.density = blurred(self.lay(torch.ones_like(self.values[:, :1])), DENSITY_SIGMA_PX * scale)

    def read(self, image: Tensor) -> Tensor:
        """The image at the samples, bilinear: `b c H W` to `b c n`."""
        flat = image.flatten(2)
        total = torch.zeros_like(self.values)
        for index, share in self.corners:
            total += flat.gather(2, index.expand(-1, flat.shape[1], -1)) * share
        return total

    def lay(self, values: Tensor) -> Tensor:
        """Weighted values onto the fine grid, the transpose of `read`: `b c n` to `b c H W`."""
        b, c = values.shape[:2]
        fine = values.new_zeros(b, c, self.shape_hw[0] * self.shape_hw[1])
        weighted = values * self.weights
        for index, share in self.corners:
            fine.scatter_add_(2, index.expand(-1, c, -1), weighted * share)
        return fine.view(b, c, *self.shape_hw)


def _corners(rows: Tensor, columns: Tensor, shape_hw: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    """Index and share of the four fine pixels around each point, `b 1 n` each; points beyond an edge lie on it."""
    height, width = shape_hw
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    top, left = rows.floor().clamp(max=max(0, height - 2)), columns.floor().clamp(max=max(0, width - 2))
    down, right = rows - top, columns - left
    corners = []
    for y, share_y in ((0, 1 - down), (1, down)):
        for x, share_x in ((0, 1 - right), (1, right)):
            index = (top + y).clamp(max=height - 1) * width + (left + x).clamp(max=width - 1)
            corners.append((index.long().unsqueeze(1), (share_y * share_x).unsqueeze(1)))
    return corners


def _towards_neighbours(image: Tensor) -> Tensor:
    """Minus the gradient of the Huber total variation: pulls a pixel towards its four neighbours, not across edges."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    centre = padded[..., 1:-1, 1:-1]
    neighbours = (padded[..., 1:-1, 2:], padded[..., 1:-1, :-2], padded[..., 2:, 1:-1], padded[..., :-2, 1:-1])
    return torch.stack([(n - centre).clamp(-EDGE_UNIT, EDGE_UNIT) for n in neighbours]).sum(0)
