"""Option files of the original: is every key read, and every wrong one refused by its path?"""

import copy

import pytest

from ssr.config.basicsr import is_original, translate, translate_network
from ssr.config.networks import ESRGANModel
from ssr.config.schema import InferConfig, TrainConfig
from ssr.errors import ConfigError
from tests.unit.config.originals import ESRGAN, INFER, KINDS, L2, OBJECTS, changed, loaded, without


def refusal(tmp_path, options, **changes) -> str:
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, options, **changes)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [(INFER, True), (L2, True), ({"n_lr_images": 8}, True), ({"data_dir": "a"}, False), ({}, False)],
)
def test_dialect_is_told_by_its_keys(options, expected):
    assert is_original(options) is expected


@pytest.mark.parametrize("options", [INFER, *KINDS.values()], ids=["inference", *KINDS])
def test_right_files_of_every_kind_need_no_correction(options, tmp_path):
    config, notes = loaded(tmp_path, options, strict=True)
    assert isinstance(config, TrainConfig if "datasets" in options else InferConfig)
    assert not any("corrected" in note for note in notes)


@pytest.mark.parametrize("options", [INFER, *KINDS.values()], ids=["inference", *KINDS])
def test_translation_leaves_the_options_as_they_were(options):
    before = copy.deepcopy(options)
    translate(options, for_training="datasets" in options, source="here")
    assert options == before


def test_inference_options_keep_their_meaning(tmp_path):
    config, _ = loaded(tmp_path, INFER)
    assert config.model == ESRGANModel(n_revisits=8)
    assert (str(config.data_dir), str(config.save_path), config.n_revisits) == ("chips", "out", 8)
    assert (str(config.weights.path), config.weights.key, config.weights.strict) == ("net_g.pth", "params_ema", True)


def test_a_file_for_both_commands_serves_both(tmp_path):
    both = {**ESRGAN, **{key: INFER[key] for key in ("data_dir", "n_lr_images", "save_path")}, "path": INFER["path"]}
    config, notes = loaded(tmp_path, both, TrainConfig)
    assert config.pretrained.path.name == "net_g.pth"
    assert "data_dir, n_lr_images, save_path: ignored, inference reads it, training does not" in notes
    config, notes = loaded(tmp_path, both, InferConfig)
    assert config.save_path.name == "out"
    assert any(note.startswith("datasets, ") and "ignored" in note for note in notes)


TYPOS = [
    *((INFER, key) for key in ("typo", "network_g.typo", "path.typo")),
    *((L2, key) for key in ("typo", "network_g.typo", "path.typo", "datasets.typo", "datasets.train.typo")),
    *((L2, key) for key in ("datasets.val.typo", "train.typo", "train.optim_g.typo", "train.scheduler.typo")),
    *((L2, key) for key in ("val.typo", "val.metrics.psnr.typo", "test.typo", "test.metrics.psnr.typo")),
    *((L2, key) for key in ("logger.typo", "test_datasets.test.typo")),
    *((ESRGAN, f"train.{key}.typo") for key in ("pixel_opt", "perceptual_opt", "gan_opt", "optim_d")),
    (ESRGAN, "network_d.typo"),
    (ESRGAN, "train.perceptual_opt.layer_weights.conv3_5"),
    (ESRGAN, "train.perceptual_opt.layer_weights.typo"),
    *((KINDS[name], "datasets.train.typo") for name in KINDS),
]


@pytest.mark.parametrize(("options", "dotted"), TYPOS)
def test_unknown_key_is_refused_by_its_dotted_path(options, dotted, tmp_path):
    assert f"unknown option '{dotted}'" in refusal(tmp_path, changed(options, dotted, 1))


