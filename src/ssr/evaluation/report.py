"""What does a report show of tests and training runs, before it becomes a page or JSON?"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssr.errors import InputError
from ssr.evaluation.results import FILE, read_json
from ssr.evaluation.summary import Column, Summary, as_plain, statement, summarise
from ssr.evaluation.table import Table, joined, read_parquet


@dataclass(frozen=True)
class TestedRun:
    """A finished test: its record and all its single results."""

    folder: Path
    record: dict[str, Any]
    table: Table

    @property
    def columns(self) -> list[Column]:
        return [Column(**column) for column in self.record["columns"]]


@dataclass(frozen=True)
class Section:
    """One data set, as one or several tests measured it.

    spans: `(unrelated, identical, n)` by model and measure; seconds: of a model an image, by model.
    examples: of `test.json`, each with the folder of its pictures as `path`.
    """

    title: str
    is_made_up: bool
    summary: Summary
    columns: tuple[Column, ...]
    left_out: tuple[dict[str, str], ...]
    n_offered: int
    spans: dict[str, dict[str, tuple[float, float, int]]]
    seconds: dict[str, float | None]
    compute: str
    examples: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Curve:
    """One figure of a training run by step."""

    name: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class TrainedRun:
    """A training run: its figures while training and at validation."""

    name: str
    training: tuple[Curve, ...]
    validation: tuple[Curve, ...]


@dataclass(frozen=True)
class Report:
    """Everything that a page shows."""

    sections: tuple[Section, ...]
    trained: tuple[TrainedRun, ...]
    models: tuple[dict[str, Any], ...]
    missing: tuple[dict[str, str], ...]
    versions: tuple[str, ...]


def read_test(folder: Path) -> TestedRun:
    """A folder of `ssr test`.

    Raises:
        InputError: not finished, or unreadable.
    """
    path = folder / FILE
    if not path.exists():
        raise InputError(f"{folder}: the test is not finished; go on with: ssr test … --resume")
    record = read_json(path)
    if not isinstance(record, dict) or not {"data", "columns", "models"} <= record.keys():
        raise InputError(f"{path}: is no record of `ssr test`")
    return TestedRun(folder, record, read_parquet(folder / "samples.parquet"))


def read_training(folder: Path) -> TrainedRun:
    """The log of a training run.

    Raises:
        InputError: unreadable.
    """
    path = folder / "log.jsonl"
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as the log of a training run ({error})") from error
    return TrainedRun(folder.resolve().name, _curves(lines, "train"), _curves(lines, "validation"))


def report_of(tests: Sequence[TestedRun], trained: Sequence[TrainedRun]) -> Report:
    """Tests of the same data become one section, where their models stand side by side.

    Raises:
        InputError: two tests call different models by one name.
    """
    grouped: dict[str, list[tuple[TestedRun, str]]] = {}
    for test in tests:
        for dataset in test.record["data"]:
            grouped.setdefault(_what_is_tested(test.record, dataset), []).append((test, dataset))
    titles = _titles(list(grouped.values()))
    sections = [_section(title, members) for title, members in zip(titles, grouped.values(), strict=True)]
    models: dict[str, dict[str, Any]] = {}
    for test in tests:
        for model in test.record["models"]:
            known = models.setdefault(model["name"], model)
            if known["sha256"] != model["sha256"]:
                raise InputError(f"{test.folder}: its model '{model['name']}' is another one than that of another test")
    missing = {one["name"]: one for test in tests for one in test.record["missing"]}
    measured = {column.name for test in tests for column in test.columns}
    return Report(
        tuple(sections),
        tuple(trained),
        tuple(models.values()),
        tuple(one for name, one in missing.items() if name not in measured),
        tuple(dict.fromkeys(test.record["version"] for test in tests)),
    )


def report_as_plain(report: Report) -> dict[str, Any]:
    """For JSON: the same figures, and every comparison as a sentence too."""
    sections = []
    for section in report.sections:
        plain = asdict(section)
        plain["statements"] = {
            f"{c.first} − {c.second}": {column.key: statement(c, column) for column in section.columns}
            for c in section.summary.comparisons
        }
        plain["examples"] = [{k: v for k, v in one.items() if k != "path"} for one in section.examples]
        sections.append(plain)
    return as_plain(
        {
            "sections": sections,
            "trained": [asdict(run) for run in report.trained],
            "models": list(report.models),
            "missing": list(report.missing),
            "versions": list(report.versions),
        }
    )


def _section(title: str, members: Sequence[tuple[TestedRun, str]]) -> Section:
    tables: list[Table] = []
    columns: dict[str, Column] = {}
    spans: dict[str, Any] = {}
    seconds: dict[str, float | None] = {}
    examples: list[dict[str, Any]] = []
    for test, dataset in members:
        known = {name for table in tables for name in table.distinct("model")}
        own = test.table.where(dataset=dataset)
        tables.append(Table(tuple(r for r in own.rows if r["model"] not in known), own.groups, own.measures))
        columns |= {column.key: column for column in test.columns}
        said = test.record["data"][dataset]
        spans |= said["spans"]
        seconds |= said["seconds_per_image"]
        place = test.folder / "examples" / dataset
        mine = [one for one in test.record["examples"] if one["dataset"] == dataset]
        examples += [one | {"path": str(place / one["folder"])} for one in mine]
    test, dataset = members[0]
    said = test.record["data"][dataset]
    shared = [key for key in columns if all(key in table.measures for table in tables)]
    summary = summarise(
        joined(tables),
        dataset,
        [columns[key] for key in shared],
        site=test.record["site"],
        seed=test.record["seed"],
    )
    return Section(
        title=title,
        is_made_up=said["is_made_up"],
        summary=summary,
        columns=tuple(columns[key] for key in shared),
        left_out=tuple(said["left_out"]),
        n_offered=said["n_samples"],
        spans={model: {key: tuple(span) for key, span in found.items()} for model, found in spans.items()},
        seconds=seconds,
        compute=test.record["compute"],
        examples=tuple(examples),
    )


def _what_is_tested(record: Mapping[str, Any], dataset: str) -> str:
    """Equal for tests whose results may stand side by side."""
    said = {key: record[key] for key in ("n_dates", "site", "seed")}
    said |= {
        "dataset": dataset,
        "options": record["data"][dataset]["options"],
        "n": record["data"][dataset]["n_samples"],
    }
    return json.dumps(said, sort_keys=True)


def _titles(members: Sequence[Sequence[tuple[TestedRun, str]]]) -> list[str]:
    names = [group[0][1] for group in members]
    return [
        name if names.count(name) == 1 else f"{name} ({group[0][0].record['name']})"
        for name, group in zip(names, members, strict=True)
    ]


def _curves(lines: Sequence[Any], event: str) -> tuple[Curve, ...]:
    """Every figure that lines of this event have by step."""
    own = [line for line in lines if isinstance(line, dict) and line.get("event") == event and "step" in line]
    names = dict.fromkeys(key for line in own for key in line if key not in ("event", "step", "seconds"))
    curves = []
    for name in names:
        points = [(float(line["step"]), float(line[name])) for line in own if isinstance(line.get(name), int | float)]
        points = [(x, y) for x, y in points if math.isfinite(y)]
        if points:
            steps, values = zip(*points, strict=True)
            curves.append(Curve(name, steps, values))
    return tuple(curves)
