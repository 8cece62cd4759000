"""How do weights follow a gradient, and which average of them is delivered?"""

from typing import Any

import torch
from torch import Tensor, nn

from ssr.device import Compute
from ssr.distributed import ALONE, Team
from ssr.errors import SSRError
from ssr.training.ema import MovingAverage
from ssr.training.schedule import Schedule

LEAST_SCALE = 1.0
"""Below it a gradient overflows 16 bits although its loss was made smaller, not larger."""


class Descent:
    """AdamW on one network, with its learning rate over time, clipping and moving average.

    In fp16 losses are multiplied by a scale before their gradients are taken, which are divided by it again. A step
    whose gradient overflows moves nothing and halves the scale; 2000 steps in a row that do not overflow double it.

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
        self.scaler = torch.amp.GradScaler(compute.device.type, enabled=compute.needs_scaled_gradients)

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
        self.add_gradient(total)
        self.finish(n_samples=n_samples)

    def begin(self, step: int) -> None:
        """Forget the last gradient and take the rate of this step; `add_gradient` of any number of parts may follow."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(step)
        self.optimiser.zero_grad(set_to_none=True)

    def add_gradient(self, part: Tensor) -> None:
        """Add the gradient of a part of the loss to what has gathered since `begin`."""
        self.scaler.scale(part).backward()

    def finish(self, *, n_samples: int = 1) -> None:
        """Go down the gradient that has gathered since `begin`, and let the average follow.

        Raises:
            SSRError: gradients overflow however small they are made.
        """
        self.team.average_gradients(self.network.parameters(), n_samples)  # an overflow anywhere is one everywhere
        self.scaler.unscale_(self.optimiser)
        if self.max_gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.scaler.get_scale() < LEAST_SCALE:
            raise SSRError(
                f"gradients of {type(self.network).__name__} overflow in fp16 at every step, the last time with losses "
                f"multiplied by {2 * self.scaler.get_scale():g}; use --precision bf16 or fp32, or a lower learning rate"
            )
        self.follow()

    def follow(self) -> None:
        """Let the average come nearer to the network."""
        if self.kept_average is not None:
            self.kept_average.update(self.network)

    def pace(self) -> dict[str, float]:
        """The learning rate of the last step and, in fp16, what losses are multiplied by now."""
        pace: dict[str, float] = {"learning_rate": self.optimiser.param_groups[0]["lr"]}
        return pace | ({"loss_scale": self.scaler.get_scale()} if self.scaler.is_enabled() else {})

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs besides the step number."""
        state: dict[str, Any] = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        if self.kept_average is not None:
            state["average"] = self.average.network.state_dict()
            state["n_updates"] = self.average.n_updates
        if self.scaler.is_enabled():
            state["scaler"] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state; one of another precision has no scale for fp16, or one that is not needed."""
        self.network.load_state_dict(state["network"])
        if self.kept_average is not None:
            self.average.network.load_state_dict(state["average"])
            self.average.n_updates = state["n_updates"]
        self.optimiser.load_state_dict(state["optimiser"])
        if "scaler" in state and self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
