import math

import pytest
import torch
import torch.nn.functional as F

from ssr.metrics.consistency import consistency_measures
from ssr.metrics.hallucination import by_patch, correctness, hallucination_measures, normalised_difference
from ssr.metrics.measure import Judged, Suite
from ssr.metrics.triplet import triplet
from tests.support.tolerances import FLOAT32
from tests.support.triplets import SCALE, made

PURE = 1 / (1 + 2 * math.exp(-1 / 0.25))


def l1(a, b):
    return (a - b).abs().flatten(1).mean(1)


def measured(judged, distance=normalised_difference, **options):
    return {
        key.removesuffix("_nd"): values.tolist()
        for key, values in Suite(hallucination_measures("nd", distance, SCALE, **options))(judged).items()
    }


def said_in_turn(*values):
    """A distance that says these of the three pairs it is shown, whatever they are."""
    turn = iter(values)
    return lambda a, b: torch.full_like(a[:, 0], next(turn))


def shares_of(d_im, d_om, *, score=0.05, temperature=0.25):
    e = 1 - math.exp(-score * (d_im + d_om - 1))
    apart = (d_im + d_om * e, d_om + d_im * e, math.exp(-score * d_im * d_om))
    weights = [math.exp(-value / temperature) for value in apart]
    return [w / sum(weights) for w in weights]


@pytest.mark.parametrize(
    ("d_ref", "d_im", "d_om"), [(0.2, 0.1, 0.1), (0.1, 0.3, 0.25), (0.5, 0, 0.5), (0.02, 0.4, 0.4)]
)
def test_shares_follow_the_formula(d_ref, d_im, d_om):
    images = triplet(made("detail"), SCALE)
    found = correctness(images, said_in_turn(d_ref, d_im, d_om), gradient_threshold=0.01)
    for share, expected in zip(found, shares_of(d_im / d_ref, d_om / d_ref), strict=True):
        assert share.flatten()[0].item() == pytest.approx(expected, rel=1e-4, abs=1e-12)
    assert torch.stack(found).sum(0).allclose(torch.ones(1))


def test_parameters_of_the_formula_can_be_chosen():
    images = triplet(made("detail"), SCALE)
    found = correctness(
        images,
        said_in_turn(0.1, 0.3, 0.2),
        gradient_threshold=0,
        im_score=0.8,
        om_score=0.8,
        ha_score=0.8,
        temperature=0.5,
    )
    expected = shares_of(3, 2, score=0.8, temperature=0.5)
    assert [share.flatten()[0].item() for share in found] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("distance", [normalised_difference, by_patch(l1)])
def test_the_truth_itself_is_improvement(distance):
    judged = made("detail")
    found = measured(judged._replace(super_res=judged.truth), distance)
    assert found["improvement"] == [pytest.approx(PURE, rel=FLOAT32)]
    assert found["hallucination"] == [pytest.approx((1 - PURE) / 2, rel=FLOAT32)]


def test_interpolation_invents_little_and_omits_much():
    judged = made("detail")
    images = triplet(judged, SCALE, border_px=0)
    bicubic = F.interpolate(images.low_res, scale_factor=4, mode="bicubic")
    found = measured(judged._replace(super_res=bicubic), by_patch(l1))
    assert found["omission"][0] > 0.5
    assert found["omission"][0] > 3 * found["hallucination"][0]


