"""What does `test` do, from config to tables?"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssr import __version__
from ssr.build.evaluation import build_samples
from ssr.build.metrics import Missing, open_suite
from ssr.config.evaluation import is_made_up
from ssr.config.schema import TestConfig
from ssr.device import Compute, choose_compute
from ssr.distributed import joined_team
from ssr.errors import ConfigError, OutputError
from ssr.evaluation.examples import choose_column
from ssr.evaluation.results import (
    FILE,
    SUMMARY,
    ResultsFolder,
    write_json,
    write_left_out,
)
from ssr.evaluation.samples import EvaluationSet
from ssr.evaluation.summary import Column, Summary, as_plain, summarise
from ssr.evaluation.table import Row, Table, joined, read_groups, require_parquet, write_csv, write_parquet
from ssr.workflows.contestants import Contestant, check_channels, open_contestants
from ssr.workflows.examples import write_examples
from ssr.workflows.judging import Judging, Parts, Progress

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TestResult:
    """What a test found; processes other than the first hand back no summaries.

    n_left_out: samples that do not count, by data set; `left_out.csv` says which and why.
    """

    folder: Path
    columns: tuple[Column, ...]
    summaries: tuple[Summary, ...]
    missing: tuple[Missing, ...]
    n_left_out: dict[str, int]
    seconds: float
    notes: tuple[str, ...]


def evaluate(
    config: TestConfig,
    *,
    resume: bool = False,
    overwrite: bool = False,
    offline: bool = False,
    compute: Compute | None = None,
    progress: Progress = lambda _done, _total: None,
    tell: Callable[[str], None] = LOG.info,
) -> TestResult:
    """Measure every model on every sample and write `<results_root>/<name>/` (`evaluation.results`).

    Under torchrun every process works on its share of the samples; the first writes tables and speaks.

    Args:
        resume: keep the parts that are finished.
        overwrite: start anew where there are results.
        offline: use models that are here and never a network.
        progress: is told how many samples of how many are done, counted for each model.
        tell: receives a line for each part that is finished.

    Raises:
        OutputError: there are results, and neither `resume` nor `overwrite` was asked for.
        ConfigError: models, data and measures do not fit each other.
    """
    started = time.monotonic()
    compute = compute or choose_compute()
    with joined_team(device_type=compute.device.type) as team:
        folder = ResultsFolder(config.results_root, config.name)
        if folder.holds_results() and not (resume or overwrite):
            raise OutputError(
                f"{folder.path}: holds results; pass --resume (--auto_resume with -opt) to go on or --overwrite to "
                f"start anew"
            )
        groups = read_groups(config.groups) if config.groups else {}
        contestants = open_contestants(config.models, offline=offline, compute=compute)
        check_channels(contestants, config.data)
        scale = contestants[0].network.scale
        sets = {
            name: build_samples(data, name=name, scale=scale, n_samples=config.n_samples)
            for name, data in config.data.items()
        }
        suite, missing = open_suite(config.metrics, device=compute.device)
        columns = tuple(Column(m.key, m.name, m.protocol, m.unit, m.better) for m in suite.measures)
        _check_before_work(config, columns, missing, groups)
        team.wait()  # all have looked before the first writes
        if overwrite and team.is_first:
            folder.clear()
        team.wait()
        judging = Judging(config, folder, sets, suite, team, progress, tell, compute.precision)
        parts = judging.all_parts(contestants)
        if not team.is_first:
            return TestResult(folder.path, columns, (), missing, {}, 0.0, ())
        table, notes = _with_groups(joined([part.table for part in parts.values()]), groups)
        summaries = tuple(
            summarise(table, name, columns, site=config.site, seed=config.seed)
            for name in sets
            if table.where(dataset=name).rows
        )
        _write_tables(folder, table, parts, contestants, columns, summaries)
        shown = write_examples(
            folder.examples, table, columns, contestants, sets, options=config.examples, compute=compute
        )
        record = _record(config, contestants, sets, parts, columns, missing, str(compute), shown)
        write_json(folder.path / FILE, as_plain(record))
        return TestResult(
            folder=folder.path,
            columns=columns,
            summaries=summaries,
            missing=missing,
            n_left_out={name: len(parts[name, contestants[0].name].left_out) for name in sets},
            seconds=round(time.monotonic() - started, 2),
            notes=(*notes, *(note for contestant in contestants for note in contestant.notes)),
        )


def result_as_plain(result: TestResult) -> dict[str, Any]:
    """For machines: as `summary.json`, with what is missing and left out."""
    return {
        "folder": str(result.folder),
        "columns": [asdict(column) for column in result.columns],
        "data": [asdict(summary) for summary in result.summaries],
        "missing": [asdict(one) for one in result.missing],
        "n_left_out": result.n_left_out,
        "seconds": result.seconds,
        "notes": list(result.notes),
    }


def _check_before_work(
    config: TestConfig,
    columns: tuple[Column, ...],
    missing: tuple[Missing, ...],
    groups: Mapping[str, Mapping[str, str]],
) -> None:
    """What would otherwise be found when all is measured."""
    require_parquet()
    if not columns:
        raise ConfigError("no measure can be taken: " + "; ".join(f"{one.name}: {one.why}" for one in missing))
    if choose_column(columns, config.examples.by) is None:
        measured = ", ".join(column.key for column in columns)
        raise ConfigError(f"examples.by is '{config.examples.by}'; measured were {measured}")
    taken = sorted({name for row in groups.values() for name in row} & {column.key for column in columns})
    if taken:
        raise ConfigError(f"{config.groups}: the column {taken[0]!r} is called as a measure is")


def _with_groups(table: Table, groups: Mapping[str, Mapping[str, str]]) -> tuple[Table, list[str]]:
    """The table with the columns of each sample's group."""
    if not groups:
        return table, []
    names = tuple(dict.fromkeys(name for row in groups.values() for name in row))
    blank = dict.fromkeys(names, "")
    rows: tuple[Row, ...] = tuple({**row, **blank, **groups.get(row["sample"], {})} for row in table.rows)
    samples = {row["sample"] for row in rows}
    n_without = len(samples - groups.keys())
    notes = [f"groups: {n_without} of {len(samples)} samples are not in the file"] if n_without else []
    return Table(rows, names, table.measures), notes


