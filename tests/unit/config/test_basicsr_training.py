"""Losses, optimisers and time of the original's option files."""

import pytest

from ssr.config.training import Adversarial, Clip, Logging, Perceptual, WandB
from ssr.errors import ConfigError
from tests.unit.config.originals import ESRGAN, KINDS, L2, changed, loaded, without


def test_time_and_optimiser_keep_their_meaning(tmp_path):
    training = loaded(tmp_path, L2)[0].training
    assert (training.n_steps, training.batch_size, training.learning_rate) == (1000, 32, 2e-4)
    assert (training.betas, training.weight_decay, training.ema_decay) == ((0.9, 0.98), 0, 0)
    assert (training.schedule, training.milestones, training.gamma) == ("multistep", (400,), 0.25)
    assert (training.n_warmup_steps, training.max_gradient_norm) == (0, None)
    assert (training.log_every, training.validate_every, training.checkpoint_every) == (10, 50, 200)


def test_the_l2_models_minimise_what_was_published_whatever_the_file_says(tmp_path):
    options = changed(L2, "train.pixel_opt.loss_weight", 9)
    options = changed(options, "train.gan_opt", {"type": "GANLoss"})
    config, notes = loaded(tmp_path, options)
    assert (config.loss.mse, config.loss.l1, config.loss.ssim) == (0.3, 0.4, 0.3)
    assert (config.loss.sharpened_targets, config.adversarial) == ((), None)
    assert any(note.startswith("train.pixel_opt, train.gan_opt: ignored") for note in notes)


def test_the_published_adversarial_recipe_keeps_its_meaning(tmp_path):
    config, _ = loaded(tmp_path, ESRGAN)
    assert config.loss.perceptual == Perceptual(layers={"conv1_2": 0.5, "conv3_4": 1}, weight=0.7)
    assert (config.loss.l1, config.loss.ssim, config.loss.clip) == (1, 0, None)
    assert set(config.loss.sharpened_targets) == {"l1", "perceptual"}
    assert config.adversarial == Adversarial(
        kind="hinge",
        weight=0.05,
        n_features=32,
        learning_rate=5e-5,
        betas=(0.9, 0.98),
        n_warmup_steps=30,
        n_steps_between=2,
    )
    assert config.training.ema_decay == 0.99


@pytest.mark.parametrize(
    ("measure", "weight", "expected"), [("L1Loss", 0.5, (0.5, 0)), ("MSELoss", 2, (0, 2)), ("MSELoss", 1, (0, 1))]
)
def test_pixel_losses(measure, weight, expected, tmp_path):
    options = changed(ESRGAN, "train.pixel_opt", {"type": measure, "loss_weight": weight})
    loss = loaded(tmp_path, options)[0].loss
    assert (loss.l1, loss.mse) == expected
    assert ("mse" in loss.sharpened_targets) is (measure == "MSELoss")


def test_a_file_without_a_pixel_loss_has_none(tmp_path):
    loss = loaded(tmp_path, without(ESRGAN, "train.pixel_opt"))[0].loss
    assert (loss.l1, loss.mse, loss.sharpened_targets) == (0, 0, ("perceptual",))


@pytest.mark.parametrize(
    ("network", "tag"),
    [("ViT-B-16-SigLIP-256", "webli"), ("RN50", "openai"), ("EVA02-E-14-plus", "laion2b_s9b_b144k")],
)
def test_clip_losses_weigh_one_by_default(network, tag, tmp_path):
    options = changed(ESRGAN, "train.clip_opt", {"type": "CLIPLoss", "clip_loss_model": network})
    config, _ = loaded(tmp_path, options)
    assert config.loss.clip == Clip(network=network, weights=tag, weight=1)
    assert "clip" in config.loss.sharpened_targets
    assert loaded(tmp_path, changed(options, "train.clip_opt.loss_weight", 0.2))[0].loss.clip.weight == 0.2


