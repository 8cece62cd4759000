"""How does `train` read its arguments and show its progress?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssr.cli.options import Device, Json, Precision, choose_named_compute
from ssr.cli.output import EXIT_INTERRUPTED, print_json, print_notes
from ssr.cli.trainview import training_view

if TYPE_CHECKING:
    from ssr.config.files import Changes
    from ssr.device import Compute
    from ssr.workflows.training import TrainResult

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=VALUE", help="Change a native option, as in --set training.n_steps=100."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse original options that would be corrected.")]


def train(
    config: Annotated[Path, typer.Argument(help="An option file, native or of the original.")],
    settings: Set = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the newest training state.")] = False,
    strict: Strict = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Train a network.

    On several accelerators: torchrun --nproc_per_node=N -m ssr.train -opt CONFIG.
    """
    from ssr.config.files import Changes
    from ssr.distributed import n_processes

    changes = Changes(settings=tuple(settings or ()), strict=strict, n_processes=n_processes())
    run_training(config, changes, resume=resume, device=device, precision=precision, as_json=as_json)


def run_training(path: Path, changes: "Changes", *, resume: bool, device: str, precision: str, as_json: bool) -> None:
    """Read the option file, train, show how it goes and the figures at the end; the first process speaks."""
    from ssr.config.files import load_config
    from ssr.config.schema import TrainConfig
    from ssr.distributed import is_first_process
    from ssr.workflows.training import train as run

    speaks = is_first_process()
    config, notes = load_config(path, TrainConfig, changes)
    print_notes(notes if speaks else [])
    n_steps = config.training.n_steps
    is_quiet = as_json or not speaks
    batch_size = config.training.batch_size
    with training_view(config.name, n_steps=n_steps, batch_size=batch_size, is_quiet=is_quiet) as view:
        result = run(
            config,
            resume=resume,
            compute=_compute_of_this_process(device, precision, changes.n_processes),
            progress=view.advance,
            watchers=[view],
            tell=lambda note: print_notes([note]),
        )
    if speaks:
        _show(result, n_steps, as_json=as_json)
    if result.stopped_by == "SIGINT":
        sys.exit(EXIT_INTERRUPTED)


def _compute_of_this_process(device: str, precision: str, n_processes: int) -> "Compute":
    """Each of several processes on one machine takes an accelerator of its own."""
    from ssr.distributed import local_rank

    compute = choose_named_compute(device, precision)
    if n_processes > 1 and compute.device.type == "cuda" and compute.device.index is None:
        return choose_named_compute(f"cuda:{local_rank()}", precision)
    return compute


def _show(result: "TrainResult", n_steps: int, *, as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    if result.stopped_by:
        print_notes([f"stopped by {result.stopped_by} after {result.n_steps} of {n_steps} steps; --resume continues"])
    figures = ", ".join(f"{name} {value}" for name, value in result.figures.items())
    print(f"wrote {result.weights}" + (f"; validation: {figures}" if figures else ""))
