"""How do `weights list`, `info`, `get` and `verify` read their arguments and show their results?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssr.cli.options import Json, Offline
from ssr.cli.output import print_json, print_notes, progress_bar

if TYPE_CHECKING:
    from ssr.checkpoints.inspection import WeightFile
    from ssr.workflows.weights import Description, GottenWeights, ListedWeights

app = typer.Typer(help="Weights: what was published, what is here, what a file holds.", no_args_is_help=True)

NamesToGet = Annotated[list[str], typer.Argument(help="Published names, see `ssr weights list`.", show_default=False)]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Another address or local path: a folder when it ends in /, else the file itself. SSR_WEIGHTS_URL names a "
        "folder for all.",
    ),
]
Sha256 = Annotated[str | None, typer.Option("--sha256", help="What the file must be.")]
Force = Annotated[bool, typer.Option("--force", help="Fetch anew and record the hash of what comes.")]
ENTRIES = {
    ("params_ema", "params"): "params_ema (the moving average, taken) and params",
    ("params_ema",): "params_ema (the moving average)",
    ("params",): "params, no moving average",
    (): "a bare state dict, which does not say whether it is a moving average",
}
COLUMNS = ("name", "dates", "bands", "parameters", "size", "where")


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the bundled models and every published file."""
    from ssr.workflows.weights import list_weights

    listed = list_weights()
    if as_json:
        print_json(listed)
        return
    rows = [COLUMNS, *map(_row, listed)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if any(weights.warnings for weights in listed):
        print("* has warnings: ssr weights info NAME")


@app.command()
def info(
    name_or_file: Annotated[str, typer.Argument(help="A name of `ssr weights list`, or any weight file.")],
    as_json: Json = False,
) -> None:
    """Say what a published file needs, or what a file holds by its shapes alone."""
    from ssr.workflows.weights import describe

    described = describe(name_or_file)
    if as_json:
        print_json(described)
        return
    if described.published is not None:
        _show_published(described)
    elif described.listed is not None:
        _tell("model", f"{described.name}, bundled: needs no download")
    if described.file is not None:
        _show_file(described.file)


@app.command()
def get(
    names: NamesToGet,
    url: Url = None,
    sha256: Sha256 = None,
    offline: Offline = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Download published files, resuming what was broken off; their hash is recorded and checked ever after."""
    from ssr.workflows.weights import get_weights

    try:
        with progress_bar("downloading", quiet=as_json, in_bytes=True) as progress:
            gotten = get_weights(names, url=url, sha256=sha256, offline=offline, force=force, progress=progress)
    except KeyboardInterrupt:
        print("what has arrived is kept; the same command goes on from there", file=sys.stderr)
        raise
    if as_json:
        print_json(gotten)
        return
    for weights in gotten:
        _show_gotten(weights)


@app.command()
def verify(
    names_or_files: Annotated[
        list[str] | None, typer.Argument(help="Names or files; by default all that are cached.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare cached files with the hash of their download, and read files through."""
    from ssr.checkpoints.cache import cache_folder
    from ssr.errors import WeightsError
    from ssr.workflows.weights import verify as run

    verdicts = run(names_or_files or ())
    bad = [verdict for verdict in verdicts if not verdict.is_good]
    if as_json:
        print_json(verdicts)
    else:
        for verdict in verdicts:
            print(f"{'good' if verdict.is_good else 'BAD '}  {verdict.name}  {verdict.told}")
        if not verdicts:
            print(f"nothing is cached in {cache_folder()}")
    if bad:
        raise WeightsError(f"{len(bad)} of {len(verdicts)} not good: {', '.join(verdict.name for verdict in bad)}")


def _row(weights: "ListedWeights") -> tuple[str, ...]:
    is_bundled = weights.where == "bundled"
    dates = weights.n_revisits or ("any" if is_bundled else "?")
    return (
        weights.name + (" *" if weights.warnings else ""),
        str(dates),
        _short(weights.bands),
        "?" if weights.n_parameters is None else f"{weights.n_parameters:,}",
        "?" if weights.size_bytes is None else f"{weights.size_bytes / 1e6:.1f} MB",
        weights.where,
    )


def _short(bands: tuple[str, ...]) -> str:
    """The bands in few characters: `tci + 9` for ten files a date."""
    return f"{bands[0]} + {len(bands) - 1}" if len(bands) > 1 else "".join(bands) or "?"


def _tell(label: str, text: object) -> None:
    print(f"{label:<13} {text}")


def _show_published(described: "Description") -> None:
    published, listed = described.published, described.listed
    assert published is not None
    assert listed is not None
    _tell("published", f"{published.name}, {listed.where}")
    dates = "1 date" if published.n_revisits == 1 else f"{published.n_revisits} dates"
    needs = f"{dates} × {published.n_channels} channels: {', '.join(published.bands)}"
    _tell("needs", needs if published.n_revisits else "dates and bands are stated nowhere")
    _tell("normalised", described.normalisation)
    _tell(
        "architecture",
        published.architecture + (f", {listed.n_parameters:,} parameters" if listed.n_parameters else ""),
    )
    _tell("size", f"about {published.size_mb:g} MB" if published.size_mb else "unknown")
    _tell("licence", published.licence)
    _tell("provenance", published.provenance)
    for warning in published.warnings:
        _tell("warning", warning)
    for source in described.sources:
        _tell("source", source)


def _show_file(held: "WeightFile") -> None:
    _tell("file", held.path)
    _tell("size", f"{held.size_bytes} bytes")
    _tell("sha256", held.sha256)
    _tell("recognised", held.architecture or "no network known here")
    if held.arguments:
        _tell("", ", ".join(f"{name} {value}" for name, value in held.arguments.items()))
    if held.readings:
        _tell("input", f"{held.readings[0]}" + (" (as this program reads it)" if len(held.readings) > 1 else ""))
    for reading in held.readings[1:]:
        _tell("or", f"{reading}: the same tensors")
    if not held.readings and held.n_input_channels:
        _tell("input", f"{held.n_input_channels} channels: the judged image and what it is judged beside")
    _tell("parameters", f"{held.n_parameters:,} in {held.n_tensors} tensors of {', '.join(held.dtypes)}")
    _tell("entries", ENTRIES[held.entries])
    for key, value in held.metadata.items():
        _tell("metadata", f"{key}: {value}")


def _show_gotten(weights: "GottenWeights") -> None:
    print_notes(weights.notes)
    arrival = "was here" if weights.was_cached else "fetched"
    _tell(arrival, f"{weights.name} ({weights.size_bytes / 1e6:.1f} MB, {weights.date} from {weights.url})")
    _tell("file", Path(weights.path))
    _tell("sha256", weights.sha256)
