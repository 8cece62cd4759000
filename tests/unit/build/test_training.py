"""Options to steps: which step, what the discriminator sees, where it starts, and what cannot be."""

import copy
import time
from pathlib import Path

import pytest
import torch

from ssr.build.losses import build_loss
from ssr.build.networks import build_model
from ssr.build.training import build_judge, build_recorders, build_schedule, build_step
from ssr.checkpoints.backbones import read_lpips_heads
from ssr.config.schema import TrainConfig
from ssr.config.training import Loss, Training
from ssr.errors import ConfigError, WeightsError
from ssr.losses.clip import ClipDistance
from ssr.losses.perceptual import LpipsDistance, PerceptualDistance
from ssr.losses.reconstruction import repeated_difference
from ssr.losses.trunks import Trunk
from ssr.metrics.lpips import LAYERS, Lpips
from ssr.models.discriminators import UNetDiscriminatorSN
from ssr.models.pointspread import PointSpread, sentinel2_sigma_px
from ssr.training.adversarial import AdversarialStep, Judging, ObjectJudging
from ssr.training.boards import TensorBoard, WeightsAndBiases
from ssr.training.descent import Descent
from ssr.training.diffusion import DiffusionStep
from ssr.training.logbook import Logbook, Table
from ssr.training.regression import RegressionStep
from tests.support.scenes import FP32
from tests.support.tolerances import FLOAT32

ESRGAN = {"type": "esrgan", "n_revisits": 2, "n_features": 8, "n_blocks": 1, "n_growth": 4}
TINY_SR3 = {"type": "sr3", "n_revisits": 2, "n_features": 8, "multipliers": [1], "n_res_blocks": 1, "n_groups": 2}


def config_of(*, model=ESRGAN, data=None, **changes):
    n_revisits = {"n_revisits": [model["n_revisits"]]} if "n_revisits" in model else {}
    simulated = {"type": "simulated", "imagery": [{"folder": "pictures"}], **n_revisits}
    options = {
        "name": "run", "model": model, "train_data": data or simulated, "training": {"n_steps": 10}
    } | changes  # fmt: skip
    return TrainConfig.model_validate(options)


def s2naip(**files):
    return {"type": "s2naip", "sentinel2": "s2", "naip": "naip", "n_revisits": 2, **files}


def step_of(config, **arguments):
    descent = Descent(
        build_model(config.model),
        compute=FP32,
        schedule=build_schedule(config.training),
        betas=(0.9, 0.99),
        weight_decay=0.0,
        ema_decay=0.9,
        max_gradient_norm=None,
    )
    return build_step(config, descent, compute=FP32, **arguments)


def test_network_and_discriminator_decide_the_step():
    assert isinstance(step_of(config_of()), RegressionStep)
    assert isinstance(step_of(config_of(adversarial={"n_features": 4})), AdversarialStep)
    assert isinstance(step_of(config_of(model=TINY_SR3)), DiffusionStep)


@pytest.mark.parametrize("options", [{}, {"adversarial": {"n_features": 4}}, {"model": TINY_SR3}], ids=str)
def test_every_step_takes_its_batch_in_parts(options):
    assert step_of(config_of(training={"n_steps": 10, "n_accumulated": 3}, **options)).n_parts == 3


@pytest.mark.parametrize(
    ("adversarial", "n_channels"),
    [
        ({}, 3 + 6),
        ({"sees_low_res": False}, 3),
        ({"sees_old_high_res": True}, 3 + 6 + 3),
        ({"sees_low_res": False, "sees_old_high_res": True}, 3 + 3),
    ],
    ids=str,
)
def test_discriminator_has_the_channels_of_what_it_sees(adversarial, n_channels):
    config = config_of(data=s2naip(old_naip="old"), adversarial={"n_features": 4, **adversarial})
    assert build_judge(config, config.adversarial).conv0.in_channels == n_channels


