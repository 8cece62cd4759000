import json

from ssr.training.logbook import Logbook


def test_every_line_is_one_event(tmp_path):
    book = Logbook(tmp_path / "new")
    book.write("train", step=1, l1=0.5)
    book.write("validation", step=1, psnr=30.0)
    lines = [json.loads(line) for line in book.path.read_text().splitlines()]
    assert [(line["event"], line["step"]) for line in lines] == [("train", 1), ("validation", 1)]
    assert 0 <= lines[0]["seconds"] <= lines[1]["seconds"]


def test_resumed_run_appends(tmp_path):
    for step in (1, 2):
        Logbook(tmp_path).write("train", step=step)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_lines_are_valid_json_whatever_the_number(tmp_path):
    """A perfect image has infinite PSNR; JSON knows no infinity."""
    book = Logbook(tmp_path)
    book.write("validation", psnr=float("inf"))

    def refuse(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    json.loads(book.path.read_text(), parse_constant=refuse)
