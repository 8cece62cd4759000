"""How does a worker of a map do a cell: read, predict, encode?"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr import __version__
from ssr.device import Compute, choose_compute
from ssr.errors import InputError
from ssr.inference.encoding import Encoding, band_names
from ssr.inference.predictor import Predictor, in_passes
from ssr.inference.trust import TrustPlan, find_calibration, plan_trust, to_trust_bytes
from ssr.mapping.cells import GridName, cell_named
from ssr.mapping.encoding import cog_bytes
from ssr.mapping.plan import Plan, open_plan
from ssr.mapping.predicting import Windows, predict_cell
from ssr.mapping.reading import CellSeries, Reading, read_cell
from ssr.mapping.work import Product, Stage, Task
from ssr.models.fidelity import Reference, held_to_input
from ssr.models.protocol import SuperResolver, registered_px
from ssr.raster.layout import Layout, Stored
from ssr.scenes.radiometry import Rules
from ssr.scenes.ranking import plan_dates
from ssr.sentinel2.bands import bands_of_channels
from ssr.sentinel2.radiometry import Level
from ssr.workflows.models import NamedModel, open_model

DEFAULT_MAX_DATES = 8
"""As of a scene: the bundled model is trained on one to eight dates."""
IMAGE, TRUST = "image", "trust"


@dataclass(frozen=True, kw_only=True)
class MapOptions:
    """What a user may choose besides area, grid and dates; as `super_resolve_scene` has it.

    max_dates: images that a network of any number of dates sees at a place.
    align: bring back dates that lie beside the others by more than the model makes up for.
    """

    max_dates: int = DEFAULT_MAX_DATES
    align: bool = True
    fidelity: float = 0.0
    fidelity_to: Reference = "mean"
    bands: tuple[int, ...] | None = None
    band_names: tuple[str, ...] | None = None
    white_dn: float | None = None
    level: Level | None = None
    offset_dn: float | None = None
    l2a_look: Literal["l1c", "ground"] = "l1c"
    clouds: Literal["auto", "colours"] = "auto"
    stored: Stored = "uint8"
    with_trust: bool = False


@dataclass(frozen=True)
class Recipe:
    """What is the same for all cells of a map and decides pixels.

    told: as JSON; lists where Python has tuples, so that a plan that was read again has the same hash.
    """

    told: Mapping[str, Any]

    @property
    def options(self) -> MapOptions:
        given: dict[str, Any] = self.told["options"]
        told: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return MapOptions(**told)

    @property
    def windows(self) -> Windows:
        return Windows(**self.told["windows"])

    @property
    def rules(self) -> Rules:
        options = self.options
        return Rules(
            channels=tuple(self.told["channels"]),
            picture_bands=options.bands,
            white_dn=options.white_dn,
            level=options.level,
            offset_dn=options.offset_dn,
            l2a_look=options.l2a_look,
        )

    @property
    def reading(self) -> Reading:
        is_fixed = self.told["n_revisits"] is not None
        return Reading(
            rules=self.rules,
            inner_px=self.windows.inner_px,
            n_slots=self.n_slots,
            repeats=is_fixed,
            keeps_empty=is_fixed or self.options.with_trust,
            with_classes=self.options.clouds == "auto",
            tolerated_px=self.told["registers_px"] if self.options.align else None,
        )

    @property
    def n_slots(self) -> int:
        return int(self.told["n_revisits"] or self.options.max_dates)


def recipe_for(opened: NamedModel, grid: GridName, options: MapOptions) -> Recipe:
    """The recipe of a model.

    Raises:
        InputError: nothing says which bands it sees, or options do not fit each other.
    """
    network = opened.network
    channels = bands_of_channels(network.n_channels)
    if channels is None:
        raise InputError(
            f"{opened.given}: sees {network.n_channels} channels of a date, and nothing says which bands they are; "
            f"known are 3 (true colour), 4, 9 and 12"
        )
    if options.stored == "uint16" and options.white_dn is not None:
        raise InputError("--dtype uint16 stores reflectance, and with --white-dn nothing says what that is")
    seen, _ = network_as_seen(opened, options, network.n_revisits or options.max_dates)
    return Recipe(
        {
            "program": __version__,
            "grid": grid,
            "model": opened.name,
            "model_sha256": opened.sha256,
            "channels": list(channels),
            "scale": network.scale,
            "n_revisits": network.n_revisits,
            "registers_px": registered_px(network),
            "windows": dataclasses.asdict(Windows.of(seen)),
            "options": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in dataclasses.asdict(options).items()
            },
        }
    )


def network_as_seen(opened: NamedModel, options: MapOptions, n_dates: int) -> tuple[SuperResolver, TrustPlan | None]:
    """The network as it sees so many dates, and the trust in what it gives if that is wanted."""
    wanted = opened.network.n_revisits
    dates = plan_dates(range(n_dates), wanted)
    if not options.with_trust:
        network = in_passes(opened.network, dates)
        return held_to_input(network, strength=options.fidelity, reference=options.fidelity_to), None
    trust = plan_trust(
        opened.network,
        dates,
        list(range(n_dates)),
        find_calibration(opened.given, opened.sha256),
        n_wanted=wanted,
        more="best",
        strength=options.fidelity,
        reference=options.fidelity_to,
    )
    return trust.network, trust


def prepare_cells(stage: Stage, settings: Mapping[str, Any]) -> "CellStages":
    """A worker that does cells of a plan; one that only reads or encodes needs no network.

    Args:
        settings: `plan` (its folder), `device` and `precision`.
    """
    plan = open_plan(Path(settings["plan"]))
    if stage not in ("predict", "all"):
        return CellStages(plan)
    given, sha256 = plan.told["model"]["given"], plan.told["model"]["sha256"]
    opened = open_model(given, offline=True)
    if opened.sha256 != sha256:
        raise InputError(
            f"{given}: has weights of SHA-256 {opened.sha256[:12]}…, the plan was made with {sha256[:12]}…; make the "
            f"plan again, or put the weights back"
        )
    return CellStages(plan, opened, choose_compute(settings["device"], settings["precision"]))


class TrustRaster(NamedTuple):
    """Numbers of the trust in a cell and what they mean."""

    pixels: NDArray[np.uint8]
    layout: Layout
    tags: Mapping[str, str]


class Predicted(NamedTuple):
    """Numbers of a cell as they are stored, and what is noted of it."""

    image: NDArray[np.generic]
    trust: TrustRaster | None
    notes: Mapping[str, Any]


class CellStages:
    """Read, predict and encode cells of a plan."""

    def __init__(self, plan: Plan, opened: NamedModel | None = None, compute: Compute | None = None) -> None:
        self._plan, self._opened, self._compute = plan, opened, compute
        self._recipe = Recipe(plan.recipe)
        self._reading, self._windows = self._recipe.reading, self._recipe.windows
        self._predictors: dict[int, tuple[Predictor, TrustPlan | None]] = {}

    def read(self, task: Task) -> CellSeries:
        """The series of a cell."""
        sources = [self._plan.sources[number] for number in task.sources]
        return read_cell(cell_named(task.cell), sources, self._reading)

    def predict(self, task: Task, loaded: CellSeries) -> Predicted:
        """What the network makes of it."""
        predictor, trust = self._predictor(len(loaded.pixels))
        unit = predict_cell(predictor, loaded, self._windows, cell_named(task.cell).side_px)
        n_channels = len(unit) - (len(trust.layers.names) if trust else 0)
        image = self._encoding(n_channels).encode(unit[:n_channels])
        beside = (
            TrustRaster(to_trust_bytes(unit[n_channels:], trust.layers), trust.bands, trust.tags) if trust else None
        )
        seen = round(float((image != 0).any(0).mean()), 4)
        return Predicted(image, beside, {"dates": list(loaded.dates), "seen": seen, "compute": str(predictor.compute)})

    def encode(self, task: Task, predicted: Predicted) -> Product:
        """The files of a cell."""
        grid = cell_named(task.cell).grid().finer(self._recipe.told["scale"])
        tags = {
            "TIFFTAG_SOFTWARE": f"ssr {__version__}",
            "SSR_MODEL": self._recipe.told["model"],
            "SSR_MODEL_SHA256": self._recipe.told["model_sha256"],
            "SSR_MAP": self._plan.told["recipe_hash"],
            "SSR_CELL": task.cell,
            "SSR_INPUT": task.input,
            "SSR_DATES": ",".join(predicted.notes["dates"]),
        }
        contents = {IMAGE: cog_bytes(predicted.image, grid, self._encoding(len(predicted.image)).layout, tags)}
        if predicted.trust is not None:
            pixels, layout, more = predicted.trust
            contents[TRUST] = cog_bytes(pixels, grid, layout, tags | dict(more))
        return Product(contents, predicted.notes)

    def _encoding(self, n_channels: int) -> Encoding:
        names = band_names(n_channels, tuple(self._recipe.told["channels"]))
        if names is None:
            raise InputError(
                f"{self._plan.told['model']['given']}: gives {n_channels} channel(s); a picture has red, green and "
                f"blue, or the channels of a date"
            )
        return Encoding(names, self._recipe.options.stored)

    def _predictor(self, n_dates: int) -> tuple[Predictor, TrustPlan | None]:
        """The network as it sees so many dates; made once for each number."""
        opened = self._opened
        assert opened is not None, "a worker that predicts has a network"
        if n_dates not in self._predictors:
            seen, trust = network_as_seen(opened, self._recipe.options, n_dates)
            self._predictors[n_dates] = Predictor(seen, self._compute, name=opened.given), trust
        return self._predictors[n_dates]
