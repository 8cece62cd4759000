"""Option files of the original: generated ones everywhere, the published ones where they lie beside the checkout."""

import copy

import pytest
import yaml

from ssr.config.basicsr import is_original, translate
from ssr.config.files import load_config
from ssr.config.networks import ESRGANModel, HighResNetModel, SRCNNModel
from ssr.config.schema import InferConfig, TrainConfig
from ssr.errors import ConfigError

INFER = {
    "name": "infer_example",
    "model_type": "SSRESRGANModel",
    "scale": 4,
    "num_gpu": "auto",
    "manual_seed": 3,
    "data_dir": "chips/",
    "n_lr_images": 8,
    "save_path": "out/",
    "network_g": {
        "type": "SSR_RRDBNet",
        "num_in_ch": 24,
        "num_out_ch": 3,
        "num_feat": 64,
        "num_block": 23,
        "num_grow_ch": 32,
    },
    "path": {"pretrain_network_g": "net_g.pth", "param_key_g": "params_ema", "strict_load_g": True},
}
DATA_SET = {
    "name": "train",
    "type": "S2NAIPDataset",
    "sentinel2_path": "train/sentinel2",
    "naip_path": "train/naip",
    "use_shuffle": False,
    "num_worker_per_gpu": 8,
    "batch_size_per_gpu": 32,
    "n_s2_images": 8,
    "use_3d": True,
    "io_backend": {"type": "disk"},
}
TRAIN = {
    "name": "srcnn_s2naip",
    "model_type": "L2Model",
    "scale": 4,
    "num_gpu": "auto",
    "manual_seed": 0,
    "datasets": {"train": DATA_SET, "val": {**DATA_SET, "name": "validation", "sentinel2_path": "val/sentinel2"}},
    "test_datasets": {"test": {"name": "test"}},
    "network_g": {
        "type": "SRCNN",
        "in_channels": 3,
        "mask_channels": 0,
        "hidden_channels": 64,
        "out_channels": 3,
        "kernel_size": 3,
        "residual_layers": 2,
        "output_size": 128,
        "revisits": 8,
        "zoom_factor": 4,
        "sr_kernel_size": 1,
    },
    "path": {"param_key_g": "params_ema", "strict_load_g": True, "resume_state": None},
    "train": {
        "optim_g": {"type": "Adam", "lr": 2e-4, "weight_decay": 0, "betas": [0.9, 0.98]},
        "scheduler": {"type": "MultiStepLR", "milestones": [400], "gamma": 0.25},
        "total_iter": 1000,
        "warmup_iter": -1,
        "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0, "reduction": "mean"},
    },
    "val": {"val_freq": 5e1, "save_img": True, "metrics": {"psnr": {"type": "calculate_psnr"}}},
    "test": {"save_img": True},
    "logger": {"print_freq": 10, "save_checkpoint_freq": 2e2, "use_tb_logger": True, "wandb": {"project": None}},
    "dist_params": {"backend": "nccl", "port": 29500},
}
ESRGAN_TRAIN = {
    **TRAIN,
    "model_type": "SSRESRGANModel",
    "network_g": INFER["network_g"],
    "train": {**TRAIN["train"], "ema_decay": 0.99},
}


def changed(options, dotted, value):
    """A copy in which one option, by its dotted path, has another value."""
    options = copy.deepcopy(options)
    *parents, last = dotted.split(".")
    place = options
    for key in parents:
        place = place[key]
    place[last] = value
    return options


def without(options, dotted):
    options = changed(options, dotted, None)
    *parents, last = dotted.split(".")
    place = options
    for key in parents:
        place = place[key]
    del place[last]
    return options


def loaded(tmp_path, options, kind):
    path = tmp_path / "original.yml"
    path.write_text(yaml.safe_dump(options))
    return load_config(path, kind)


def refusal(tmp_path, options) -> str:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, options, InferConfig if "n_lr_images" in options else TrainConfig)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [(INFER, True), (TRAIN, True), ({"n_lr_images": 8}, True), ({"data_dir": "a"}, False), ({}, False)],
)
def test_dialect_is_told_by_its_keys(options, expected):
    assert is_original(options) is expected


