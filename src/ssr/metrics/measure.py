"""What is a measure of quality, and how are many of them taken at once?

A measure has a protocol: `corrected` is the definition in the literature; `original` repeats Satlas Super Resolution,
where that differs, so that its published numbers can be compared. The two are never mixed under one name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ssr.errors import InputError

Protocol = Literal["corrected", "original"]


class Judged(NamedTuple):
    """Results with what they are held against, all in [0, 1].

    super_res, truth: `b c H W`, of the same size; low_res: `b t c h w`, whose first channels are those of the result.
    clear: `b 1 H W`, true where the truth shows the ground; none where it does everywhere.
    """

    super_res: Tensor
    truth: Tensor
    low_res: Tensor
    clear: Tensor | None = None


@dataclass(frozen=True)
class Measure:
    """One number for each image.

    Attributes:
        name: what it is called in tables, options and the docs; unique together with the protocol.
        unit: of its values, "" where it has none.
        better: which direction is good.
        compute: a batch to one value an image, `b`, float64 on the CPU.
        needs_span: its values say little without those of unrelated and of identical images beside them.
    """

    name: str
    protocol: Protocol
    unit: str
    better: Literal["higher", "lower"]
    compute: Callable[[Judged], Tensor]
    needs_span: bool = False

    @property
    def key(self) -> str:
        """Its column: `cpsnr`, `cpsnr@original`."""
        return self.name if self.protocol == "corrected" else f"{self.name}@original"


class Span(NamedTuple):
    """What a measure says, `b`, of results held against the truth of other chips, and of the truth against itself."""

    unrelated: Tensor
    identical: Tensor


@dataclass(frozen=True)
class Missing:
    """A measure that was asked for and cannot be taken here.

    Attributes:
        name: of the measure.
        why: what is not to be had.
        how_to_get: one line: which file or package, from where, and which option names it.
    """

    name: str
    why: str
    how_to_get: str


class Suite:
    """Measures taken together; networks among them are loaded once and shared by all batches."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = tuple(measures)
        keys = [measure.key for measure in measures]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"measured twice: {', '.join(twice)}")

    @torch.no_grad()
    def __call__(self, judged: Judged) -> dict[str, Tensor]:
        """One value an image, `b`, by key.

        Raises:
            InputError: result and truth differ in size, or are too small for a measure.
        """
        _check(judged)
        return {measure.key: measure.compute(judged).double().cpu() for measure in self.measures}

    @torch.no_grad()
    def spans(self, judged: Judged) -> dict[str, Span]:
        """Floor and ceiling of the measures that need them, by key; over the same images as the scores beside them.

        Each result is held against the truth half a batch away, because neighbours in a data set often are neighbours
        on the ground.

        Raises:
            InputError: one image alone has no other to be held against.
        """
        _check(judged)
        n_images = judged.truth.shape[0]
        if n_images < 2:
            raise InputError("found one image, expected at least two: each result is held against the truth of another")
        unrelated = judged._replace(truth=judged.truth.roll(n_images // 2, 0))
        identical = judged._replace(super_res=judged.truth)
        return {
            measure.key: Span(
                measure.compute(unrelated).double().cpu(),
                measure.compute(identical).double().cpu(),
            )
            for measure in self.measures
            if measure.needs_span
        }


def _check(judged: Judged) -> None:
    found, wanted = tuple(judged.super_res.shape), tuple(judged.truth.shape)
    if found != wanted or len(found) != 4:
        raise InputError(f"results of {found} cannot be held against truth of {wanted}; expected one size, `b c H W`")
    n_images = wanted[0]
    if judged.low_res.ndim != 5 or judged.low_res.shape[0] != n_images:
        raise InputError(f"found dates of {tuple(judged.low_res.shape)}, expected `b t c h w` for {n_images} images")
    clear = judged.clear
    if clear is not None and tuple(clear.shape) != (n_images, 1, *wanted[2:]):
        raise InputError(f"found clear pixels of {tuple(clear.shape)}, expected {(n_images, 1, *wanted[2:])}")
