"""What can a newcomer see of this program in a minute?

Two series, each written as files first and then treated like any user's: the real single-date Sentinel-2 image that
the package `spyndex` carries, and eight dates simulated from made-up ground, whose truth is known.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ssr.atomic import refuse_existing
from ssr.data.ground import draw_ground
from ssr.data.simulate import Degradation, simulate_series
from ssr.errors import InputError, MissingExtraError
from ssr.evaluation.picture import side_by_side
from ssr.evaluation.scores import Scores, best_single_date, score, to_bytes
from ssr.inference.predictor import Progress
from ssr.models.bicubic import enlarge
from ssr.raster.grid import stand_in_grid
from ssr.raster.reader import RasterReader
from ssr.raster.writer import write_png, write_raster
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from ssr.workflows.scene import SceneResult, super_resolve_scene

GSD_M = 10.0
L2A_WHITE_DN = 2000
"""ESA's true-colour image of L2A reaches white at a reflectance of 0.2."""
SEED = 7
N_DATES = 8
SIDE_PX = 640
MARGIN_PX = 2
SPYNDEX_BANDS = ("B02", "B03", "B04", "B08")


@dataclass(frozen=True)
class DemoResult:
    """One series of the demo.

    scores: of the result and of the best single date's bicubic enlargement, where the truth is known.
    """

    title: str
    scene: SceneResult
    picture: Path
    scores: dict[str, Scores]
    notes: tuple[str, ...]


def demo_real_image(folder: Path, *, model: str, overwrite: bool, progress: Progress | None = None) -> DemoResult:
    """The Sentinel-2 image that `spyndex` carries, one date of surface reflectance without a known place."""
    bands = _spyndex_bands()
    source = folder / "real_single_date" / "s2_10m.tif"
    grid = stand_in_grid(bands.shape[-2:], GSD_M)
    write_raster(source, bands, grid, band_names=SPYNDEX_BANDS, overwrite=overwrite)
    return demo_series(
        [source],
        folder / "real_single_date",
        title="real Sentinel-2 image of the package spyndex, one date",
        model=model,
        bands=(3, 2, 1),
        white_dn=L2A_WHITE_DN,
        overwrite=overwrite,
        progress=progress,
        notes=("its place is unknown: written at 0°N 0°E as a stand-in",),
    )


def demo_simulated(folder: Path, *, model: str, overwrite: bool, progress: Progress | None = None) -> DemoResult:
    """Eight dates simulated from ground that is drawn from a seed; the truth is known."""
    place = folder / "simulated_8_dates"
    ground = torch.from_numpy(draw_ground(SEED, SIDE_PX)).permute(2, 0, 1).float().unsqueeze(0) / 255
    series = simulate_series(
        ground,
        n_revisits=N_DATES,
        generator=torch.Generator().manual_seed(SEED),
        ranges=Degradation(look_probability=0.0),
        margin_px=MARGIN_PX,
    )
    height, width = series.low_res.shape[-2:]
    grid = stand_in_grid((height, width), GSD_M)
    for k, date in enumerate(series.low_res[0]):
        pixels = to_bytes(date).transpose(2, 0, 1)
        write_raster(place / "dates" / f"date_{k + 1}.tif", pixels, grid, overwrite=overwrite)
    truth = to_bytes(series.high_res[0]).transpose(2, 0, 1)
    write_raster(place / "truth.tif", truth, grid.finer(4), overwrite=overwrite)
    return demo_series(
        [place / "dates"],
        place,
        title="eight dates simulated from made-up ground, truth known",
        model=model,
        truth=truth,
        overwrite=overwrite,
        progress=progress,
        notes=("made-up ground, written at 0°N 0°E",),
    )


def demo_series(
    inputs: Sequence[Path],
    folder: Path,
    *,
    title: str,
    model: str,
    overwrite: bool,
    bands: tuple[int, ...] | None = None,
    white_dn: float | None = None,
    truth: NDArray[np.uint8] | None = None,
    progress: Progress | None = None,
    notes: tuple[str, ...] = (),
) -> DemoResult:
    """Super-resolve a series and draw it beside the bicubic enlargement of its best date (and the truth)."""
    picture = folder / "comparison.png"
    refuse_existing(picture, overwrite=overwrite)
    scene = super_resolve_scene(
        inputs,
        folder / "super_resolved.tif",
        model=model,
        bands=bands,
        white_dn=white_dn,
        overwrite=overwrite,
        progress=progress,
    )
    with RasterReader(scene.output) as reader:
        height, width = reader.grid.shape_hw
        result = torch.from_numpy(reader.read(slice(0, height), slice(0, width)))
    low_res = _read_dates(inputs, scene, bands, white_dn)
    scale = result.shape[-1] // low_res.shape[-1]
    best_name, baseline = scene.best_date, enlarge(low_res[[scene.dates.index(scene.best_date)]], scale)[0]
    scores = {}
    panels = [("super-resolved", to_bytes(result))]
    if truth is not None:
        target = torch.from_numpy(truth).float() / 255
        best, index = best_single_date(low_res.unsqueeze(0), target.unsqueeze(0), scale)
        best_name, baseline = scene.dates[int(index)], best[0]
        scores = {
            "super-resolved": score(result.unsqueeze(0), target.unsqueeze(0)),
            "bicubic, best date": score(best, target.unsqueeze(0)),
        }
        panels.append(("truth", to_bytes(target)))
    sheet = side_by_side([(f"bicubic {scale}x of {best_name}", to_bytes(baseline)), *panels])
    write_png(picture, sheet)
    return DemoResult(title, scene, picture, scores, notes)


def _read_dates(
    inputs: Sequence[Path], scene: SceneResult, bands: tuple[int, ...] | None, white_dn: float | None
) -> torch.Tensor:
    """The dates that were used, in the order of the series: `t c h w`."""
    with open_series(inputs, rules=Rules(picture_bands=bands, white_dn=white_dn), leave_out=[scene.output]) as series:
        height, width = series.shape_hw
        dates = [series.names.index(name) for name in scene.dates]
        return torch.from_numpy(series.read(slice(0, height), slice(0, width), dates))


def _spyndex_bands() -> NDArray[np.uint16]:
    """`4 300 300` reflectance × 10000 in the order of SPYNDEX_BANDS."""
    try:
        text = (files("spyndex") / "data" / "S2_10m.json").read_text(encoding="utf-8")
    except ModuleNotFoundError as error:
        raise MissingExtraError("spyndex", "demo", "the real image of the demo") from error
    except FileNotFoundError as error:
        raise InputError("the installed spyndex has no data/S2_10m.json; install a release from 0.12 on") from error
    return np.asarray(json.loads(text), np.uint16)
