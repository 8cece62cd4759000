"""One step of regression: predict, compare, descend, average."""

from typing import Any

import torch
from torch import Tensor, nn

from ssr.data.pairs import Batch
from ssr.device import Compute
from ssr.losses.reconstruction import ReconstructionLoss
from ssr.training.ema import MovingAverage
from ssr.training.schedule import Schedule


class RegressionStep:
    """Adam on a reconstruction loss, with a moving average of the weights."""

    def __init__(
        self,
        network: nn.Module,
        loss: ReconstructionLoss,
        *,
        compute: Compute,
        schedule: Schedule,
        betas: tuple[float, float],
        weight_decay: float,
        ema_decay: float,
        max_gradient_norm: float | None,
    ) -> None:
        self.network = network.to(compute.device).to(memory_format=torch.channels_last).train()
        self.loss = loss
        self.compute = compute
        self.schedule = schedule
        self.max_gradient_norm = max_gradient_norm
        self.average = MovingAverage(self.network, ema_decay)
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=schedule.rate(0), betas=betas, weight_decay=weight_decay, fused=True
        )

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses by name; `loss` is their sum."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(step)
        low_res, high_res = batch.low_res.to(self.compute.device), batch.high_res.to(self.compute.device)
        with self.compute.autocast():
            super_res = self.network(low_res)
        terms = self.loss(super_res.float(), high_res)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        if self.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient_norm)
        self.optimiser.step()
        self.average.update(self.network)
        return {name: value.detach() for name, value in terms.items()} | {"loss": total.detach()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs besides the step number."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "n_updates": self.average.n_updates,
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.average.n_updates = state["n_updates"]
        self.optimiser.load_state_dict(state["optimiser"])
