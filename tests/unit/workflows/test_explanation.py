import json
from pathlib import Path

import numpy as np
import rasterio

from ssr.raster.results import is_result
from ssr.scenes.choice import choose
from ssr.scenes.series import open_series
from ssr.workflows.explanation import explanation_paths, reports_of, write_explanation
from tests.support.scenes import textured, truncate, write_series
from tests.support.sentinel2 import SIDE_PX, write_jp2, write_safe

CLOUD, VEGETATION = 9, 4


def classified(folder: Path, day: int, classes: np.ndarray) -> Path:
    safe = write_safe(
        folder, level="L2A", bands=("B02", "B03", "B04"), sensed=f"2020-06-0{day}T10:00:31.024Z", seed=day
    )
    red = next(safe.rglob("*_B04_10m.jp2"))
    write_jp2(red.parent.parent / "R20m" / red.name.replace("B04_10m", "SCL_20m"), classes[None], 20)
    return safe


def test_every_date_says_who_told_what_is_hidden_and_by_how_much(tmp_path: Path) -> None:
    """Cloud that only the classification sees keeps a date from serving there."""
    classes = np.full((3, SIDE_PX // 2, SIDE_PX // 2), VEGETATION, np.uint8)
    classes[1] = CLOUD
    paths = [classified(tmp_path, day, one) for day, one in enumerate(classes, start=1)]
    out = tmp_path / "out.tif"
    with open_series(paths) as series:
        choice = choose(series, n_wanted=2)
        reports = reports_of(series, choice)
        write_explanation(out, series, choice, reports)
    told, raster = explanation_paths(out)
    document = json.loads(told.read_text())
    assert [date["told_by"] for date in document["dates"]] == ["colours and scene classification"] * 3
    assert document["dates"][1]["hidden"] == 1
    assert document["dates"][1]["served"] == 0
    with rasterio.open(raster) as dataset:
        assert np.unique(dataset.read()).tolist() == [1, 3]


def test_what_was_left_out_is_written_down(tmp_path: Path) -> None:
    paths = write_series(tmp_path, textured(3, 40, 44))
    truncate(paths[1], 0.7)
    out = tmp_path / "out.tif"
    with open_series(paths) as series:
        choice = choose(series, n_wanted=None)
        write_explanation(out, series, choice, reports_of(series, choice))
    document = json.loads(explanation_paths(out)[0].read_text())
    assert [date["name"] for date in document["dates"]] == ["date_0.tif", "date_2.tif"]
    assert [date["told_by"] for date in document["dates"]] == ["colours"] * 2
    assert document["notes"][0].startswith("date_1.tif: left out (")


def explained(folder: Path, frames: np.ndarray, **how: int | None) -> tuple[dict, np.ndarray]:
    """The document and the numbers of the dates."""
    out = folder / "out.tif"
    with open_series(write_series(folder, frames)) as series:
        choice = choose(series, **{"n_wanted": None, "tolerated_px": None} | how)
        write_explanation(out, series, choice, reports_of(series, choice))
    told, raster = explanation_paths(out)
    assert is_result(raster), "it must not be taken for a date"
    with rasterio.open(raster) as dataset:
        return json.loads(told.read_text()), dataset.read()


def test_numbers_of_more_dates_than_a_byte_counts_are_whole(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 20, (300, 3, 8, 8))  # else they are copies of one another
    frames = np.repeat(textured(1, 8, 8), 300, 0) + noise.astype(np.uint8)
    document, numbers = explained(tmp_path, frames, at_most=300)
    used = {date["number"] for date in document["dates"] if date["served"]}
    assert max(used) > 255
    assert set(np.unique(numbers).tolist()) == used


def test_few_dates_are_counted_in_bytes(tmp_path: Path) -> None:
    assert explained(tmp_path, textured(3, 8, 8))[1].dtype == np.uint8


def test_a_date_without_ground_is_not_said_to_be_worse_than_others(tmp_path: Path) -> None:
    """There is a place for each of three dates, and it has none because it shows nothing."""
    frames = textured(3, 40, 44)
    frames[1] = 0
    frames[1, :, 0, 0] = 9
    document, _ = explained(tmp_path, frames)
    (why,) = [date["why"] for date in document["dates"] if date["name"] == "date_1.tif"]
    assert why == "shows no ground that could be used: 100% hidden"


def test_a_clear_date_beyond_those_that_are_seen_is_not_needed(tmp_path: Path) -> None:
    document, _ = explained(tmp_path, textured(3, 40, 44), at_most=2)
    assert [date["why"] for date in document["dates"] if not date["served"]] == ["not needed: others show more"]
