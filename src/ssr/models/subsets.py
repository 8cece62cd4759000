"""How does a network of n dates see more than n?

It sees several subsets, one after the other, and the results are averaged; which subsets is not decided here
(`scenes.ranking`). A subset counts, pixel by pixel, for as many dates as have data in it.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from ssr.models.protocol import SuperResolver, super_resolve
from ssr.sentinel2.radiometry import is_no_data
from ssr.tensors import Image, LowResSeries

UNSEEN = 1e-6
"""Weight of a pass where none of its dates has data: it counts only where no other pass has any either."""


class SubsetAverage(nn.Module):
    """The mean of a network's results over subsets of the dates.

    Args:
        network: any SuperResolver.
        subsets: positions among the dates of the input, for each pass of the network.
    """

    def __init__(self, network: SuperResolver, subsets: Sequence[Sequence[int]]) -> None:
        super().__init__()
        if not subsets:
            raise ValueError("there is no subset to average over")
        self.network = network
        self.subsets = [list(subset) for subset in subsets]
        self.n_revisits = 1 + max(max(subset) for subset in self.subsets)
        self.scale = network.scale
        self.n_channels = network.n_channels
        self.size_multiple = network.size_multiple
        self.sees_place = network.sees_place
        self.halo_px = network.halo_px

    def forward(self, low_res: LowResSeries, origins: Tensor | None = None) -> Image:
        total: Tensor | None = None
        weights: Tensor | None = None
        for subset in self.subsets:
            dates = low_res[:, subset]
            counts = (~is_no_data(dates, 2)).float().sum(1, keepdim=True) + UNSEEN
            weight = counts.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
            seen = super_resolve(self.network, dates, origins).float() * weight
            total, weights = (seen, weight) if total is None else (total + seen, weights + weight)
        assert total is not None
        assert weights is not None
        return total / weights
