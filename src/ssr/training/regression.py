"""One step of regression: predict, compare, descend, average."""

from typing import Any

import torch
from torch import Tensor

from ssr.data.pairs import Batch
from ssr.device import Compute
from ssr.losses.total import TotalLoss
from ssr.training.descent import Descent
from ssr.training.parts import gather, parts_of


class RegressionStep:
    """Descends a loss of the network's image.

    Args:
        n_parts: the batch passes in so many, for memory.
    """

    def __init__(self, descent: Descent, loss: TotalLoss, *, compute: Compute, n_parts: int = 1) -> None:
        self.descent = descent
        self.loss = loss
        self.compute = compute
        self.n_parts = n_parts

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses by name; `loss` is their sum."""
        figures: dict[str, Tensor] = {}
        self.descent.begin(step)
        for part, share in parts_of(batch, self.n_parts):
            low_res, high_res = part.low_res.to(self.compute.device), part.high_res.to(self.compute.device)
            with self.compute.autocast():
                super_res = self.descent.network(low_res)
            terms = self.loss(super_res.float(), high_res, low_res)
            total = torch.stack(list(terms.values())).sum()
            self.descent.add_gradient(total * share)
            gather(figures, terms | {"loss": total}, share)
        self.descent.finish(n_samples=len(batch.names))
        return figures

    def pace(self) -> dict[str, float]:
        return self.descent.pace()

    def state_dict(self) -> dict[str, Any]:
        return self.descent.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.descent.load_state_dict(state)
