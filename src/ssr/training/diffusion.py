"""One step of diffusion: add noise, estimate it, compare, descend, average."""

from typing import Any

import torch
from torch import Tensor

from ssr.data.pairs import Batch
from ssr.device import Compute
from ssr.losses.denoising import Corruption, denoising_loss
from ssr.models.sr3 import SR3
from ssr.training.descent import Descent
from ssr.training.parts import gather, slices_of

STEP_STRIDE = 1_000_003
"""A prime: seeds of different runs do not meet the steps of one another."""


class DiffusionStep:
    """Descends the error of the estimated noise.

    Args:
        p_no_condition: share of images that see no dates, so that the network also learns what is likely without
            them, which guidance needs (Ho & Salimans 2022, algorithm 1).
        seed: with the step it decides noise levels, noise and which images see no dates.
        n_parts: the batch passes in so many, for memory.
    """

    def __init__(
        self, descent: Descent, *, compute: Compute, p_no_condition: float, seed: int, n_parts: int = 1
    ) -> None:
        assert isinstance(descent.network, SR3)
        self.descent = descent
        self.network = descent.network
        self.compute = compute
        self.seed = seed
        self.n_parts = n_parts
        self.corruption = Corruption(self.network.schedule.signal_levels(), p_no_condition=p_no_condition)

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """`loss`, the mean absolute error of the noise."""
        team = self.descent.team
        generator = torch.Generator().manual_seed((self.seed * STEP_STRIDE + step) * team.n_ranks + team.rank)
        drawn = self.corruption.draw(batch.high_res.shape, generator)
        seen = (batch.low_res, batch.high_res, *drawn)
        figures: dict[str, Tensor] = {}
        self.descent.begin(step)
        for chips in slices_of(len(batch.names), self.n_parts):
            total = self._loss(*(x[chips].to(self.compute.device) for x in seen))
            share = (chips.stop - chips.start) / len(batch.names)
            self.descent.add_gradient(total * share)
            gather(figures, {"loss": total}, share)
        self.descent.finish(n_samples=len(batch.names))
        return figures

    def _loss(self, low_res: Tensor, high_res: Tensor, signal: Tensor, noise: Tensor, sees: Tensor) -> Tensor:
        noisy = self.network.to_data_range(high_res) * signal[:, None, None, None]
        noisy = noisy + noise * (1 - signal.square()).sqrt()[:, None, None, None]
        condition = self.network.condition(low_res * sees[:, None, None, None, None])
        with self.compute.autocast():
            estimated = self.network.denoise(condition, noisy, signal)
        return denoising_loss(estimated, noise)

    def pace(self) -> dict[str, float]:
        return self.descent.pace()

    def state_dict(self) -> dict[str, Any]:
        return self.descent.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.descent.load_state_dict(state)
