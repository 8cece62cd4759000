"""Against open_clip's own way to an embedding, on a tiny seeded network."""

import pytest
import torch

from ssr.losses.clip import ClipDistance
from tests.support.tolerances import FLOAT32
from tests.unit.losses.tiny_clip import MEAN, SIDE_PX, STD, tiny_clip

open_clip = pytest.importorskip("open_clip")


def images(side=24):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, side, side, generator=generator), torch.rand(2, 3, side, side, generator=generator)


def distance():
    return ClipDistance(tiny_clip().visual, side_px=SIDE_PX, mean=MEAN, std=STD)


def test_distance_is_that_of_open_clips_embeddings():
    model = tiny_clip()
    a, b = images(SIDE_PX)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        embeddings = [model.encode_image((image - mean) / std).double() for image in (a, b)]
    expected = (embeddings[0] - embeddings[1]).abs().mean().item()
    assert distance()(a, b).item() == pytest.approx(expected, rel=10 * FLOAT32)


def test_images_of_any_size_are_enlarged_to_what_the_network_sees():
    a, b = images(16)
    larger = [torch.nn.functional.interpolate(x, (SIDE_PX, SIDE_PX), mode="bicubic", antialias=True) for x in (a, b)]
    assert distance()(a, b).item() == pytest.approx(distance()(*larger).item(), rel=FLOAT32)
    assert distance()(a, b).item() > 0


def test_equal_images_cost_nothing():
    a, _ = images()
    assert distance()(a, a.clone()).item() == 0


def test_gradient_reaches_the_result_and_nothing_else():
    loss = distance()
    result, truth = (image.requires_grad_(True) for image in images())
    loss(result, truth).backward()
    assert result.grad.isfinite().all()
    assert result.grad.any()
    assert truth.grad is None
    assert all(p.grad is None and not p.requires_grad for p in loss.parameters())


def test_network_does_not_drop_out():
    assert not any(module.training for module in distance().encoder.modules())
