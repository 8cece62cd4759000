"""How do the commands of `data` read their arguments and show their results?"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssr.cli.options import Json, Overwrite
from ssr.cli.output import print_json, print_notes, progress_bar

if TYPE_CHECKING:
    from ssr.config.data import Data
    from ssr.workflows.archives import GottenData

app = typer.Typer(
    help="Training data: get what was published, find the samples, find those of no use.", no_args_is_help=True
)


class Which(StrEnum):
    """The data of an option file."""

    TRAIN = "train"
    VALIDATION = "validation"


Config = Annotated[Path, typer.Argument(help="An option file of training, native or of the original.")]
Threads = Annotated[int | None, typer.Option(min=1, help="By default one for each processor.")]
Of = Annotated[Which, typer.Option("--of", help="Which data of the option file.")]


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the published archives of training data."""
    from ssr.workflows.archives import list_data

    listed = list_data()
    if as_json:
        print_json(listed)
        return
    width = max(len(data.name) for data in listed)
    for data in listed:
        print(f"{data.name:<{width}}  {data.holds}" + (f" ({data.size})" if data.size else ""))
    for provenance in dict.fromkeys(data.provenance for data in listed):
        print(f"links from {provenance}")
    print("licence, links and what is known of sizes: ssr data list --json")


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A name of `ssr data list`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to extract below.")],
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="Another address or local path: a folder of parts when it ends in /, else the one file. SSR_DATA_URL "
            "names a folder for all.",
        ),
    ] = None,
    parts: Annotated[
        str | None, typer.Option("--parts", help="Names of the parts in their order, with commas between them.")
    ] = None,
    no_extract: Annotated[
        bool, typer.Option("--no-extract", help="Fetch the parts and leave them as they are.")
    ] = False,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep the parts when they are extracted.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Fetch a published archive, going on from what is here, and extract it safely."""
    from ssr.workflows.archives import Signals, Wish, get_data

    named = tuple(part.strip() for part in parts.split(",") if part.strip()) if parts else ()
    wish = Wish(url, named, extract=not no_extract, keep_archives=keep_archives, overwrite=overwrite)
    try:
        with progress_bar(name, quiet=as_json, in_bytes=True) as progress:
            signals = Signals(progress, progress, lambda told: print(told, file=sys.stderr))
            gotten = get_data(name, output, wish, signals=signals)
    except KeyboardInterrupt:
        print("parts that have arrived are kept; the same command goes on from there", file=sys.stderr)
        raise
    if as_json:
        print_json(gotten)
        return
    _show_gotten(gotten)


@app.command()
def index(
    config: Config,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; by default what the options name.")
    ] = None,
    of: Of = Which.TRAIN,
    as_json: Json = False,
) -> None:
    """Find the samples of S2-NAIP once, so that training starts without looking for them."""
    from ssr.workflows.data import index_data

    data = _data_of(config, of)
    with progress_bar("NAIP images", quiet=as_json) as progress:
        result = index_data(data, output, progress=progress)
    if as_json:
        print_json(result)
        return
    print(f"wrote {result.path}: {result.n_samples} samples of {result.n_images} images, {result.layout} layout")


@app.command()
def check(
    config: Config,
    exclude: Annotated[Path, typer.Option(help="Receives the names of samples of no use.")] = Path("exclude.txt"),
    report: Annotated[Path, typer.Option(help="Receives what is wrong with them.")] = Path("data-check.json"),
    threads: Threads = None,
    of: Of = Which.TRAIN,
    as_json: Json = False,
) -> None:
    """Read every file of every sample: which are corrupt, missing, misaligned, black, or too short a series?"""
    from ssr.workflows.data import check_data

    data = _data_of(config, of)
    with progress_bar("samples", quiet=as_json) as progress:
        result = check_data(data, report=report, exclude=exclude, n_threads=threads, progress=progress)
    if as_json:
        print_json(result)
        return
    kinds = ", ".join(f"{n} {kind}" for kind, n in result.kinds.items())
    print(f"{result.n_flawed} of {result.n_samples} samples are of no use" + (f": {kinds}" if kinds else ""))
    print(f"wrote {result.report} and {result.exclude}; name the latter in the options as exclude")


@app.command()
def pack(
    config: Config,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    threads: Threads = None,
    of: Of = Which.TRAIN,
    as_json: Json = False,
) -> None:
    """Write the decoded samples of S2-NAIP to a few large files, which training reads without decoding."""
    from ssr.workflows.data import pack_data

    data = _data_of(config, of)
    with progress_bar("samples", quiet=as_json) as progress:
        result = pack_data(data, output, n_threads=threads, progress=progress)
    if as_json:
        print_json(result)
        return
    print_notes([f"left out: {name}, {why}" for name, why in result.left_out.items()])
    print(
        f"wrote {result.folder}: {result.n_samples} samples in {result.n_shards} files; "
        f"name it in the options as packed"
    )


def _show_gotten(gotten: "GottenData") -> None:
    if gotten.path is None:
        print(f"{gotten.name}: parts in {gotten.parts}, {gotten.n_bytes / 1e6:.1f} MB, not extracted")
        return
    how = "was here" if gotten.was_here else "extracted"
    print(f"{gotten.name}: {how} in {gotten.path}, {gotten.n_files} files, {gotten.n_bytes / 1e6:.1f} MB")
    if gotten.parts is not None:
        print(f"parts are kept in {gotten.parts}")
    if gotten.options:
        print("in an option file:")
        for option, value in gotten.options.items():
            print(f"  {option}: {value}")


def _data_of(path: Path, which: Which) -> "Data":
    from ssr.config.files import load_config
    from ssr.config.schema import TrainConfig
    from ssr.errors import ConfigError

    config, notes = load_config(path, TrainConfig)
    print_notes(notes)
    data = config.train_data if which is Which.TRAIN else config.validation_data
    if data is None:
        raise ConfigError(f"{path}: names no {which}_data")
    return data