@pytest.mark.parametrize(
    ("options", "wrong", "right"),
    [
        (L2, "manual_sed", "manual_seed"),
        (L2, "datasets.train.rand_crops", "rand_crop"),
        (L2, "datasets.train.n_s2_image", "n_s2_images"),
        (ESRGAN, "train.net_d_iter", "net_d_iters"),
        (ESRGAN, "train.clip_op", "clip_opt"),
        (ESRGAN, "path.pretrained_network_g", "pretrain_network_g"),
        (INFER, "path.pretrained_network_g", "pretrain_network_g"),
        (INFER, "network_g.num_feats", "num_feat"),
    ],
)
def test_unknown_key_is_refused_with_the_nearest_known_one(options, wrong, right, tmp_path):
    *parents, misspelt = wrong.split(".")
    message = refusal(tmp_path, without(changed(options, wrong, 1), ".".join([*parents, right])))
    if "is missing" in message:
        assert f"{right}' is missing; is it written as '{misspelt}'?" in message
    else:
        assert f"unknown option '{wrong}'; did you mean '{right}'?" in message


@pytest.mark.parametrize(
    ("options", "dotted"),
    [
        *((INFER, key) for key in ("data_dir", "save_path", "network_g", "network_g.type", "network_g.num_in_ch")),
        *((L2, key) for key in ("name", "datasets", "datasets.train", "datasets.train.type", "train")),
        *((L2, key) for key in ("datasets.train.sentinel2_path", "datasets.train.n_s2_images", "train.total_iter")),
        *((L2, key) for key in ("train.optim_g", "train.optim_g.lr", "datasets.train.batch_size_per_gpu")),
        *((ESRGAN, key) for key in ("network_d", "network_d.type", "network_d.num_in_ch", "train.optim_d")),
        *((ESRGAN, key) for key in ("l1_gt_usm", "percep_gt_usm", "gan_gt_usm", "train.gan_opt.gan_type")),
        *((KINDS["worldstrat l2"], f"datasets.train.{key}") for key in ("lr_path", "hr_path", "splits_csv")),
        *((KINDS[f"{name} l2"], "datasets.train.data_root") for name in ("oli2msi", "proba-v")),
    ],
)
def test_missing_key_is_named(options, dotted, tmp_path):
    message = refusal(tmp_path, without(options, dotted))
    assert f"option '{dotted}' is missing" in message


WRONG = [
    *((INFER, "n_lr_images", value) for value in (0, "eight", None, True)),
    *((INFER, "network_g", value) for value in ("SSR_RRDBNet", None)),
    *((INFER, f"network_g.{key}", value) for key, value in (("type", "SwinIR"), ("num_feat", "64"), ("type", []))),
    (INFER, "path", "net_g.pth"),
    (INFER, "data_dir", 3),
    (L2, "model_type", "SwinIRModel"),
    (L2, "name", 5),
    (L2, "scale", "four"),
    (L2, "manual_seed", -1),
    (L2, "datasets", []),
    (L2, "network_g.mask_channels", 1),
    (L2, "network_g.zoom_factor", 0),
    (L2, "network_g.use_reference_frame", "yes"),
    *((L2, f"datasets.train.{key}", value) for key, value in (("type", "CelebADataset"), ("n_s2_images", 0))),
    *((L2, "datasets.train.s2_bands", value) for value in (None, "tci", [], ["b08"], ["tci", 8])),
    *((L2, f"datasets.train.{key}", 0) for key in ("batch_size_per_gpu", "train_samples")),
    *((L2, f"datasets.train.{key}", 7) for key in ("tile_weights", "rand_crop", "sentinel2_path", "old_naip_path")),
    (OBJECTS, "datasets.train.n_osm_objs", 0),
    (OBJECTS, "osm_obj_weight", "a third"),
    *((L2, "train.total_iter", value) for value in ("many", None, 0, 1.5, float("inf"), float("nan"), True)),
    (L2, "train.warmup_iter", "none"),
    *((L2, "train.optim_g.lr", value) for value in ("fast", 0, -1e-4)),
    *((L2, "train.optim_g.betas", value) for value in (0.9, [0.9], [0.9, 1.0], ["a", "b"])),
    *((L2, "train.scheduler.milestones", value) for value in ("400", [0], [4.5])),
    (L2, "train.scheduler.gamma", 0),
    (L2, "train.scheduler.type", "LinearLR"),
    (L2, "train.optim_g.type", "SGD"),
    (L2, "val.val_freq", "often"),
    (L2, "logger.print_freq", None),
    (L2, "path.resume_state", "1000.state"),
    (INFER, "path.strict_load_g", "no"),
    (INFER, "path.param_key_g", 3),
    (ESRGAN, "feed_disc_lr", "yes"),
    (ESRGAN, "network_d.type", "OSMObjDiscriminator"),
    (ESRGAN, "network_d.skip_connection", 1),
    *((ESRGAN, f"train.pixel_opt.{key}", "sum") for key in ("type", "loss_weight", "reduction")),
    *((ESRGAN, f"train.perceptual_opt.{key}", 0.5) for key in ("style_weight", "range_norm", "criterion", "vgg_type")),
    *((ESRGAN, f"train.gan_opt.{key}", 0.5) for key in ("gan_type", "real_label_val", "fake_label_val")),
    (ESRGAN, "train.net_d_iters", 0),
    (ESRGAN, "train.clip_opt", {"type": "CLIPLoss", "clip_loss_model": "ViT-L-14"}),
]


