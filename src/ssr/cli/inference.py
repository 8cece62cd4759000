"""How do `infer` and `infer-grid` read their arguments and show their results?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssr.cli.options import Device, Engine, Json, Overwrite, Precision, choose_named_compute, choose_named_engine
from ssr.cli.output import print_json, print_notes, progress_bar

if TYPE_CHECKING:
    from ssr.device import Compute
    from ssr.inference.engines.placed import EngineChoice
    from ssr.workflows.inference import ChipsResult

ConfigOrFolder = Annotated[Path, typer.Argument(help="An option file, or a folder of PNG chips.")]
SavePath = Annotated[Path, typer.Option("--out", "-o", help="Where results go (with a folder).")]
Revisits = Annotated[int, typer.Option(min=1, help="Dates to use of each chip (with a folder).")]


def infer(
    source: ConfigOrFolder,
    save_path: SavePath = Path("results"),
    n_revisits: Revisits = 8,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = "auto",
    as_json: Json = False,
) -> None:
    """Super-resolve every PNG chip (dates of 32×32 px below each other) of a folder."""
    from ssr.workflows.inference import super_resolve_chips

    run_chips(
        super_resolve_chips,
        source,
        save_path=save_path,
        n_revisits=n_revisits,
        overwrite=overwrite,
        compute=choose_named_compute(device, precision),
        engine=choose_named_engine(engine),
        as_json=as_json,
    )


def infer_grid(
    source: ConfigOrFolder,
    save_path: SavePath = Path("results_grid"),
    n_revisits: Revisits = 8,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = "auto",
    as_json: Json = False,
) -> None:
    """Super-resolve 16×16 grids of chips, each as one seamless raster."""
    from ssr.workflows.inference import super_resolve_grids

    run_chips(
        super_resolve_grids,
        source,
        save_path=save_path,
        n_revisits=n_revisits,
        overwrite=overwrite,
        compute=choose_named_compute(device, precision),
        engine=choose_named_engine(engine),
        as_json=as_json,
    )


def run_chips(
    workflow: Any,
    source: Path,
    *,
    save_path: Path,
    n_revisits: int,
    overwrite: bool,
    compute: "Compute | None",
    engine: "EngineChoice" = "auto",
    as_json: bool,
) -> None:
    """Read an option file, or make one of a folder, run the workflow and show what it did."""
    from ssr.config.files import load_config
    from ssr.config.schema import InferConfig
    from ssr.errors import InputError

    notes: list[str] = []
    if not (source.exists() or source.suffix):
        raise InputError(f"{source}: no such folder of chips, and no option file")
    if source.is_dir():
        config = InferConfig(data_dir=source, save_path=save_path, n_revisits=n_revisits)
    else:
        config, notes = load_config(source, InferConfig)
    print_notes(notes)
    with progress_bar("super-resolving", quiet=as_json) as progress:
        result: ChipsResult = workflow(config, overwrite=overwrite, compute=compute, engine=engine, progress=progress)
    if as_json:
        print_json(result)
        return
    print_notes(result.notes)
    print(f"engine  {result.engine}: {result.engine_reason}")
    print(f"{result.n_done} done in {result.seconds:.1f} s with {result.model} ({result.compute}): {result.save_path}")
