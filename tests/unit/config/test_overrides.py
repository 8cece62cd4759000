"""Options changed on the command line: typed as in the file, refused by the same names, and never executed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssr.config.files import Changes, load_config
from ssr.config.networks import ESRGANModel
from ssr.config.overrides import debugged, with_forced, with_settings
from ssr.config.schema import TrainConfig
from ssr.errors import ConfigError
from tests.unit.config.originals import ESRGAN, L2, loaded
from tests.unit.config.test_files import TRAIN, written

OPTIONS = {"a": {"b": 1, "c": [{"d": 2}, 3]}, "e": None}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("a.b=8", {**OPTIONS, "a": {"b": 8, "c": [{"d": 2}, 3]}}),
        ("a.b=true", {**OPTIONS, "a": {"b": True, "c": [{"d": 2}, 3]}}),
        ("a.b=[1, 2.5]", {**OPTIONS, "a": {"b": [1, 2.5], "c": [{"d": 2}, 3]}}),
        ("a.b={x: 1}", {**OPTIONS, "a": {"b": {"x": 1}, "c": [{"d": 2}, 3]}}),
        ("a.b=x=y", {**OPTIONS, "a": {"b": "x=y", "c": [{"d": 2}, 3]}}),
        ("a.b=", {**OPTIONS, "a": {"b": None, "c": [{"d": 2}, 3]}}),
        ("a.c.0.d=4", {**OPTIONS, "a": {"b": 1, "c": [{"d": 4}, 3]}}),
        ("a.c.1=4", {**OPTIONS, "a": {"b": 1, "c": [{"d": 2}, 4]}}),
        ("e.f.g=1", {**OPTIONS, "e": {"f": {"g": 1}}}),
        ("new=1", {**OPTIONS, "new": 1}),
    ],
)
def test_values_are_yaml_and_stand_at_their_path(setting, expected):
    before = {"a": {"b": 1, "c": [{"d": 2}, 3]}, "e": None}
    assert with_settings(OPTIONS, [setting]) == expected
    assert before == OPTIONS
    if "." in setting.partition("=")[2]:
        return
    assert with_forced(OPTIONS, [setting.replace(".", ":")]) == expected


def test_later_settings_win():
    assert with_settings({}, ["a=1", "a=2"]) == {"a": 2}


@pytest.mark.parametrize(
    "setting", ["a.b", "=1", "a..b=1", ".a=1", "a.b=[1", "a.b.x=1", "a.c.x=1", "a.c.2=1", "a.c.-1=1", "a.c.0.d.x=1"]
)
def test_settings_that_cannot_be_are_refused_in_their_own_words(setting):
    with pytest.raises(ConfigError) as raised:
        with_settings(OPTIONS, [setting])
    assert str(raised.value).startswith(f"--set {setting}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", ["!!python/object/apply:os.mkdir [trace]", "__import__('os').mkdir('trace')"])
def test_values_run_nothing(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(ConfigError):
        assert with_forced({"a": 1}, [f"a={value}"]) == {"a": value}
    assert not (tmp_path / "trace").exists()


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_sets_or_is_refused(path, value):
    with contextlib.suppress(ConfigError):
        with_settings(OPTIONS, [f"{path}={value}"])


def test_settings_reach_a_native_file(tmp_path):
    path = written(tmp_path / "a.yml", TRAIN)
    settings = ("training.n_steps=100", "training.learning_rate=1e-5", "train_data.imagery.0.folder=other")
    config, _ = load_config(path, TrainConfig, Changes(settings=settings))
    assert (config.training.n_steps, config.training.learning_rate) == (100, 1e-5)
    assert str(config.train_data.imagery[0].folder) == "other"


def test_settings_reach_the_inside_of_a_named_network_and_may_name_another(tmp_path):
    path = written(tmp_path / "a.yml", {**TRAIN, "model": "esrgan_8S2"})
    config, _ = load_config(path, TrainConfig, Changes(settings=("model.n_blocks=2",)))
    assert config.model == ESRGANModel(n_revisits=8, n_blocks=2)
    config, _ = load_config(path, TrainConfig, Changes(settings=("model=esrgan_2S2", "train_data.n_revisits=[2]")))
    assert config.model == ESRGANModel(n_revisits=2)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("training.n_step=1", "unknown option 'training.n_step'; did you mean 'n_steps'?"),
        ("traning.n_steps=1", "unknown option 'traning'; did you mean 'training'?"),
        ("training.n_steps=few", "'training.n_steps'"),
    ],
)
def test_wrong_settings_are_refused_as_in_a_file(setting, named, tmp_path):
    with pytest.raises(ConfigError) as raised:
        load_config(written(tmp_path / "a.yml", TRAIN), TrainConfig, Changes(settings=(setting,)))
    assert named in str(raised.value)


def test_settings_are_native_after_translation_and_forced_values_original_before_it(tmp_path):
    config, _ = loaded(tmp_path, L2, settings=("training.n_steps=7",), forced=("train:optim_g:lr=1e-5", "name=other"))
    assert (config.training.n_steps, config.training.learning_rate, config.name) == (7, 1e-5, "other")
    config, _ = loaded(tmp_path, ESRGAN, forced=("path:pretrain_network_g=g.pth", "datasets:train:n_s2_images=8"))
    assert str(config.pretrained.path) == "g.pth"


@pytest.mark.parametrize(
    ("forced", "named"),
    [
        ("train:total_iters=1", "unknown option 'train.total_iters'; did you mean 'total_iter'?"),
        ("trian:total_iter=1", "unknown option 'trian'"),
        ("datasets:train:typo:deeper=1", "unknown option 'datasets.train.typo'"),
        ("name:x=1", "--force_yml name:x=1: 'name' is 'run-1', which holds no options"),
        ("train.total_iter=1", "unknown option 'train.total_iter'"),
    ],
)
def test_forced_paths_that_nobody_knows_are_refused(forced, named, tmp_path):
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, L2, forced=(forced,))
    assert named in str(raised.value)


def test_forced_values_need_an_original_file(tmp_path):
    with pytest.raises(ConfigError, match="use --set"):
        load_config(written(tmp_path / "a.yml", TRAIN), TrainConfig, Changes(forced=("a:b=1",)))


def test_a_debugged_run_speaks_at_every_step_and_looks_every_eight(tmp_path):
    for config in (
        loaded(tmp_path, L2, debugs=True)[0],
        load_config(written(tmp_path / "a.yml", TRAIN), TrainConfig, Changes(debugs=True))[0],
    ):
        training = config.training
        assert config.name == "debug_run-1"
        assert (training.log_every, training.validate_every, training.checkpoint_every) == (1, 8, 8)
    assert debugged({"name": "debug_a"})["name"] == "debug_a"
    assert debugged({"name": 3, "training": None}) == {"name": 3, "training": None}
