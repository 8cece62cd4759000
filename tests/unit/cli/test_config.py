"""Option files on the command line: translated, checked, described."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from ssr.config.files import load_config
from ssr.config.schema import InferConfig, TrainConfig
from ssr.errors import ConfigError, OutputError
from tests.support.scenes import write_yaml
from tests.unit.config.originals import ESRGAN, INFER, L2, changed
from tests.unit.config.test_files import TRAIN

WRONG = changed(ESRGAN, "network_g.num_in_ch", 36)


def test_a_translation_is_native_yaml_with_its_notes_apart(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("original.yml"), WRONG)
    shown = invoke("config", "translate", "original.yml")
    assert shown.exit_code == 0, shown.exception
    assert shown.stderr.startswith("note: network_g.num_in_ch: corrected from 36 to 24 (8 dates × 3 channels)\n")
    Path("native.yaml").write_text(shown.stdout)
    assert load_config(Path("native.yaml"), TrainConfig) == (load_config(Path("original.yml"), TrainConfig)[0], [])


def test_a_translation_is_written_where_asked_and_replaces_nothing_unasked(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("original.yml"), L2)
    shown = invoke("config", "translate", "original.yml", "-o", "new/native.yaml", "--set", "training.n_steps=5")
    assert (shown.exit_code, shown.stdout) == (0, "wrote new/native.yaml\n")
    assert yaml.safe_load(Path("new/native.yaml").read_text())["training"]["n_steps"] == 5
    again = invoke("config", "translate", "original.yml", "-o", "new/native.yaml")
    assert isinstance(again.exception, OutputError)
    assert yaml.safe_load(Path("new/native.yaml").read_text())["training"]["n_steps"] == 5
    assert invoke("config", "translate", "original.yml", "-o", "new/native.yaml", "--overwrite").exit_code == 0
    assert yaml.safe_load(Path("new/native.yaml").read_text())["training"]["n_steps"] == 1000


def test_a_file_for_two_commands_is_translated_for_the_one_that_is_named(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("both.yml"), {**L2, **{key: INFER[key] for key in ("data_dir", "n_lr_images", "save_path")}})
    assert "train_data" in yaml.safe_load(invoke("config", "translate", "both.yml").stdout)
    shown = yaml.safe_load(invoke("config", "translate", "both.yml", "--for", "infer").stdout)
    assert InferConfig.model_validate(shown).save_path == Path("out")


def test_processes_count_in_the_batch(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("original.yml"), L2)
    shown = invoke("config", "translate", "original.yml", "--processes", "4")
    assert yaml.safe_load(shown.stdout)["training"]["batch_size"] == 128


def test_strict_translation_refuses_corrections(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("original.yml"), WRONG)
    error = invoke("config", "translate", "original.yml", "--strict", "-o", "native.yaml").exception
    assert isinstance(error, ConfigError)
    assert "corrected from 36 to 24" in str(error)
    assert not Path("native.yaml").exists()


def test_check_says_of_each_file_whether_it_is_right(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("right.yml"), L2)
    write_yaml(Path("infer.yml"), INFER)
    write_yaml(Path("native.yml"), TRAIN)
    shown = invoke("config", "check", "right.yml", "infer.yml", "native.yml")
    assert (shown.exit_code, shown.stdout) == (0, "right.yml: ok\ninfer.yml: ok\nnative.yml: ok\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (changed(L2, "train.total_itr", 1), "unknown option 'train.total_itr'; did you mean 'total_iter'?"),
        (changed(TRAIN, "training.n_step", 1), "unknown option 'training.n_step'; did you mean 'n_steps'?"),
        (changed(TRAIN, "training.n_steps", 0), "option 'training.n_steps': "),
    ],
)
def test_check_names_the_first_wrong_option_and_goes_on(
    invoke: Callable[..., Result], options: dict[str, object], said: str
) -> None:
    write_yaml(Path("wrong.yml"), options)
    write_yaml(Path("right.yml"), L2)
    shown = invoke("config", "check", "wrong.yml", "absent.yml", "right.yml")
    lines = shown.stdout.splitlines()
    assert shown.exit_code == 2
    assert lines[0].startswith(f"wrong.yml: {said}")
    assert lines[1:] == ["absent.yml: no such option file", "right.yml: ok"]


def test_check_is_stricter_when_asked(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("wrong.yml"), WRONG)
    assert invoke("config", "check", "wrong.yml").exit_code == 0
    shown = invoke("config", "check", "wrong.yml", "--strict", "--json")
    assert shown.exit_code == 2
    (result,) = json.loads(shown.stdout)
    assert result["file"] == "wrong.yml"
    assert "corrected from 36 to 24" in result["wrong"]


@pytest.mark.parametrize(("command", "kind"), [("train", TrainConfig), ("infer", InferConfig)])
def test_the_schema_is_json_on_the_screen_or_in_a_file(
    invoke: Callable[..., Result], command: str, kind: type[TrainConfig] | type[InferConfig]
) -> None:
    shown = invoke("config", "schema", command)
    assert set(json.loads(shown.stdout)["properties"]) == set(kind.model_fields)
    assert invoke("config", "schema", command, "-o", "schema.json").stdout == "wrote schema.json\n"
    assert Path("schema.json").read_text() == shown.stdout


def test_the_schema_is_that_of_training_by_default(invoke: Callable[..., Result]) -> None:
    assert invoke("config", "schema").stdout == invoke("config", "schema", "train").stdout