def test_inference_options_keep_their_meaning(tmp_path):
    config, notes = loaded(tmp_path, INFER, InferConfig)
    assert config.model == ESRGANModel(n_revisits=8)
    assert (str(config.data_dir), str(config.save_path), config.n_revisits) == ("chips", "out", 8)
    assert (str(config.weights.path), config.weights.key, config.weights.strict) == ("net_g.pth", "params_ema", True)
    assert not any("corrected" in note for note in notes)


def test_translation_leaves_the_options_as_they_were():
    before = copy.deepcopy(TRAIN)
    translate(TRAIN, for_training=True, source="here")
    assert before == TRAIN


def test_training_options_keep_their_meaning(tmp_path):
    config, notes = loaded(tmp_path, TRAIN, TrainConfig)
    assert config.model == SRCNNModel(n_features=64, n_residual_blocks=2)
    assert (str(config.train_data.sentinel2), str(config.train_data.naip)) == ("train/sentinel2", "train/naip")
    assert str(config.validation_data.sentinel2) == "val/sentinel2"
    assert (config.loss.mse, config.loss.l1, config.loss.ssim) == (0.3, 0.4, 0.3)
    training = config.training
    assert (training.n_steps, training.batch_size, training.learning_rate) == (1000, 32, 2e-4)
    assert (training.betas, training.weight_decay, training.ema_decay) == ((0.9, 0.98), 0, 0)
    assert (training.schedule, training.milestones, training.gamma) == ("multistep", (400,), 0.25)
    assert (training.n_warmup_steps, training.max_gradient_norm) == (0, None)
    assert (training.log_every, training.validate_every, training.checkpoint_every) == (10, 50, 200)
    assert any(note.startswith("network_g.output_size: ignored") for note in notes)


def test_generator_of_an_adversarial_file_trains_on_the_pixel_loss_alone(tmp_path):
    config, _ = loaded(tmp_path, changed(ESRGAN_TRAIN, "train.pixel_opt.loss_weight", 0.5), TrainConfig)
    assert config.model == ESRGANModel(n_revisits=8)
    assert (config.loss.l1, config.loss.mse, config.loss.ssim, config.training.ema_decay) == (0.5, 0, 0, 0.99)


@pytest.mark.parametrize("key", ["gan_opt", "perceptual_opt", "ssim_opt", "clip_opt", "ldl_opt"])
def test_loss_that_is_not_there_is_refused_by_its_key(key, tmp_path):
    message = refusal(tmp_path, changed(ESRGAN_TRAIN, f"train.{key}", {"loss_weight": 0.1}))
    assert f"'train.{key}'" in message


@pytest.mark.parametrize(
    ("n_revisits", "n_in", "expected", "is_corrected"),
    [
        (8, 24, 24, False),
        (8, 36, 24, True),
        (1, 3, 3, False),
        (12, 36, 36, False),
    ],
)
@pytest.mark.parametrize("is_training", [True, False])
def test_channel_count_is_corrected_with_both_numbers_shown(
    n_revisits, n_in, expected, is_corrected, is_training, tmp_path
):
    options = changed(ESRGAN_TRAIN if is_training else INFER, "network_g.num_in_ch", n_in)
    for key in ("datasets.train.n_s2_images", "datasets.val.n_s2_images") if is_training else ("n_lr_images",):
        options = changed(options, key, n_revisits)
    config, notes = loaded(tmp_path, options, TrainConfig if is_training else InferConfig)
    assert config.model.n_revisits * config.model.n_channels == expected
    corrections = [note for note in notes if "corrected" in note]
    assert len(corrections) == is_corrected
    assert all(note.startswith("network_g.num_in_ch") and str(n_in) in note and "24" in note for note in corrections)


