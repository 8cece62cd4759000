"""What is in the plain files of a run, also after it was killed and taken up again."""

import csv
import json
import math

import pytest

from ssr.errors import OutputError
from ssr.training.logbook import Logbook, Table, best_logged


def lines_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def rows_of(folder):
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def written(folder, steps, *, n_done=0):
    for recorder in (Logbook(folder, n_done=n_done), Table(folder, n_done=n_done)):
        for step in steps:
            recorder.record("train", step, {"l1": step / 4})
        recorder.close()


def test_every_line_is_one_event(tmp_path):
    book = Logbook(tmp_path / "new")
    book.record("train", 1, {"l1": 0.5})
    book.record("validation", 1, {"psnr": 30.0})
    lines = lines_of(tmp_path / "new")
    assert [(line["event"], line["step"]) for line in lines] == [("train", 1), ("validation", 1)]
    assert 0 <= lines[0]["seconds"] <= lines[1]["seconds"]


def test_every_row_is_one_figure(tmp_path):
    table = Table(tmp_path / "new")
    table.record("train", 1, {"l1": 0.1 + 0.2, "loss": 1e-30})
    table.record("validation", 1, {"psnr": math.inf})
    rows = rows_of(tmp_path / "new")
    assert [list(row.values())[:3] for row in rows] == [
        ["1", "train", "l1"],
        ["1", "train", "loss"],
        ["1", "validation", "psnr"],
    ]
    assert [float(row["value"]) for row in rows] == [0.1 + 0.2, 1e-30, math.inf]


def test_a_resumed_run_goes_on_after_the_last_step_that_counts(tmp_path):
    """Steps 3 and 4 were logged, the process was killed, and the newest state is that of step 2."""
    written(tmp_path, range(1, 5))
    written(tmp_path, range(3, 6), n_done=2)
    assert [line["step"] for line in lines_of(tmp_path)] == [1, 2, 3, 4, 5]
    assert [row["step"] for row in rows_of(tmp_path)] == ["1", "2", "3", "4", "5"]


def test_a_line_that_was_not_ended_is_dropped(tmp_path):
    written(tmp_path, [1, 2])
    for name, torn in (("log.jsonl", '{"event": "train", "st'), ("log.csv", "3,tra")):
        with (tmp_path / name).open("a") as file:
            file.write(torn)
    written(tmp_path, [3], n_done=2)
    assert [line["step"] for line in lines_of(tmp_path)] == [1, 2, 3]
    assert [row["step"] for row in rows_of(tmp_path)] == ["1", "2", "3"]


def test_a_run_that_starts_anew_starts_its_files_anew(tmp_path):
    written(tmp_path, [1, 2])
    written(tmp_path, [1])
    assert [line["step"] for line in lines_of(tmp_path)] == [1]
    assert [row["step"] for row in rows_of(tmp_path)] == ["1"]
    assert (tmp_path / "log.csv").read_text().count("step,event,name,value") == 1


@pytest.mark.parametrize("line", ["groceries\n", "[1]\n", '{"event": "train"}\n', '{"step": null}\n'])
def test_a_file_of_somebody_else_is_refused_and_kept(line, tmp_path):
    (tmp_path / "log.jsonl").write_text(line)
    with pytest.raises(OutputError, match=r"log\.jsonl: holds lines that no run has written"):
        Logbook(tmp_path, n_done=5)
    assert (tmp_path / "log.jsonl").read_text() == line


def test_lines_are_valid_json_whatever_the_number(tmp_path):
    """A perfect image has infinite PSNR; JSON knows no infinity."""
    book = Logbook(tmp_path)
    book.record("validation", 1, {"psnr": float("inf")})

    def refuse(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    json.loads(book.path.read_text(), parse_constant=refuse)


def test_the_best_is_the_highest_of_the_validations(tmp_path):
    assert best_logged(tmp_path, "psnr") == -math.inf
    book = Logbook(tmp_path)
    for step, value in enumerate((20.0, 30.0, 25.0), start=1):
        book.record("validation", step, {"psnr": value})
        book.record("train", step, {"psnr": 99.0})
    assert best_logged(tmp_path, "psnr") == 30.0
