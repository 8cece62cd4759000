"""What happens, step by step, between the first batch and the last checkpoint?"""

import math
import signal
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ssr.data.pairs import Batch, BatchSource, Shard
from ssr.distributed import ALONE, Team
from ssr.errors import SSRError
from ssr.training.logbook import best_logged
from ssr.training.recorder import Figures, Picture, Recorder, Validation
from ssr.training.runfolder import RunFolder
from ssr.training.step import TrainingStep
from ssr.training.stopping import Stop

STEP_STRIDE = 1_000_003
"""A prime: seeds of different runs do not meet the steps of one another."""
EXPLODED = 1000.0
"""A loss of so many times the mean so far has left the rails."""
N_SETTLING_STEPS = 100
"""Losses of a run's first steps fall by large factors; what explodes among them ends as not finite."""


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How often what happens, in steps.

    best_by: the validation figure of which the highest is best.
    """

    n_steps: int
    log_every: int
    checkpoint_every: int
    validate_every: int
    best_by: str = "cpsnr"


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: the steps it has done, the last validation's figures, and the signal that asked it to stop."""

    n_done: int
    figures: Figures
    stopped_by: signal.Signals | None = None


def run_loop(
    step: TrainingStep,
    source: BatchSource,
    *,
    folder: RunFolder,
    n_done: int,
    rhythm: Rhythm,
    validate: Callable[[], Validation] | None,
    progress: Callable[[int, Figures], None],
    recorders: Sequence[Recorder] = (),
    team: Team = ALONE,
    stop: Stop | None = None,
    seed: int = 0,
) -> RunEnd:
    """Repeat `step` from `n_done` to the end, or until asked to stop, then save.

    Random numbers that networks draw themselves (dropout) depend on seed, step and process alone, so a resumed run
    draws what it would have drawn.

    Args:
        validate: called by every process of the team together.
        recorders: told of losses and validations, where this process is the first of its team.

    Raises:
        SSRError: the loss is not finite or explodes (names the step, its chips and the dump), or more steps are done
            than wanted.
    """
    n_steps = rhythm.n_steps
    if n_done > n_steps:
        raise SSRError(f"{folder.path}: {n_done} steps are done already, {n_steps} are wanted; raise training.n_steps")
    recorders = recorders if team.is_first else ()
    stop = stop or Stop()
    means, watch = _Means(team), _Watch(folder, team)
    best = best_logged(folder.path, rhythm.best_by) if n_done else -math.inf
    figures: Figures = {}
    for k in range(n_done, n_steps):
        batch = source.batch(k, Shard(team.rank, team.n_ranks))
        torch.default_generator.manual_seed((seed * STEP_STRIDE + k) * team.n_ranks + team.rank)
        losses = {name: float(value) for name, value in step(batch, k).items()}
        watch(losses["loss"], k + 1, batch, step)
        means.add(losses, len(batch.names))
        done = k + 1
        is_end = done == n_steps or team.any(stop.asked_by is not None)
        is_logged = done % rhythm.log_every == 0 or is_end
        told = means.take() | step.pace() if is_logged else {}
        if is_logged:
            _tell(recorders, "train", done, told)
        progress(done, told)
        if validate and (done % rhythm.validate_every == 0 or done == n_steps):
            figures, pictures = validate()
            _tell(recorders, "validation", done, figures, pictures)
            if figures.get(rhythm.best_by, -math.inf) > best and team.is_first:
                folder.write_best(step)
            best = max(best, figures.get(rhythm.best_by, -math.inf))
        if is_end:
            break
        if done % rhythm.checkpoint_every == 0 and team.is_first:
            folder.write(done, step, is_last=False)
    else:
        done = n_done
    if team.is_first:
        folder.write(done, step, is_last=True)
    team.wait()
    return RunEnd(done, figures, stop.asked_by if done < n_steps else None)


class _Means:
    """Means of losses since they were last taken, over steps and processes, by number of chips.

    A loss counts where it was computed: some belong to the turns of one network only.
    """

    def __init__(self, team: Team) -> None:
        self.team = team
        self.sums: Figures = defaultdict(float)
        self.weights: Figures = defaultdict(float)

    def add(self, losses: Figures, weight: int) -> None:
        for name, value in losses.items():
            self.sums[name] += value * weight
            self.weights[name] += weight

    def take(self) -> Figures:
        taken: Figures = {}
        for name, total in self.sums.items():
            weight = self.weights[name]
            taken |= self.team.weighted_mean({name: total / weight}, weight)
        self.sums.clear()
        self.weights.clear()
        return taken


class _Watch:
    """Stops a run whose loss has left the rails, in every process at once."""

    def __init__(self, folder: RunFolder, team: Team) -> None:
        self.folder = folder
        self.team = team
        self.n_seen = 0
        self.mean = 0.0

    def __call__(self, loss: float, done: int, batch: Batch, step: TrainingStep) -> None:
        exploded = self.n_seen >= N_SETTLING_STEPS and abs(loss) > EXPLODED * self.mean
        if self.team.any(not math.isfinite(loss) or exploded):
            what = "explodes" if exploded and math.isfinite(loss) else "is not finite"
            dump = f"; saved {self.folder.write_dump(done, batch, step)}" if self.team.is_first else ""
            raise SSRError(f"the loss {what} at step {done} ({loss:g}); chips: {', '.join(batch.names)}{dump}")
        self.n_seen += 1
        self.mean += (abs(loss) - self.mean) / self.n_seen


def _tell(
    recorders: Sequence[Recorder], event: str, step: int, figures: Figures, pictures: Sequence[Picture] = ()
) -> None:
    for recorder in recorders:
        recorder.record(event, step, figures, pictures)
