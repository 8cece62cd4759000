"""How do `ssr map …` commands read their arguments and show their results?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from ssr.checkpoints.bundled import DEFAULT
from ssr.cli.options import Device, Json, Offline, Overwrite, Precision
from ssr.cli.output import print_json, print_notes, progress_bar
from ssr.cli.scene import (
    BandNames,
    Bands,
    Catalogue,
    CloudCover,
    Collection,
    Model,
    Strength,
    White,
    parse_bands,
    parse_names,
    parse_query,
)

if TYPE_CHECKING:
    from ssr.device import PrecisionName
    from ssr.mapping.ledger import Account
    from ssr.mapping.status import Status
    from ssr.workflows.mapping import Part
    from ssr.workflows.mapplan import PlanResult

app = typer.Typer(
    help="Plan, compute and publish a map of many cells, on this machine or a Ray cluster.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PlanFolder = Annotated[Path, typer.Argument(help="What `ssr map plan` wrote.")]
Grid = Annotated[
    Literal["satlas", "mgrs"],
    typer.Option(help="satlas: Web-Mercator cells of 512 px at 9.555 m; mgrs: UTM cells of 500 px at 10 m."),
]
Align = Annotated[bool, typer.Option("--align/--no-align", help="Bring back dates that lie beside the others.")]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint", metavar="URL", help="Of a store that speaks S3, if it is not Amazon's.")
]
GIGA = 1e9
HELD_UP_BY = {
    "network": "the network",
    "reading": "reading from the store",
    "writing": "writing to the store",
    "dispatch": "handing out cells, which one process does",
}
"""A bottleneck of the schedule, in words."""


@app.command("plan")
def plan_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the plan.")],
    area: Annotated[str, typer.Option(metavar="BOX|FILE|land", help="west,south,east,north, .geojson, .gpkg or land.")],
    grid: Grid = "satlas",
    date: Annotated[str | None, typer.Option("--date", metavar="A/B", help="Such as 2021-06-01/2021-08-31.")] = None,
    source: Annotated[
        Literal["folder", "stac", "index", "none"],
        typer.Option(help="Where dates come from; none: plan without, to see what a map takes."),
    ] = "folder",
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="Files and folders, or sources.parquet of another plan.")
    ] = None,
    stac: Catalogue = None,
    collection: Collection = None,
    cloud_cover: CloudCover = None,
    model: Model = DEFAULT,
    store: Annotated[
        str | None, typer.Option(metavar="FOLDER|s3://…", help="Where the work goes [default: beside the plan].")
    ] = None,
    max_dates: Annotated[int, typer.Option(min=1, help="Images seen at a place where the model takes any number.")] = 8,
    align: Align = True,
    fidelity: Strength = 0.0,
    bands: Bands = None,
    band_names: BandNames = None,
    white_dn: White = None,
    dtype: Annotated[Literal["uint8", "uint16"], typer.Option("--dtype", help="As of ssr scene.")] = "uint8",
    trust: Annotated[bool, typer.Option("--trust", help="Map how far each pixel can be trusted, too.")] = False,
    device: Annotated[
        str, typer.Option("--device", help="Whose speed is estimated: this machine, rtx4090, or operations a second.")
    ] = "this",
    price: Annotated[float | None, typer.Option("--price", min=0, help="Of an hour of a worker.")] = None,
    simulate: Annotated[
        int | None, typer.Option("--simulate", min=1, metavar="WORKERS", help="Play the map through on so many.")
    ] = None,
    bandwidth: Annotated[float, typer.Option(help="Of the store for all workers, GB/s, for --simulate.")] = 10.0,
    failure_hours: Annotated[
        float | None, typer.Option(min=0, help="Mean time until a worker fails, for --simulate.")
    ] = None,
    slow_share: Annotated[float, typer.Option(min=0, max=1, help="Of workers that are 3 times slower.")] = 0.0,
    offline: Offline = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Find the cells of an area and the dates of each, and say what the map will take."""
    from ssr.workflows.mapcells import MapOptions
    from ssr.workflows.mapplan import Assumptions, plan_map

    query = parse_query([], stac, collection, cloud_cover) if source == "stac" else None
    result = plan_map(
        out,
        area=area,
        grid=grid,
        source=source,
        inputs=inputs or [],
        stac=query,
        period=date,
        model=model,
        options=MapOptions(
            max_dates=max_dates,
            align=align,
            fidelity=fidelity,
            bands=parse_bands(bands),
            band_names=parse_names(band_names),
            white_dn=white_dn,
            stored=dtype,
            with_trust=trust,
        ),
        store=store,
        assumed=Assumptions(
            device=device,
            price_per_hour=price,
            n_workers=simulate,
            bytes_per_s=bandwidth * GIGA,
            mean_hours_to_failure=failure_hours,
            slow_share=slow_share,
        ),
        overwrite=overwrite,
        offline=offline,
    )
    if as_json:
        print_json(result)
    else:
        _show_plan(result)