@pytest.mark.parametrize(
    ("options", "dotted"),
    [
        *((INFER, key) for key in ("typo", "network_g.typo", "path.typo")),
        *(
            (TRAIN, key)
            for key in (
                "typo",
                "network_g.typo",
                "path.typo",
                "datasets.typo",
                "datasets.train.typo",
                "datasets.val.typo",
                "train.typo",
                "train.optim_g.typo",
                "train.scheduler.typo",
                "val.typo",
                "logger.typo",
            )
        ),
        (ESRGAN_TRAIN, "train.pixel_opt.typo"),
    ],
)
def test_unknown_key_is_refused_by_its_dotted_path(options, dotted, tmp_path):
    assert f"'{dotted}'" in refusal(tmp_path, changed(options, dotted, 1))


@pytest.mark.parametrize(
    ("options", "dotted"),
    [
        *((INFER, key) for key in ("data_dir", "save_path", "network_g", "network_g.type", "network_g.num_in_ch")),
        *((TRAIN, key) for key in ("name", "datasets", "datasets.train", "datasets.train.type", "train")),
        *((TRAIN, key) for key in ("datasets.train.sentinel2_path", "datasets.train.n_s2_images", "train.total_iter")),
        *((TRAIN, key) for key in ("train.optim_g", "train.optim_g.lr")),
    ],
)
def test_missing_key_is_named(options, dotted, tmp_path):
    message = refusal(tmp_path, without(options, dotted))
    assert f"'{dotted}'" in message
    assert "missing" in message


@pytest.mark.parametrize(
    ("options", "dotted", "value"),
    [
        (INFER, "n_lr_images", 0),
        (INFER, "n_lr_images", "eight"),
        (INFER, "n_lr_images", None),
        (INFER, "network_g", "SSR_RRDBNet"),
        (INFER, "network_g", None),
        (INFER, "network_g.type", "SwinIR"),
        (INFER, "network_g.num_feat", "64"),
        (INFER, "path", "net_g.pth"),
        (TRAIN, "model_type", "OSMObjESRGANModel"),
        (TRAIN, "datasets", []),
        (TRAIN, "datasets.train.type", "WorldStratDataset"),
        (TRAIN, "datasets.train.s2_bands", ["tci", "b08"]),
        (TRAIN, "datasets.train.s2_bands", None),
        (TRAIN, "datasets.train.n_s2_images", 0),
        (TRAIN, "train.total_iter", "many"),
        (TRAIN, "train.total_iter", None),
        (TRAIN, "train.warmup_iter", "none"),
        (TRAIN, "train.optim_g.lr", "fast"),
        (TRAIN, "train.optim_g.betas", 0.9),
        (TRAIN, "train.scheduler.milestones", "400"),
        (TRAIN, "train.scheduler.type", "CosineAnnealingRestartLR"),
        (TRAIN, "train.optim_g.type", "SGD"),
        (ESRGAN_TRAIN, "train.pixel_opt.loss_weight", "one"),
        (TRAIN, "val.val_freq", "often"),
        (TRAIN, "logger.print_freq", None),
    ],
)
def test_wrong_value_is_a_config_error_that_names_the_key(options, dotted, value, tmp_path):
    """The last word of the path: values that are checked after translation go by their native name."""
    message = refusal(tmp_path, changed(options, dotted, value))
    native = {"lr": "learning_rate", "loss_weight": "l1", "n_s2_images": "n_revisits", "n_lr_images": "n_revisits"}
    last = dotted.rsplit(".", 1)[-1]
    assert last in message or native.get(last, last) in message


@pytest.mark.parametrize(("dotted", "native"), [("val.val_freq", "validate_every"), ("train.total_iter", "n_steps")])
def test_number_that_yaml_reads_as_a_word_still_counts(dotted, native, tmp_path):
    """In YAML 1.1 `5e3` without a point is a word, which is why the published files write `!!float 5e3`."""
    config, _ = loaded(tmp_path, changed(TRAIN, dotted, "5e3"), TrainConfig)
    assert getattr(config.training, native) == 5000


def test_keys_that_are_no_words_are_refused(tmp_path):
    assert "original.yml" in refusal(tmp_path, {**INFER, 1: 2, "typo": 3})


def test_dates_of_the_network_must_be_those_of_the_data(tmp_path):
    message = refusal(tmp_path, changed(TRAIN, "datasets.train.n_s2_images", 4))
    assert "4" in message
    assert "8" in message


