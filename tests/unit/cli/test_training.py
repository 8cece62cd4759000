"""Does `train` read its file before it starts?"""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from ssr.errors import ConfigError, SSRError
from tests.support.scenes import textured, write_image, write_yaml

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
