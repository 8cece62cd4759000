"""Does the page hold what was found, escaped, and nothing from elsewhere?"""

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ssr.errors import InputError
from ssr.evaluation.charts import Line, Point, legend, line_chart
from ssr.evaluation.page import render
from ssr.evaluation.report import read_test, read_training, report_as_plain, report_of
from ssr.evaluation.results import write_json
from ssr.evaluation.table import joined, write_parquet
from tests.support.scenes import write_image
from tests.unit.evaluation.results import table_of

EVIL = "<script>alert('&')</script>"
COLUMN = {"key": "mae", "name": "mae", "protocol": "corrected", "unit": "", "better": "lower"}


def write_test(folder: Path, values, *, sha256="a" * 64, is_made_up=False, name="data", **record) -> Path:
    """What `ssr test` leaves, as far as a report reads it."""
    table = table_of(values, dataset=name)
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet(folder / "samples.parquet", table)
    picture = np.full((3, 8, 8), 99, np.uint8)
    place = folder / "examples" / name / "0_best"
    for file in ("dates_00.png", "reference_bicubic.png", "models_a.png", "truth_truth.png"):
        write_image(place / file, picture)
    example = {"dataset": name, "which": "best", "sample": EVIL, "number": 0, "value": 0.1, "of": "a", "by": "mae"}
    example |= {"folder": "0_best", "dates": {"00": "dates_00.png"}, "reference": {"bicubic": "reference_bicubic.png"}}
    example |= {"models": {"a": "models_a.png"}, "truth": {"truth": "truth_truth.png"}, "trust": {}, "notes": [EVIL]}
    models = [{"name": model, "sha256": sha256, "options": {"model": EVIL}} for model in values]
    data = {
        "is_made_up": is_made_up,
        "options": {"folder": "f"},
        "n_samples": 9,
        "left_out": [{"name": EVIL, "kind": "corrupt", "told": EVIL}],
        "seconds_per_image": dict.fromkeys(values, 0.012),
        "spans": {model: {"mae": [0.7, 0.0, 4]} for model in values},
    }
    said = {"version": "0", "name": folder.name, "seed": 0, "site": None, "compute": "cpu fp32", "n_dates": None}
    said |= {"models": models, "data": {name: data}, "columns": [COLUMN], "examples": [example]}
    said |= {"missing": [{"name": "lpips_vgg", "why": EVIL, "how_to_get": "fetch it"}]} | record
    write_json(folder / "test.json", said)
    return folder


class Page(HTMLParser):
    """Tags that stand open, and what pages are not to have."""

    VOID = frozenset({"meta", "img", "link", "br", "path", "circle"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        if tag == "img":
            self.images.append(found)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of SVG."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page(tmp_path: Path) -> str:
    real = write_test(tmp_path / "real", {"a": [0.1, 0.2, 0.3], "b": [0.2, 0.3, 0.4]})
    made_up = write_test(tmp_path / "made", {"a": [0.1, math.inf]}, is_made_up=True, name="simulated")
    return render(report_of([read_test(real), read_test(made_up)], []))


def test_the_page_is_whole_and_runs_and_fetches_nothing(page: str) -> None:
    found = Page(page)
    assert found.open == []
    assert "script" not in found.tags
    assert not {"link", "iframe", "object"} & found.tags
    assert "http" not in page.replace("http-equiv", "")
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in found.images)
    assert "default-src 'none'" in page


def test_text_from_outside_is_escaped(page: str) -> None:
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 6


def test_every_picture_says_what_it_shows_and_every_link_leads_somewhere(page: str) -> None:
    found = Page(page)
    assert found.images
    assert all(image["alt"] for image in found.images)
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)
    assert len(set(found.ids)) == len(found.ids)


def test_real_and_made_up_pairs_stand_apart_and_say_so(page: str) -> None:
    real, made_up = page.split("<h2>Made-up pairs</h2>")
    assert "<h2>Real pairs</h2>" in real
    assert "must not be mixed" in made_up
    assert ">data</h3>" in real
    assert ">simulated</h3>" in made_up


def test_figures_intervals_spans_and_times_are_on_the_page(page: str) -> None:
    assert re.search(r'class="best">0\.2000<small>0\.\d+ – 0\.\d+</small>', page)
    assert "0.1000 (+1 ∞)" in page
    assert "unrelated chips" in page
    assert "0.7000" in page
    assert "a 12.00, b 12.00 (cpu fp32)" in page
    assert "lpips_vgg" in page


def test_tests_of_the_same_data_stand_side_by_side(tmp_path: Path) -> None:
    one = read_test(write_test(tmp_path / "one", {"a": [0.1, 0.2]}))
    two = read_test(write_test(tmp_path / "two", {"b": [0.3, 0.2]}))
    (section,) = report_of([one, two], []).sections
    assert list(section.summary.means) == ["a", "b"]
    assert section.summary.comparisons[0].differences["mae"].n == 2


