"""What is known of a run while it goes on and afterwards?"""

import json
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
            file.write(json.dumps(line) + "\n")
