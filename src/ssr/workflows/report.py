"""How do the folders of tests and training runs become one page?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssr.atomic import refuse_existing, whole_file
from ssr.errors import InputError
from ssr.evaluation.page import render
from ssr.evaluation.report import read_test, read_training, report_as_plain, report_of
from ssr.evaluation.results import FILE, write_json

LOG_NAME = "log.jsonl"


@dataclass(frozen=True)
class ReportResult:
    """What was written."""

    page: Path
    json: Path
    n_tests: int
    n_trained: int
    notes: tuple[str, ...]


def write_report(runs: Sequence[Path], output: Path, *, overwrite: bool = False) -> ReportResult:
    """One page that needs nothing else, and the same figures as JSON beside it.

    Args:
        runs: folders that `ssr test` or `ssr train` wrote.

    Raises:
        InputError: a folder of neither.
        OutputError: the page is there already.
    """
    beside = output.with_suffix(".json")
    for path in (output, beside):
        refuse_existing(path, overwrite=overwrite)
    tests, trained = [], []
    for folder in dict.fromkeys(runs):
        if (folder / FILE).exists() or (folder / "parts").exists():
            tests.append(read_test(folder))
        elif (folder / LOG_NAME).exists():
            trained.append(read_training(folder))
        else:
            raise InputError(f"{folder}: expected the folder of a test ({FILE}) or of a training run ({LOG_NAME})")
    report = report_of(tests, trained)
    notes = [f"{s.title}: {len(s.left_out)} of {s.n_offered} samples left out" for s in report.sections if s.left_out]
    page = render(report)
    with whole_file(output) as part:
        part.write_text(page, "utf-8")
    write_json(beside, report_as_plain(report))
    return ReportResult(output, beside, len(tests), len(trained), tuple(notes))
