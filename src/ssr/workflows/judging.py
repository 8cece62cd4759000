"""How are the parts of a test made, one model on one data set after the other, by all processes together?"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ssr.atomic import discard
from ssr.config.data import SimulatedData
from ssr.config.schema import TestConfig
from ssr.data.pairs import Shard
from ssr.distributed import Team
from ssr.evaluation.results import Part, ResultsFolder, put_together, read_share, write_share
from ssr.evaluation.run import Result, judge
from ssr.evaluation.samples import EvaluationSet
from ssr.evaluation.scores import to_bytes
from ssr.metrics.measure import Suite
from ssr.raster.writer import write_png
from ssr.workflows.contestants import Contestant

Progress = Callable[[int, int], None]
Parts = dict[tuple[str, str], Part]
"""By data set and model."""


@dataclass(frozen=True)
class Judging:
    """What all parts of a test share.

    precision: of the networks, which decides their last digits.
    """

    config: TestConfig
    folder: ResultsFolder
    sets: Mapping[str, EvaluationSet]
    suite: Suite
    team: Team
    progress: Progress
    tell: Callable[[str], None]
    precision: str

    def all_parts(self, contestants: list[Contestant]) -> Parts:
        """Those that are finished are kept; the others are made and written."""
        wanted = [(dataset, contestant) for dataset in self.sets for contestant in contestants]
        kept = {
            (dataset, one.name): part
            for dataset, one in wanted
            if (part := self.folder.part(dataset, one.name, self._settings(dataset, one)))
        }
        self.team.wait()  # all have looked before the first writes
        pending = [(dataset, one) for dataset, one in wanted if (dataset, one.name) not in kept]
        total = sum(len(self.sets[dataset]) for dataset, _ in pending)
        done, parts = 0, dict(kept)
        for dataset, one in pending:
            parts[dataset, one.name] = self._one_part(dataset, one, done, total)
            done += len(self.sets[dataset])
        return {(dataset, one.name): parts[dataset, one.name] for dataset, one in wanted}

    def _one_part(self, dataset: str, one: Contestant, n_before: int, total: int) -> Part:
        started, n_done, samples = time.monotonic(), 0, self.sets[dataset]

        def progress(n_more: int) -> None:
            nonlocal n_done
            n_done += n_more * self.team.n_ranks  # the others are about as far
            self.progress(n_before + min(n_done, len(samples)), total)

        found = judge(
            one.candidate,
            samples,
            self.suite,
            dataset=dataset,
            n_dates=self.config.n_dates,
            batch_size=self.config.batch_size,
            shard=Shard(self.team.rank, self.team.n_ranks),
            receive=self._save_image,
            progress=progress,
        )
        settings, measures = self._settings(dataset, one), [measure.key for measure in self.suite.measures]
        if self.team.n_ranks == 1:
            part = put_together([found], settings, measures)
        else:
            paths = [self.folder.share_path(dataset, one.name, rank) for rank in range(self.team.n_ranks)]
            try:
                write_share(paths[self.team.rank], found)
                self.team.wait()
                part = put_together([read_share(path) for path in paths], settings, measures)
                self.team.wait()
            finally:
                discard(paths[self.team.rank])
        if self.team.is_first:
            self.folder.write_part(dataset, one.name, part)
            rate = part.n_images / max(time.monotonic() - started, 1e-9)
            self.tell(
                f"{one.name} on {dataset}: {part.n_images} results of {len(samples)} samples, {rate:.1f} a second"
            )
        return part

    def _save_image(self, result: Result) -> None:
        """As published: `<number>_<model>.png`, and the truth beside it where that is asked for."""
        if self.config.save_images == "none" or not result.is_most:
            return
        path = self.folder.images / result.dataset / f"{result.number}_{result.model}.png"
        write_png(path, to_bytes(torch.from_numpy(result.super_res)))
        if self.config.save_images == "results_and_truth":
            write_png(path.with_name(f"{path.stem}_gt.png"), to_bytes(torch.from_numpy(result.pair.truth)))

    def _settings(self, dataset: str, one: Contestant) -> dict[str, Any]:
        """What decides the numbers of a part."""
        data = self.config.data[dataset]
        return {
            "model": one.settings(),
            "precision": self.precision,
            "data": data.model_dump(mode="json"),
            "n_dates": list(self.config.n_dates) if self.config.n_dates else None,
            "metrics": self.config.metrics.model_dump(mode="json"),
            "measures": [measure.key for measure in self.suite.measures],
            **({"n_samples": self.config.n_samples} if isinstance(data, SimulatedData) else {}),
        }
