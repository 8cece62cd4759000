"""Does `train` read its file before it starts?"""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from ssr.errors import ConfigError, SSRError
from ssr.workflows.training import TrainResult
from tests.support.scenes import textured, write_image, write_yaml
from tests.unit.config.originals import L2, changed

OPTIONS = {
    "name": "tiny",
    "model": {"type": "srcnn", "n_features": 16, "n_revisits": 2},
    "train_data": {"type": "simulated", "imagery": [{"folder": "imagery"}], "n_revisits": [2], "chip_px": 8},
    "training": {"n_steps": 1, "batch_size": 1},
}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"name": "../up"}, "name"),
        ({"training": {"n_steps": 0}}, "training.n_steps"),
        ({"training": {"n_steps": 1, "betas": [0.9]}}, "training.betas"),
        ({"model": {"type": "transformer"}}, "model"),
    ],
)
def test_wrong_options_are_named_and_nothing_is_written(
    invoke: Callable[..., Result], changes: dict[str, object], named: str
) -> None:
    write_yaml(Path("train.yml"), OPTIONS | changes)
    error = invoke("train", "train.yml").exception
    assert isinstance(error, ConfigError)
    assert f"train.yml: option '{named}" in str(error) or f"unknown option '{named}'" in str(error)
    assert [path.name for path in Path().iterdir()] == ["train.yml"]


def test_a_network_without_parameters_cannot_be_trained(invoke: Callable[..., Result]) -> None:
    write_image(Path("imagery/a.png"), textured(1, 60, 60)[0])
    write_yaml(Path("train.yml"), OPTIONS | {"model": {"type": "bicubic"}})
    error = invoke("train", "train.yml").exception
    assert isinstance(error, SSRError)
    assert "bicubic" in str(error)


def test_dates_that_do_not_fit_the_network_are_refused(invoke: Callable[..., Result]) -> None:
    write_image(Path("imagery/a.png"), textured(1, 60, 60)[0])
    write_yaml(Path("train.yml"), OPTIONS | {"train_data": OPTIONS["train_data"] | {"n_revisits": [3]}})
    assert isinstance(invoke("train", "train.yml").exception, SSRError)


def test_a_step_is_told_in_words(invoke: Callable[..., Result]) -> None:
    write_image(Path("imagery/a.png"), textured(1, 60, 60)[0])
    write_yaml(Path("train.yml"), OPTIONS)
    shown = invoke("train", "train.yml")
    assert shown.exit_code == 0, shown.exception
    first, last = shown.stdout.splitlines()
    assert first.startswith("step 1/1  ")
    assert last == "wrote experiments/tiny/models/net_g_latest.pth"


def test_options_are_changed_by_their_dotted_path(invoke: Callable[..., Result]) -> None:
    write_image(Path("imagery/a.png"), textured(1, 60, 60)[0])
    write_yaml(Path("train.yml"), OPTIONS)
    shown = invoke("train", "train.yml", "--set", "training.n_steps=2", "--set", "name=other")
    assert shown.exit_code == 0, shown.exception
    assert shown.stdout.splitlines()[-1] == "wrote experiments/other/models/net_g_latest.pth"
    assert [path.name for path in Path("experiments").iterdir()] == ["other"]


def test_a_changed_option_that_nobody_knows_is_refused_with_the_nearest(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("train.yml"), OPTIONS)
    error = invoke("train", "train.yml", "--set", "training.n_step=2").exception
    assert isinstance(error, ConfigError)
    assert str(error) == "train.yml: unknown option 'training.n_step'; did you mean 'n_steps'?"


def test_corrections_of_an_original_file_are_refused_when_strict(invoke: Callable[..., Result]) -> None:
    write_yaml(Path("train.yml"), changed(L2, "network_g.revisits", 4))
    error = invoke("train", "train.yml", "--strict").exception
    assert isinstance(error, ConfigError)
    assert "network_g.revisits: corrected from 4 to 8" in str(error)


def test_only_the_first_of_several_processes_speaks(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = TrainResult(Path("run"), Path("net.pth"), 1, {}, None, ())
    monkeypatch.setattr("ssr.workflows.training.train", lambda config, **rest: result)
    monkeypatch.setenv("WORLD_SIZE", "2")
    write_yaml(Path("train.yml"), L2)
    for rank, speaks in ((0, True), (1, False)):
        monkeypatch.setenv("RANK", str(rank))
        shown = invoke("train", "train.yml", "--device", "cpu")
        assert shown.exit_code == 0, shown.exception
        assert shown.stdout == ("wrote net.pth\n" if speaks else "")
        assert ("2 processes, 64" in shown.stderr) is speaks


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 0), ("SIGINT", 130)])
def test_a_run_that_was_asked_to_stop_says_so_and_a_scheduler_s_stop_is_no_failure(
    invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    result = TrainResult(Path("run"), Path("net.pth"), 3, {}, name, ())
    monkeypatch.setattr("ssr.workflows.training.train", lambda config, **rest: result)
    write_yaml(Path("train.yml"), OPTIONS)
    shown = invoke("train", "train.yml")
    assert shown.exit_code == code
    assert f"stopped by {name} after 3 of 1 steps; --resume continues" in shown.stderr
