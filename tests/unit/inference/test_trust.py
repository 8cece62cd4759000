"""Do the bytes of a trust raster mean what they say?"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from ssr.checkpoints.bundled import FOLDER, bundled_names, bundled_weights
from ssr.checkpoints.files import sha256_of
from ssr.errors import InputError, OutputError
from ssr.inference.predictor import Predictor, super_resolve_array
from ssr.inference.scene import Result, write_scene
from ssr.inference.trust import (
    UNKNOWN,
    band_names,
    find_calibration,
    plan_trust,
    to_trust_bytes,
    trust_path,
)
from ssr.models.bicubic import Bicubic
from ssr.models.protocol import SuperResolver
from ssr.models.trust import Layers
from ssr.scenes.ranking import plan_dates
from ssr.scenes.series import open_series
from tests.support.networks import NoiseByPlace
from tests.support.scenes import FP32, textured, tiny_date_fusion, tiny_rrdbnet, unit, write_series
from tests.support.tolerances import FLOAT32
from tests.unit.models.test_trust import CALIBRATION

FOUR_BANDS = "compact-8-rgbn"
"""Trust is calibrated on true colour alone."""
CALIBRATED, RAW = Layers(True), Layers(False)


def planned(network, n_dates, calibration=CALIBRATION, **changes):
    ranked = list(range(n_dates))
    given = {"n_wanted": network.n_revisits, "more": "best", "strength": 0.0, "reference": "mean"} | changes
    return plan_trust(network, plan_dates(ranked, given["n_wanted"], more=given["more"]), ranked, calibration, **given)


def encode(layers=CALIBRATED, **channels):
    """Bands of one pixel, by name."""
    held = {"trust": 0.5, "expected_error": 0.5, "disagreement": 0.1, "influence": 0.1, "departure": 0.1}
    held |= {"followed": 0.1, "n_dates": 4 / 255, "is_known": 1.0} | channels
    pixels = np.array([[[held[name]]] for name in layers.names], np.float32)
    return dict(zip(band_names(layers), to_trust_bytes(pixels, layers)[:, 0, 0].tolist(), strict=True))


def test_bands_are_per_cent_thousandths_and_counts():
    bands = encode(trust=0.874, expected_error=0.031 / 0.254, disagreement=0.2 / 0.254, influence=1.0, n_dates=7 / 255)
    assert bands == {
        "trust": 87,
        "expected_error": 31,
        "disagreement": 200,
        "influence": 254,
        "seen_once": 0,
        "n_dates": 7,
    }


@pytest.mark.parametrize(
    ("departure", "followed", "code"),
    [(0.49, 1.0, 0), (0.51, 0.01 / 0.254, 1), (0.51, 0.021 / 0.254, 2), (0.9, 1 / 255, 1)],
)
def test_things_of_one_date_are_removed_or_followed(departure, followed, code):
    assert encode(departure=departure, followed=followed)["seen_once"] == code


def test_what_cannot_be_compared_is_unknown_but_for_its_dates():
    bands = encode(is_known=1 / 255, n_dates=1 / 255)
    assert bands.pop("n_dates") == 1
    assert set(bands.values()) == {UNKNOWN}
    assert set(encode(**dict.fromkeys(CALIBRATED.names, 0.0)).values()) == {UNKNOWN}


def test_without_calibration_no_trust_is_stated():
    assert set(encode(RAW)) == {"disagreement", "influence", "seen_once", "n_dates"}


@pytest.mark.parametrize(
    "network",
    [Bicubic(), tiny_date_fusion(), tiny_rrdbnet(n_revisits=8), NoiseByPlace()],
    ids=["bicubic", "date_fusion", "eight dates", "by place"],
)
@pytest.mark.parametrize("n_dates", [1, 2, 3, 5])
def test_the_result_is_what_it_is_without_trust(network, n_dates):
    assert isinstance(network, SuperResolver)
    series = unit(textured(n_dates, 30, 41))
    plan = plan_dates(list(range(n_dates)), network.n_revisits)
    cuts = {"compute": FP32, "core_px": 16, "overlap_px": 2}
    alone = super_resolve_array(network, series[plan.dates], **cuts)
    with_trust = super_resolve_array(planned(network, n_dates).network, series[plan.dates], **cuts)
    np.testing.assert_allclose(with_trust[:3], alone, atol=FLOAT32)
    assert len(with_trust) == 3 + len(CALIBRATED.names)


def test_windows_leave_no_seams_in_trust():
    series = unit(textured(4, 90, 110))
    trust = planned(tiny_date_fusion(), 4)
    whole = super_resolve_array(trust.network, series, compute=FP32, core_px=128, overlap_px=2)
    cut = super_resolve_array(trust.network, series, compute=FP32, core_px=24, overlap_px=2)
    bands = [to_trust_bytes(pixels[3:], trust.layers).astype(int) for pixels in (whole, cut)]
    names = band_names(trust.layers)
    away = np.abs(bands[0] - bands[1])
    assert away[names.index("trust")].max() <= 2
    assert away[names.index("expected_error")].max() <= 2
    assert (away[names.index("seen_once")] > 0).mean() < 0.001


@pytest.mark.parametrize(("n_dates", "n_passes"), [(1, 0), (2, 2), (3, 4), (8, 10)])
def test_the_cost_is_known_beforehand(n_dates, n_passes):
    assert planned(Bicubic(), n_dates).n_passes == n_passes


def test_notes_say_what_the_calibration_does_not_cover():
    assert planned(Bicubic(), 4).notes == ()
    assert "one date" in planned(Bicubic(), 1).notes[0]
    assert "no calibration" in planned(Bicubic(), 4, None).notes[0]
    assert "2 to 8 dates, there are 9" in planned(Bicubic(), 9).notes[0]
    assert "not with fidelity" in planned(Bicubic(), 4, strength=0.5).notes[0]


def test_the_raster_lies_on_the_results_grid_and_says_what_it_means(tmp_path: Path) -> None:
    frames = textured(3, 24, 33)
    frames[:, :, 16:, :9] = 0
    frames[1:, :, :, 28:] = 0
    out, trust = tmp_path / "out.tif", planned(tiny_date_fusion(), 3)
    with open_series(write_series(tmp_path / "in", frames)) as series:
        predictor = Predictor(trust.network, FP32)
        write_scene(predictor, series, [0, 1, 2], Result(out=out, grid=series.grid, tags={"A": "b"}), trust=trust)
    with rasterio.open(out) as result, rasterio.open(trust_path(out)) as raster:
        assert (raster.transform, raster.crs, raster.shape) == (result.transform, result.crs, result.shape)
        assert raster.descriptions == band_names(CALIBRATED)
        assert raster.scales == (0.01, 0.001, 0.001, 0.001, 1.0, 1.0)
        assert raster.nodatavals == (UNKNOWN,) * 6
        assert raster.tags()["A"] == "b"
        assert "0.05" in raster.tags()["SSR_TRUST_TRUST"]
        bands = dict(zip(raster.descriptions, raster.read(), strict=True))
        assert (bands["n_dates"][64:, :36] == UNKNOWN).all()
        assert (bands["trust"][64:, :36] == UNKNOWN).all()
        assert (bands["trust"][:60, 112:] == UNKNOWN).all()  # one date alone
        assert (bands["n_dates"][:60, 112:] == 1).all()
        assert bands["trust"][:60, :108].max() <= 100
        assert result.count == 3


def test_a_result_whose_trust_cannot_be_written_does_not_appear(tmp_path: Path) -> None:
    out, trust = tmp_path / "out.tif", planned(Bicubic(), 2)
    trust_path(out).write_bytes(b"mine")
    with open_series(write_series(tmp_path / "in", textured(2, 12, 12))) as series, pytest.raises(OutputError):
        write_scene(Predictor(trust.network, FP32), series, [0, 1], Result(out=out, grid=series.grid), trust=trust)
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out.trust.tif"}
    assert trust_path(out).read_bytes() == b"mine"


def test_a_calibration_lies_beside_its_weights(tmp_path: Path) -> None:
    weights = tmp_path / "mine.pth"
    assert find_calibration(str(weights), "ab") is None
    (tmp_path / "mine.trust.json").write_text(CALIBRATION.to_text(), encoding="utf-8")
    assert find_calibration(str(weights), "ab") == CALIBRATION


def test_a_calibration_of_other_weights_or_of_none_is_refused(tmp_path: Path) -> None:
    beside = tmp_path / "mine.trust.json"
    beside.write_text(replace(CALIBRATION, model_sha256="cd" * 32).to_text(), encoding="utf-8")
    with pytest.raises(InputError, match=r"SHA-256 cdcdcdcdcdcd…, these are abababababab"):
        find_calibration(str(tmp_path / "mine.pth"), "ab" * 32)
    beside.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        find_calibration(str(tmp_path / "mine.pth"), "ab" * 32)


@pytest.mark.parametrize("name", [name for name in bundled_names() if name != FOUR_BANDS])
def test_every_bundled_model_of_true_colour_has_its_calibration(name: str) -> None:
    calibration = find_calibration(name, sha256_of(bundled_weights(name)))
    assert calibration is not None
    assert calibration.trust[0] > 0.95
    assert calibration.trust[-1] < 0.6
    assert calibration.provenance["n_pixels"] > 100_000
    assert json.loads((FOLDER / f"{name}.trust.json").read_text(encoding="utf-8"))["tolerance"] == 0.05


def test_unlearned_models_have_none() -> None:
    assert find_calibration("bicubic", "none") is None
