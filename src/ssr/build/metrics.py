"""How does a config become measures of quality, and what of it is missing here?"""

from collections.abc import Callable
from functools import cache, partial
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from ssr.build.judges import Judges, LackingError
from ssr.config.metrics import MeasureName, MetricsOptions, PixelMeasure
from ssr.metrics.consistency import consistency_measures
from ssr.metrics.displaced import cpsnr, cpsnr_original
from ssr.metrics.hallucination import Distance, by_patch, hallucination_measures, normalised_difference
from ssr.metrics.measure import Judged, Measure, Missing, Suite
from ssr.metrics.pixelwise import luma, mae, psnr, rmse, rounded_to_bytes
from ssr.metrics.spectral import ergas, spectral_angle
from ssr.metrics.structure import ms_ssim, ssim

__all__ = ["Missing", "open_suite"]

Better = Literal["higher", "lower"]
Compute = Callable[[Judged], Tensor]
Compare = Callable[[Tensor, Tensor], Tensor]
"""Results and truth, `b c H W`, to `b`."""

LPIPS_PATCH_PX = 64
LPIPS_PADDING = 0.75
"""In [0, 1]: opensr-test pads with ½ in [-1, 1]."""


def open_suite(
    config: MetricsOptions, *, device: torch.device, judges: Judges | None = None
) -> tuple[Suite, tuple[Missing, ...]]:
    """Measures that can be taken, and those asked for that cannot, with what each lacks.

    Args:
        judges: networks; by default the published ones, or what the config names instead.

    Raises:
        WeightsError: a file that the config names is not to be read or does not fit.
    """
    workshop = _Workshop(config, device, judges or Judges(config.weights, offline=config.offline, device=device))
    measures: list[Measure] = []
    missing: list[Missing] = []
    for name in config.measures:
        try:
            measures += [m for m in workshop.measures(name) if m.protocol in config.protocols]
        except LackingError as lack:
            missing.append(Missing(name, lack.why, lack.how_to_get))
    return Suite(measures), tuple(missing)


class _Workshop:
    """Makes measures; networks and prepared images are shared among them."""

    def __init__(self, config: MetricsOptions, device: torch.device, judges: Judges) -> None:
        self.border_px = config.border_px
        self.judges = judges
        self.moved = _Remembered(partial(_moved, device=device))
        rounded = _Remembered(lambda judged: _rounded(self.moved(judged)))
        self.prepared = {"original": rounded, "corrected": rounded if config.rounds_to_bytes else self.moved}
        self.consistency = cache(consistency_measures)
        self.correctness = cache(self._correctness)

    def measures(self, name: MeasureName) -> list[Measure]:
        """Of one name, in each protocol that it has.

        Raises:
            LackingError: it needs what is not to be had.
        """
        match name:
            case "lpips_vgg" | "lpips_alex" | "lpips_squeeze":
                lpips = self.judges.lpips(name)
                original = None if name == "lpips_squeeze" else lpips.original
                return self._forms(name, "", "lower", _of_images(lpips), original, needs_span=True)
            case "clipscore_openai" | "clipscore_siglip" | "clipscore_clipa":
                clip = self.judges.clip(name)
                return self._forms(name, "", "higher", _of_images(clip), clip.original, needs_span=True)
            case "reflectance" | "spectral" | "spatial" | "synthesis":
                return [self._of_scale(name, self.consistency)]
            case "hallucination_nd" | "omission_nd" | "improvement_nd":
                return [self._of_scale(name, partial(self.correctness, "nd"))]
            case "hallucination_lpips" | "omission_lpips" | "improvement_lpips":
                self.judges.lpips("lpips_alex")  # missing now rather than at the first batch
                return [self._of_scale(name, partial(self.correctness, "lpips"))]
            case _:
                pixelwise = PIXELWISE[name]
                compute = partial(pixelwise.compute, border_px=self.border_px)
                original = partial(cpsnr_original, border_px=self.border_px) if name == "cpsnr" else None
                return self._forms(name, pixelwise.unit, pixelwise.better, compute, original)

    def _forms(
        self,
        name: str,
        unit: str,
        better: Better,
        corrected: Compute,
        original: Compare | None = None,
        *,
        needs_span: bool = False,
    ) -> list[Measure]:
        prepare, prepare_original = self.prepared["corrected"], self.prepared["original"]
        forms = [Measure(name, "corrected", unit, better, lambda judged: corrected(prepare(judged)), needs_span)]
        if original is not None:
            compute = _of_images(original)
            forms.append(
                Measure(name, "original", unit, better, lambda judged: compute(prepare_original(judged)), needs_span)
            )
        return forms

    def _of_scale(self, name: str, build: Callable[[int], list[Measure]]) -> Measure:
        """One of the measures that are made for a scale, which the images tell."""

        def choose(scale: int) -> Measure:
            return next(measure for measure in build(scale) if measure.name == name)

        pattern = choose(1)
        return Measure(
            name,
            pattern.protocol,
            pattern.unit,
            pattern.better,
            lambda judged: choose(round(_scale(judged))).compute(self.moved(judged)),
        )

    def _correctness(self, distance_name: Literal["nd", "lpips"], scale: int) -> list[Measure]:
        distance: Distance = normalised_difference
        if distance_name == "lpips":
            lpips = self.judges.lpips("lpips_alex")
            distance = by_patch(
                lambda a, b: lpips(a[:, :3], b[:, :3]), least_side_px=LPIPS_PATCH_PX, padding=LPIPS_PADDING
            )
        return hallucination_measures(distance_name, distance, scale)


