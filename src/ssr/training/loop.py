"""What happens, step by step, between the first batch and the last checkpoint?"""

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ssr.checkpoints.files import read_training_state, write_torch
from ssr.data.pairs import Batch, BatchSource
from ssr.errors import SSRError, WeightsError
from ssr.training.logbook import Logbook


class TrainingStep(Protocol):
    """One optimisation step, with the state that a resumed run needs."""

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class RunFolder:
    """`<root>/<name>/` in the published layout: models, training_states, log."""

    def __init__(self, root: Path, name: str) -> None:
        self.path = root / name
        self.models = self.path / "models"
        self.states = self.path / "training_states"

    def write(self, n_done: int, step: TrainingStep, *, is_last: bool) -> None:
        """Weights as `{params, params_ema}`, then everything else, so a state never lacks its weights."""
        state = step.state_dict()
        label = "latest" if is_last else str(n_done)
        write_torch(self.models / f"net_g_{label}.pth", {"params": state["network"], "params_ema": state["average"]})
        write_torch(self.states / f"{n_done}.state", {"iter": n_done, "step": state})

    def newest_state(self) -> Path | None:
        """The state with the most steps done, if there is one."""
        return max(self.states.glob("*.state"), key=lambda p: int(p.stem), default=None)

    def resume(self, path: Path, step: TrainingStep) -> int:
        """Put a saved state back; the number of steps it had done."""
        state = read_training_state(path)
        if not isinstance(state.get("iter"), int) or not isinstance(state.get("step"), dict):
            raise WeightsError(f"{path}: not a training state of this program (found {', '.join(map(str, state))})")
        try:
            step.load_state_dict(state["step"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise WeightsError(f"{path}: belongs to another network ({' '.join(str(error).split())[:200]})") from error
        return int(state["iter"])


def run_loop(
    step: TrainingStep,
    source: BatchSource,
    *,
    folder: RunFolder,
    n_done: int,
    n_steps: int,
    log_every: int,
    checkpoint_every: int,
    validate_every: int,
    validate: Callable[[], dict[str, float]] | None,
    progress: Callable[[int, dict[str, float]], None],
) -> dict[str, float]:
    """Repeat `step` from `n_done` to `n_steps`; the last validation's figures (or the last losses).

    Raises:
        SSRError: the loss is no longer finite (names the step and its chips), or more steps are done than wanted.
    """
    if n_done > n_steps:
        raise SSRError(f"{folder.path}: {n_done} steps are done already, {n_steps} are wanted; raise training.n_steps")
    logbook = Logbook(folder.path)
    sums: dict[str, float] = defaultdict(float)
    n_summed = 0
    figures: dict[str, float] = {}
    for k in range(n_done, n_steps):
        batch = source.batch(k)
        for name, value in step(batch, k).items():
            sums[name] += float(value)
        n_summed += 1
        if not math.isfinite(sums["loss"]):
            raise SSRError(f"the loss is not finite at step {k + 1}; chips: {', '.join(batch.names)}")
        done = k + 1
        if done % log_every == 0 or done == n_steps:
            means = {name: total / n_summed for name, total in sums.items()}
            sums.clear()
            n_summed = 0
            logbook.write("train", step=done, **means)
            progress(done, means)
        else:
            progress(done, {})
        if validate and (done % validate_every == 0 or done == n_steps):
            figures = validate()
            logbook.write("validation", step=done, **figures)
        if done % checkpoint_every == 0 and done < n_steps:
            folder.write(done, step, is_last=False)
    folder.write(n_steps, step, is_last=True)
    return figures
