"""How does `train` read its arguments and show its progress?"""

from pathlib import Path
from typing import Annotated

import typer

from ssr.cli.options import Device, Json, Precision, choose_named_compute
from ssr.cli.output import print_json, print_notes, progress_bar


def train(
    config: Annotated[Path, typer.Argument(help="An option file, native or of the original.")],
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the newest training state.")] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Train a network."""
    run_training(config, resume=resume, device=device, precision=precision, as_json=as_json)


def run_training(path: Path, *, resume: bool, device: str, precision: str, as_json: bool) -> None:
    """Read the option file, train, show losses as they come and the figures at the end."""
    from ssr.config.files import load_config
    from ssr.config.schema import TrainConfig
    from ssr.workflows.training import train as run

    config, notes = load_config(path, TrainConfig)
    print_notes(notes)
    n_steps = config.training.n_steps
    with progress_bar(config.name, quiet=as_json) as bar:

        def progress(done: int, losses: dict[str, float]) -> None:
            bar(done, n_steps)
            if losses and not as_json:
                print(f"step {done}/{n_steps}  " + "  ".join(f"{k} {v:.5f}" for k, v in losses.items()), flush=True)

        result = run(
            config,
            resume=resume,
            compute=choose_named_compute(device, precision),
            progress=progress,
            tell=lambda note: print_notes([note]),
        )
    if as_json:
        print_json(result)
        return
    figures = ", ".join(f"{name} {value}" for name, value in result.figures.items())
    print(f"wrote {result.weights}" + (f"; validation: {figures}" if figures else ""))
