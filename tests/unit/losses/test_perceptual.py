"""Against torchvision's own networks, with seeded parameters, and with real ones of SqueezeNet."""

from functools import partial

import pytest
import torch
import torchvision
from torch import nn

from ssr.checkpoints.backbones import load_backbone
from ssr.losses.perceptual import LpipsDistance, PerceptualDistance
from ssr.losses.trunks import DEFAULT_WEIGHTS, VGG_BLOCKS, Trunk
from ssr.metrics.lpips import LAYERS, Lpips
from tests.support.tolerances import FLOAT32

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
FIRES = {"fire2": 3, "fire3": 4, "fire4": 6, "fire5": 7, "fire6": 9, "fire7": 10, "fire8": 11, "fire9": 12}


def images(side=40):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, side, side, generator=generator), torch.rand(2, 3, side, side, generator=generator)


def theirs(name):
    """torchvision's convolutions; a VGG without its classifier of 120 million numbers."""
    if name == "squeezenet1_1":
        return torchvision.models.squeezenet1_1(weights=None).features.eval()
    return torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs[{"vgg16": "D", "vgg19": "E"}[name]]).eval()


def features_of_theirs(name, features, image):
    """Sums before ReLU by layer, taken out of torchvision's own forward pass."""
    found = {}
    if name == "squeezenet1_1":
        layers = {features[0]: "conv1"}
        for layer, k in FIRES.items():
            layers |= {features[k].expand1x1: layer + "/1", features[k].expand3x3: layer + "/3"}
    else:
        names = [f"conv{b}_{k}" for b, n in enumerate(VGG_BLOCKS[name], start=1) for k in range(1, n + 1)]
        layers = dict(zip((m for m in features if isinstance(m, nn.Conv2d)), names, strict=True))
    handles = [
        module.register_forward_hook(lambda _m, _i, output, layer=layer: found.update({layer: output.clone()}))
        for module, layer in layers.items()
    ]
    features((image - MEAN) / STD)
    for handle in handles:
        handle.remove()
    for layer in FIRES:
        if layer + "/1" in found:
            found[layer] = torch.cat([found.pop(layer + "/1"), found.pop(layer + "/3")], 1)
    return found


def distance_of(name, layers, state):
    trunk = Trunk(name, tuple(layers))
    trunk.load_state_dict({n: state[n] for n in trunk.state_dict()})
    return PerceptualDistance(trunk, layers)


@pytest.mark.parametrize("name", DEFAULT_WEIGHTS)
@torch.no_grad()
def test_features_and_distance_are_those_of_torchvision(name):
    network = theirs(name)
    state = {f"features.{n}": t for n, t in network.state_dict().items()}
    a, b = images()
    wanted_a, wanted_b = (features_of_theirs(name, network, image) for image in (a, b))
    found = distance_of(name, dict.fromkeys(wanted_a, 1.0), state).trunk((a - MEAN) / STD)
    assert set(found) == set(wanted_a)
    for layer, features in found.items():
        torch.testing.assert_close(features, wanted_a[layer], atol=FLOAT32, rtol=FLOAT32)
        assert (features < 0).any(), "before the ReLU"
    weights = DEFAULT_WEIGHTS[name]
    expected = sum(w * (wanted_a[n] - wanted_b[n]).abs().double().mean().item() for n, w in weights.items())
    assert distance_of(name, weights, state)(a, b).item() == pytest.approx(expected, rel=10 * FLOAT32)


@pytest.mark.shared
@torch.no_grad()
def test_real_weights_of_squeezenet_judge_as_in_torchvision(shared):
    path = shared / "weights" / "squeezenet1_1_torchvision.pth"
    weights = DEFAULT_WEIGHTS["squeezenet1_1"]
    trunk = Trunk("squeezenet1_1", tuple(weights))
    load_backbone(trunk, "squeezenet1_1", path)
    network = torchvision.models.squeezenet1_1(weights=None)
    network.load_state_dict(torch.load(path, weights_only=True))  # noqa: TID251 - torchvision's own way
    a, b = images(64)
    wanted_a, wanted_b = (features_of_theirs("squeezenet1_1", network.features, image) for image in (a, b))
    expected = sum(w * (wanted_a[n] - wanted_b[n]).abs().double().mean().item() for n, w in weights.items())
    assert PerceptualDistance(trunk, weights)(a, b).item() == pytest.approx(expected, rel=10 * FLOAT32)