def test_what_is_invented_is_found_where_it_is():
    judged = made("detail")
    yx = torch.stack(torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij"))
    blob = ((yx - torch.tensor([70, 50]).view(2, 1, 1)) ** 2).sum(0) < 9**2
    invented = judged.truth.masked_fill(blob, 0.95)
    classes = correctness(
        triplet(judged._replace(super_res=invented), SCALE, border_px=0), normalised_difference
    ).classes[0]
    assert (classes[blob] == 2).float().mean() > 0.6
    assert (classes[~blob] == 2).float().mean() < 0.03


def test_gain_bias_and_displacement_are_forgiven():
    judged = made("detail")
    moved = judged.truth.roll((2, -1), (2, 3)) * 0.8 + 0.05
    found = measured(judged._replace(super_res=moved))
    assert found["improvement"][0] > 0.9  # of at most 0.965: rolled edges differ


def test_only_detail_is_judged():
    images = triplet(made("detail"), SCALE)
    judged = ~correctness(images, normalised_difference).improvement.isnan()
    d_ref = normalised_difference(images.interpolated, images.truth)
    assert judged[d_ref > d_ref.quantile(0.751)].all()
    assert 0.25 <= judged.float().mean() < 0.5
    assert not correctness(images, normalised_difference, gradient_threshold=2.0).classes.ge(0).any()


def test_where_nothing_has_detail_there_is_no_figure():
    flat = torch.full((1, 3, 64, 64), 0.5)
    found = measured(Judged(flat, flat, torch.full((1, 1, 3, 16, 16), 0.5)))
    assert all(math.isnan(values[0]) for values in found.values())


def test_detail_that_neither_dates_nor_truth_have_is_hallucination_whatever_its_size():
    flat, low_res = torch.full((1, 3, 64, 64), 0.5), torch.full((1, 1, 3, 16, 16), 0.5)
    images = triplet(Judged(flat, flat, low_res), SCALE)
    found = correctness(images, said_in_turn(0.0, 0.2, 0.2))
    assert found.hallucination.eq(1).all()
    assert found.classes.eq(2).all()


def test_unclear_truth_and_missing_dates_are_not_judged():
    judged = made("detail")
    clear = torch.ones(1, 1, 128, 128, dtype=torch.bool)
    clear[..., 40:70, 40:60] = False
    clouded = judged.truth.masked_fill(~clear, 3.0)
    low_res = judged.low_res.clone()
    low_res[..., 20:24, 20:24] = 0
    found = correctness(
        triplet(judged._replace(truth=clouded, low_res=low_res, clear=clear), SCALE, border_px=0), normalised_difference
    )
    assert found.classes[:, 40:70, 40:60].eq(-1).all()
    assert found.classes[:, 80:96, 80:96].eq(-1).all()
    whole = measured(judged._replace(clear=clear))
    assert measured(judged._replace(truth=clouded, clear=clear)) == whole


def test_images_of_a_batch_are_judged_on_their_own():
    several = [made("detail"), made("moved")]
    batch = Judged(*(torch.cat(images) for images in zip(*(j[:3] for j in several), strict=True)))
    for distance in (normalised_difference, by_patch(l1)):
        singles = [measured(judged, distance) for judged in several]
        for key, values in measured(batch, distance).items():
            assert values == pytest.approx([single[key][0] for single in singles], rel=FLOAT32)


def test_what_is_not_finite_has_no_figures_and_spoils_no_other_image():
    judged = made("detail")
    batch = Judged(*(image.repeat(2, *[1] * (image.ndim - 1)) for image in judged[:3]))
    batch.super_res[0, 0, 60, 60] = math.nan
    for key, values in measured(batch).items():
        assert math.isnan(values[0])
        assert values[1] == pytest.approx(measured(judged)[key][0], rel=FLOAT32)


def test_a_batch_is_judged_once_for_all_three_measures():
    calls = []

    def counted(a, b):
        calls.append(len(a))
        return normalised_difference(a, b)

    suite = Suite(hallucination_measures("nd", counted, SCALE))
    first, second = made("detail"), made("moved")
    suite(first)
    suite(second)
    assert suite(first) == suite(first)
    assert len(calls) == 3 * 3


def test_names_units_and_directions():
    measures = consistency_measures(SCALE) + hallucination_measures("nd", normalised_difference, SCALE)
    assert {m.key: (m.unit, m.better) for m in measures} == {
        "reflectance": ("", "lower"),
        "spectral": ("°", "lower"),
        "spatial": ("px", "lower"),
        "synthesis": ("", "higher"),
        "hallucination_nd": ("", "lower"),
        "omission_nd": ("", "lower"),
        "improvement_nd": ("", "higher"),
    }


def test_a_distance_by_patch_is_that_of_each_patch():
    a, b = torch.rand(2, 3, 48, 32), torch.rand(2, 3, 48, 32)
    found = by_patch(l1)(a, b)
    assert found.shape == (2, 48, 32)
    torch.testing.assert_close(found[1, 16:32, 16:], l1(a[1:, :, 16:32, 16:], b[1:, :, 16:32, 16:]).expand(16, 16))


def test_images_are_padded_on_all_sides_and_at_the_end_by_the_odd_pixel():
    a, b = torch.rand(1, 3, 13, 9), torch.rand(1, 3, 13, 9)
    seen = []
    by_patch(lambda x, y: seen.append(x) or l1(x, y), patch_px=8, padding=0.25)(a, b)
    corner = torch.full((3, 8, 8), 0.25)
    corner[:, 1:, 3:] = a[0, :, :7, :5]
    assert torch.equal(seen[0][0], corner)
    assert seen[0].shape == (4, 3, 8, 8)


def test_patches_are_enlarged_for_networks_that_need_it():
    seen = []

    def watching(a, b):
        seen.append(a.shape)
        return l1(a, b).view(-1, 1, 1, 1)

    found = by_patch(watching, least_side_px=64)(torch.rand(1, 3, 40, 40), torch.rand(1, 3, 40, 40))
    assert seen == [(9, 3, 64, 64)]
    assert found.shape == (1, 40, 40)
    by_patch(watching, patch_px=32, least_side_px=8)(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    assert seen[-1] == (1, 3, 32, 32)


def test_a_distance_of_the_wrong_shape_is_refused():
    images = triplet(made("detail"), SCALE)
    with pytest.raises(ValueError, match="`by_patch` makes maps"):
        correctness(images, l1)
    with pytest.raises(ValueError, match="one number a pair"):
        correctness(images, by_patch(normalised_difference))


def test_a_map_with_a_channel_axis_is_a_map():
    images = triplet(made("detail"), SCALE)
    plain = correctness(images, normalised_difference)
    with_axis = correctness(images, lambda a, b: normalised_difference(a, b).unsqueeze(1))
    assert torch.equal(plain.classes, with_axis.classes)
