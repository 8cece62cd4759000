"""What does the loop repeat?"""

from typing import Any, Protocol

from torch import Tensor

from ssr.data.pairs import Batch


class TrainingStep(Protocol):
    """One optimisation step, with the state that a resumed run needs.

    pace: how fast it descends: learning rates, and scales of losses in fp16.
    """

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]: ...
    def pace(self) -> dict[str, float]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...
