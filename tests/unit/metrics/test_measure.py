import pytest
import torch

from ssr.errors import InputError
from ssr.metrics.measure import Judged, Measure, Suite
from ssr.metrics.pixelwise import psnr


def judged(b=3, side=8):
    generator = torch.Generator().manual_seed(0)
    made, truth = torch.rand(2, b, 3, side, side, generator=generator)
    return Judged(made, truth, torch.rand(b, 2, 3, side // 4, side // 4, generator=generator))


def measure(name="psnr", protocol="corrected", **changed):
    return Measure(name, protocol, "dB", "higher", lambda j: psnr(j.super_res, j.truth), **changed)


def test_every_image_gets_one_number_under_each_key():
    images = judged()
    scores = Suite([measure(), measure(protocol="original")])(images)
    assert list(scores) == ["psnr", "psnr@original"]
    assert scores["psnr"].tolist() == psnr(images.super_res, images.truth).tolist()
    assert scores["psnr"].dtype == torch.float64


def test_a_key_cannot_stand_for_two_measures():
    with pytest.raises(ValueError, match="measured twice: psnr"):
        Suite([measure(), measure()])


@pytest.mark.parametrize("n_images", [2, 3, 4, 7])
def test_span_holds_each_result_against_the_truth_of_another_and_each_truth_against_itself(n_images):
    seen = []

    def compute(images):
        seen.append(images)
        return images.truth.mean((1, 2, 3))

    images = judged(n_images)
    named = Measure("named", "corrected", "", "lower", compute, needs_span=True)
    spans = Suite([measure(), named]).spans(images)
    assert list(spans) == ["named"]
    unrelated, identical = seen
    assert torch.equal(unrelated.super_res, images.super_res)
    assert sorted(unrelated.truth.mean((1, 2, 3)).tolist()) == sorted(images.truth.mean((1, 2, 3)).tolist())
    assert not any(torch.equal(a, b) for a, b in zip(unrelated.truth, images.truth, strict=True))
    assert torch.equal(identical.super_res, images.truth)
    assert torch.equal(identical.truth, images.truth)
    assert spans["named"].unrelated.tolist() == pytest.approx(unrelated.truth.double().mean((1, 2, 3)).tolist())


def test_one_image_has_no_other():
    with pytest.raises(InputError, match="at least two"):
        Suite([measure(needs_span=True)]).spans(judged(1))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"super_res": torch.zeros(3, 3, 8, 4)}, "expected one size"),
        ({"super_res": torch.zeros(1, 3, 8, 8)}, "expected one size"),
        ({"low_res": torch.zeros(2, 2, 3, 2, 2)}, "for 3 images"),
        ({"low_res": torch.zeros(3, 3, 2, 2)}, "for 3 images"),
        ({"clear": torch.ones(3, 8, 8, dtype=torch.bool)}, r"expected \(3, 1, 8, 8\)"),
    ],
)
def test_images_that_do_not_belong_together_are_refused(changed, message):
    for take in (Suite([measure()]), Suite([measure()]).spans):
        with pytest.raises(InputError, match=message):
            take(judged()._replace(**changed))


def test_nothing_is_kept_for_a_gradient():
    images = judged()
    images.super_res.requires_grad_(True)
    assert not Suite([measure()])(images)["psnr"].requires_grad
