"""How do weights follow a gradient, and which average of them is delivered?"""

from typing import Any

import torch
from torch import Tensor, nn

from ssr.device import Compute
from ssr.distributed import ALONE, Team
from ssr.training.ema import MovingAverage
from ssr.training.schedule import Schedule


class Descent:
    """AdamW on one network, with its learning rate over time, clipping and moving average.

    Args:
        max_gradient_norm: longer gradients are shortened to this; None leaves them.
        team: the processes whose gradients are averaged.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        compute: Compute,
        schedule: Schedule,
        betas: tuple[float, float],
        weight_decay: float,
        ema_decay: float,
        max_gradient_norm: float | None,
        team: Team = ALONE,
    ) -> None:
        self.network = network.to(compute.device).to(memory_format=torch.channels_last).train()
        self.schedule = schedule
        self.max_gradient_norm = max_gradient_norm
        self.team = team
        self.average = MovingAverage(self.network, ema_decay)
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=schedule.rate(0), betas=betas, weight_decay=weight_decay, fused=True
        )

    def descend(self, total: Tensor, step: int, *, n_samples: int = 1) -> None:
        """One step down the gradient of `total`, at the rate of that step.

        Args:
            total: a mean over `n_samples` samples; processes count by theirs.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(step)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.team.average_gradients(self.network.parameters(), n_samples)
        if self.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient_norm)
        self.optimiser.step()
        self.average.update(self.network)

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
