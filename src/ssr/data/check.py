"""Which samples of a data set are of no use, and why?"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from ssr.atomic import whole_file
from ssr.data.samples import Flaw, PairSet, flaw_of

N_TOGETHER = 512
"""Samples that are handed to the threads at once; memory stays small whatever the data set."""


@dataclass(frozen=True)
class FlawedSample:
    """A sample of no use."""

    name: str
    kind: str
    told: str


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    kinds: how many samples are flawed in which way.
    """

    n_samples: int
    kinds: dict[str, int]
    flawed: tuple[FlawedSample, ...]

    @property
    def n_flawed(self) -> int:
        return len(self.flawed)


def check(
    samples: PairSet,
    *,
    n_threads: int,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> CheckReport:
    """Look through every file of every sample."""
    found = []
    for index, flaw in enumerate(_flaws(samples, n_threads)):
        if flaw:
            found.append(FlawedSample(samples.name(index), flaw.kind, flaw.told))
        progress(index + 1, len(samples))
    return CheckReport(len(samples), dict(sorted(Counter(f.kind for f in found).items())), tuple(found))


def write_report(path: Path, report: CheckReport) -> None:
    """As JSON."""
    content = {"n_samples": report.n_samples, "n_flawed": report.n_flawed} | asdict(report)
    with whole_file(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def write_exclusions(path: Path, report: CheckReport) -> None:
    """The names of flawed samples, one a line: what the option `exclude` takes."""
    with whole_file(path) as part:
        part.write_text("".join(f"{f.name}\n" for f in report.flawed), "utf-8")


def _flaws(samples: PairSet, n_threads: int) -> Iterator[Flaw | None]:
    with ThreadPoolExecutor(n_threads) as threads:
        for start in range(0, len(samples), N_TOGETHER):
            indexes = range(start, min(start + N_TOGETHER, len(samples)))
            yield from threads.map(lambda index: flaw_of(samples, index), indexes)