def test_ssim_losses(tmp_path):
    loss = loaded(tmp_path, changed(ESRGAN, "train.ssim_opt", {"type": "SSIMLoss", "loss_weight": 0.1}))[0].loss
    assert loss.ssim == 0.1
    assert "ssim" in loss.sharpened_targets


@pytest.mark.parametrize("key", ["ldl_opt"])
def test_a_loss_that_is_never_used_is_said(key, tmp_path):
    config, notes = loaded(tmp_path, changed(ESRGAN, f"train.{key}", {"type": "L1Loss", "loss_weight": 1.0}))
    assert config == loaded(tmp_path, ESRGAN)[0]
    assert f"train.{key}: ignored, the original builds this loss and never uses it" in notes


@pytest.mark.parametrize(
    ("key", "value", "is_sharp"),
    [
        ("l1_gt_usm", False, False),
        ("percep_gt_usm", False, False),
        ("gan_gt_usm", True, True),
        ("gan_gt_usm", None, True),
        ("gan_gt_usm", 0, True),
        ("l1_gt_usm", "no", True),
    ],
)
def test_targets_are_sharpened_unless_the_value_is_false(key, value, is_sharp, tmp_path):
    clip = {"type": "CLIPLoss", "clip_loss_model": "RN50"}
    options = changed(ESRGAN, "train.ssim_opt", {"type": "SSIMLoss"})
    options = changed(changed(options, "train.clip_opt", clip), key, value)
    config, notes = loaded(tmp_path, options)
    sharpened = set(config.loss.sharpened_targets)
    assert (sharpened >= {"l1", "clip"}) is (is_sharp if key == "l1_gt_usm" else True)
    assert (sharpened >= {"perceptual", "ssim"}) is (is_sharp if key == "percep_gt_usm" else True)
    assert config.adversarial.sharpens_target is (is_sharp if key == "gan_gt_usm" else False)
    assert any(note.startswith(f"{key}: ") for note in notes) is not isinstance(value, bool)


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("train.perceptual_opt.perceptual_weight", 0),
        ("train.perceptual_opt.layer_weights", {"conv1_2": 0}),
    ],
)
def test_a_loss_that_weighs_nothing_is_left_out_and_said(dotted, value, tmp_path):
    options = changed(ESRGAN, dotted, value)
    config, notes = loaded(tmp_path, options)
    assert config.loss.perceptual is None
    assert any("weighs 0" in note for note in notes)


def test_a_clip_loss_of_weight_0_is_left_out_and_said(tmp_path):
    clip = {"type": "CLIPLoss", "clip_loss_model": "RN50", "loss_weight": 0}
    config, notes = loaded(tmp_path, changed(ESRGAN, "train.clip_opt", clip))
    assert config.loss.clip is None
    assert "train.clip_opt.loss_weight: is 0, so the loss is left out" in notes


def test_without_a_gan_loss_no_discriminator_is_trained_and_that_is_said(tmp_path):
    config, notes = loaded(tmp_path, without(ESRGAN, "train.gan_opt"))
    assert config.adversarial is None
    (said,) = [note for note in notes if note.endswith("this run has no discriminator")]
    assert "network_d" in said
    assert "train.optim_d" in said


def test_both_networks_may_start_from_weights(tmp_path):
    options = changed(ESRGAN, "path.pretrain_network_g", "g.pth")
    options = changed(changed(options, "path.pretrain_network_d", "d.pth"), "path.strict_load_g", False)
    config, _ = loaded(tmp_path, options)
    start = config.pretrained
    assert (str(start.path), start.key, start.strict) == ("g.pth", "params_ema", False)
    start = config.adversarial.pretrained
    assert (str(start.path), start.key, start.strict) == ("d.pth", "params", True)


def test_where_results_go_is_kept(tmp_path):
    config, _ = loaded(tmp_path, changed(L2, "path.experiments_root", "/results/experiments/"))
    assert str(config.experiments_root) == "/results/experiments"


