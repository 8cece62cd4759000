"""How does training never wait for data?"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

from ssr.data.pairs import WHOLE, Batch, BatchSource, Shard


class Prefetched:
    """The batches of another source, of which those of the next steps are prepared by threads meanwhile.

    They are the same batches, and an error comes out at the step it belongs to. Steps may be asked for in any order;
    only the ones that follow the last are prepared. For use by one thread.

    Args:
        n_ahead: batches that are ready or under way at most.
        end: the step before which preparing ends; None for an endless run.
    """

    def __init__(self, source: BatchSource, *, n_ahead: int = 4, n_threads: int = 2, end: int | None = None) -> None:
        self.source = source
        self.n_ahead = n_ahead
        self.end = end
        self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix="ssr-data")
        self._coming: dict[tuple[int, Shard], Future[Batch]] = {}

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch:
        """As the source's."""
        wanted = self._coming.pop((step, shard), None) or self._threads.submit(self.source.batch, step, shard)
        last = step + self.n_ahead if self.end is None else min(step + self.n_ahead, self.end - 1)
        next_steps = [(k, shard) for k in range(step + 1, last + 1)]
        for key in self._coming.keys() - set(next_steps):
            self._coming.pop(key).cancel()
        for key in next_steps:
            if key not in self._coming:
                self._coming[key] = self._threads.submit(self.source.batch, *key)
        return wanted.result()

    def close(self) -> None:
        """Drop what is not begun and wait for what is."""
        self._coming.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def prefetched(source: BatchSource, *, n_threads: int, end: int | None = None) -> Iterator[BatchSource]:
    """A source with so many threads that prepare; the source itself for none."""
    if not n_threads:
        yield source
        return
    with Prefetched(source, n_ahead=2 * n_threads, n_threads=n_threads, end=end) as ahead:
        yield ahead