def test_weights_of_the_original_are_the_default():
    """Wolters et al. 2023; `layer_weights` of the published option files."""
    expected = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
    assert DEFAULT_WEIGHTS["vgg19"] == expected


def test_gradient_reaches_the_result_and_nothing_else():
    layers = {"conv1": 1.0, "fire3": 1.0}
    distance = PerceptualDistance(Trunk("squeezenet1_1", tuple(layers)), layers)
    result, truth = (image.requires_grad_(True) for image in images())
    distance(result, truth).backward()
    assert result.grad.isfinite().all()
    assert result.grad.any()
    assert truth.grad is None
    assert all(p.grad is None and not p.requires_grad for p in distance.parameters())


def test_equal_images_cost_nothing():
    image, _ = images()
    assert PerceptualDistance(Trunk("squeezenet1_1", ("fire2",)), {"fire2": 1.0})(image, image.clone()).item() == 0


def test_layers_beyond_the_last_one_asked_for_are_not_there():
    assert set(Trunk("vgg19", ("conv2_1",)).state_dict()) == {
        f"features.{k}.{kind}" for k in (0, 2, 5) for kind in ("weight", "bias")
    }


@pytest.mark.parametrize("name", ["vgg16", "squeezenet1_1"])
def test_unknown_layer_is_named_with_those_there_are(name):
    with pytest.raises(ValueError, match=f"{name} has no layer conv3_4; it has conv1"):
        Trunk(name, ("conv3_4",))


@pytest.fixture
def lpips():
    generator = torch.Generator().manual_seed(0)
    layers = LAYERS["squeezenet1_1"]
    trunk = Trunk("squeezenet1_1", layers)
    with torch.no_grad():
        for parameter in trunk.parameters():
            parameter.normal_(0, 0.1, generator=generator)
    n_channels = (64, 128, 256, 384, 384, 512, 512)
    heads = {layer: torch.rand(n, generator=generator) for layer, n in zip(layers, n_channels, strict=True)}
    return Lpips(trunk, heads)


@pytest.fixture
def drawn_from():
    """torch's own random numbers as training seeds them, and as they were afterwards."""
    with torch.random.fork_rng(devices=[]):
        yield torch.default_generator.manual_seed


def test_lpips_of_a_batch_is_the_mean_of_what_each_image_has_from_some_place_up_to_8_px_away(lpips, drawn_from):
    image, truth = images()
    distance = LpipsDistance(lpips)
    seen = [
        lpips(image[..., r : r + 32, c : c + 32], truth[..., r : r + 32, c : c + 32]).mean().item()
        for r in range(9)
        for c in range(9)
    ]
    found = set()
    for seed in range(6):
        drawn_from(seed)
        value = distance(image, truth).item()
        assert min(abs(value - other) for other in seen) < FLOAT32
        found.add(round(value, 5))
    assert len(found) > 1, "it always looks from the same place"


def test_lpips_draws_the_image_to_the_truth_and_its_network_learns_nothing(lpips, drawn_from):
    image, truth = images()
    distance = LpipsDistance(lpips)
    image.requires_grad_()
    drawn_from(0)
    found = distance(image, truth)
    found.backward()
    nearer = (image - 0.1 * image.grad / image.grad.abs().max()).detach()
    drawn_from(0)
    assert distance(nearer, truth) < found
    assert not any(parameter.requires_grad for parameter in distance.parameters())


def test_judging_networks_run_in_16_bits_where_training_does_and_judge_alike(lpips, drawn_from):
    image, truth = images()
    layers = {"conv1": 1.0, "fire3": 1.0}
    trunk = Trunk("squeezenet1_1", tuple(layers))
    reduced = partial(torch.autocast, "cpu", torch.bfloat16)
    pairs = [
        (LpipsDistance(lpips), LpipsDistance(lpips, autocast=reduced)),
        (PerceptualDistance(trunk, layers), PerceptualDistance(trunk, layers, autocast=reduced)),
    ]
    for exact, short in pairs:
        drawn_from(0)
        wanted = exact(image, truth).item()
        drawn_from(0)
        found = short(image, truth)
        assert found.dtype == torch.float32
        assert found.item() != wanted
        assert found.item() == pytest.approx(wanted, rel=0.02)  # 8 bits of mantissa, averaged
