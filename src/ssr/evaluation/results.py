"""What does a test leave on disk, and how is it taken up again?

`<root>/<name>/`: `parts/<data>/<model>.parquet` and `.json` for each model and data set that is finished, then
`samples.parquet` and `samples.csv` (every result), `left_out.csv`, `examples/<data>/…` (pictures), `summary.json`
(statistics) and, last, `test.json` (what was tested). Every file appears whole or not at all.
"""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssr.atomic import discard, whole_file
from ssr.errors import InputError, OutputError
from ssr.evaluation.run import Findings
from ssr.evaluation.samples import LeftOut
from ssr.evaluation.table import Table, read_parquet, write_parquet

FILE, SUMMARY = "test.json", "summary.json"
VERSION = 1


@dataclass(frozen=True)
class Part:
    """One model on one data set.

    settings: everything that decides the numbers; parts of other settings are not taken up.
    spans: mean of unrelated and of identical images, and how many, by measure.
    """

    table: Table
    left_out: tuple[LeftOut, ...]
    spans: dict[str, tuple[float, float, int]]
    seconds: float
    n_images: int
    settings: dict[str, Any]

    @property
    def seconds_per_image(self) -> float | None:
        return self.seconds / self.n_images if self.n_images else None


class ResultsFolder:
    """The files of one test."""

    def __init__(self, root: Path, name: str) -> None:
        self.path = root / name
        self.parts = self.path / "parts"
        self.samples = self.path / "samples.parquet"
        self.examples = self.path / "examples"
        self.images = self.path / "visualization"

    def holds_results(self) -> bool:
        return (self.path / FILE).exists() or self.parts.exists()

    def clear(self) -> None:
        """Remove what a test writes, and nothing else."""
        for folder in (self.parts, self.examples, self.images):
            if folder.exists():
                shutil.rmtree(folder)
        for name in (FILE, SUMMARY, "samples.parquet", "samples.csv", "left_out.csv"):
            discard(self.path / name)

    def part(self, dataset: str, model: str, settings: Mapping[str, Any]) -> Part | None:
        """A finished part; None where there is none.

        Raises:
            OutputError: it was made with other settings.
        """
        path = self.parts / dataset / f"{model}.json"
        if not path.exists():
            return None
        said = read_json(path)
        changed = sorted(
            key for key in said["settings"].keys() | settings.keys() if said["settings"].get(key) != settings.get(key)
        )
        if changed:
            raise OutputError(
                f"{path}: was made with other options ({', '.join(changed)}); give the test another name, or pass "
                "--overwrite to start anew"
            )
        return Part(
            read_parquet(path.with_suffix(".parquet")),
            tuple(LeftOut(**entry) for entry in said["left_out"]),
            {key: tuple(span) for key, span in said["spans"].items()},
            said["seconds"],
            said["n_images"],
            said["settings"],
        )

    def write_part(self, dataset: str, model: str, part: Part) -> None:
        """The table first: a part counts as finished when its `.json` is there."""
        path = self.parts / dataset / f"{model}.json"
        write_parquet(path.with_suffix(".parquet"), part.table)
        write_json(
            path,
            {
                "version": VERSION,
                "settings": part.settings,
                "left_out": [entry._asdict() for entry in part.left_out],
                "spans": part.spans,
                "seconds": part.seconds,
                "n_images": part.n_images,
            },
        )

    def share_path(self, dataset: str, model: str, rank: int) -> Path:
        """What one of several processes found, until the first has put all shares together."""
        return self.parts / dataset / f".{model}.share-{rank}.json"


def write_share(path: Path, found: Findings) -> None:
    """What one of several processes found."""
    write_json(path, asdict(found) | {"left_out": [entry._asdict() for entry in found.left_out]})


def read_share(path: Path) -> Findings:
    """What `write_share` wrote."""
    said = read_json(path)
    left_out = [LeftOut(**entry) for entry in said["left_out"]]
    spans = {key: [(low, high) for low, high in values] for key, values in said["spans"].items()}
    return Findings(said["rows"], left_out, spans, said["seconds"], said["n_images"])


def put_together(shares: Sequence[Findings], settings: Mapping[str, Any], measures: Sequence[str]) -> Part:
    """One part of the shares of all processes, samples in their order."""
    rows = sorted((row for share in shares for row in share.rows), key=lambda row: (row["number"], row["n_dates"]))
    left_out = sorted({entry for share in shares for entry in share.left_out})
    spans = {}
    for key in dict.fromkeys(key for share in shares for key in share.spans):
        pairs = [pair for share in shares for pair in share.spans.get(key, ())]
        unrelated, identical = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
        spans[key] = (unrelated, identical, len(pairs))
    seconds, n_images = sum(share.seconds for share in shares), sum(share.n_images for share in shares)
    return Part(Table(tuple(rows), (), tuple(measures)), tuple(left_out), spans, seconds, n_images, dict(settings))


def write_left_out(path: Path, entries: Sequence[tuple[str, LeftOut]]) -> None:
    """Data set, sample, kind and reason."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["dataset", "sample", "kind", "why"])
        writer.writerows([dataset, entry.name, entry.kind, entry.told] for dataset, entry in entries)


def write_json(path: Path, content: Any) -> None:
    """Numbers in full precision."""
    with whole_file(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path) -> Any:
    """What `write_json` wrote.

    Raises:
        InputError: unreadable.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as results of a test ({error})") from error
