"""Does `ssr scene` take each place from the dates that show it, and say so?"""

import json
from pathlib import Path

import numpy as np
import rasterio

from tests.integration.conftest import Run, files_below
from tests.support.scenes import textured, tiny_rrdbnet, write_series, write_weights
from tests.support.sentinel2 import write_safe, zipped

SIDE = 160
LEFT, RIGHT = slice(0, 70), slice(90, SIDE)


def half_cloudy() -> np.ndarray:
    """Four dates, darkened to leave room for clouds: the first is hidden on the left, the second on the right."""
    frames = (0.4 * textured(4, SIDE, SIDE)).astype(np.uint8)
    frames[0, :, :, LEFT] = 250
    frames[1, :, :, RIGHT] = 250
    return frames


def test_half_cloudy_dates_serve_their_clear_halves_and_files_say_which(run: Run, tmp_path: Path) -> None:
    write_series(tmp_path / "dates", half_cloudy())
    write_weights(tmp_path / "two.pth", tiny_rrdbnet(n_revisits=3))
    done = run("scene", "dates", "-o", "out.tif", "--model", "two.pth", "--explain", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    served = {report["name"]: report["served"] for report in told["choice"]}
    assert 0 < served["date_0.tif"] < 1 or 0 < served["date_1.tif"] < 1
    assert files_below(tmp_path) >= {"out.tif", "out.dates.json", "out.dates.tif"}
    explained = json.loads((tmp_path / "out.dates.json").read_text())
    assert [date["name"] for date in explained["dates"]] == [f"date_{k}.tif" for k in range(4)]
    with rasterio.open(tmp_path / "out.dates.tif") as raster:
        numbers = raster.read()
        assert raster.bounds == rasterio.open(tmp_path / "out.tif").bounds
    assert not (numbers[:, :, 0] == 1).any()  # date 1 is hidden on the left, date 2 on the right
    assert not (numbers[:, :, -1] == 2).any()


def test_whole_dates_are_used_when_asked_for(run: Run, tmp_path: Path) -> None:
    write_series(tmp_path / "dates", half_cloudy())
    write_weights(tmp_path / "two.pth", tiny_rrdbnet(n_revisits=2))
    done = run("scene", "dates", "-o", "out.tif", "--model", "two.pth", "--whole-dates", "--json")
    told = json.loads(done.stdout)
    assert told["dates"] == ["date_2.tif", "date_3.tif"]
    assert {report["served"] for report in told["choice"]} == {0, 1}
    assert "out.dates.json" not in files_below(tmp_path)


def test_a_copy_of_a_date_is_named_and_left_out(run: Run, tmp_path: Path) -> None:
    frames = textured(2, 60, 60)
    write_series(tmp_path / "dates", np.concatenate([frames, frames[:1]]))
    done = run("scene", "dates", "-o", "out.tif", "--json")
    told = json.loads(done.stdout)
    assert len(told["dates"]) == 2
    assert any("another copy of date_" in note for note in told["notes"])


def test_explanations_are_not_overwritten_unasked_and_are_no_dates(run: Run, tmp_path: Path) -> None:
    write_series(tmp_path, textured(2, 40, 40))
    first = run("scene", ".", "-o", "out.tif", "--explain")
    assert first.returncode == 0, first.stderr
    again = run("scene", ".", "-o", "out.tif", "--explain", "--overwrite", "--json")
    assert json.loads(again.stdout)["n_dates_found"] == 2
    (tmp_path / "out.tif").unlink()
    refused = run("scene", ".", "-o", "out.tif", "--explain")
    assert refused.returncode == 2
    assert "out.dates.json" in refused.stderr


def test_a_zipped_product_is_a_date_and_its_time_is_kept(run: Run, tmp_path: Path) -> None:
    product = zipped(write_safe(tmp_path / "made"))
    done = run("scene", product, "-o", "out.tif", "--grid", "satlas")
    assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "out.tif") as raster:
        assert raster.crs.to_epsg() == 3857
        assert raster.transform.a * 4 == np.float64(9.554628535647032)
        assert raster.tags()["SSR_TIMES"].startswith("20")


def test_wrong_dates_areas_and_grids_are_one_line(run: Run, tmp_path: Path) -> None:
    write_series(tmp_path / "dates", textured(2, 40, 40))
    for words, named in (
        (("--date", "yesterday"), "--date"),
        (("--aoi", "1,2,3"), "--aoi"),
        (("--aoi", "100,10,101,11"), "--aoi"),
        (("--grid", "EPSG:0"), "EPSG:0"),
    ):
        done = run("scene", "dates", "-o", "out.tif", *words)
        assert done.returncode == 2, words
        assert named in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out.tif").exists()