def test_published_discriminator_has_27_channels():
    """Eight dates of three channels beside the image: what the option files of the original should have said."""
    config = config_of(model=ESRGAN | {"n_revisits": 8}, adversarial={})
    judge = build_judge(config, config.adversarial)
    assert judge.conv0.in_channels == 27
    assert sum(p.numel() for p in judge.parameters()) == 4_390_721


def test_discriminator_depends_on_the_seed_alone_and_is_not_the_generators_twin():
    config, other = (config_of(adversarial={"n_features": 4}, seed=seed) for seed in (0, 1))
    state = torch.random.get_rng_state()
    first = build_judge(config, config.adversarial).conv0.weight
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(5)
    assert torch.equal(build_judge(config, config.adversarial).conv0.weight, first)
    assert not torch.equal(build_judge(other, other.adversarial).conv0.weight, first)
    torch.default_generator.manual_seed(0)  # where the generator starts from
    assert not torch.equal(UNetDiscriminatorSN(n_channels=9, n_features=4).conv0.weight, first)


def test_options_of_judging_arrive():
    objects = {"weight": 0.2, "n_objects": 2, "clips_logits": True, "labels_fakes_as_real": True}
    said = {
        "kind": "hinge", "weight": 0.5, "sees_low_res": False, "sees_old_high_res": True, "sharpens_target": True,
        "n_warmup_steps": 3, "n_steps_between": 2, "n_regression_steps": 7,
    }  # fmt: skip
    training = {"n_steps": 10, "learning_rate": 1e-3, "final_learning_rate": 1e-4, "max_gradient_norm": 2.0}
    more = {"objects": objects, "n_features": 4, "has_skips": False, "learning_rate": 4e-3, "weight_decay": 0.1}
    data = s2naip(old_naip="old", objects="objects.json")
    step = step_of(config_of(data=data, training=training, adversarial=said | more))
    assert step.judging == Judging(**said, objects=ObjectJudging(weight=0.2, n_objects=2, labels_fakes_as_real=True))
    assert (step.judge.has_skips, step.judge.clips_object_logits) == (False, True)
    group = step.discriminator.optimiser.param_groups[0]
    assert (group["betas"], group["weight_decay"]) == ((0.9, 0.99), 0.1)
    assert (step.discriminator.schedule.peak, step.discriminator.schedule.final) == (4e-3, pytest.approx(4e-4))
    assert step.discriminator.max_gradient_norm == 2.0


def test_pretrained_discriminator_must_fit(tmp_path: Path):
    config = config_of(adversarial={"n_features": 4})
    judge = build_judge(config, config.adversarial)
    with torch.no_grad():
        judge.conv9.bias.fill_(0.7)
    torch.save({"params": judge.state_dict()}, tmp_path / "net_d.pth")
    pretrained = {"path": str(tmp_path / "net_d.pth")}
    started = step_of(config_of(adversarial={"n_features": 4, "pretrained": pretrained}))
    assert started.judge.conv9.bias.item() == pytest.approx(0.7)
    with pytest.raises(WeightsError, match=r"'conv0.weight' is .4, 9, 3, 3., expected .4, 3, 3, 3."):
        step_of(config_of(adversarial={"n_features": 4, "pretrained": pretrained, "sees_low_res": False}))
    told = []
    loose = {"n_features": 4, "pretrained": pretrained | {"strict": False}, "sees_low_res": False}
    step_of(config_of(adversarial=loose), tell=told.append)
    assert any("conv0.weight: skipped" in note for note in told)


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(ConfigError, match="SR3 learns to estimate noise and gives no image to judge"):
        step_of(config_of(model=TINY_SR3, adversarial={}))
    with pytest.raises(ConfigError, match="a fixed number of dates, model 'date_fusion' takes any"):
        step_of(config_of(model={"type": "date_fusion"}, adversarial={}))
    with pytest.raises(ConfigError, match="saves_memory: for ESRGAN alone, not for DateFusion"):
        step_of(config_of(model={"type": "date_fusion"}, training={"n_steps": 1, "saves_memory": True}))