def _write_tables(
    folder: ResultsFolder,
    table: Table,
    parts: Parts,
    contestants: list[Contestant],
    columns: tuple[Column, ...],
    summaries: tuple[Summary, ...],
) -> None:
    write_parquet(folder.samples, table)
    write_csv(folder.path / "samples.csv", table)
    left_out = [(d, entry) for (d, m), part in parts.items() if m == contestants[0].name for entry in part.left_out]
    write_left_out(folder.path / "left_out.csv", left_out)
    content = {"columns": [asdict(column) for column in columns], "data": [asdict(summary) for summary in summaries]}
    write_json(folder.path / SUMMARY, as_plain(content))


def _record(
    config: TestConfig,
    contestants: list[Contestant],
    sets: Mapping[str, EvaluationSet],
    parts: Parts,
    columns: tuple[Column, ...],
    missing: tuple[Missing, ...],
    compute: str,
    examples: list[dict[str, Any]],
) -> dict[str, Any]:
    """What was tested, for reports."""
    return {
        "version": __version__,
        "name": config.name,
        "seed": config.seed,
        "site": config.site,
        "compute": compute,
        "n_dates": config.n_dates,
        "models": [one.described() for one in contestants],
        "data": {
            name: {
                "is_made_up": is_made_up(config.data[name]),
                "options": config.data[name].model_dump(mode="json", exclude_unset=True),
                "n_samples": len(samples),
                "left_out": [entry._asdict() for entry in parts[name, contestants[0].name].left_out],
                "seconds_per_image": {one.name: parts[name, one.name].seconds_per_image for one in contestants},
                "spans": {one.name: parts[name, one.name].spans for one in contestants},
            }
            for name, samples in sets.items()
        },
        "columns": [asdict(column) for column in columns],
        "missing": [asdict(one) for one in missing],
        "examples": examples,
    }
