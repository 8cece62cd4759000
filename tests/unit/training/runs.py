"""A tiny network, made-up batches and one training step over them."""

import torch

from ssr.data.pairs import WHOLE, Batch, Shard
from ssr.device import Compute
from ssr.losses.reconstruction import MEASURES
from ssr.losses.total import Term, TotalLoss
from ssr.models.datefusion import DateFusion
from ssr.training.descent import Descent
from ssr.training.logbook import Logbook
from ssr.training.loop import Rhythm, run_loop
from ssr.training.regression import RegressionStep
from ssr.training.runfolder import RunFolder
from ssr.training.schedule import Schedule

CPU = Compute(torch.device("cpu"), "fp32")


def pixel_loss(**weights: float) -> TotalLoss:
    """Measures against the truth by their weights."""
    return TotalLoss({name: Term(weight, MEASURES[name]) for name, weight in weights.items()})


class Noise:
    """Two chips a step, drawn from the step alone."""

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch:
        generator = torch.Generator().manual_seed(step)
        high_res = torch.rand(2, 3, 24, 24, generator=generator)
        low_res = torch.nn.functional.avg_pool2d(high_res, 2).unsqueeze(1).repeat(1, 2, 1, 1, 1)
        mine = slice(shard.of(2).start, shard.of(2).stop)
        return Batch(low_res[mine], high_res[mine], (f"chip-{step}-a", f"chip-{step}-b")[mine])


class NoiseWithHole(Noise):
    """One value of step 2 is not a number."""

    def batch(self, step: int, shard: Shard = WHOLE) -> Batch:
        batch = super().batch(step, shard)
        if step == 2:
            batch.high_res[0, 0, 0, 0] = torch.nan
        return batch


def tiny_network() -> DateFusion:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        return DateFusion(n_features=6, n_date_features=4, n_blocks=1, scale=2)


def new_step(
    *, n_steps: int = 6, network: torch.nn.Module | None = None, n_parts: int = 1, **arguments: object
) -> RegressionStep:
    schedule = Schedule(
        kind="cosine", peak=1e-2, final=1e-4, n_steps=n_steps, n_warmup_steps=2, milestones=(), gamma=1.0
    )
    settings = {"betas": (0.9, 0.99), "weight_decay": 1e-3, "ema_decay": 0.9, "max_gradient_norm": 0.5}
    descent = Descent(network or tiny_network(), compute=CPU, schedule=schedule, **(settings | arguments))
    return RegressionStep(descent, pixel_loss(l1=0.5, mse=0.5), compute=CPU, n_parts=n_parts)


def run(folder: RunFolder, step: RegressionStep, **arguments: object) -> dict[str, float]:
    """The loop with settings that write nothing but the end, unless told otherwise; the last figures."""
    rhythm = {"n_steps": 6, "log_every": 100, "checkpoint_every": 100, "validate_every": 100}
    rhythm |= {name: arguments.pop(name) for name in [*rhythm, "best_by"] if name in arguments}
    settings = {"n_done": 0, "validate": None, "progress": lambda _done, _losses: None}
    settings["recorders"] = [Logbook(folder.path, n_done=arguments.get("n_done", 0))]
    source = arguments.pop("source", Noise())
    return run_loop(step, source, folder=folder, rhythm=Rhythm(**rhythm), **(settings | arguments)).figures
