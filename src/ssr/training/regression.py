"""One step of regression: predict, compare, descend, average."""

from typing import Any

import torch
from torch import Tensor

from ssr.data.pairs import Batch
from ssr.device import Compute
from ssr.losses.reconstruction import ReconstructionLoss
from ssr.training.descent import Descent


class RegressionStep:
    """Descends a reconstruction loss of the network's image."""

    def __init__(self, descent: Descent, loss: ReconstructionLoss, *, compute: Compute) -> None:
        self.descent = descent
        self.loss = loss
        self.compute = compute

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses by name; `loss` is their sum."""
        low_res, high_res = batch.low_res.to(self.compute.device), batch.high_res.to(self.compute.device)
        with self.compute.autocast():
            super_res = self.descent.network(low_res)
        terms = self.loss(super_res.float(), high_res)
        total = torch.stack(list(terms.values())).sum()
        self.descent.descend(total, step, n_samples=len(batch.names))
        return {name: value.detach() for name, value in terms.items()} | {"loss": total.detach()}

    def state_dict(self) -> dict[str, Any]:
        return self.descent.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.descent.load_state_dict(state)
