"""Our figures against the package opensr-test: recorded, and live where it is installed."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest

from ssr.metrics.consistency import consistency_measures
from ssr.metrics.hallucination import by_patch, hallucination_measures, normalised_difference
from ssr.metrics.measure import Suite
from tests.support.triplets import CASES, SCALE, EdgeDistance, made

RECORDED = json.loads((Path(__file__).parent / "opensr_test_values.json").read_text(encoding="utf-8"))["values"]
SHARE = 1e-5
SPECTRAL = 1e-4  # the package takes an arc cosine in float32
CONSISTENCY = ("reflectance", "spectral", "spatial", "synthesis")


def l1(a, b):
    return (a - b).abs().flatten(1).mean(1)


def edges(a, b):
    return EdgeDistance()(2 * a - 1, 2 * b - 1)


WAYS = {
    "nd": normalised_difference,
    "l1_patches": by_patch(l1),
    "lpips": by_patch(edges, least_side_px=64, padding=0.5),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", WAYS)
def test_shares_equal_those_of_opensr_test(case, way):
    check_shares(case, way, RECORDED[case][way])


@pytest.mark.parametrize("case", CASES)
def test_consistency_and_synthesis_equal_those_of_opensr_test_by_pixel(case):
    check_consistency(case, RECORDED[case]["nd"])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_opensr_test_still_says_so(case, way, monkeypatch):
    for package in ("opensr_test", "satalign", "cv2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed: pip install opensr-test")
    tools = Path(__file__).resolve().parents[3] / "tools"
    monkeypatch.setattr(sys, "path", [str(tools), *sys.path])
    said = pytest.importorskip("record_opensr_test").measured(case, way)
    check_shares(case, way, said)
    if way == "nd":
        check_consistency(case, said)


def check_shares(case, way, said):
    found = Suite(hallucination_measures(way, WAYS[way], SCALE))(made(case))
    for share, key in (("hallucination", "ha_metric"), ("omission", "om_metric"), ("improvement", "im_metric")):
        assert found[f"{share}_{way}"].item() == pytest.approx(said[key], rel=SHARE)


def check_consistency(case, said):
    found = Suite(consistency_measures(SCALE))(made(case))
    for key in CONSISTENCY:
        expected = math.nan if said[key] is None else said[key]
        tolerance = SPECTRAL if key == "spectral" else SHARE
        assert found[key].item() == pytest.approx(expected, rel=tolerance, nan_ok=True)


def test_recorded_cases_are_those_that_are_made():
    assert set(RECORDED) == set(CASES)
    assert all(set(ways) == set(WAYS) for ways in RECORDED.values())
