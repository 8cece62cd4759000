"""Option files as text on disk: what is read, what is refused and how the refusal names it."""

import pytest
import yaml

from ssr.config.editors import json_schema
from ssr.config.files import dump_config, kind_of, load_config, parse, read_yaml
from ssr.config.names import known_names
from ssr.config.networks import DateFusionModel, ESRGANModel
from ssr.config.presets import PRESETS
from ssr.config.schema import InferConfig, TestConfig, TrainConfig
from ssr.errors import ConfigError
from tests.unit.config.originals import INFER as ORIGINAL_INFER
from tests.unit.config.originals import KINDS

INFER = {"data_dir": "chips", "save_path": "out", "model": {"type": "bicubic"}}
TRAIN = {
    "name": "run-1",
    "model": {"type": "date_fusion"},
    "train_data": {"type": "simulated", "imagery": [{"folder": "photographs"}]},
    "training": {"n_steps": 5},
}


def written(path, options):
    path.write_text(yaml.safe_dump(options))
    return path


def with_value(options, dotted, value):
    """A copy in which one option, by its dotted path, has another value; None takes it out."""
    copy = yaml.safe_load(yaml.safe_dump(options))
    *parents, last = dotted.split(".")
    place = copy
    for key in parents:
        place = place[int(key)] if key.isdigit() else place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy


def test_native_files_are_read_without_notes(tmp_path):
    config, notes = load_config(written(tmp_path / "a.yml", INFER), InferConfig)
    assert (str(config.data_dir), config.n_revisits, config.model.type, notes) == ("chips", 8, "bicubic", [])
    config, notes = load_config(written(tmp_path / "b.yml", TRAIN), TrainConfig)
    assert (config.model, config.training.n_steps, notes) == (DateFusionModel(), 5, [])


@pytest.mark.parametrize("options", [INFER, TRAIN])
def test_config_written_and_read_is_the_same(options, tmp_path):
    kind = TrainConfig if "training" in options else InferConfig
    config, _ = load_config(written(tmp_path / "a.yml", options), kind)
    again, _ = load_config(written(tmp_path / "b.yml", config.model_dump(mode="json")), kind)
    assert again == config


@pytest.mark.parametrize(
    "options",
    [INFER, TRAIN, {**TRAIN, "model": "esrgan_8S2"}, ORIGINAL_INFER, *KINDS.values()],
    ids=["infer", "train", "preset", "original infer", *KINDS],
)
def test_a_config_as_yaml_reads_as_the_same_config(options, tmp_path):
    kind = kind_of(options)
    config, _ = load_config(written(tmp_path / "a.yml", options), kind)
    (tmp_path / "b.yml").write_text(dump_config(config))
    again, notes = load_config(tmp_path / "b.yml", kind)
    assert (again, notes) == (config, [])
    assert dump_config(again) == dump_config(config)


@pytest.mark.parametrize(
    ("options", "kind"),
    [(INFER, InferConfig), (TRAIN, TrainConfig), (ORIGINAL_INFER, InferConfig), (KINDS["l2"], TrainConfig)],
)
def test_a_file_s_command_is_told_by_its_options(options, kind):
    assert kind_of(options) is kind


@pytest.mark.parametrize(
    ("dotted", "right"),
    [
        ("nmae", "name"),
        ("los", "loss"),
        ("training.n_step", "n_steps"),
        ("model.n_blokcs", "n_blocks"),
        ("train_data.imagery.0.foldr", "folder"),
        ("train_data.chip", "chip_px"),
    ],
)
def test_unknown_option_is_refused_with_the_nearest_known_one(dotted, right, tmp_path):
    path = written(tmp_path / "wrong.yml", with_value(TRAIN, dotted, 1))
    with pytest.raises(ConfigError) as raised:
        load_config(path, TrainConfig)
    assert str(raised.value).endswith(f"unknown option '{dotted}'; did you mean '{right}'?")


def test_unknown_option_that_resembles_none_is_refused_with_all_that_there_are(tmp_path):
    path = written(tmp_path / "wrong.yml", with_value(TRAIN, "train_data.imagery.0.qqq", 1))
    with pytest.raises(
        ConfigError, match=r"known here: bands, exclude, folder, gsd_m, include, nir_folder, share, white_dn$"
    ):
        load_config(path, TrainConfig)


def test_names_of_a_chosen_network_are_its_own():
    assert "n_growth" in known_names(TrainConfig, ("model", "esrgan", "x"))
    assert "n_growth" not in known_names(TrainConfig, ("model", "srcnn", "x"))
    assert "path" in known_names(TrainConfig, ("adversarial", "pretrained", "x"))


@pytest.mark.parametrize("kind", [TrainConfig, InferConfig])
def test_the_schema_for_editors_knows_every_option_and_preset(kind):
    schema = json_schema(kind)
    assert set(schema["properties"]) == set(kind.model_fields)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["model"]["anyOf"][0]["enum"] == sorted(PRESETS)


