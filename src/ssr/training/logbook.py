"""What is known of a run while it goes on and afterwards?"""

import json
import math
import time
from pathlib import Path
from typing import Any


class Logbook:
    """Appends one JSON object a line to `log.jsonl`; lines of one run carry seconds since its start."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"
        self.started = time.monotonic()

    def write(self, event: str, **values: Any) -> None:
        line = {"event": event, "seconds": round(time.monotonic() - self.started, 2), **values}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_valid(line), allow_nan=False) + "\n")


def best_logged(folder: Path, name: str) -> float:
    """The highest validation figure of that name that a run has logged; minus infinity where there is none."""
    path = folder / "log.jsonl"
    lines = map(json.loads, path.read_text("utf-8").splitlines()) if path.is_file() else ()
    found = (line.get(name) for line in lines if line["event"] == "validation")
    return max((value for value in found if isinstance(value, float)), default=-math.inf)


def _valid(line: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity and no NaN: they are written as text."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
