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
        ema_decay: of the moving average; None keeps none.
        ema_warms_up: shorten the decay early on (`MovingAverage`).
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
        ema_decay: float | None,
        max_gradient_norm: float | None,
        ema_warms_up: bool = True,
        team: Team = ALONE,
    ) -> None:
        self.network = network.to(compute.device).to(memory_format=torch.channels_last).train()
        self.schedule = schedule
        self.max_gradient_norm = max_gradient_norm
        self.team = team
        self.kept_average = None if ema_decay is None else MovingAverage(network, ema_decay, warms_up=ema_warms_up)
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=schedule.rate(0), betas=betas, weight_decay=weight_decay, fused=True
        )

    @property
    def average(self) -> MovingAverage:
        """What the run delivers."""
        assert self.kept_average is not None, "this network is trained without a moving average"
        return self.kept_average

    def descend(self, total: Tensor, step: int, *, n_samples: int = 1) -> None:
        """One step down the gradient of `total`, at the rate of that step.

        Args:
            total: a mean over `n_samples` samples; processes count by theirs.
        """
        self.begin(step)
        total.backward()
        self.finish(n_samples=n_samples)

    def begin(self, step: int) -> None:
        """Forget the last gradient and take the rate of this step; `backward` of any number of parts may follow."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(step)
        self.optimiser.zero_grad(set_to_none=True)

    def finish(self, *, n_samples: int = 1) -> None:
        """Go down the gradient that has gathered since `begin`, and let the average follow."""
        self.team.average_gradients(self.network.parameters(), n_samples)
        if self.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient_norm)
        self.optimiser.step()
        self.follow()

    def follow(self) -> None:
        """Let the average come nearer to the network."""
        if self.kept_average is not None:
            self.kept_average.update(self.network)

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs besides the step number."""
        state: dict[str, Any] = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        if self.kept_average is not None:
            state["average"] = self.average.network.state_dict()
            state["n_updates"] = self.average.n_updates
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        if self.kept_average is not None:
            self.average.network.load_state_dict(state["average"])
            self.average.n_updates = state["n_updates"]
        self.optimiser.load_state_dict(state["optimiser"])
