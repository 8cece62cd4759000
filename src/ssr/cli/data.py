"""How do `data index`, `data check` and `data pack` read their arguments and show their results?"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssr.cli.options import Json
from ssr.cli.output import print_json, print_notes, progress_bar

if TYPE_CHECKING:
    from ssr.config.data import Data

app = typer.Typer(help="Training data: find the samples, find those of no use.", no_args_is_help=True)


class Which(StrEnum):
    """The data of an option file."""

    TRAIN = "train"
    VALIDATION = "validation"


Config = Annotated[Path, typer.Argument(help="An option file of training, native or of the original.")]
Threads = Annotated[int | None, typer.Option(min=1, help="By default one for each processor.")]
Of = Annotated[Which, typer.Option("--of", help="Which data of the option file.")]


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
