"""Are window borders visible? Mean pixel step across them over the mean step elsewhere, columns and rows.

1.00 means invisible. "Elsewhere" is every other border between low-resolution pixels, so that the enlargement's own
pattern does not count as a seam, and the ground is a texture that is alike everywhere, so that a road at a window's
border does not either. The same lines of the untiled result show what is left of chance. The mosaic the original
publishes (kota_india) measures 1.58 and 1.81 at its chip borders.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ssr.build.networks import bundled_model
from ssr.data.simulate import simulate_series
from ssr.inference.predictor import super_resolve_array
from ssr.models.protocol import SuperResolver

CORE_PX = 32
SIDE_PX = 384
MARGIN_PX = 2


def main() -> dict[str, dict[str, float]]:
    return {"compact-8": measure(bundled_model())}


def measure(network: SuperResolver, *, side_px: int = SIDE_PX, core_px: int = CORE_PX) -> dict[str, float]:
    series = texture_series(side_px)
    tiled = super_resolve_array(network, series, core_px=core_px)
    untiled = super_resolve_array(network, series, core_px=side_px)
    period = side_px // -(-side_px // core_px) * network.scale
    figures = {}
    for name, image in (("tiled", tiled), ("untiled", untiled)):
        for axis, label in ((2, "columns"), (1, "rows")):
            figures[f"{name}_{label}"] = round(seam_ratio(image, axis, period, network.scale), 4)
    figures["largest_difference_dn"] = round(float(np.abs(tiled - untiled).max() * 255), 3)
    return figures


def texture_series(side_px: int) -> NDArray[np.float32]:
    """Eight dates of stationary noise at several scales, `8 3 side side`."""
    generator = torch.Generator().manual_seed(3)
    n = (side_px + 2 * MARGIN_PX) * 4
    ground = torch.full((1, 3, n, n), 0.4)
    for cells, strength in ((n, 0.05), (n // 3, 0.08), (n // 9, 0.08)):
        noise = torch.randn(1, 3, cells, cells, generator=generator)
        ground += strength * F.interpolate(noise, size=(n, n), mode="bicubic")
    series = simulate_series(ground.clamp(0, 1), n_revisits=8, generator=generator, margin_px=MARGIN_PX)
    return series.low_res[0].numpy()


def seam_ratio(image: NDArray[np.floating], axis: int, period_px: int, scale: int) -> float:
    """Mean step across lines at multiples of `period_px` over that across the other coarse borders of `c H W`."""
    steps = np.abs(np.diff(image.astype(np.float64), axis=axis)).mean(tuple(a for a in (0, 1, 2) if a != axis))
    line = np.arange(len(steps)) + 1
    at_border, coarse = line % period_px == 0, line % scale == 0
    return float(steps[at_border].mean() / steps[coarse & ~at_border].mean())


if __name__ == "__main__":
    print(main())
