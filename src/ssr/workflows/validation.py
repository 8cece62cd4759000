"""How good are the weights that a run would deliver now, in figures and pictures?"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ssr.build.data import build_data
from ssr.config.schema import TrainConfig
from ssr.data.pairs import Batch, Shard
from ssr.device import Compute
from ssr.distributed import Team
from ssr.evaluation.picture import side_by_side
from ssr.evaluation.scores import score, to_bytes
from ssr.models.bicubic import Bicubic
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS
from ssr.training.recorder import Picture, Validation

N_VALIDATED_TOGETHER = 8
N_PICTURES = 4


def build_validation(
    config: TrainConfig, network: nn.Module, *, compute: Compute, team: Team
) -> Callable[[], Validation] | None:
    """Scores on the first validation batches, the same at every call, and pictures where a board shows them.

    Every process takes its share of each batch, so each sample counts once; pictures are of the first chips.
    """
    if config.validation_data is None:
        return None
    batch_size = N_VALIDATED_TOGETHER * team.n_ranks
    source = build_data(config.validation_data, batch_size=batch_size, scale=config.model.scale)
    shard = Shard(team.rank, team.n_ranks)
    n_batches = -(-config.n_validation_batches // team.n_ranks)
    batches = [source.batch(k, shard) for k in range(n_batches)]
    boards = config.training.logging
    n_pictures = N_PICTURES if team.is_first and (boards.tensorboard or boards.wandb) else 0

    def validate() -> Validation:
        with torch.no_grad(), compute.autocast():
            images = [network(b.low_res.to(compute.device)).float().cpu() for b in batches]
        scores = score(torch.cat(images), torch.cat([b.high_res for b in batches])).as_dict()
        figures = team.weighted_mean(scores, sum(len(b.names) for b in batches))
        return Validation(figures, _pictures(batches[0], images[0], n_pictures))

    return validate


def _pictures(batch: Batch, results: Tensor, n: int) -> tuple[Picture, ...]:
    """Of the first chips: the first date, the dates' median enlarged bicubically, the result, the truth."""
    scale = results.shape[-1] // batch.low_res.shape[-1]
    low_res = batch.low_res[:n, :, :TRUE_COLOUR_CHANNELS]
    dates = low_res[:, 0].repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    panels = {"date": dates, "bicubic": Bicubic(scale=scale)(low_res), "result": results, "truth": batch.high_res}
    return tuple(
        Picture(name, side_by_side([(label, to_bytes(images[k])) for label, images in panels.items()]))
        for k, name in enumerate(batch.names[:n])
    )