def test_date_fusion_can_face_a_discriminator_of_images():
    adversarial = {"n_features": 4, "sees_low_res": False}
    assert step_of(config_of(model={"type": "date_fusion"}, adversarial=adversarial)).judge.conv0.in_channels == 3


@pytest.mark.parametrize("saves_memory", [False, True])
def test_blocks_are_computed_anew_when_memory_is_to_be_saved(saves_memory):
    step = step_of(config_of(training={"n_steps": 1, "saves_memory": saves_memory}))
    assert step.descent.network.checkpoints_blocks is saves_memory


def images():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, 32, 32, generator=generator), torch.rand(1, 3, 32, 32, generator=generator)


def test_every_term_takes_its_weight_and_target():
    weights = {"l1": 0.1, "mse": 0.2, "ssim": 0.3, "shift_l1": 0.4, "spectral_angle": 0.5, "consistency": 0.6}
    loss = build_loss(Loss(**weights, sharpened_targets=("l1", "shift_l1"), border_px=6))
    assert loss.weights == weights
    assert loss.border_px == 6
    assert {name for name, term in loss.terms.items() if term.against == "sharpened_truth"} == {"l1", "shift_l1"}
    image, truth = images()
    low_res = torch.rand(1, 2, 3, 8, 8)
    expected = (PointSpread(4, sentinel2_sigma_px()).see(image) - low_res.mean(1))[..., 2:-2, 2:-2].abs().mean()
    assert loss(image, truth, low_res)["consistency"].item() == pytest.approx(0.6 * expected.item(), rel=FLOAT32)


def test_perceptual_loss_takes_network_layers_and_weights(tmp_path):
    layers = {"conv1": 0.5, "fire2": 2.0}
    trunk = Trunk("squeezenet1_1", tuple(layers))
    torch.save(trunk.state_dict(), tmp_path / "trunk.pth")
    options = {"network": "squeezenet1_1", "weights": tmp_path / "trunk.pth", "layers": layers, "weight": 3.0}
    loss = build_loss(Loss(perceptual=options, sharpened_targets=("perceptual",)))
    assert loss.terms["perceptual"].against == "sharpened_truth"
    image, truth = images()
    plain = build_loss(Loss(perceptual=options))(image, truth, torch.zeros(1, 1, 3, 8, 8))["perceptual"]
    expected = 3 * PerceptualDistance(copy.deepcopy(trunk), layers)(image, truth)
    assert plain.item() == pytest.approx(expected.item(), rel=FLOAT32)
    with pytest.raises(ConfigError, match=r"loss\.perceptual\.layers: squeezenet1_1 has no layer conv5_4"):
        build_loss(Loss(perceptual=options | {"layers": {"conv5_4": 1.0}}))


def test_perceptual_loss_takes_lpips_of_a_network_with_its_published_heads(tmp_path):
    pytest.importorskip("torchmetrics")
    trunk = Trunk("squeezenet1_1", LAYERS["squeezenet1_1"])
    torch.save(trunk.state_dict(), tmp_path / "trunk.pth")
    options = {"network": "squeezenet1_1", "weights": tmp_path / "trunk.pth", "distance": "lpips", "weight": 2.0}
    image, truth = images()
    heads = dict(zip(trunk.layers, read_lpips_heads("squeeze"), strict=True))
    plain, loss = LpipsDistance(Lpips(copy.deepcopy(trunk), heads)), build_loss(Loss(perceptual=options))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        found = loss(image, truth, torch.zeros(1, 1, 3, 8, 8))["perceptual"]
        torch.default_generator.manual_seed(0)
        expected = 2 * plain(image, truth)
    assert found.item() == pytest.approx(expected.item(), rel=FLOAT32)


