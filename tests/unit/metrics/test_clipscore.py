"""Against open_clip's own way from a picture to an embedding, on a tiny seeded network."""

import numpy as np
import pytest
import torch
from PIL import Image

from ssr.metrics.clipscore import ClipScore
from tests.support.tolerances import FLOAT32
from tests.unit.losses.tiny_clip import MEAN, SIDE_PX, STD, tiny_clip
from tests.unit.metrics.photographs import as_array, crop, degraded

open_clip = pytest.importorskip("open_clip")


def images():
    made = torch.cat([degraded("coffee", "box4"), degraded("astronaut", "noise")])
    return made[..., :24, :24], torch.cat([crop("coffee"), crop("astronaut")])[..., :24, :24]


def score(**changed):
    settings = {"side_px": SIDE_PX, "mean": MEAN, "std": STD} | changed
    return ClipScore(tiny_clip().visual, **settings)


def cosines(seen, truth):
    with torch.no_grad():
        a, b = (tiny_clip().encode_image(torch.stack(x), normalize=True).double() for x in (seen, truth))
    return (a * b).sum(1).tolist()


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_score_is_the_cosine_after_open_clips_own_preparation(interpolation):
    prepare = open_clip.image_transform(
        SIDE_PX, is_train=False, mean=MEAN, std=STD, interpolation=interpolation, resize_mode="squash"
    )
    made, truth = images()
    prepared = [
        [prepare(Image.fromarray(np.uint8(as_array(x[None]) * 255 + 0.5))) for x in batch] for batch in (made, truth)
    ]
    found = score(interpolation=interpolation)(made, truth).tolist()
    assert found == pytest.approx(cosines(*prepared), abs=2e-3)  # Pillow rounds what it resized to bytes


def test_original_repeats_pixels_and_shows_blue_first_without_mean_and_deviation():
    made, truth = images()
    rows = torch.arange(SIDE_PX) * 24 // SIDE_PX
    prepared = [[x.float().flip(0)[:, rows][:, :, rows] for x in batch] for batch in (made, truth)]
    assert score().original(made, truth).tolist() == pytest.approx(cosines(*prepared), abs=FLOAT32)
    assert score().original(made, truth).tolist() != pytest.approx(score()(made, truth).tolist(), abs=1e-4)


def test_equal_images_score_one_in_both_protocols():
    _, truth = images()
    for measure in (score(), score().original):
        assert measure(truth, truth).tolist() == pytest.approx([1, 1], abs=FLOAT32)


def test_images_of_a_batch_do_not_mix():
    made, truth = images()
    alone = [score()(a[None], b[None]).item() for a, b in zip(made, truth, strict=True)]
    assert score()(made, truth).tolist() == pytest.approx(alone, abs=FLOAT32)


def test_scores_stay_in_range_and_the_network_rests():
    made, truth = images()
    measure = score()
    assert (measure(made, truth).abs() <= 1 + FLOAT32).all()
    assert not any(p.requires_grad for p in measure.parameters())
    assert not any(module.training for module in measure.encoder.modules())