def test_a_named_state_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"path\.resume_state.*--resume"):
        loaded(tmp_path, changed(L2, "path.resume_state", "100.state"))


def test_one_cosine_over_the_run_is_kept_and_restarts_are_refused(tmp_path):
    cosine = {"type": "CosineAnnealingRestartLR", "periods": [1000], "restart_weights": [1], "eta_min": 1e-7}
    training = loaded(tmp_path, changed(L2, "train.scheduler", cosine))[0].training
    assert (training.schedule, training.final_learning_rate) == ("cosine", 1e-7)
    for key, value in (("periods", [500, 500]), ("periods", [400]), ("restart_weights", [0.5])):
        with pytest.raises(ConfigError, match=key):
            loaded(tmp_path, changed(L2, "train.scheduler", cosine | {key: value}))


def test_restarts_of_a_multistep_schedule_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"train\.scheduler\.restarts"):
        loaded(tmp_path, changed(L2, "train.scheduler.restarts", [0, 100]))


def test_weight_decay_of_adam_is_said_to_be_apart_from_the_gradient(tmp_path):
    config, notes = loaded(tmp_path, changed(L2, "train.optim_g.weight_decay", 1e-4))
    assert config.training.weight_decay == 1e-4
    assert any(note.startswith("train.optim_g.weight_decay:") and "AdamW" in note for note in notes)


@pytest.mark.parametrize(("key", "value"), [("dataset_enlarge_ratio", 2), ("prefetch_mode", "cuda"), ("use_3d", False)])
def test_keys_of_the_loader_are_ignored_with_a_reason(key, value, tmp_path):
    config, notes = loaded(tmp_path, changed(KINDS["esrgan"], f"datasets.train.{key}", value))
    assert config == loaded(tmp_path, ESRGAN)[0]
    assert any(f"datasets.train.{key}" in note and "ignored" in note for note in notes)


def test_tensorboard_is_told_where_the_original_told_it(tmp_path):
    config, notes = loaded(tmp_path, L2)
    assert config.training.logging == Logging(tensorboard=True)
    assert not any("logger" in note for note in notes)
    for options in (changed(L2, "logger.use_tb_logger", False), without(L2, "logger.use_tb_logger")):
        assert loaded(tmp_path, options)[0].training.logging == Logging()


def test_wandb_is_told_where_a_project_is_named(tmp_path):
    options = changed(L2, "logger.wandb", {"project": "super-res", "resume_id": "1a2b"})
    wandb = loaded(tmp_path, options)[0].training.logging.wandb
    assert wandb == WandB(project="super-res", resume_id="1a2b")
    options = changed(L2, "logger.wandb", {"project": "super-res"})
    assert loaded(tmp_path, options)[0].training.logging.wandb == WandB(project="super-res")
    for nothing in (None, {}, {"project": None, "resume_id": "1a2b"}):
        assert loaded(tmp_path, changed(L2, "logger.wandb", nothing))[0].training.logging.wandb is None


def test_a_run_named_debug_is_told_to_nobody_and_that_is_said(tmp_path):
    """As in the original."""
    config, notes = loaded(tmp_path, changed(L2, "name", "a_debug_run"))
    assert config.training.logging == Logging()
    assert "logger.use_tb_logger: neither TensorBoard nor Weights & Biases is told of a run named debug" in notes
    quiet = changed(changed(L2, "name", "a_debug_run"), "logger.use_tb_logger", False)
    assert not any("debug" in note for note in loaded(tmp_path, quiet)[1])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("logger.use_tb_logger", "yes"),
        ("logger.use_tb_logger", None),
        ("logger.wandb", "super-res"),
        ("logger.wandb.project", 3),
        ("logger.wandb.project", ""),
        ("logger.wandb.resume_id", ["a"]),
        ("logger.wandb.entity", "team"),
    ],
)
def test_what_loggers_cannot_be_is_refused_by_its_path(key, value, tmp_path):
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        loaded(tmp_path, changed(L2, key, value))