def test_grid_is_sought_with_the_period_of_an_input_pixel():
    image, truth = images()
    for scale in (2, 4):
        found = build_loss(Loss(grid=3.0), scale=scale)(image, truth, torch.zeros(1, 1, 3, 32 // scale, 32 // scale))
        expected = 3 * repeated_difference(image, truth, period_px=scale)
        assert found["grid"].item() == pytest.approx(expected.item(), rel=FLOAT32)


@pytest.mark.slow
def test_published_clip_loss_builds_from_a_local_file(tmp_path):
    """RN50 as the original's option files ask for it, with seeded weights."""
    open_clip = pytest.importorskip("open_clip")
    torch.save(open_clip.create_model("RN50").state_dict(), tmp_path / "clip.pt")
    loss = build_loss(Loss(clip={"network": "RN50", "weights": str(tmp_path / "clip.pt"), "weight": 0.5}))
    distance = loss.terms["clip"].measure
    assert isinstance(distance, ClipDistance)
    assert distance.side_px == 224
    image, truth = images()
    assert loss(image, truth, torch.zeros(1, 1, 3, 8, 8))["clip"].item() > 0


def test_schedule_of_another_network_keeps_the_shape():
    training = Training(n_steps=10, learning_rate=1e-3, final_learning_rate=1e-5, n_warmup_steps=2)
    plain, other = build_schedule(training), build_schedule(training, peak=3e-3)
    assert [other.rate(k) for k in range(10)] == pytest.approx([3 * plain.rate(k) for k in range(10)])


def recorders_of(folder: Path, **logging):
    config = config_of(training={"n_steps": 10, "logging": logging})
    recorders = list(build_recorders(config, folder, n_done=0))
    for recorder in recorders:
        recorder.close()
    return [type(recorder) for recorder in recorders]


def test_plain_files_are_always_written_and_boards_where_asked_for(tmp_path: Path):
    pytest.importorskip("tensorboard")
    assert recorders_of(tmp_path) == [Logbook, Table]
    assert recorders_of(tmp_path, tensorboard=True) == [Logbook, Table, TensorBoard]


@pytest.mark.slow
def test_wandb_keeps_the_options_of_the_run(tmp_path: Path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    logging = {"wandb": {"project": "p", "mode": "offline", "resume_id": "1a2b"}}
    assert recorders_of(tmp_path, **logging) == [Logbook, Table, WeightsAndBiases]
    (kept,) = tmp_path.glob("wandb/offline-run-*-1a2b/run-1a2b.wandb")
    deadline = time.monotonic() + 10  # what writes it is another process
    while b"pictures" not in kept.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_networks_run_as_compiled_code_only_where_asked_for(monkeypatch):
    """What is stored stays what it is: compiling is of the call."""
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network: compiled.append(type(network).__name__))
    monkeypatch.setattr("ssr.build.training.check_compiler", lambda device: compiled.append(device.type))
    for options in ({}, {"adversarial": {"n_features": 4}}, {"model": TINY_SR3}):
        step_of(config_of(**options))
        assert compiled == []
    for options, expected in (
        ({"adversarial": {"n_features": 4}}, ["cpu", "RRDB", "UNetDiscriminatorSN"]),
        ({"model": TINY_SR3}, ["cpu", "UNet"]),
    ):
        step_of(config_of(training={"n_steps": 10, "compiles": True}, **options))
        assert compiled == expected
        compiled.clear()


@pytest.mark.slow
def test_without_a_compiler_compiling_is_refused_before_the_first_step(monkeypatch):
    torch.compiler.reset()
    monkeypatch.setenv("CXX", "/nowhere/g++")
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", (None, "/nowhere/g++"))
    with pytest.raises(ConfigError, match=r"training\.compiles: torch\.compile does not work here .*compiles: false"):
        step_of(config_of(training={"n_steps": 10, "compiles": True}))
