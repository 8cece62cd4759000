"""How do the chips that a report shows become pictures?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ssr.config.evaluation import Examples
from ssr.device import Compute
from ssr.evaluation.examples import Choice, choose_chips, choose_column
from ssr.evaluation.run import chosen_dates
from ssr.evaluation.samples import EvaluationSet, Pair
from ssr.evaluation.scores import to_bytes
from ssr.evaluation.summary import Column
from ssr.evaluation.table import Table
from ssr.inference.predictor import Predictor
from ssr.models.bicubic import Bicubic
from ssr.raster.writer import write_png
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS
from ssr.workflows.contestants import Contestant
from ssr.workflows.trustpicture import TrustPicture, trust_picture

Images = NDArray[np.float32]


def write_examples(
    folder: Path,
    table: Table,
    columns: Sequence[Column],
    contestants: Sequence[Contestant],
    sets: Mapping[str, EvaluationSet],
    *,
    options: Examples,
    compute: Compute,
) -> list[dict[str, Any]]:
    """Pictures of the best, middle and worst chips of each data set, and what stands in them."""
    column = choose_column(columns, options.by)
    assert column is not None  # checked before anything was measured
    judged = options.of or next((c.name for c in contestants if c.has_learnt), contestants[-1].name)
    shown = []
    for dataset, samples in sets.items():
        chosen = choose_chips(table.where(dataset=dataset), model=judged, column=column, n_each=options.n_each)
        for k, choice in enumerate(chosen):
            pair = samples.read(choice.number)
            assert isinstance(pair, Pair)  # it was measured
            place = folder / dataset / f"{k}_{choice.which}"
            panels = _panels(pair, contestants, compute)
            trust = {one.name: trust_picture(one, pair.low_res, compute) for one in contestants}
            for name, found in trust.items():
                if isinstance(found, TrustPicture):
                    panels.setdefault(found.kind, {})[name] = found.pixels
            files = {what: _write(place, what, images) for what, images in panels.items()}
            notes = {"notes": _notes(trust)}
            shown.append(_described(dataset, choice, judged, column) | {"folder": place.name, **files, **notes})
    return shown


def _panels(pair: Pair, contestants: Sequence[Contestant], compute: Compute) -> dict[str, dict[str, Images]]:
    """Pictures by what they are and whose; at all dates of the sample."""
    colours = pair.low_res[:, :TRUE_COLOUR_CHANNELS]
    scale = contestants[0].network.scale
    n_shown = len(pair.low_res)
    models = {}
    for contestant in contestants:
        dates = chosen_dates(pair, contestant.candidate, n_shown)
        seen = pair.low_res[dates][:, : contestant.candidate.n_channels]
        models[contestant.name] = contestant.candidate.predict(seen[None])[0]
    return {
        "dates": {f"{k:02d}": date for k, date in enumerate(colours)},
        "reference": {"bicubic": Predictor(Bicubic(scale=scale), compute).predict(colours[None])[0]},
        "models": models,
        "truth": {"truth": pair.truth},
    }


def _described(dataset: str, choice: Choice, judged: str, column: Column) -> dict[str, Any]:
    return {"dataset": dataset, **choice._asdict(), "of": judged, "by": column.key}


def _notes(trust: Mapping[str, TrustPicture | str]) -> list[str]:
    """What trust pictures mean, or why there is none; models that share a reason share a line."""
    by_text: dict[str, list[str]] = {}
    for name, found in trust.items():
        told = (
            f"{found.kind.capitalize()} of {{}}: {found.told}."
            if isinstance(found, TrustPicture)
            else f"No picture of trust for {{}}: {found}."
        )
        by_text.setdefault(told, []).append(name)
    return [told.format(", ".join(names)) for told, names in by_text.items()]


def _write(place: Path, what: str, images: Mapping[str, Images]) -> dict[str, str]:
    """File names by whose picture it is."""
    files = {name: f"{what}_{name}.png" for name in images}
    for name, pixels in images.items():
        rgb = pixels[:TRUE_COLOUR_CHANNELS]
        write_png(place / files[name], to_bytes(torch.from_numpy(np.ascontiguousarray(rgb))))
    return files
