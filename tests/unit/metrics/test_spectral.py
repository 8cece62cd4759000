"""Against closed forms and torchmetrics."""

import math

import pytest
import torch
from torchmetrics.functional.image import error_relative_global_dimensionless_synthesis, spectral_angle_mapper

from ssr.errors import InputError
from ssr.metrics.spectral import ergas, spectral_angle
from tests.support.tolerances import METRIC
from tests.unit.metrics.photographs import CROPS, crop, degraded


def pixels(*spectra):
    return torch.tensor(spectra, dtype=torch.float64).T[None, :, :, None]


@pytest.mark.parametrize(("other", "degrees"), [((1, 0), 0), ((1, 1), 45), ((0, 1), 90), ((math.sqrt(3), 1), 30)])
@pytest.mark.parametrize("brightness", [1.0, 0.5, 1 / 255, 1e-9])
def test_angle_is_that_between_spectra_whatever_their_brightness(other, degrees, brightness):
    a, b = pixels((1.0, 0.0)), brightness * pixels(other)
    assert spectral_angle(b, a).item() == pytest.approx(degrees, abs=METRIC)


def test_small_angles_are_exact():
    tiny = 1e-9
    angle = spectral_angle(pixels((1.0, tiny)), pixels((1.0, 0.0))).item()
    assert angle == pytest.approx(math.degrees(tiny), rel=1e-6)


def test_black_pixels_have_no_angle():
    a = pixels((1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0))
    b = pixels((1.0, 1.0), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0))
    assert spectral_angle(a, b).item() == pytest.approx(45, abs=METRIC)
    assert spectral_angle(torch.zeros_like(a), b).isnan().all()


@pytest.mark.parametrize("name", CROPS)
def test_angle_agrees_with_torchmetrics(name):
    a, b = (x.clamp(min=1 / 255) for x in (crop(name), degraded(name, "noise")))  # where black pixels give NaN
    expected = math.degrees(spectral_angle_mapper(b, a).item())
    assert spectral_angle(b, a).item() == pytest.approx(expected, abs=1e-4)  # arc cosine loses what it sees as 1


@pytest.mark.parametrize("kind", ["box4", "noise", "bias"])
@pytest.mark.parametrize("scale", [2, 4])
def test_ergas_agrees_with_torchmetrics(kind, scale):
    a, b = crop("coffee"), degraded("coffee", kind)
    expected = error_relative_global_dimensionless_synthesis(b, a, ratio=scale)
    assert ergas(b, a, scale=scale).item() == pytest.approx(expected.item(), abs=METRIC)


def test_ergas_of_a_constant_relative_error():
    truth = torch.tensor([0.2, 0.4]).view(1, 2, 1, 1).expand(1, 2, 3, 3)
    assert ergas(1.1 * truth, truth, scale=4).item() == pytest.approx(100 / 4 * 0.1, rel=1e-6)
    assert ergas(truth, truth, scale=4).item() == 0


def test_ergas_is_infinite_where_a_channel_of_the_truth_is_black():
    assert ergas(torch.ones(1, 2, 3, 3), torch.zeros(1, 2, 3, 3), scale=4).item() == math.inf


def test_images_of_a_batch_do_not_mix_and_borders_do_not_count():
    images = torch.cat([degraded("coffee", "noise"), crop("coffee")])
    truth = torch.cat([crop("coffee"), degraded("coffee", "box4")])
    inner = (..., slice(4, -4), slice(4, -4))
    for measure in (spectral_angle, lambda a, b, **k: ergas(a, b, scale=4, **k)):
        alone = [measure(a[None][inner], b[None][inner]).item() for a, b in zip(images, truth, strict=True)]
        assert measure(images, truth, border_px=4).tolist() == pytest.approx(alone, rel=1e-9)


def test_one_channel_has_no_angle():
    with pytest.raises(InputError, match="one channel"):
        spectral_angle(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4))
