"""What is known of a run while it goes on and afterwards, in plain files?"""

import csv
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ssr.atomic import whole_file
from ssr.errors import OutputError
from ssr.training.recorder import Figures, Picture

CSV_HEADER = "step,event,name,value"


class Logbook:
    """Appends one JSON object a line to `log.jsonl`; lines of one process carry seconds since its start.

    Args:
        n_done: what the file says of later steps is dropped, as they are made once more.
    """

    def __init__(self, folder: Path, *, n_done: int = 0) -> None:
        self.path = folder / "log.jsonl"
        self.started = time.monotonic()
        _keep_lines(self.path, lambda line: _step_of_json(line) <= n_done)

    def record(self, event: str, step: int, figures: Figures, pictures: Sequence[Picture] = ()) -> None:
        line = {"event": event, "seconds": round(time.monotonic() - self.started, 2), "step": step, **figures}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_valid(line), allow_nan=False) + "\n")

    def close(self) -> None:
        """Every line is on disk already."""


class Table:
    """Appends one row a figure to `log.csv`: step, event, name, value; what spreadsheets and data frames pivot.

    A run's figures come and go (realism begins after warm-up), so each has a row and no column of its own.

    Args:
        n_done: rows of later steps are dropped, as they are made once more.
    """

    def __init__(self, folder: Path, *, n_done: int = 0) -> None:
        self.path = folder / "log.csv"
        _keep_lines(self.path, lambda line: line == CSV_HEADER or _step_of_row(line) <= n_done)
        if not self.path.exists() or not self.path.stat().st_size:
            self._append([CSV_HEADER.split(",")])

    def record(self, event: str, step: int, figures: Figures, pictures: Sequence[Picture] = ()) -> None:
        self._append([step, event, name, value] for name, value in figures.items())

    def close(self) -> None:
        """Every row is on disk already."""

    def _append(self, rows: Any) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def best_logged(folder: Path, name: str) -> float:
    """The highest validation figure of that name that a run has logged; minus infinity where there is none."""
    path = folder / "log.jsonl"
    lines = map(json.loads, path.read_text("utf-8").splitlines()) if path.is_file() else ()
    found = (line.get(name) for line in lines if line["event"] == "validation")
    return max((value for value in found if isinstance(value, float)), default=-math.inf)


def _keep_lines(path: Path, is_kept: Callable[[str], bool]) -> None:
    """Drop the other lines, and one that a killed process did not end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return
    lines = path.read_text("utf-8").splitlines(keepends=True)
    try:
        kept = [line for line in lines if line.endswith("\n") and is_kept(line.rstrip("\n"))]
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path}: holds lines that no run has written ({error!r}); move the file away") from error
    if kept != lines:
        with whole_file(path) as part:
            part.write_text("".join(kept), encoding="utf-8")


def _step_of_json(line: str) -> int:
    return int(json.loads(line)["step"])


def _step_of_row(line: str) -> int:
    return int(line.partition(",")[0])


def _valid(line: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity and no NaN: they are written as text."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
