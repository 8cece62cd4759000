"""How does noise become an image in few network calls?

The noise schedules and solvers are those of `diffusers`. What is ours: the network's estimate is turned into an
estimate of the clean image and clamped to the range of images before the solver sees it, and all noise comes from a
function of (draw, place) instead of a generator that is used up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ssr.errors import MissingExtraError

SamplerName = Literal["dpm-solver++", "ddim", "ddpm"]
EstimateNoise = Callable[[Tensor, Tensor], Tensor]
"""(noisy images, noise level of each) to the noise in them."""
DrawNoise = Callable[[int], Tensor]
"""Which draw, from 0, to standard normal noise of the images' shape."""


@dataclass(frozen=True, kw_only=True)
class NoiseSchedule:
    """How much noise each of `n_levels` levels holds: a linear rise of the variance added, or a squared cosine.

    Linear from 1e-6 to 1e-2 over 2,000 levels is SR3's; the cosine is Nichol & Dhariwal 2021, §3.2.
    """

    kind: Literal["linear", "cosine"] = "linear"
    n_levels: int = 2000
    beta_start: float = 1e-6
    beta_end: float = 1e-2

    def options(self) -> dict[str, str | int | float]:
        """In the words of `diffusers`."""
        kind = {"linear": "linear", "cosine": "squaredcos_cap_v2"}[self.kind]
        return {
            "beta_schedule": kind,
            "num_train_timesteps": self.n_levels,
            "beta_start": self.beta_start,
            "beta_end": self.beta_end,
        }

    def signal_levels(self) -> Tensor:
        """Square roots of the share of signal (ᾱ) that each level leaves, `n_levels + 1`, from 1 downwards."""
        alphas = _schedulers().DDIMScheduler(**self.options()).alphas_cumprod
        return torch.cat([torch.ones(1), alphas]).sqrt()


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A solver and its number of steps; each step is one estimate.

    `dpm-solver++` (Lu et al. 2022, second order, multistep) and `ddim` (Song et al. 2021, η 0) draw noise once, for
    the start; `ddpm` (Ho et al. 2020, ancestral; here as DDIM with η 1, to which it is equal) at every step.
    """

    schedule: NoiseSchedule
    kind: SamplerName = "dpm-solver++"
    n_steps: int = 25

    def __call__(
        self, estimate_noise: EstimateNoise, draw_noise: DrawNoise, *, data_range: tuple[float, float]
    ) -> Tensor:
        """Clean images.

        Args:
            estimate_noise: the conditioned network.
            draw_noise: draw 0 is the start, draw k the noise of step k.
            data_range: what clean images are clamped to at each step.
        """
        solver = self._solver()
        solver.set_timesteps(self.n_steps)
        noisy = draw_noise(0)
        for k, level in enumerate(solver.timesteps):
            alpha_bar = float(solver.alphas_cumprod[level])
            signal, spread = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
            noise = estimate_noise(noisy, torch.full((len(noisy),), signal, device=noisy.device))
            clean = ((noisy - spread * noise) / signal).clamp(*data_range)
            noisy = self._step(solver, clean, level, noisy, draw_noise, k + 1)
        return noisy

    def _step(
        self,
        solver: Any,
        clean: Tensor,
        level: Tensor,
        noisy: Tensor,
        draw_noise: DrawNoise,
        k: int,
    ) -> Tensor:
        if self.kind == "ddpm":
            return solver.step(clean, level, noisy, eta=1.0, variance_noise=draw_noise(k)).prev_sample
        return solver.step(clean, level, noisy).prev_sample

    def _solver(self) -> Any:
        """A new one for each image: solvers remember the steps before."""
        shared = {**self.schedule.options(), "prediction_type": "sample", "timestep_spacing": "trailing"}
        if self.kind == "dpm-solver++":
            return _schedulers().DPMSolverMultistepScheduler(
                **shared, algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="zero"
            )
        return _schedulers().DDIMScheduler(**shared, clip_sample=False)


def _schedulers() -> Any:
    try:
        from diffusers import schedulers
    except ImportError as error:
        raise MissingExtraError("diffusers", "diffusion", "SR3") from error
    return schedulers
