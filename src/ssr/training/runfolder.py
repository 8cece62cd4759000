"""What does a run leave on disk, and how is it taken up again?

`<root>/<name>/` in the published layout: `models/net_g_<step>.pth` (and `net_d_…`), `training_states/<step>.state`,
`log.jsonl`. Every file appears whole or not at all, and a state never lacks its weights.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssr.atomic import discard
from ssr.checkpoints.described import DESCRIPTION
from ssr.checkpoints.files import read_training_state, write_torch
from ssr.data.pairs import Batch
from ssr.errors import WeightsError
from ssr.training.step import TrainingStep

BEST, LATEST = "best", "latest"


class RunFolder:
    """One run's files.

    Args:
        n_kept: checkpoints to keep beside the best and the last; None keeps all.
        description: of the generator, written beside its weights: what their shapes do not tell.
    """

    def __init__(
        self, root: Path, name: str, *, n_kept: int | None = None, description: Mapping[str, str] | None = None
    ) -> None:
        self.description = dict(description or {})
        self.path = root / name
        self.models = self.path / "models"
        self.states = self.path / "training_states"
        self.n_kept = n_kept

    def write(self, n_done: int, step: TrainingStep, *, is_last: bool) -> None:
        """Weights as published, then everything else; older checkpoints beyond `n_kept` go last."""
        state = step.state_dict()
        self._write_weights(LATEST if is_last else str(n_done), state)
        write_torch(self.states / f"{n_done}.state", {"iter": n_done, "step": state})
        self._forget_old()

    def write_best(self, step: TrainingStep) -> None:
        """The weights with the best validation so far."""
        self._write_weights(BEST, step.state_dict())

    def write_dump(self, n_done: int, batch: Batch, step: TrainingStep) -> Path:
        """What a step choked on: its batch, and the state it left."""
        path = self.path / f"dump_step_{n_done}.pth"
        seen = {"low_res": batch.low_res, "high_res": batch.high_res, "names": list(batch.names)}
        write_torch(path, {"iter": n_done, "batch": seen, "step": step.state_dict()})
        return path

    def newest_state(self) -> Path | None:
        """The state with the most steps done, if there is one."""
        return max(self._all_states(), key=_steps_of, default=None)

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

    def _write_weights(self, label: str, state: Mapping[str, Any]) -> None:
        weights = {"params": state["network"], "params_ema": state["average"]}
        if self.description:
            weights[DESCRIPTION] = self.description
        write_torch(self.models / f"net_g_{label}.pth", weights)
        if "discriminator" in state:
            write_torch(self.models / f"net_d_{label}.pth", {"params": state["discriminator"]["network"]})

    def _all_states(self) -> list[Path]:
        return [path for path in self.states.glob("*.state") if path.stem.isdecimal()]

    def _forget_old(self) -> None:
        if self.n_kept is None:
            return
        for state in sorted(self._all_states(), key=_steps_of)[: -self.n_kept]:
            discard(state)
            for network in ("g", "d"):
                discard(self.models / f"net_{network}_{state.stem}.pth")


def _steps_of(state: Path) -> int:
    return int(state.stem)
