"""How do rows that come out of a network one strip after the other become the bands that were asked for?"""

from collections import deque
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


class Bands:
    """Collects fine rows, and which pixels no date shows, until a band is whole.

    Args:
        spans: first and last row (exclusive) of each band, in low-resolution pixels, one below the other.
        width: in low-resolution pixels.
    """

    def __init__(self, spans: Sequence[tuple[int, int]], scale: int, width: int) -> None:
        self.waiting = deque(spans)
        self.scale = scale
        self.width = width
        self.fine: Tensor | None = None
        self.unseen: deque[tuple[int, Tensor]] = deque()

    def note(self, start: int, unseen: Tensor) -> None:
        """Rows `h w` of the input that lack data on all dates, the first of them number `start`."""
        self.unseen.append((start, unseen))

    def take(self, maps: Tensor, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The next fine rows `1 c h w`, number `start` first; gives each band that they complete, and its unseen."""
        stop = start + maps.shape[2]
        while self.waiting:
            top, bottom = (row * self.scale for row in self.waiting[0])
            first, last = max(start, top), min(stop, bottom)
            if first >= last:
                return
            if self.fine is None:
                self.fine = maps.new_empty((1, maps.shape[1], bottom - top, maps.shape[3]))
            self.fine[:, :, first - top : last - top] = maps[:, :, first - start : last - start]
            if last < bottom:
                return
            yield self.fine, self._unseen(*self.waiting.popleft()).unsqueeze(0)
            self.fine = None

    def _unseen(self, top: int, bottom: int) -> Tensor:
        whole = torch.zeros((bottom - top, self.width), dtype=torch.bool)
        for start, rows in self.unseen:
            first, last = max(start, top), min(start + len(rows), bottom)
            if first < last:
                whole[first - top : last - top] = rows[first - start : last - start]
        while self.unseen and self.unseen[0][0] + len(self.unseen[0][1]) <= bottom:
            self.unseen.popleft()
        return whole
