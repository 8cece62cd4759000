"""What does the loop repeat?"""

from typing import Any, Protocol

from torch import Tensor

from ssr.data.pairs import Batch


class TrainingStep(Protocol):
    """One optimisation step, with the state that a resumed run needs."""

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...
