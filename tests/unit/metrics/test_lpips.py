"""Against the authors' package and torchmetrics on the same seeded trunks, with the published heads."""

import warnings

import pytest
import torch

from ssr.checkpoints.backbones import load_backbone, read_lpips_heads
from ssr.losses.trunks import Trunk
from ssr.metrics.lpips import LAYERS, Lpips
from tests.support.tolerances import FLOAT32
from tests.unit.metrics.photographs import crop, degraded

HEADS = {"vgg16": "vgg", "alexnet": "alex", "squeezenet1_1": "squeeze"}
torchvision = pytest.importorskip("torchvision")
pytest.importorskip("torchmetrics")


def images(side=64):
    made = torch.cat([degraded("coffee", "box4"), degraded("astronaut", "noise")])[..., :side, :side]
    return made.float(), torch.cat([crop("coffee"), crop("astronaut")])[..., :side, :side].float()


@pytest.fixture(scope="module", params=[pytest.param("vgg16", marks=pytest.mark.slow), "alexnet", "squeezenet1_1"])
def pair(request):
    """Ours, and the parameters of torchvision's network that it has, of one architecture."""
    name = request.param
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        features = getattr(torchvision.models, name)(weights=None).features
    trunk = Trunk(name, LAYERS[name])
    state = features.state_dict()
    trunk.load_state_dict({key: state[key.removeprefix("features.")] for key in trunk.state_dict()})
    heads = dict(zip(LAYERS[name], read_lpips_heads(HEADS[name]), strict=True))
    return name, Lpips(trunk, heads), features


def sliced(theirs, features):
    """Give the networks of the other packages the parameters of `features`: their slices keep torchvision's numbers."""
    slices = getattr(theirs, "slices", None) or [getattr(theirs, f"slice{k}") for k in range(1, theirs.N_slices + 1)]
    modules = [(int(index), module) for part in slices for index, module in part.named_children()]
    assert [index for index, _ in modules] == list(range(len(modules)))
    for index, module in modules:
        module.load_state_dict(features[index].state_dict())


@torch.no_grad()
def test_distance_is_that_of_the_authors_package(pair):
    lpips = pytest.importorskip("lpips")
    name, ours, features = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's of an old call
        theirs = lpips.LPIPS(net=HEADS[name], pnet_rand=True, verbose=False).eval()
    sliced(theirs.net, features)
    made, truth = images()
    expected = theirs(made, truth, normalize=True).flatten()
    assert ours(made, truth).tolist() == pytest.approx(expected.tolist(), rel=10 * FLOAT32)
    unscaled = theirs(made.flip(1), truth.flip(1)).flatten()  # [0, 1] as if it were [-1, 1], blue first
    assert ours.original(made, truth).tolist() == pytest.approx(unscaled.tolist(), rel=10 * FLOAT32)
    assert min(expected) > 0
    assert unscaled.tolist() != pytest.approx(expected.tolist(), rel=0.01)


@torch.no_grad()
def test_distance_is_that_of_torchmetrics(pair):
    from torchmetrics.functional.image.lpips import _LPIPS

    name, ours, features = pair
    theirs = _LPIPS(net=HEADS[name], pnet_rand=True).eval()
    sliced(theirs.net, features)
    made, truth = images()
    expected = theirs(made, truth, normalize=True).flatten()
    assert ours(made, truth).tolist() == pytest.approx(expected.tolist(), rel=10 * FLOAT32)


@torch.no_grad()
def test_images_of_a_batch_do_not_mix(pair):
    _, ours, _ = pair
    made, truth = images()
    alone = [ours(a[None], b[None]).item() for a, b in zip(made, truth, strict=True)]
    assert ours(made, truth).tolist() == pytest.approx(alone, rel=10 * FLOAT32)


@torch.no_grad()
def test_equal_images_have_no_distance_and_order_does_not_matter(pair):
    _, ours, _ = pair
    made, truth = images()
    assert ours(truth, truth).tolist() == [0, 0]
    assert ours(made, truth).tolist() == pytest.approx(ours(truth, made).tolist(), rel=FLOAT32)


def test_further_channels_are_not_seen_and_any_number_type_is_taken(pair):
    _, ours, _ = pair
    made, truth = images()
    more = [torch.cat([x, torch.rand_like(x[:, :1])], 1).double() for x in (made, truth)]
    assert ours(*more).tolist() == pytest.approx(ours(made, truth).tolist(), rel=FLOAT32)
    assert not any(p.requires_grad for p in ours.parameters())


@pytest.mark.shared
@torch.no_grad()
def test_real_squeezenet_finds_a_photograph_nearer_to_its_blocks_than_to_another(shared):
    trunk = Trunk("squeezenet1_1", LAYERS["squeezenet1_1"])
    load_backbone(trunk, "squeezenet1_1", shared / "weights" / "squeezenet1_1_torchvision.pth")
    ours = Lpips(trunk, dict(zip(trunk.layers, read_lpips_heads("squeeze"), strict=True)))
    made, truth = images(128)
    near, far = ours(made, truth), ours(truth.flip(0), truth)
    assert (near < far).all()
    assert ((near > 0.01) & (far < 2)).all()
