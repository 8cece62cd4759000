"""How do comparison sheets and training curves look on paper? Drawn by matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssr.errors import InputError, MissingExtraError
from ssr.evaluation.page import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = 3.2


def comparison_sheet(
    pictures: Mapping[str, NDArray[Any]], *, columns: int | None = None, title: str | None = None
) -> "Figure":
    """Pictures of one place beside each other, each of its pixels a square however coarse.

    Args:
        pictures: by what is written above them; `h w 3` or `3 h w`, bytes or unit range.
        columns: in a row; by default all, up to four.

    Raises:
        InputError: there is none, or one is no picture.
        MissingExtraError: matplotlib is not installed.
    """
    if not pictures:
        raise InputError("a comparison sheet needs a picture at least")
    shown = {name: _picture(name, pixels) for name, pixels in pictures.items()}
    n_columns = columns or min(len(shown), 4)
    n_rows = -(-len(shown) // n_columns)
    height, width = next(iter(shown.values())).shape[:2]
    figure = _figure((n_columns * INCHES, n_rows * (INCHES * height / width + 0.35)))
    for k, (name, pixels) in enumerate(shown.items(), start=1):
        axes = figure.add_subplot(n_rows, n_columns, k)
        axes.imshow(pixels, interpolation="nearest", extent=(0, width, height, 0))
        axes.set_title(name, fontsize=9)
        axes.set_axis_off()
    if title:
        figure.suptitle(title)
    return figure


def training_curves(run: Path | str, *, names: Sequence[str] | None = None) -> "Figure":
    """What a training run's log holds by step: training above, validation below.

    Args:
        run: the folder of the run.
        names: of the figures to draw; by default all.

    Raises:
        InputError: the log is missing or unreadable, or holds none of them.
        MissingExtraError: matplotlib is not installed.
    """
    from ssr.evaluation.report import read_training

    found = read_training(Path(run))
    curves = [
        (kind, curve)
        for kind, of in (("training", found.training), ("validation", found.validation))
        for curve in of
        if names is None or curve.name in names
    ]
    if not curves:
        raise InputError(f"{run}: its log holds no figures{f' called {list(names)}' if names else ' yet'}")
    n_columns = min(3, len(curves))
    n_rows = -(-len(curves) // n_columns)
    figure = _figure((n_columns * INCHES * 1.2, n_rows * INCHES * 0.8))
    for k, (kind, curve) in enumerate(curves, start=1):
        axes = figure.add_subplot(n_rows, n_columns, k)
        axes.plot(curve.steps, curve.values, color=COLOURS[kind == "validation"][0], linewidth=1.2)
        axes.set_title(f"{kind}: {curve.name}", fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    figure.suptitle(found.name)
    return figure


def _figure(size_inches: tuple[float, float]) -> "Figure":
    """A figure of its own: no window opens, and nothing of the user's settings changes."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "view", "drawing figures") from error
    figure = Figure(figsize=size_inches, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _picture(name: str, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    found = np.asarray(pixels)
    if found.ndim == 3 and found.shape[0] in (1, 3) and found.shape[-1] not in (1, 3):
        found = np.moveaxis(found, 0, -1)
    if found.ndim == 2:
        found = found[..., None]
    if found.ndim != 3 or found.shape[-1] not in (1, 3) or not found.size:
        raise InputError(f"{name}: has the shape {np.shape(pixels)}, expected h w 3 or 3 h w")
    if found.dtype != np.uint8:
        found = np.rint(np.nan_to_num(found.astype(np.float64)).clip(0, 1) * 255).astype(np.uint8)
    return np.repeat(found, 3, -1) if found.shape[-1] == 1 else found
