import json
from pathlib import Path

import numpy as np
import rasterio

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
