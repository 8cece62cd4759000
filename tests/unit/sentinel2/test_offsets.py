"""Is the +1000 of baseline 04.00 found, taken out, or left alone for the right reasons?"""

import pytest

from ssr.sentinel2.offsets import judge_offset, offset_of_baseline


@pytest.mark.parametrize(
    ("baseline", "offset"),
    [("02.06", 0), ("03.01", 0), ("04.00", -1000), ("0400", -1000), ("05.10", -1000), ("99.99", 0 - 1000), ("", 0),
     (None, 0), ("odd", 0)],
)  # fmt: skip
def test_the_baseline_tells_the_offset(baseline, offset):
    assert offset_of_baseline(baseline) == offset


def test_a_true_claim_needs_no_note():
    assert judge_offset(-1000, {"b10": 1003, "b04": 1340}) == judge_offset(-1000, {})
    assert judge_offset(0, {"b10": 12, "b04": 300}).note is None


@pytest.mark.parametrize("dark", [{"b10": 5.0, "b04": 1500.0}, {"b04": 345.0}, {"b12": 30.0, "b02": 900.0}])
def test_an_offset_that_has_been_taken_out_already_is_not_taken_out_again(dark):
    verdict = judge_offset(-1000, dark)
    assert verdict.offset_dn == 0
    assert "taken out already" in verdict.note
    assert "dark pixels of B" in verdict.evidence


@pytest.mark.parametrize("told", [True, False])
def test_the_cirrus_band_shows_an_offset_that_nobody_speaks_of(told):
    verdict = judge_offset(0, {"b10": 1004, "b04": 1359}, told=told)
    assert verdict.offset_dn == -1000
    assert "B10" in verdict.note


def test_the_cirrus_band_clears_bright_ground_of_the_suspicion():
    """A desert: true colour has nothing below 1000, B10 is dark."""
    verdict = judge_offset(0, {"b10": 55, "b02": 1007, "b03": 1100, "b04": 1500})
    assert (verdict.offset_dn, verdict.note) == (0, None)


def test_bright_ground_without_the_cirrus_band_is_believed_with_a_warning():
    verdict = judge_offset(0, {"b02": 1007, "b04": 1500}, told=False)
    assert verdict.offset_dn == 0
    assert "--offset-dn -1000" in verdict.note


def test_slightly_negative_reflectance_of_l2a_is_no_contradiction():
    assert judge_offset(-1000, {"b12": 960, "b02": 930}).offset_dn == -1000


@pytest.mark.parametrize("claimed", [0, -1000])
def test_without_a_pixel_the_claim_stands(claimed):
    assert judge_offset(claimed, {}).offset_dn == claimed
