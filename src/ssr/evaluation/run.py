"""What does one model score on every sample of one data set?

A batch is the same samples whoever works on it, so results do not depend on the number of processes. Of each sample a
model sees the best so many dates by the rule of inference (`scenes.ranking`), for every number that is asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ssr.data.pairs import WHOLE, Shard
from ssr.evaluation.clouds import cloud_share
from ssr.evaluation.samples import EvaluationSet, LeftOut, Pair
from ssr.evaluation.table import Row
from ssr.metrics.measure import Judged, Suite
from ssr.scenes.ranking import choose_dates, rank_dates

Images = NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """A model under test.

    predict: `b t c h w` in [0, 1] to `b c H W` in [0, 1].
    n_wanted: dates that it takes; None for any number.
    at_most: show it no more than the best so many of those offered.
    """

    name: str
    predict: Callable[[Images], Images]
    n_wanted: int | None
    n_channels: int
    at_most: int | None = None


class Result(NamedTuple):
    """One image that a model made of the sample of this number."""

    dataset: str
    model: str
    number: int
    pair: Pair
    n_dates: int
    is_most: bool
    super_res: Images


@dataclass
class Findings:
    """Rows and left-out samples; seconds that the model alone took.

    spans: for measures that say little alone, what they say of unrelated and of identical images: columns of
        `(unrelated, identical)` by key.
    """

    rows: list[Row] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    seconds: float = 0.0
    n_images: int = 0


def judge(
    candidate: Candidate,
    samples: EvaluationSet,
    suite: Suite,
    *,
    dataset: str,
    n_dates: Sequence[int] | None,
    batch_size: int,
    shard: Shard = WHOLE,
    receive: Callable[[Result], None] = lambda _result: None,
    progress: Callable[[int], None] = lambda _n: None,
) -> Findings:
    """Read, super-resolve and measure the samples of this process's share of the batches.

    Args:
        n_dates: numbers of dates to show it; None for all that a sample has.
        receive: is handed every image.
        progress: is told how many samples more are done.
    """
    found = Findings()
    n_batches = -(-len(samples) // batch_size)
    for k in range(shard.rank, n_batches, shard.n_ranks):
        indexes = range(k * batch_size, min((k + 1) * batch_size, len(samples)))
        pairs = []
        for index in indexes:
            read = samples.read(index)
            if isinstance(read, LeftOut):
                found.left_out.append(read)
            else:
                pairs.append((index, read))
        for group in _of_one_size(pairs):
            _judge_batch(candidate, group, suite, dataset, n_dates, found, receive)
        progress(len(indexes))
    return found


def dates_shown(n_offered: int, n_dates: Sequence[int] | None) -> list[int]:
    """The numbers of dates to test of a sample: a larger number than it has counts as all."""
    return sorted({min(n, n_offered) for n in n_dates}) if n_dates else [n_offered]


def chosen_dates(pair: Pair, candidate: Candidate, n_shown: int) -> list[int]:
    """The dates that a model sees when it is shown so many."""
    at_most = min(n_shown, candidate.at_most or n_shown)
    return choose_dates(rank_dates(pair.low_res), candidate.n_wanted, at_most=at_most)


def _of_one_size(pairs: Iterable[tuple[int, Pair]]) -> Iterator[list[tuple[int, Pair]]]:
    for _, group in groupby(pairs, key=lambda item: item[1].low_res.shape):
        yield list(group)


def _judge_batch(
    candidate: Candidate,
    group: list[tuple[int, Pair]],
    suite: Suite,
    dataset: str,
    n_dates: Sequence[int] | None,
    found: Findings,
    receive: Callable[[Result], None],
) -> None:
    pairs = [pair for _, pair in group]
    clouds = [cloud_share(pair.low_res) for pair in pairs]
    numbers = dates_shown(len(pairs[0].low_res), n_dates)
    truth = torch.from_numpy(np.stack([pair.truth for pair in pairs])).clamp(0, 1)
    for n_shown in numbers:
        offered = np.stack([p.low_res[choose_dates(rank_dates(p.low_res), None, at_most=n_shown)] for p in pairs])
        seen = np.stack([p.low_res[chosen_dates(p, candidate, n_shown)][:, : candidate.n_channels] for p in pairs])
        started = perf_counter()
        images = candidate.predict(seen)
        found.seconds += perf_counter() - started
        found.n_images += len(images)
        judged = Judged(torch.from_numpy(images), truth, torch.from_numpy(offered).clamp(0, 1))
        scores = {key: column.tolist() for key, column in suite(judged).items()}
        if n_shown == numbers[-1] and len(images) > 1:
            for key, span in suite.spans(judged).items():
                both = zip(span.unrelated.tolist(), span.identical.tolist(), strict=True)
                found.spans.setdefault(key, []).extend(both)
        for k, (index, pair) in enumerate(group):
            row: dict[str, Any] = {"sample": pair.name, "dataset": dataset, "model": candidate.name}
            row |= {"number": index, "n_dates": n_shown, "cloud_share": clouds[k]}
            found.rows.append(row | {key: column[k] for key, column in scores.items()})
            receive(Result(dataset, candidate.name, index, pair, n_shown, n_shown == numbers[-1], images[k]))