@app.command("run")
def run_command(
    plan_folder: PlanFolder,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of a Ray cluster, such as auto, or local for one here.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    readers: Annotated[int | None, typer.Option(min=1, help="With --ray: actors that read.")] = None,
    predictors: Annotated[int | None, typer.Option(min=1, help="With --ray: actors that hold the network.")] = None,
    writers: Annotated[int | None, typer.Option(min=1, help="With --ray: actors that write.")] = None,
    tries: Annotated[int, typer.Option(min=1, help="Of a cell, before it is set aside with its error.")] = 3,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Take up cells that were set aside.")] = False,
    part: Annotated[
        str, typer.Option("--part", metavar="K/N", help="Of N runs that share the plan, the K-th, such as 2/8.")
    ] = "1/1",
    device: Device = "auto",
    precision: Precision = "auto",
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Do all cells that are not done. Run again, it goes on where it ended."""
    from ssr.workflows.mapping import run_map

    with progress_bar("mapping", quiet=as_json) as progress:
        account = run_map(
            plan_folder,
            n_workers=workers,
            ray=ray,
            actors=(readers, predictors, writers),
            n_tries=tries,
            retry_failed=retry_failed,
            part=_part(part),
            device=device,
            precision=cast("PrecisionName", precision),
            store_options=_store_options(endpoint),
            progress=progress,
        )
    if as_json:
        print_json(account)
    else:
        _show_account(account, plan_folder)
    if account.n_failed:
        raise typer.Exit(1)


@app.command("status")
def status_command(plan_folder: PlanFolder, endpoint: Endpoint = None, as_json: Json = False) -> None:
    """Say how far a map is, from its store alone."""
    from ssr.workflows.mapping import map_status

    found = map_status(plan_folder, store_options=_store_options(endpoint))
    if as_json:
        print_json(found)
    else:
        _show_status(found)


@app.command("publish")
def publish_command(
    plan_folder: PlanFolder,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the map; one that is there is updated.")],
    pictures: Annotated[
        Literal["webp", "png", "none"], typer.Option(help="How the pyramid is compressed, or none of it.")
    ] = "webp",
    licence: Annotated[str, typer.Option("--license", help="Of the map, as STAC names licences.")] = "other",
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Write COGs with overviews, one pyramid of pictures, a STAC collection and its index; only what changed."""
    from ssr.workflows.mapping import publish

    with progress_bar("publishing", quiet=as_json) as progress:
        published = publish(
            plan_folder,
            out,
            pictures=None if pictures == "none" else pictures,
            license_name=licence,
            store_options=_store_options(endpoint),
            progress=progress,
        )
    if as_json:
        print_json(published)
        return
    print_notes(published.notes)
    print(f"map     {published.folder}: {published.n_cells:,} cells in {published.n_sheets:,} COGs")
    print(f"new     {published.n_sheets_new:,} COGs; the others are as they were")
    if published.n_pictures is not None:
        print(f"tiles   {published.n_pictures:,} pictures in one PMTiles file")


@app.command("changes")
def changes_command(
    before: Annotated[Path, typer.Argument(help="The plan of an earlier month.")],
    now: Annotated[Path, typer.Argument(help="The plan of a later one.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A GeoParquet file with the cells that changed.")
    ] = None,
    results: Annotated[bool, typer.Option("--results/--plans", help="Compare results too, or only plans.")] = True,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """List the cells with other dates than in an earlier plan, and how much their results differ."""
    from ssr.workflows.mapping import map_changes

    found = map_changes(before, now, out, with_results=results, store_options=_store_options(endpoint))
    if as_json:
        print_json(found)
        return
    print(f"cells   {found.n_same:,} the same, {found.n_changed:,} changed, {found.n_new:,} new, {found.n_gone:,} gone")
    if found.mean_of_255 is not None:
        print(f"differ  by {found.mean_of_255:.2f} of 255 in the mean of {found.n_compared:,} compared cells")
    if found.file:
        print(f"wrote   {found.file}")


def _part(text: str) -> "Part":
    from ssr.errors import ConfigError
    from ssr.workflows.mapping import Part

    number, _, of = text.partition("/")
    if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return Part(int(number), int(of))
    raise ConfigError(f"--part: expected K/N with K from 1 to N, such as 2/8, found {text!r}")


def _store_options(endpoint: str | None) -> dict[str, str]:
    return {"endpoint_url": endpoint} if endpoint else {}


def _show_plan(result: "PlanResult") -> None:
    print_notes(result.notes)
    told = result.told
    counts, takes = told["counts"], told["estimate"]
    print(f"plan    {result.folder}: {counts['n_cells']:,} cells in {counts['n_partitions']:,} partitions")
    print(f"dates   {told['n_sources']:,} found; {counts['n_with_dates']:,} cells have some, {_per_cell(counts)} each")
    print(f"model   {told['model']['name']}, {takes['operations_a_pixel']:,.0f} operations a pixel")
    print(f"ground  {takes['ground_km2']:,.0f} km², {takes['pixels']:.3g} px ({_on_ground(takes)})")
    print(f"work    {takes['operations']:.3g} operations, {takes['worker_hours']:,.2f} h of one worker")
    print(f"rate    {takes['rate']:.3g} operations a second ({takes['rate_told']})")
    print(f"bytes   about {takes['gigabytes_in']:,.2f} GB in, {takes['gigabytes_out']:,.2f} GB out")
    if takes["money"] is not None:
        print(f"money   {takes['money']:,.2f}")
    if told["simulated"] is not None:
        played = told["simulated"]
        print(f"played  {played['n_workers']:,} workers: {played['hours']:,.2f} h, busy {played['utilisation']:.0%}")
        alone = {HELD_UP_BY[name]: f"{hours:,.2f} h" for name, hours in played["hours_of"].items()}
        slowest = HELD_UP_BY[played["bottleneck"]]
        print(f"limit   {slowest}: {alone.pop(slowest)} if there were nothing else")
        print(f"others  {', '.join(f'{what} {hours}' for what, hours in alone.items())}")


def _per_cell(counts: dict[str, int]) -> str:
    return f"{counts['n_reads'] / counts['n_with_dates']:.1f}" if counts["n_with_dates"] else "none"


def _on_ground(takes: dict[str, float]) -> str:
    return f"{takes['pixels_of_ground']:.3g} px if each were 9.555 m on the ground"


def _show_account(account: "Account", plan_folder: Path) -> None:
    print(f"done    {account.n_done:,} cells in {account.seconds:,.1f} s; {account.n_found:,} were done before")
    if account.n_tried_again:
        print(f"again   {account.n_tried_again:,} further tries")
    if account.n_failed:
        print(f"failed  {account.n_failed:,} cells were set aside; see ssr map status {plan_folder}")


def _show_status(found: "Status") -> None:
    finished = found.n_done / max(1, found.n_cells - found.n_without_dates)
    print(f"store   {found.store} ({found.recipe}), {found.gigabytes:,.3f} GB")
    print(f"done    {found.n_done:,} of {found.n_cells - found.n_without_dates:,} cells ({finished:.1%})")
    print(f"failed  {found.n_failed:,}; without dates {found.n_without_dates:,}; remaining {found.n_remaining:,}")
    if found.cells_per_hour is not None:
        print(f"rate    {found.cells_per_hour:,.0f} cells an hour of late, the last at {found.last_done}")
    if found.remaining_hours is not None and found.n_remaining:
        print(f"left    {found.remaining_hours:,.2f} h at that rate")
    for failure in found.failures:
        print(f"aside   {failure.cell} after {failure.n_tries} tries: {failure.error}")
