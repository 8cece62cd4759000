"""Does a calibration say what it was made of, and refuse what it cannot be?"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssr.errors import InputError
from ssr.models.agreement import FEATURES
from ssr.models.trust import Calibration, calibration_from, interpolate

CALIBRATION = Calibration(
    weights=(0.2, 0.3, 0.4, 0.0, 0.1),
    floors=(0.002, 0.002, 0.002, 0.002, 0.01),
    score=(-5.0, -4.0, -2.0),
    expected_error=(0.01, 0.02, 0.1),
    trust=(0.99, 0.9, 0.4),
    tolerance=0.05,
    n_dates=(2, 8),
    model_sha256="ab",
    provenance={"made_on": "nothing"},
)

line = st.lists(st.floats(-10, 10), min_size=1, max_size=30)


@given(values=line)
def test_curves_are_straight_between_knots_and_constant_beyond(values):
    knots, heights = CALIBRATION.score, CALIBRATION.expected_error
    found = interpolate(torch.tensor(values, dtype=torch.float64), knots, heights)
    np.testing.assert_allclose(found, np.interp(values, knots, heights), atol=1e-12)


def test_the_score_is_a_weighted_sum_of_logarithms():
    features = torch.tensor([[0.1, 0.02, 0.03, 0.5, 0.7]])
    expected = 0.2 * math.log(0.102) + 0.3 * math.log(0.022) + 0.4 * math.log(0.032) + 0.1 * math.log(0.71)
    assert CALIBRATION.scores(features).item() == pytest.approx(expected, rel=1e-6)


@given(start=st.lists(st.floats(0, 0.5), min_size=5, max_size=5), which=st.integers(0, 4), more=st.floats(0, 0.5))
def test_more_doubt_of_any_kind_never_means_more_trust(start, which, more):
    features = torch.tensor([start, start], dtype=torch.float64)
    features[1, which] += more
    trust, error = CALIBRATION.read(features)
    assert trust[1] <= trust[0] + 1e-12
    assert error[1] >= error[0] - 1e-12


def test_text_and_back_is_the_same_calibration():
    assert calibration_from(CALIBRATION.to_text(), source="a.json") == CALIBRATION


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": (0.1,)}, "1 weights for 5"),
        ({"floors": (0.1, 0.1)}, "2 floors for 5"),
        ({"weights": (0.1, -0.1, 0, 0, 0)}, "weight that is not at least 0"),
        ({"weights": (0.1, math.nan, 0, 0, 0)}, "weight that is not at least 0"),
        ({"floors": (0.1, 0, 0.1, 0.1, 0.1)}, "floor that is not above 0"),
        ({"score": (1.0,), "trust": (1.0,), "expected_error": (0.1,)}, "1 knots"),
        ({"score": (-5.0, -5.0, -2.0)}, "knots that do not rise"),
        ({"expected_error": (0.2, 0.1, 0.3)}, "expected error that falls"),
        ({"trust": (0.5, 0.6, 0.4)}, "trust that rises"),
        ({"trust": (1.5, 0.6, 0.4)}, "outside of 0 to 1"),
        ({"trust": (1.0, 0.6)}, "different lengths"),
    ],
)
def test_what_is_no_calibration_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(CALIBRATION, **change)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"a"', "null", '{"format": 1}'])
def test_other_text_is_refused_by_name(text):
    with pytest.raises(InputError, match=r"^a\.json: not a calibration"):
        calibration_from(text, source="a.json")


def test_other_formats_features_and_numbers_are_refused():
    held = json.loads(CALIBRATION.to_text())
    for change, message in (
        ({"format": 2}, "format 2"),
        ({"features": ["colour"]}, "for colour; expected"),
        ({"tolerance": math.inf}, "not finite"),
        ({"more": 1}, "not a calibration"),
        ({"score": [0, 1, "2"]}, "not a calibration"),
    ):
        with pytest.raises(InputError, match=message):
            calibration_from(json.dumps(held | change), source="a.json")
    assert tuple(held["features"]) == FEATURES
