import math

import pytest
import torch

from ssr.errors import InputError
from ssr.metrics.consistency import consistency_measures, reflectance_map, spatial, spectral_map, synthesis_map
from ssr.metrics.measure import Judged, Suite
from ssr.metrics.triplet import triplet
from tests.support.tolerances import FLOAT32
from tests.support.triplets import SCALE, made, scene


def agreeing(side=96):
    """A result that is its own truth and, at a quarter of the resolution, its own date."""
    image = scene("agreeing", side)
    dates = torch.zeros(1, 1, 3, side // SCALE, side // SCALE)
    coarse = triplet(Judged(image, image, dates), SCALE, border_px=0).coarse
    return Judged(image, image, coarse.unsqueeze(1))


def measured(judged, *, border_px=0):
    return {k: v.tolist() for k, v in Suite(consistency_measures(SCALE, border_px=border_px))(judged).items()}


def test_a_result_that_agrees_with_its_date_is_consistent():
    found = measured(agreeing())
    assert found["reflectance"] == [pytest.approx(0, abs=1e-6)]
    assert found["spectral"] == [pytest.approx(0, abs=1e-4)]
    assert found["spatial"] == [pytest.approx(0, abs=1e-6)]


def test_a_bias_is_the_reflectance_that_is_found():
    judged = agreeing()
    found = measured(judged._replace(super_res=judged.super_res + 0.1))
    assert found["reflectance"] == [pytest.approx(0.1, rel=FLOAT32)]


def test_a_gain_changes_reflectance_by_so_much_and_no_colour():
    judged = agreeing()
    found = measured(judged._replace(super_res=judged.super_res * 1.25))
    assert found["reflectance"] == [pytest.approx(0.25 * judged.low_res.mean().item(), rel=FLOAT32)]
    assert found["spectral"] == [pytest.approx(0, abs=1e-4)]


@pytest.mark.parametrize(
    ("colour", "degrees"), [((1, 1, 0), 45), ((0, 0, 1), 90), ((1, 1, 1), 54.735610), ((2, 0, 0), 0)]
)
def test_spectral_is_the_angle_between_colours(colour, degrees):
    image = torch.tensor(colour, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    date = torch.tensor([1.0, 0, 0]).view(1, 1, 3, 1, 1).expand(1, 1, 3, 8, 8)
    assert measured(Judged(image, image, date))["spectral"] == [pytest.approx(degrees, rel=1e-6, abs=1e-5)]


@pytest.mark.parametrize("shift", [(0, 4), (-8, 0), (12, 16)])
def test_spatial_is_the_displacement_in_low_resolution_pixels(shift):
    judged = agreeing()
    found = measured(judged._replace(super_res=judged.super_res.roll(shift, (2, 3))))
    assert found["spatial"] == [pytest.approx(math.hypot(*shift) / SCALE, abs=0.02)]  # its grid; edges do not wrap


def test_spatial_beyond_its_reach_is_not_a_number():
    judged = agreeing()
    images = triplet(judged._replace(super_res=judged.super_res.roll(24, 3)), SCALE, border_px=0)
    assert spatial(images).isnan().all()
    assert spatial(images, max_shift_px=7).item() == pytest.approx(6, abs=0.02)


def test_synthesis_is_what_the_truth_has_beyond_the_dates_for_a_result_equal_to_it():
    judged = made("detail")
    images = triplet(judged._replace(super_res=judged.truth), SCALE, border_px=0)
    expected = (images.truth - images.interpolated).abs().mean().item()
    assert synthesis_map(images).mean().item() == pytest.approx(expected, rel=FLOAT32)


def test_synthesis_of_interpolation_is_far_less_than_of_detail():
    judged = made("detail")
    smooth = judged._replace(super_res=triplet(judged, SCALE, border_px=0).interpolated)
    assert measured(smooth)["synthesis"][0] < 0.5 * measured(judged)["synthesis"][0]


def test_one_date_is_itself_and_several_are_their_median():
    judged = made("detail")
    date = judged.low_res
    several = torch.cat([date + 0.3, date, date - 0.02], 1)  # one hazy, one a little darker
    assert measured(judged._replace(low_res=several)) == measured(judged)
    two = triplet(judged._replace(low_res=torch.cat([date, date + 0.1], 1)), SCALE)
    torch.testing.assert_close(two.low_res, triplet(judged, SCALE).low_res + 0.05)


def test_missing_pixels_of_a_date_are_seen_on_the_others():
    judged = made("detail")
    gap = judged.low_res.clone()
    gap[..., 10:20, 5:9] = 0
    assert measured(judged._replace(low_res=torch.cat([gap, judged.low_res], 1))) == measured(judged)


def test_pixels_that_no_date_has_are_not_judged():
    judged = made("detail")
    low_res = judged.low_res.clone()
    low_res[..., 10:20, 5:9] = 0
    images = triplet(judged._replace(low_res=low_res), SCALE, border_px=0)
    gap = torch.zeros(1, 32, 32, dtype=torch.bool)
    gap[:, 10:20, 5:9] = True
    assert torch.equal(reflectance_map(images).isnan(), gap)
    assert torch.equal(spectral_map(images).isnan(), gap)
    fine = gap.repeat_interleave(SCALE, 1).repeat_interleave(SCALE, 2)
    assert torch.equal(synthesis_map(images).isnan(), fine)
    whole = reflectance_map(triplet(judged, SCALE, border_px=0))
    assert measured(judged._replace(low_res=low_res))["reflectance"][0] == pytest.approx(
        whole[~gap].mean().item(), rel=FLOAT32
    )


def test_a_black_result_has_no_colour_and_yet_a_brightness():
    judged = made("detail")
    images = triplet(judged._replace(super_res=torch.zeros_like(judged.super_res)), SCALE)
    assert spectral_map(images).isnan().all()
    assert reflectance_map(images).mean().item() == pytest.approx(images.low_res.mean().item(), rel=FLOAT32)


def test_one_dark_channel_is_data():
    judged = made("detail")
    low_res = judged.low_res.clone()
    low_res[:, :, 0] = 0
    assert not reflectance_map(triplet(judged._replace(low_res=low_res), SCALE)).isnan().any()


def test_bands_beyond_those_of_the_result_are_not_looked_at():
    judged = made("detail")
    more = torch.cat([judged.low_res, judged.low_res * 3], 2)
    assert measured(judged._replace(low_res=more)) == measured(judged)


def test_the_border_is_left_out():
    judged = made("detail")
    spoilt = judged.super_res.clone()
    spoilt[..., :16, :] = 0.9
    spoilt[..., -16:] = 0.1
    assert measured(judged._replace(super_res=spoilt), border_px=16) == measured(judged, border_px=16)


def test_images_of_a_batch_are_measured_on_their_own():
    several = [made("detail"), made("moved")]
    batch = Judged(*(torch.cat(images) for images in zip(*(j[:3] for j in several), strict=True)))
    singles = [measured(judged) for judged in several]
    for key, values in measured(batch).items():
        assert values == pytest.approx([single[key][0] for single in singles], rel=FLOAT32, nan_ok=True)


def test_precision_of_the_images_does_not_matter_to_the_figures():
    judged = made("detail")
    doubled = measured(Judged(*(image.double() for image in judged[:3])))
    assert {k: v[0] for k, v in measured(judged).items()} == pytest.approx(
        {k: v[0] for k, v in doubled.items()}, rel=1e-4
    )
    assert all(map(math.isfinite, (v[0] for v in measured(Judged(*(i.bfloat16() for i in judged[:3]))).values())))


@pytest.mark.parametrize("where", ["super_res", "low_res"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_has_no_figures_and_spoils_no_other_image(where, value):
    judged = made("detail")
    batch = {
        name: image.repeat(2, *[1] * (image.ndim - 1)) for name, image in judged._asdict().items() if image is not None
    }
    batch[where][0, ..., 20, 20] = value
    sound = measured(judged)
    for key, values in measured(Judged(**batch)).items():
        assert math.isnan(values[0])
        assert values[1] == pytest.approx(sound[key][0], rel=FLOAT32)


def test_a_result_that_is_not_finite_has_no_synthesis_even_where_the_truth_is_at_fault():
    judged = made("detail")
    truth = judged.truth.clone()
    truth[0, 0, 40, 40] = math.nan
    found = measured(judged._replace(truth=truth))
    assert math.isnan(found["synthesis"][0])
    assert found["reflectance"] == measured(judged)["reflectance"]


@pytest.mark.parametrize(
    "change",
    [
        {"super_res": torch.rand(1, 3, 64, 64)},
        {"truth": torch.rand(1, 1, 128, 128)},
        {"low_res": torch.rand(1, 1, 3, 64, 64)},
        {"low_res": torch.rand(2, 1, 3, 32, 32)},
        {"low_res": torch.rand(1, 1, 2, 32, 32)},
        {"low_res": torch.rand(1, 3, 32, 32)},
        {"low_res": torch.rand(1, 0, 3, 32, 32)},
        {"super_res": torch.rand(3, 128, 128)},
    ],
    ids=str,
)
def test_images_that_do_not_belong_together_are_refused(change):
    with pytest.raises(InputError, match="4 times coarser"):
        triplet(made("detail")._replace(**change), SCALE)


def test_a_border_that_leaves_nothing_is_refused():
    image = torch.rand(1, 3, 32, 32)
    with pytest.raises(InputError, match="32×32 px is left within a border of 16 px"):
        triplet(Judged(image, image, torch.rand(1, 1, 3, 8, 8)), SCALE)


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
def test_any_whole_scale_is_measured(scale):
    side = 48 * scale
    image = scene("scales", side)
    assert all(
        len(v) == 1
        for v in Suite(consistency_measures(scale))(Judged(image, image, torch.rand(1, 2, 3, 48, 48))).values()
    )
