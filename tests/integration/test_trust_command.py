"""Does `ssr scene --trust` write, beside the same result, how far each pixel can be trusted?"""

import json
from pathlib import Path

import numpy as np
import rasterio
from rio_cogeo.cogeo import cog_validate

from tests.integration.conftest import Run, files_below
from tests.support.scenes import textured, tiny_rrdbnet, write_series, write_weights

CALIBRATED = ("trust", "expected_error", "disagreement", "influence", "seen_once", "n_dates")


def bands_of(path: Path) -> dict[str, np.ndarray]:
    with rasterio.open(path) as dataset:
        return dict(zip(dataset.descriptions, dataset.read(), strict=True))


def test_trust_lies_beside_an_unchanged_result(run: Run, dates: Path, tmp_path: Path) -> None:
    assert run("scene", dates, "-o", "plain.tif").returncode == 0
    done = run("scene", dates, "-o", "out.tif", "--trust", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["trust"] == "out.trust.tif"
    assert cog_validate(tmp_path / "out.trust.tif", strict=True)[0]
    assert (tmp_path / "out.tif").read_bytes() == (tmp_path / "plain.tif").read_bytes()
    bands = bands_of(tmp_path / "out.trust.tif")
    assert tuple(bands) == CALIBRATED
    assert bands["trust"].shape == (96, 124)
    assert bands["trust"].max() <= 100
    assert set(np.unique(bands["seen_once"])) <= {0, 1, 2}
    assert bands["n_dates"].max() <= 3
    with rasterio.open(tmp_path / "out.trust.tif") as dataset:
        assert dataset.tags()["SSR_MODEL"] == "compact-8"
        assert "2 to 8 dates" in dataset.tags()["SSR_TRUST_CALIBRATION"]


def test_a_boat_of_one_date_is_flagged_and_not_trusted_where_it_is_followed(run: Run, tmp_path: Path) -> None:
    frames = textured(4, 40, 40)
    frames[2, :, 18:22, 19:22] = 250
    write_series(tmp_path / "in", frames)
    run("scene", "in", "-o", "out.tif", "--trust")
    seen_once = bands_of(tmp_path / "out.trust.tif")["seen_once"]
    assert seen_once[72:88, 76:88].max() >= 1
    seen_once[60:100, 64:100] = 0
    assert (seen_once > 0).mean() < 0.01


def test_one_date_is_unknown_and_says_so(run: Run, tmp_path: Path) -> None:
    write_series(tmp_path / "in", textured(1, 16, 16))
    done = run("scene", "in", "-o", "out.tif", "--trust")
    assert done.returncode == 0
    assert "trust is unknown everywhere: there is one date" in done.stderr
    assert "trust   out.trust.tif" in done.stdout
    bands = bands_of(tmp_path / "out.trust.tif")
    assert (bands["trust"] == 255).all()
    assert (bands["n_dates"] == 1).all()


def test_a_model_without_calibration_gets_no_made_up_trust(run: Run, dates: Path, tmp_path: Path) -> None:
    write_weights(tmp_path / "five.pth", tiny_rrdbnet(n_revisits=5))
    done = run("scene", dates, "-o", "out.tif", "--model", "five.pth", "--trust")
    assert done.returncode == 0
    assert "no calibration for this model" in done.stderr
    assert tuple(bands_of(tmp_path / "out.trust.tif")) == CALIBRATED[2:]


def test_an_existing_raster_is_kept_and_is_no_date(run: Run, dates: Path, tmp_path: Path) -> None:
    assert run("scene", dates, "-o", "dates/out.tif", "--trust").returncode == 0
    refused = run("scene", dates, "-o", "dates/out.tif", "--trust")
    assert refused.returncode == 2
    (dates / "out.tif").unlink()
    refused = run("scene", dates, "-o", "dates/out.tif", "--trust")
    assert refused.returncode == 2
    assert "out.trust.tif: exists already" in refused.stderr
    again = run("scene", dates, "-o", "dates/out.tif", "--trust", "--overwrite", "--json")
    assert json.loads(again.stdout)["n_dates_found"] == 3
    assert files_below(dates) == {"date_0.tif", "date_1.tif", "date_2.tif", "out.tif", "out.trust.tif"}
