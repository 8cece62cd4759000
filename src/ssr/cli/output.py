"""How does a command speak: to a person, to a machine, and when something is wrong?"""

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


def run_reporting(command: Callable[[], Any]) -> NoReturn:
    """Run a command; one line and exit code 2 for what the user can mend, 130 when interrupted."""
    code: Any = 0
    try:
        _run(command)
    except SystemExit as leaving:
        code = leaving.code
    if "torch.distributed" in sys.modules:
        _leave_at_once_if_one_of_many(code)
    sys.exit(code)


def _leave_at_once_if_one_of_many(code: Any) -> None:
    """Under torchrun: threads of gloo abort the process now and then while Python winds down."""
    from ssr.distributed import n_processes

    if n_processes() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _run(command: Callable[[], Any]) -> None:
    from ssr.errors import SSRError

    signal.signal(signal.SIGTERM, _terminate)
    try:
        command()
    except SSRError as error:
        print(f"error: {error}", file=sys.stderr)
        for note in _notes_of(error):
            print(f"note: {note}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt as interrupt:
        _say_interrupted(interrupt)
        sys.exit(EXIT_INTERRUPTED)
    except SystemExit as leaving:  # typer has turned Ctrl-C into its exit code
        if leaving.code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
            _say_interrupted(leaving)
        raise


def _say_interrupted(how: BaseException) -> None:
    kept = "; ".join(_notes_of(how)) or "nothing half-written is left behind"
    print(f"interrupted; {kept}", file=sys.stderr)


def _notes_of(error: BaseException | None) -> list[str]:
    """What was noted on the way out, on an exception or on the one that it stands for."""
    notes: list[str] = []
    while error is not None:
        notes += [note for note in getattr(error, "__notes__", []) if note not in notes]
        error = error.__context__
    return notes


def _terminate(_signal: int, _frame: object) -> NoReturn:
    """Leave by an exception, so that whoever is writing cleans up."""
    sys.exit(EXIT_TERMINATED)


@contextmanager
def progress_bar(label: str, *, quiet: bool, in_bytes: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """A bar with rate and remaining time on a terminal, silence elsewhere.

    Args:
        in_bytes: what is counted are bytes, shown as megabytes.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TransferSpeedColumn() if in_bytes else TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None, rate="")

        def update(done: int, total: int | None) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.2f}/s" if speed else "")

        yield update


def print_json(result: Any) -> None:
    """One JSON object on standard output."""
    print(json.dumps(_plain(result), indent=2))


def print_notes(notes: tuple[str, ...] | list[str]) -> None:
    """Notes a user should read, on standard error."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
