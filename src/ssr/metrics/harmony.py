"""Which differences between a result and the truth are of colour and place alone, and how are they taken out?"""

import torch
from torch import Tensor

from ssr.metrics.displacement import MAX_SHIFT_PX, displacement, moved


def harmonised(
    super_res: Tensor, truth: Tensor, clear: Tensor | None = None, *, max_shift_px: float = MAX_SHIFT_PX
) -> Tensor:
    """The result with the truth's histograms, then moved onto it: `b c H W`.

    Args:
        clear: `b 1 H W`; elsewhere the truth decides nothing.
    """
    matched = with_histogram_of(super_res, truth, clear)
    target = truth if clear is None else torch.where(clear, truth, matched)
    return moved(matched, displacement(target, matched, max_shift_px=max_shift_px))


def with_histogram_of(image: Tensor, target: Tensor, clear: Tensor | None = None) -> Tensor:
    """Each value replaced by the target's of the same rank, channel by channel; both `b c H W` of one size.

    Equal values share the rank of their last; between the ranks of the target's values it is interpolated (as
    scikit-image's `match_histograms`). Pixels that are not clear stand above all others and stay as they are.
    """
    own, theirs = (image, target) if clear is None else (x.masked_fill(~clear, torch.inf) for x in (image, target))
    values, place = own.flatten(2).sort(-1)
    sought = theirs.flatten(2).sort(-1).values
    rank = _ties(values)[1]
    first, last = (ends.gather(-1, rank - 1) for ends in _ties(sought))
    above = sought.gather(-1, rank - 1)
    below = torch.where(first > 0, sought.gather(-1, (first - 1).clamp(min=0)), above)
    share = (rank - first).to(image.dtype) / (last - first)
    matched = torch.empty_like(values).scatter_(-1, place, below + (above - below) * share).view_as(image)
    return matched if clear is None else torch.where(clear, matched, image)


def _ties(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """How many values stand before those equal to each, and how many up to the last of them; as `ordered`."""
    n = ordered.shape[-1]
    index = torch.arange(n, device=ordered.device).expand(ordered.shape)
    differs = ordered[..., 1:] != ordered[..., :-1]
    edge = torch.ones_like(ordered[..., :1], dtype=torch.bool)
    first = index.where(torch.cat([edge, differs], -1), 0).cummax(-1).values
    last = (index + 1).where(torch.cat([differs, edge], -1), n).flip(-1).cummin(-1).values.flip(-1)
    return first, last
