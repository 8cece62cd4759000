"""What does `scene` do, from products, images and cubes to a super-resolved raster?"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ssr.checkpoints.bundled import DEFAULT
from ssr.device import Compute, choose_compute
from ssr.errors import InputError
from ssr.inference.engines.placed import EngineChoice
from ssr.inference.job import prepare
from ssr.inference.predictor import Predictor, Progress, in_passes
from ssr.inference.scene import Account, Result, write_scene
from ssr.inference.trust import TrustPlan, find_calibration, plan_trust, trust_path
from ssr.models.fidelity import Reference, held_to_input
from ssr.models.protocol import registered_px
from ssr.raster.layout import Stored
from ssr.scenes.acquisition import Picture
from ssr.scenes.aoi import parse_aoi
from ssr.scenes.arrays import Given, as_inputs, by_kind, name_of_input
from ssr.scenes.choice import Choice, choose
from ssr.scenes.period import parse_period
from ssr.scenes.radiometry import Rules
from ssr.scenes.ranking import MoreDates, repeated_note
from ssr.scenes.series import SceneSeries, open_series
from ssr.scenes.sight import Clouds, bands_needed
from ssr.scenes.stac import StacQuery
from ssr.scenes.target import NATIVE, Extent
from ssr.sentinel2.bands import bands_of_channels
from ssr.sentinel2.radiometry import Level
from ssr.workflows.explanation import DateReport, explanation_paths, reports_of, write_explanation
from ssr.workflows.identity import identity_of
from ssr.workflows.models import NamedModel, open_model
from ssr.workflows.outputs import check_output, companions_of, remove_stale
from ssr.workflows.provenance import options_given, provenance_of
from ssr.workflows.stacitem import item_path, lacking_for_item, write_item

DEFAULT_MAX_DATES = 8
"""The bundled model is trained on one to eight dates."""


@dataclass(frozen=True)
class SceneResult:
    """What became of a series.

    dates: names of the dates that were used, in the order of the series.
    best_date: the one that shows most ground.
    choice: what became of every date that was found.
    waiting_share: of the time in which the network could have computed, spent waiting for windows or for the disk.
    trust: the raster that says how far each pixel can be trusted, if it was asked for.
    explanation: files that say which date served where and why, if they were asked for.
    item: what catalogues read of the result; None where no date says when it was taken.
    engine, windows: who ran the network, why, and in which windows.
    """

    output: Path
    model: str
    n_dates_found: int
    dates: tuple[str, ...]
    best_date: str
    choice: tuple[DateReport, ...]
    low_res: str
    super_res: str
    compute: str
    seconds: float
    waiting_share: float
    notes: tuple[str, ...]
    trust: Path | None = None
    explanation: tuple[Path, ...] = ()
    item: Path | None = None
    engine: str = "torch"
    engine_reason: str = ""
    windows: str = ""

    def _repr_html_(self) -> str | None:
        """The result to look at in a notebook; None of a Zarr store, which the viewer does not read."""
        from ssr import show

        return None if self.output.suffix == ".zarr" else show(self)._repr_html_()


def super_resolve_scene(
    inputs: "Given | Iterable[Given]",
    out: Path,
    *,
    model: str | Path | NamedModel = DEFAULT,
    grid: str = NATIVE,
    extent: Extent = "intersection",
    aoi: str | None = None,
    period: str | None = None,
    max_dates: int | None = None,
    more_dates: MoreDates = "best",
    by_place: bool = True,
    align: bool = True,
    fidelity: float = 0.0,
    fidelity_to: Reference = "mean",
    bands: tuple[int, ...] | None = None,
    band_names: tuple[str, ...] | None = None,
    white_dn: float | None = None,
    level: Level | None = None,
    offset_dn: float | None = None,
    l2a_look: Literal["l1c", "ground"] = "l1c",
    clouds: Clouds = "auto",
    stored: Stored = "uint8",
    stac: StacQuery | None = None,
    with_trust: bool = False,
    with_explanation: bool = False,
    overwrite: bool = False,
    compute: Compute | None = None,
    engine: EngineChoice = "auto",
    memory_bytes: int | None = None,
    progress: Progress | None = None,
) -> SceneResult:
    """Super-resolve a series into a Cloud-Optimised GeoTIFF, or a Zarr store where `out` ends in `.zarr`.

    A run that was broken off goes on where it ended if all is as it was.

    What an older result has beside it and this one has not is removed when this one is there (`companions_of`).

    Args:
        inputs: what `scenes.series.open_series` takes: products, images, cubes, folders of them, web addresses, what
            `series_from_array` gives, a `Dataset` or `DataArray` of xarray; one of them or several.
        model: what `open_model` takes, or what it gave.
        grid: `native`, `satlas` (EPSG:3857 at zoom 14 of 256 px, as the published models saw it) or `EPSG:…[@res]`.
        extent: the ground that all dates show, or that any shows (`union`).
        aoi: `west,south,east,north` in degrees, or a GeoJSON or GeoPackage file, whose rectangle is cut out.
        period: `2021-06-01/2021-08-31`, either end open with `..`.
        max_dates: see no more than so many at a place; by default 8 where the model takes any number, else all.
        more_dates: of more dates than the model takes, see the `best`, or all in several passes and `average`.
        by_place: where one of the best dates is hidden, let another that is clear stand in.
        align: bring back dates that lie beside the best one by more than the model makes up for.
        fidelity: how far the result is held to the input (`models.fidelity`), from 0 (not) to 1.
        fidelity_to: what it is held to: the `mean` of the dates or their `median`.
        bands: which bands of plain images are the channels (red, green, blue), from 1.
        band_names: or what their bands are, such as `("B02", "B03", "B04", "B08")`.
        white_dn: the stored number that means white in plain images; by default 255 for 8-bit images.
        level: of products that do not tell; offset_dn: overrules metadata and pixels; l2a_look: `scenes.radiometry`.
        clouds: who tells where ground is hidden (`scenes.sight`).
        stored: `uint8` for true colour, `uint16` for reflectance × 10000.
        with_trust: write `trust_path(out)` too: how far each pixel can be trusted, from how far the dates agree.
        with_explanation: write `explanation_paths(out)` too: which date served where, and why.
        engine: who runs the network (`inference.engines`).
        memory_bytes: for the whole program; windows are chosen to fit (`inference.budget`).
    """
    options = options_given(super_resolve_scene, dict(locals()))
    started = time.monotonic()
    inputs = as_inputs(inputs)
    check_output([*by_kind(inputs)[0], *([aoi] if aoi else [])], out, overwrite=overwrite)
    if stored == "uint16" and white_dn is not None:
        raise InputError(
            "--dtype uint16 stores reflectance, and with --white-dn nothing says what reflectance the numbers are; "
            "store uint8, or name the bands with --band-names instead of giving white"
        )
    opened = model if isinstance(model, NamedModel) else open_model(model)
    network = opened.network
    rules = Rules(
        channels=_channels(opened),
        picture_bands=bands,
        white_dn=white_dn,
        level=level,
        offset_dn=offset_dn,
        l2a_look=l2a_look,
        also=bands_needed(clouds),
    )
    with open_series(
        inputs,
        rules=rules,
        grid=grid,
        extent=extent,
        area=parse_aoi(aoi) if aoi else None,
        period=parse_period(period) if period else None,
        band_names=band_names,
        leave_out=[out, *companions_of(out)],
        stac=stac,
    ) as series:
        choice = choose(
            series,
            n_wanted=network.n_revisits,
            at_most=DEFAULT_MAX_DATES if max_dates is None and network.n_revisits is None else max_dates,
            more=more_dates,
            by_place=by_place,
            clouds=clouds,
            tolerated_px=registered_px(network) if align else None,
        )
        is_plain = not with_trust and not fidelity and len(choice.plan.passes) == 1
        job = prepare(
            network,
            series.grid.shape_hw,
            compute or choose_compute(),
            engine,
            n_dates=len(choice.plan.passes[0]),
            memory_bytes=memory_bytes,
            is_plain=is_plain,
            name=opened.name,
        )
        placement = job.placement
        placed = replace(opened, network=placement.network)
        trust = _trust(placed, choice, more_dates, fidelity, fidelity_to) if with_trust else None
        if trust:
            seen = trust.network
        else:
            seen = held_to_input(in_passes(placed.network, choice.plan), strength=fidelity, reference=fidelity_to)
        predictor = Predictor(seen, placement.compute, name=opened.given)
        names = tuple(series.names[k] for k in choice.dates_used)
        provenance = provenance_of(opened, series, choice, predictor.compute, options=options)
        reports = reports_of(series, choice)
        trust_raster = trust_path(out) if trust else None
        explanation = tuple(explanation_paths(out)) if with_explanation else ()
        item = None if lacking_for_item(provenance) else item_path(out)
        stale: list[Path] = []

        def complete() -> None:
            if explanation:
                write_explanation(out, series, choice, reports)
            if item:
                write_item(out, provenance, trust=trust_raster, explanation=explanation)
            stale.extend(remove_stale(out, [*filter(None, (trust_raster, item)), *explanation]))

        tags = provenance.tags | _held_tags(fidelity, fidelity_to) | {"SSR_ENGINE": placement.software}
        account = write_scene(
            predictor,
            choice.series,
            choice.plan.dates,
            Result(
                out=out,
                grid=series.grid,
                tags=tags,
                channels=rules.channels,
                stored=stored,
                overwrite=overwrite,
                job=identity_of(series, choice, rules, predictor.compute, tags),
                companions=companions_of(out),
            ),
            trust=trust,
            plan=job.plan_for(seen, series.grid.shape_hw),
            complete=complete,
            progress=progress,
        )
        return SceneResult(
            output=out,
            model=opened.name,
            n_dates_found=series.n_dates,
            dates=names,
            best_date=series.names[choice.reference],
            choice=reports,
            low_res=str(series.grid),
            super_res=str(series.grid.finer(network.scale)),
            compute=str(predictor.compute),
            engine=placement.engine,
            engine_reason=placement.reason,
            windows=str(job.budget),
            seconds=round(time.monotonic() - started, 2),
            waiting_share=round(predictor.seconds.waiting_share, 4),
            notes=_notes_on_numbers(series, stored)
            + _notes(inputs, series, choice, network.n_revisits)
            + (trust.notes if trust else ())
            + _notes_on(account)
            + _notes_on_stale(stale),
            trust=trust_raster,
            explanation=explanation,
            item=item,
        )


def _channels(opened: NamedModel) -> tuple[str, ...]:
    channels = bands_of_channels(opened.network.n_channels)
    if channels is None:
        raise InputError(
            f"{opened.given}: sees {opened.network.n_channels} channels of a date, and nothing says which bands they "
            f"are; known are 3 (true colour), 4, 9 and 12"
        )
    return channels


def _trust(opened: NamedModel, choice: Choice, more: MoreDates, strength: float, reference: Reference) -> TrustPlan:
    return plan_trust(
        opened.network,
        choice.plan,
        list(choice.ranked),
        find_calibration(opened.given, opened.sha256),
        n_wanted=opened.network.n_revisits,
        more=more,
        strength=strength,
        reference=reference,
    )


def _held_tags(fidelity: float, reference: Reference) -> dict[str, str]:
    return {"SSR_FIDELITY": f"{fidelity:g} to the {reference}"} if fidelity else {}


def _notes_on_numbers(series: SceneSeries, stored: Stored) -> tuple[str, ...]:
    plain = [one.name for one in series.acquisitions if any(isinstance(piece, Picture) for piece in one.pieces)]
    if stored == "uint8" or not plain:
        return ()
    more = f" and {len(plain) - 1} more" if len(plain) > 1 else ""
    return (f"{plain[0]}{more}: taken for true colour as ESA renders L1C, from which the reflectance follows",)


def _notes_on(account: Account) -> tuple[str, ...]:
    notes = []
    if account.rows_taken_up:
        notes.append(f"an earlier run had finished {account.rows_taken_up:.0%} of this; gone on from there")
    if account.was_other:
        notes.append("an earlier run with other input or options had not finished; its work is of no use and removed")
    return tuple(notes)


def _notes_on_stale(stale: Sequence[Path]) -> tuple[str, ...]:
    if not stale:
        return ()
    return (f"removed what an older result had beside it: {', '.join(path.name for path in stale)}",)


def _notes(inputs: Sequence[Given], series: SceneSeries, choice: Choice, wanted: int | None) -> tuple[str, ...]:
    notes = [*series.notes, *choice.notes]
    n_used = len(set(choice.plan.dates))
    if wanted is not None and n_used < wanted:
        notes.append(repeated_note(", ".join(map(name_of_input, inputs)) or "the catalogue", n_used, wanted))
    if len(choice.plan.passes) > 1:
        notes.append(f"{n_used} dates seen in {len(choice.plan.passes)} passes of {wanted}, results averaged")
    for account in choice.accounts:
        if account.double_of is not None:
            notes.append(f"{series.names[account.date]}: another copy of {series.names[account.double_of]}, left out")
        elif account.alignment is not None and account.alignment.field is not None:
            notes.append(f"{series.names[account.date]}: {account.alignment.told()}")
    if series.grid.crs is None:
        notes.append("the input has no coordinate system, so the output has none either")
    return tuple(notes)