def test_band_sets_the_data_does_not_give_are_refused_for_training(tmp_path):
    """Training reads true colour alone, so a network of four channels a date could not be trained on it."""
    assert "num_in_ch" in refusal(tmp_path, changed(ESRGAN_TRAIN, "network_g.num_in_ch", 32))


def test_scale_beside_the_network_is_only_noted(tmp_path):
    config, notes = loaded(tmp_path, {**INFER, "scale": 2}, InferConfig)
    assert config.model.scale == 4
    assert any(note.startswith("scale:") and "2" in note for note in notes)


def test_options_that_are_not_applied_are_said_loudly(tmp_path):
    _, notes = loaded(tmp_path, changed(TRAIN, "datasets.train.rand_crop", True), TrainConfig)
    assert any(note.startswith("datasets.train.rand_crop: NOT APPLIED") for note in notes)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["infer_example", "infer_grid_example"])
def test_published_inference_files_translate(name, shared):
    config, _ = load_config(shared / "options" / "main" / f"{name}.yml", InferConfig)
    assert (config.model, config.n_revisits) == (ESRGANModel(n_revisits=8), 8)
    assert config.weights.key == "params_ema"


@pytest.mark.shared
@pytest.mark.parametrize(("name", "model"), [("srcnn", SRCNNModel()), ("highresnet", HighResNetModel(n_revisits=8))])
def test_published_regression_files_translate(name, model, shared):
    config, notes = load_config(shared / "options" / "main" / f"{name}_s2naip_urban.yml", TrainConfig)
    assert config.model == model
    assert (config.loss.mse, config.loss.l1, config.loss.ssim) == (0.3, 0.4, 0.3)
    assert (config.training.n_steps, config.training.batch_size) == (100_000_000, 32)
    assert (config.training.learning_rate, config.training.milestones) == (1e-4, (400_000,))
    assert (config.training.betas, config.training.gamma) == ((0.9, 0.99), 0.5)
    assert (config.training.validate_every, config.training.log_every) == (5000, 100)
    assert config.train_data.sentinel2.parts[-2:] == ("train_urban_set", "sentinel2")
    assert config.validation_data.sentinel2.parts[-2:] == ("small_val_set", "sentinel2")
    assert any("tile_weights" in note and "NOT APPLIED" in note for note in notes)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("esrgan_s2naip_urban", "train.perceptual_opt"),
        ("esrgan_s2naip_full", "train.perceptual_opt"),
        ("cliploss_esrgan_s2naip_urban", "train.perceptual_opt"),
        ("ssimloss_esrgan_s2naip_urban", "train.perceptual_opt"),
        ("rand_crop_esrgan_s2naip_urban", "train.perceptual_opt"),
        ("old-naip_esrgan_s2naip_urban", "train.perceptual_opt"),
        ("allbands_esrgan_s2naip_urban", "datasets.train.s2_bands"),
        ("osm_obj_esrgan", "model_type"),
    ],
)
def test_published_adversarial_files_are_refused_in_one_sentence(name, key, shared):
    with pytest.raises(ConfigError) as raised:
        load_config(shared / "options" / "main" / f"{name}.yml", TrainConfig)
    assert f"'{key}'" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.shared
def test_every_published_file_translates_or_is_refused_by_key(shared):
    for path in sorted((shared / "options").rglob("*.yml")):
        kind = InferConfig if "n_lr_images" in yaml.safe_load(path.read_text()) else TrainConfig
        said = ""
        try:
            load_config(path, kind)
        except ConfigError as error:
            said = str(error)
        assert not said or "option '" in said, path.name


def test_the_seed_of_a_training_file_reaches_network_and_data(tmp_path):
    config, _ = loaded(tmp_path, changed(TRAIN, "manual_seed", 5), TrainConfig)
    assert (config.seed, config.train_data.seed) == (5, 5)


def test_the_seed_of_an_inference_file_is_said_to_have_no_effect(tmp_path):
    _, notes = loaded(tmp_path, INFER, InferConfig)
    assert any(note.startswith("manual_seed: ignored") for note in notes)
