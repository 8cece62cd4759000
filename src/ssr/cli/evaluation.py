"""How do `test` and `report` read their arguments, and how do they show their progress and results?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssr.cli.options import Device, Json, Offline, Overwrite, Precision, choose_named_compute
from ssr.cli.output import print_json, print_notes, progress_bar
from ssr.cli.training import Set, Strict

if TYPE_CHECKING:
    from ssr.config.files import Changes
    from ssr.device import Compute
    from ssr.workflows.evaluation import TestResult


def measure(
    config: Annotated[Path, typer.Argument(help="An option file of a test, native or of the original.")],
    settings: Set = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the parts of the test that are finished.")] = False,
    overwrite: Overwrite = False,
    offline: Offline = False,
    strict: Strict = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Measure models on data with known truth.

    On several accelerators: torchrun --nproc_per_node=N -m ssr.test -opt CONFIG.
    """
    from ssr.config.files import Changes

    run_test(
        config,
        Changes(settings=tuple(settings or ()), strict=strict),
        resume=resume,
        overwrite=overwrite,
        offline=offline,
        device=device,
        precision=precision,
        as_json=as_json,
    )


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders of tests, and of training runs.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Show tests, and how models were trained, in one page that needs nothing else; beside it, the same as JSON."""
    from ssr.workflows.report import write_report

    result = write_report(runs, output, overwrite=overwrite)
    print_notes(result.notes)
    if as_json:
        print_json(result)
        return
    print(f"wrote {result.page} and {result.json}")


def run_test(
    path: Path,
    changes: "Changes",
    *,
    resume: bool,
    overwrite: bool,
    offline: bool,
    device: str,
    precision: str,
    as_json: bool,
) -> None:
    """Read the option file, test, show averages; the first of several processes speaks."""
    from ssr.config.files import load_config
    from ssr.config.schema import TestConfig
    from ssr.distributed import is_first_process
    from ssr.workflows.evaluation import evaluate

    speaks = is_first_process()
    config, notes = load_config(path, TestConfig, changes)
    print_notes(notes if speaks else [])
    with progress_bar(config.name, quiet=as_json or not speaks) as bar:
        try:
            result = evaluate(
                config,
                resume=resume,
                overwrite=overwrite,
                offline=offline,
                compute=_compute_of_this_process(device, precision),
                progress=bar,
                tell=lambda line: None if as_json else print(line, flush=True),
            )
        except KeyboardInterrupt:
            print_notes(["what is finished is kept; --resume goes on"] if speaks else [])
            raise
    if speaks:
        _show(result, as_json=as_json)


def _compute_of_this_process(device: str, precision: str) -> "Compute":
    """Each of several processes on one machine takes an accelerator of its own."""
    from ssr.distributed import local_rank, n_processes

    compute = choose_named_compute(device, precision)
    if n_processes() > 1 and compute.device.type == "cuda" and compute.device.index is None:
        return choose_named_compute(f"cuda:{local_rank()}", precision)
    return compute


def _show(result: "TestResult", *, as_json: bool) -> None:
    from ssr.evaluation.told import averages

    notes = [*result.notes, *(f"not measured: {one.name}: {one.why}; {one.how_to_get}" for one in result.missing)]
    print_notes([*notes, *_left_out(result)])
    if as_json:
        from ssr.evaluation.summary import as_plain
        from ssr.workflows.evaluation import result_as_plain

        print_json(as_plain(result_as_plain(result)))
        return
    for summary in result.summaries:
        print(f"\n{averages(summary, result.columns)}")
    print(f"\nwrote {result.folder}; a page to look at: ssr report {result.folder}")


def _left_out(result: "TestResult") -> Sequence[str]:
    return [
        f"{name}: {n} sample{'s' * (n > 1)} left out, see {result.folder / 'left_out.csv'}"
        for name, n in result.n_left_out.items()
        if n
    ]
