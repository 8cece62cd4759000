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


LEAST_LOG_RATIO = -4.0
"""Below this logarithm of signal over noise one step is enough: there is nothing to see yet."""
MOST_LOG_RATIO = 4.0
"""The last level: noise of a fiftieth of the signal, two steps of 255 for images of usual contrast."""


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
        return torch.cat([torch.ones(1), _scheduler(self).alphas_cumprod]).sqrt()


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A solver and its number of steps; each step is one estimate.

    `dpm-solver++` (Lu et al. 2022, second order, multistep) and `ddim` (Song et al. 2021, which is its first order)
    draw noise once, for the start; `ddpm` (Ho et al. 2020, ancestral, which is the first order of its stochastic form)
    draws it at every step. The levels lie evenly in the logarithm of signal over noise, from the start to where the
    noise is a fiftieth of the image: steps even in time leave the last of them to make most of the texture.

    start_signal: the share of signal at which sampling starts, from the noised guess of the image (Chung et al. 2022,
        Come-Closer-Diffuse-Faster); 0 is pure noise. From there the first estimates of the clean image are the noise's
        error divided by a signal of nearly zero, and that error becomes the colour of large areas.
    """

    schedule: NoiseSchedule
    kind: SamplerName = "dpm-solver++"
    n_steps: int = 25
    start_signal: float = 0.0

    def __call__(
        self, estimate_noise: EstimateNoise, draw_noise: DrawNoise, guess: Tensor, *, data_range: tuple[float, float]
    ) -> Tensor:
        """Clean images.

        Args:
            estimate_noise: the conditioned network.
            draw_noise: draw 0 is the start, draw k the noise of step k.
            guess: what is known of the images beforehand, such as an enlargement; unused from pure noise.
            data_range: what clean images are clamped to at each step.
        """
        solver = self._solver()
        noisy = draw_noise(0)
        for k, level in enumerate(solver.timesteps):
            alpha_bar = float(solver.alphas_cumprod[level])
            signal, spread = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
            if k == 0 and self.start_signal > 0:
                noisy = signal * guess + spread * noisy
            noise = estimate_noise(noisy, torch.full((len(noisy),), signal, device=noisy.device))
            clean = ((noisy - spread * noise) / signal).clamp(*data_range)
            fresh = draw_noise(k + 1) if self.kind == "ddpm" and k + 1 < self.n_steps else torch.zeros_like(clean)
            noisy = solver.step(clean, level, noisy, variance_noise=fresh).prev_sample
        return noisy

    def levels(self) -> list[int]:
        """The noise levels of the steps, falling, each once; all of them where there are as many steps."""
        alpha_bars = self.schedule.signal_levels()[1:].double().square()
        log_ratio = 0.5 * (torch.log(alpha_bars) - torch.log1p(-alpha_bars))
        start = int((alpha_bars.sqrt() >= self.start_signal).sum()) - 1
        if start + 1 < self.n_steps:
            raise ValueError(f"{self.n_steps} steps do not fit into the {start + 1} noise levels below the start")
        wanted = torch.linspace(
            log_ratio[start].clamp_min(LEAST_LOG_RATIO).item(), MOST_LOG_RATIO, self.n_steps, dtype=torch.float64
        )
        nearest = (log_ratio[None] - wanted[:, None]).abs().argmin(1).tolist()
        nearest[0] = start
        chosen = [start + 1]
        for k, level in enumerate(nearest):
            chosen.append(max(min(level, chosen[-1] - 1), self.n_steps - 1 - k))
        return chosen[1:]

    def _solver(self) -> Any:
        """A new one for each image, since it remembers the steps before."""
        solver = _scheduler(
            self.schedule,
            prediction_type="sample",
            algorithm_type="sde-dpmsolver++" if self.kind == "ddpm" else "dpmsolver++",
            solver_order=2 if self.kind == "dpm-solver++" else 1,
            final_sigmas_type="zero",
        )
        solver.set_timesteps(timesteps=self.levels())
        return solver


def _scheduler(schedule: NoiseSchedule, **options: Any) -> Any:
    try:
        from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    except ImportError as error:
        raise MissingExtraError("diffusers", "diffusion", "SR3") from error
    return DPMSolverMultistepScheduler(**schedule.options(), **options)