@pytest.mark.parametrize(("options", "dotted", "value"), WRONG)
def test_wrong_value_is_a_config_error_that_names_the_key(options, dotted, value, tmp_path):
    message = refusal(tmp_path, changed(options, dotted, value))
    assert dotted in message


@pytest.mark.parametrize(("dotted", "native"), [("val.val_freq", "validate_every"), ("train.total_iter", "n_steps")])
def test_number_that_yaml_reads_as_a_word_still_counts(dotted, native, tmp_path):
    """In YAML 1.1 `5e3` without a point is a word, which is why the published files write `!!float 5e3`."""
    config, _ = loaded(tmp_path, changed(L2, dotted, "5e3"))
    assert getattr(config.training, native) == 5000


def test_keys_that_are_no_words_are_refused(tmp_path):
    assert "original.yml" in refusal(tmp_path, {**INFER, 1: 2, "typo": 3})


def test_keys_ignored_for_one_reason_share_a_line(tmp_path):
    _, notes = loaded(tmp_path, L2)
    (line,) = [note for note in notes if "num_worker_per_gpu" in note]
    assert line.startswith("datasets.train.name, ")
    assert "datasets.val.io_backend: ignored, " in line


def test_the_seed_reaches_network_and_data_and_is_said_when_it_is_0_by_default(tmp_path):
    config, _ = loaded(tmp_path, changed(L2, "manual_seed", 5))
    assert (config.seed, config.train_data.seed) == (5, 5)
    for options in (without(L2, "manual_seed"), changed(L2, "manual_seed", None)):
        config, notes = loaded(tmp_path, options)
        assert config.seed == 0
        assert "manual_seed: not given, so 0" in notes


def test_the_seed_of_an_inference_file_is_said_to_have_no_effect(tmp_path):
    _, notes = loaded(tmp_path, INFER)
    assert any(note.startswith("manual_seed: ignored") for note in notes)


def test_corrections_are_all_refused_when_strict(tmp_path):
    options = changed(changed(ESRGAN, "network_g.num_in_ch", 36), "network_d.num_in_ch", 3)
    message = refusal(tmp_path, options, strict=True)
    assert "network_g.num_in_ch: corrected from 36 to 24" in message
    assert "network_d.num_in_ch: corrected from 3 to 27" in message
    _, notes = loaded(tmp_path, options)
    assert [note.partition(":")[0] for note in notes[:2]] == ["network_g.num_in_ch", "network_d.num_in_ch"]


def test_a_network_alone_is_taken_at_its_word():
    kind, native = translate_network(OBJECTS["network_d"], n_revisits=None, source="here")
    assert (kind, native["judges_objects"], native["n_channels"]) == ("discriminator", True, 27)
    kind, native = translate_network({"type": "SSR_RRDBNet ", "num_in_ch": 32}, n_revisits=None, source="here")
    assert (kind, native["n_revisits"], native["n_channels"]) == ("generator", 8, 4)
    with pytest.raises(ConfigError, match="36 channels cannot be 8 dates"):
        translate_network({"type": "SSR_RRDBNet", "num_in_ch": 36}, n_revisits=8, source="here")
    with pytest.raises(ConfigError, match=r"'type': expected .*OSMObjDiscriminator, found 'SwinIR'"):
        translate_network({"type": "SwinIR"}, n_revisits=None, source="here")