class _Remembered:
    """Images made ready once a batch, for measures are asked one after the other."""

    def __init__(self, prepare: Callable[[Judged], Judged]) -> None:
        self.prepare = prepare
        self._last: tuple[Judged, Judged] | None = None

    def __call__(self, judged: Judged) -> Judged:
        if self._last is None or self._last[0] is not judged:
            self._last = judged, self.prepare(judged)
        return self._last[1]


def _moved(judged: Judged, *, device: torch.device) -> Judged:
    clear = None if judged.clear is None else judged.clear.to(device)
    return Judged(judged.super_res.to(device), judged.truth.to(device), judged.low_res.to(device), clear)


def _rounded(judged: Judged) -> Judged:
    return judged._replace(super_res=rounded_to_bytes(judged.super_res), truth=rounded_to_bytes(judged.truth))


def _scale(judged: Judged) -> float:
    return judged.truth.shape[-1] / judged.low_res.shape[-1]


def _of_images(compare: Compare) -> Compute:
    return lambda judged: compare(judged.super_res, judged.truth)


class _WithBorder(Protocol):
    def __call__(self, judged: Judged, *, border_px: int) -> Tensor: ...


class _ImagesWithBorder(Protocol):
    def __call__(self, image: Tensor, truth: Tensor, *, border_px: int) -> Tensor: ...


class _Pixelwise(NamedTuple):
    unit: str
    better: Better
    compute: _WithBorder


def _images(compare: _ImagesWithBorder) -> _WithBorder:
    return lambda judged, *, border_px: compare(judged.super_res, judged.truth, border_px=border_px)


def _lumas(compare: _ImagesWithBorder) -> _WithBorder:
    return lambda judged, *, border_px: compare(luma(judged.super_res), luma(judged.truth), border_px=border_px)


def _ergas(judged: Judged, *, border_px: int) -> Tensor:
    return ergas(judged.super_res, judged.truth, scale=_scale(judged), border_px=border_px)


def _cpsnr(judged: Judged, *, border_px: int) -> Tensor:
    return cpsnr(judged.super_res, judged.truth, clear=judged.clear, border_px=border_px)


PIXELWISE: dict[PixelMeasure, _Pixelwise] = {
    "psnr": _Pixelwise("dB", "higher", _images(psnr)),
    "ssim": _Pixelwise("", "higher", _images(ssim)),
    "cpsnr": _Pixelwise("dB", "higher", _cpsnr),
    "ms_ssim": _Pixelwise("", "higher", _images(ms_ssim)),
    "psnr_y": _Pixelwise("dB", "higher", _lumas(psnr)),
    "ssim_y": _Pixelwise("", "higher", _lumas(ssim)),
    "rmse": _Pixelwise("", "lower", _images(rmse)),
    "mae": _Pixelwise("", "lower", _images(mae)),
    "spectral_angle": _Pixelwise("°", "lower", _images(spectral_angle)),
    "ergas": _Pixelwise("%", "lower", _ergas),
}