def test_tests_of_other_data_of_the_same_name_do_not(tmp_path: Path) -> None:
    one = read_test(write_test(tmp_path / "one", {"a": [0.1, 0.2]}))
    two = read_test(write_test(tmp_path / "two", {"a": [0.3, 0.2]}, n_dates=[1, 2]))
    assert [section.title for section in report_of([one, two], []).sections] == ["data (one)", "data (two)"]


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    one = read_test(write_test(tmp_path / "one", {"a": [0.1, 0.2]}))
    two = read_test(write_test(tmp_path / "two", {"a": [0.3, 0.2]}, sha256="b" * 64))
    with pytest.raises(InputError, match="its model 'a' is another one"):
        report_of([one, two], [])


def test_json_says_the_same_in_figures_and_sentences(tmp_path: Path) -> None:
    test = read_test(write_test(tmp_path / "one", {"a": [0.1] * 8, "b": [0.2] * 8}))
    plain = json.loads(json.dumps(report_as_plain(report_of([test], [])), allow_nan=False))
    (section,) = plain["sections"]
    assert section["summary"]["means"]["a"]["mae"]["value"] == pytest.approx(0.1)
    assert section["statements"]["a − b"]["mae"].startswith("a is better: a − b = -0.1")


@pytest.mark.parametrize("damage", ["absent", "truncated", "other"])
def test_folders_that_are_no_finished_test_are_named(tmp_path: Path, damage: str) -> None:
    folder = write_test(tmp_path / "one", {"a": [0.1]})
    path = folder / "test.json"
    if damage == "absent":
        path.unlink()
    else:
        path.write_text('{"version": "0"}' if damage == "other" else path.read_text()[:50])
    with pytest.raises(InputError, match="one"):
        read_test(folder)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    folder = write_test(tmp_path / "one", {"a": [0.1, 0.2]})
    (folder / "examples/data/0_best/models_a.png").unlink()
    with pytest.raises(InputError, match=r"models_a\.png: a picture of the test cannot be read"):
        render(report_of([read_test(folder)], []))


def test_training_runs_become_curves(tmp_path: Path) -> None:
    lines = [
        {"event": "train", "step": 1, "seconds": 1.0, "loss": 0.5},
        {"event": "train", "step": 2, "seconds": 2.0, "loss": "nan"},
        {"event": "train", "step": 3, "seconds": 2.0, "loss": 0.3, "realism": 1.0},
        {"event": "validation", "step": 3, "seconds": 3.0, "psnr": 20.0},
    ]
    run = tmp_path / "run"
    run.mkdir()
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    trained = read_training(run)
    assert [(c.name, c.steps, c.values) for c in trained.training] == [
        ("loss", (1.0, 3.0), (0.5, 0.3)),
        ("realism", (3.0,), (1.0,)),
    ]
    page = render(report_of([], [trained]))
    assert "training: loss" in page
    assert "validation: psnr" in page
    assert Page(page).open == []


@pytest.mark.parametrize("content", ["{", "\xff"])
def test_a_log_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "log.jsonl").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=r"log\.jsonl: cannot be read"):
        read_training(tmp_path)


# --- charts


def chart(*values: float, **arguments) -> ElementTree.Element:
    line = Line(EVIL, tuple(Point(k, v, v - 1, v + 1) for k, v in enumerate(values)))
    given = {"title": EVIL, "x_label": "dates", "y_label": "dB"} | arguments
    return ElementTree.fromstring(line_chart([line], **given))


def test_a_chart_is_valid_names_itself_and_says_its_values() -> None:
    svg = chart(1.0, 3.0, 2.0, x_names=["1", "2", "8"])
    assert svg.attrib["role"] == "img"
    assert svg.find("title").text == EVIL
    assert svg.find("desc").text == f"{EVIL}: 1, 3, 2"
    assert [t.text for t in svg.findall("text")][-5:-2] == ["1", "2", "8"]


def test_higher_values_stand_higher_within_the_picture() -> None:
    dots = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in chart(1.0, 3.0, 2.0).findall("circle")]
    assert dots[0][1] > dots[2][1] > dots[1][1]
    assert dots[0][0] < dots[1][0] < dots[2][0]
    assert all(0 < x < 340 and 0 < y < 230 for x, y in dots)


@pytest.mark.parametrize("values", [(5.0,), (0.0, 0.0), (1e9, 2e9), (-1e-9, 1e-9), (math.nan, 2.0), (1.0, math.inf)])
def test_any_values_make_a_chart(values: tuple[float, ...]) -> None:
    assert len(chart(*values).findall("circle")) == sum(math.isfinite(value) for value in values)


def test_nothing_to_draw_makes_no_chart() -> None:
    assert line_chart([Line("a", ())], title="", x_label="", y_label="") == ""


def test_a_legend_is_escaped() -> None:
    assert EVIL not in legend([EVIL])
    assert joined([]).rows == ()