@pytest.mark.parametrize(
    ("options", "dotted", "value"),
    [
        (INFER, "typo", 1),
        (INFER, "data_dir", None),
        (INFER, "data_dir", 3),
        (INFER, "n_revisits", 0),
        (INFER, "n_revisits", "eight"),
        (INFER, "model", "bicubic"),
        (INFER, "model.scale", 0),
        (INFER, "model.typo", 1),
        (TRAIN, "name", None),
        (TRAIN, "name", "../elsewhere"),
        (TRAIN, "name", "a/b"),
        (TRAIN, "model", None),
        (TRAIN, "model.n_blocks", -1),
        (TRAIN, "model.typo", 1),
        (TRAIN, "train_data.typo", 1),
        (TRAIN, "train_data.imagery.0.typo", 1),
        (TRAIN, "train_data.imagery.0.share", 0),
        (TRAIN, "train_data.imagery.0.folder", None),
        (TRAIN, "train_data.n_revisits", []),
        (TRAIN, "train_data.imagery", []),
        (TRAIN, "training.typo", 1),
        (TRAIN, "training.n_steps", None),
        (TRAIN, "training.n_steps", 1.5),
        (TRAIN, "training.learning_rate", -1.0),
        (TRAIN, "training.learning_rate", float("nan")),
        (TRAIN, "training.ema_decay", 1.0),
        (TRAIN, "training.betas", [0.9]),
        (TRAIN, "training.betas", [0.9, 1.5]),
        (TRAIN, "training.schedule", "linear"),
        (TRAIN, "loss", {"l1": 0.0}),
    ],
)
def test_wrong_option_is_refused_by_its_dotted_path(options, dotted, value, tmp_path):
    path = written(tmp_path / "wrong.yml", with_value(options, dotted, value))
    with pytest.raises(ConfigError, match=r"wrong\.yml") as raised:
        load_config(path, TrainConfig if "training" in options else InferConfig)
    assert f"'{dotted}" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("dotted", "value", "words"),
    [
        ("train_data.n_revisits", 2, "must be a list, found 2"),
        ("training.n_steps", "many", "must be a whole number, found 'many'"),
        ("training.batch_size", 0, "must be greater than 0, found 0"),
        ("training.schedule", "cosin", r"must be .*\(did you mean 'cosine'\?\), found 'cosin'"),
    ],
)
def test_what_a_value_must_be_is_said_without_words_of_python(dotted, value, words, tmp_path):
    with pytest.raises(ConfigError, match=words):
        load_config(written(tmp_path / "wrong.yml", with_value(TRAIN, dotted, value)), TrainConfig)


def test_unknown_measure_is_refused_with_the_nearest_of_all_kinds(tmp_path):
    options = {
        "name": "x",
        "models": [{"name": "b", "model": "bicubic"}],
        "data": {"d": {"type": "pairs", "folder": "."}},
        "metrics": {"measures": ["clipscore_siglipp"]},
    }
    with pytest.raises(ConfigError, match="did you mean 'clipscore_siglip'"):
        load_config(written(tmp_path / "wrong.yml", options), TestConfig)


@pytest.mark.parametrize("value", ["esrgann", 3])
def test_unknown_model_names_those_that_there_are(value, tmp_path):
    path = written(tmp_path / "wrong.yml", with_value(INFER, "model.type", value))
    with pytest.raises(ConfigError, match=r"'model.*date_fusion.*esrgan"):
        load_config(path, InferConfig)


@pytest.mark.parametrize(
    "content",
    [
        b"a: [1, 2",
        b"a: 1\n\tb: 2",
        b"a: 1\nb",
        b"key: 'open",
        b"- a\n- b",
        b"just words",
        b"3",
        b"",
        b"# only a comment\n",
        b"\x00\x01\x02",
        b"\xff\xfe\x00binary\x9c",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"a: &a [*a]\nb: *c",
        b"a: 2020-13-45",
        b"a: !!int x",
        b"[" * 5000,
    ],
)
def test_file_that_is_no_mapping_of_options_is_named(content, tmp_path):
    path = tmp_path / "wrong.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"wrong\.yml") as raised:
        read_yaml(path)
    assert "\n" not in str(raised.value)


def test_absent_file_and_folder_are_named(tmp_path):
    for path in (tmp_path / "absent.yml", tmp_path):
        with pytest.raises(ConfigError, match=path.name):
            read_yaml(path)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.mkdir", "!!python/object/new:os.mkdir", "!!python/name:os.system"]
)
def test_options_that_ask_for_python_objects_run_nothing(tag, tmp_path):
    path, trace = tmp_path / "evil.yml", tmp_path / "trace"
    path.write_text(f"data_dir: {tag} ['{trace}']\n")
    with pytest.raises(ConfigError, match=r"evil\.yml"):
        load_config(path, InferConfig)
    assert not trace.exists()


@pytest.mark.parametrize("options", [{1: 2}, {None: 1}, {"data_dir": "a", 1: 2, "b": 3}])
def test_keys_that_are_no_words_are_refused(options, tmp_path):
    with pytest.raises(ConfigError, match=r"wrong\.yml"):
        load_config(written(tmp_path / "wrong.yml", options), InferConfig)


def test_configs_cannot_be_changed():
    config = parse({"model": {"type": "esrgan"}, "data_dir": "a", "save_path": "b"}, InferConfig, source="here")
    assert config.model == ESRGANModel()
    with pytest.raises(ValueError):
        config.n_revisits = 3
