"""One step against a discriminator: the generator moves, then the discriminator, each with its own descent.

What the discriminator sees: the image, beside it the dates one after another enlarged by repetition, beside them the
older image (each where asked for). Order of a step, and of the discriminator's calls, as in the original: generated
images in the generator's turn; then real ones, then the same generated ones, each with a backward pass of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssr.data.pairs import Batch
from ssr.device import Compute
from ssr.errors import InputError
from ssr.losses.adversarial import Kind, judgement_loss, object_loss, realism_loss
from ssr.losses.sharpening import sharpened
from ssr.losses.total import TotalLoss
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.training.descent import Descent
from ssr.training.objects import cut_out, draw_objects, objects_per_image
from ssr.training.parts import gather, parts_of

SIZE_MULTIPLE = 8


@dataclass(frozen=True, kw_only=True)
class ObjectJudging:
    """How crops around known objects are judged: so many drawn of each image.

    labels_fakes_as_real: the original's label of generated crops in the discriminator's turn.
    """

    weight: float
    n_objects: int = 1
    labels_fakes_as_real: bool = False


@dataclass(frozen=True, kw_only=True)
class Judging:
    """What the discriminator is shown, and when who moves.

    weight: of realism in the generator's loss.
    sharpens_target: real images are the unsharp-masked truth.
    n_regression_steps: first so many steps of the generator alone.
    n_warmup_steps: then so many of the discriminator alone.
    n_steps_between: then the generator moves every so many steps, the discriminator at each.
    """

    kind: Kind = "vanilla"
    weight: float = 0.1
    sees_low_res: bool = True
    sees_old_high_res: bool = False
    sharpens_target: bool = False
    n_regression_steps: int = 0
    n_warmup_steps: int = 0
    n_steps_between: int = 1
    objects: ObjectJudging | None = None


class AdversarialStep:
    """Descends a loss of the generator's image plus its lack of realism, then the discriminator's errors.

    Args:
        seed: with the step it decides which objects are judged.
        n_parts: the batch passes in so many, for memory.
    """

    def __init__(
        self,
        generator: Descent,
        discriminator: Descent,
        loss: TotalLoss,
        judging: Judging,
        *,
        compute: Compute,
        seed: int,
        n_parts: int = 1,
    ) -> None:
        assert isinstance(discriminator.network, UNetDiscriminatorSN)
        self.generator = generator
        self.discriminator = discriminator
        self.judge = discriminator.network
        self.loss = loss
        self.judging = judging
        self.compute = compute
        self.seed = seed
        self.n_parts = n_parts

    def __call__(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses by name. `loss` is the generator's; without realism where it did not move against the discriminator.

        `d_real` and `d_fake` are the discriminator's losses, `d_logit_real` and `d_logit_fake` its mean answers.
        """
        k = step - self.judging.n_regression_steps
        if k < 0:
            return self._move_generator(batch, step, faces_judge=False)[0]
        if any(side % SIZE_MULTIPLE for side in batch.high_res.shape[-2:]):
            height, width = batch.high_res.shape[-2:]
            raise InputError(
                f"{batch.names[0]}: is {height}×{width} pixels; a discriminator takes multiples of {SIZE_MULTIPLE}"
            )
        crops_per_image = 0.0
        if self.judging.objects:
            batch = draw_objects(batch, self.judging.objects.n_objects, seed=self.seed, step=step)
            crops_per_image = objects_per_image(batch, self.generator.team)
        if k + 1 > self.judging.n_warmup_steps and (k + 1) % self.judging.n_steps_between == 0:
            figures, fakes = self._move_generator(batch, step, faces_judge=True, crops_per_image=crops_per_image)
        else:
            figures, fakes = self._only_generate(batch)
            self.generator.follow()
        return figures | self._move_discriminator(batch, fakes, step, crops_per_image=crops_per_image)

    def _move_generator(
        self, batch: Batch, step: int, *, faces_judge: bool, crops_per_image: float = 0.0
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        figures: dict[str, Tensor] = {}
        fakes = []
        self.generator.begin(step)
        with _frozen(self.judge):
            for part, share in parts_of(self._on_device(batch), self.n_parts):
                fake = self._generate(part)
                terms = self.loss(fake, part.high_res, part.low_res)
                if faces_judge:
                    terms |= self._lack_of_realism(fake, part, crops_per_image)
                total = _sum(terms)
                self.generator.add_gradient(total * share)
                gather(figures, terms | {"loss": total}, share)
                fakes.append(fake.detach())
        self.generator.finish(n_samples=len(batch.names))
        return figures, fakes

    @torch.no_grad()
    def _only_generate(self, batch: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        figures: dict[str, Tensor] = {}
        fakes = []
        for part, share in parts_of(self._on_device(batch), self.n_parts):
            fake = self._generate(part)
            terms = self.loss(fake, part.high_res, part.low_res)
            gather(figures, terms | {"loss": _sum(terms)}, share)
            fakes.append(fake)
        return figures, fakes

    def _lack_of_realism(self, fake: Tensor, part: Batch, crops_per_image: float) -> dict[str, Tensor]:
        weight = self.judging.weight
        terms = {"realism": weight * realism_loss(self.judging.kind, self._judge(fake, part))}
        if self.judging.objects:
            terms["realism_objects"] = weight * self._object_loss(fake, part, crops_per_image, is_real=True)
        return terms

    def _move_discriminator(
        self, batch: Batch, fakes: list[Tensor], step: int, *, crops_per_image: float
    ) -> dict[str, Tensor]:
        figures: dict[str, Tensor] = {}
        self.discriminator.begin(step)
        for (part, share), fake in zip(parts_of(self._on_device(batch), self.n_parts), fakes, strict=True):
            real = sharpened(part.high_res) if self.judging.sharpens_target else part.high_res
            for name, image, is_real in (("real", real, True), ("fake", fake, False)):
                logits = self._judge(image, part)
                terms = {f"d_{name}": judgement_loss(self.judging.kind, logits, is_real=is_real)}
                if self.judging.objects:
                    counts_as_real = is_real or self.judging.objects.labels_fakes_as_real
                    loss = self._object_loss(image, part, crops_per_image, is_real=counts_as_real)
                    terms[f"d_objects_{name}"] = loss
                self.discriminator.add_gradient(_sum(terms) * share)
                gather(figures, terms | {f"d_logit_{name}": logits.mean()}, share)
        self.discriminator.finish(n_samples=len(batch.names))
        return figures

    def _generate(self, part: Batch) -> Tensor:
        with self.compute.autocast():
            image: Tensor = self.generator.network(part.low_res)
        return image.float()

    def _judge(self, image: Tensor, part: Batch) -> Tensor:
        seen = [image]
        if self.judging.sees_low_res:
            seen.append(F.interpolate(part.low_res.flatten(1, 2), image.shape[-2:], mode="nearest"))
        if self.judging.sees_old_high_res:
            assert part.old_high_res is not None, "the discriminator is to see older images, the data have none"
            seen.append(part.old_high_res)
        with self.compute.autocast():
            logits: Tensor = self.judge(torch.cat(seen, 1))
        return logits.float()

    def _object_loss(self, image: Tensor, part: Batch, crops_per_image: float, *, is_real: bool) -> Tensor:
        """Also of no crop at all: every process of a team needs gradients of the same parameters."""
        assert self.judging.objects is not None
        assert part.objects is not None
        with self.compute.autocast():
            logits: Tensor = self.judge.judge_objects(cut_out(image, part.objects))
        n_crops = crops_per_image * len(part.names)
        return self.judging.objects.weight * object_loss(logits, is_real=is_real, n_crops=n_crops)

    def _on_device(self, batch: Batch) -> Batch:
        old = batch.old_high_res
        device = self.compute.device
        return batch._replace(
            low_res=batch.low_res.to(device),
            high_res=batch.high_res.to(device),
            old_high_res=None if old is None else old.to(device),
        )

    def pace(self) -> dict[str, float]:
        """Of the generator, and with `d_` before the name of the other."""
        return self.generator.pace() | {f"d_{name}": value for name, value in self.discriminator.pace().items()}

    def state_dict(self) -> dict[str, Any]:
        """The generator's state, and below `discriminator` that of the other."""
        return self.generator.state_dict() | {"discriminator": self.discriminator.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.load_state_dict(state)
        self.discriminator.load_state_dict(state["discriminator"])


def _sum(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Gradients pass through, none are kept."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
