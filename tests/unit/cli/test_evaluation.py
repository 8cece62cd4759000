"""Do `test` and `report` read their arguments, and speak to people and to machines?"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from ssr.cli import published
from ssr.config.files import Changes
from ssr.errors import ConfigError, InputError, OutputError, SSRError
from tests.support.scenes import textured, write_image, write_yaml

OPTIONS: dict[str, Any] = {
    "name": "tiny",
    "models": [{"name": "bicubic", "model": "bicubic"}],
    "data": {"pairs": {"type": "pairs", "folder": "pairs"}},
    "metrics": {"measures": ["psnr"]},
    "examples": {"n_each": 0},
}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write_image(Path(f"pairs/{name}_hr.png"), textured(1, 32, 32)[0])
        write_image(Path(f"pairs/{name}_lr.png"), textured(1, 8, 8)[0])
    return write_yaml(Path("test.yml"), OPTIONS)


def test_each_part_and_the_averages_are_told(invoke: Callable[..., Result], written: Path) -> None:
    shown = invoke("test", written, "--device", "cpu")
    assert shown.exit_code == 0, shown.exception
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("bicubic on pairs: 2 results of 2 samples, ")
    assert "pairs, 2 samples: measures as the literature defines them" in lines
    assert lines[-1] == "wrote results/tiny; a page to look at: ssr report results/tiny"


def test_a_machine_gets_one_object_and_nothing_else(invoke: Callable[..., Result], written: Path) -> None:
    shown = invoke("test", written, "--json", "--device", "cpu")
    assert shown.exit_code == 0, shown.exception
    said = json.loads(shown.stdout)
    assert said["data"][0]["means"]["bicubic"]["psnr"]["n"] == 2
    assert said["n_left_out"] == {"pairs": 0}


def test_a_measure_that_cannot_be_taken_is_told_with_how_to_get_it(
    invoke: Callable[..., Result], written: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "empty"))
    shown = invoke("test", written, "--set", "metrics.measures=[psnr, clipscore_clipa]", "--device", "cpu")
    assert shown.exit_code == 0, shown.exception
    assert "note: not measured: clipscore_clipa" in shown.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["nmae=x"], "unknown option 'nmae'"),
        (["data.pairs.folder=nowhere"], "nowhere: no such folder of pairs"),
        (["groups=absent.csv"], "absent.csv: no such file"),
        (["models.0.model=no-such-model"], "no-such-model"),
        (["examples.n_each=1", "examples.by=lpips_vgg"], "examples.by is 'lpips_vgg'; measured were psnr"),
    ],
)
def test_what_cannot_be_tested_is_said_and_nothing_is_written(
    invoke: Callable[..., Result], written: Path, settings: list[str], told: str
) -> None:
    shown = invoke("test", written, *(word for one in settings for word in ("--set", one)), "--device", "cpu")
    assert isinstance(shown.exception, SSRError)
    assert told in str(shown.exception)
    assert not Path("results").exists()


def test_models_that_enlarge_differently_or_unlike_the_data_are_refused(
    invoke: Callable[..., Result], written: Path
) -> None:
    write_image(Path("pairs/a_hr.png"), textured(1, 16, 16)[0])
    shown = invoke("test", written, "--device", "cpu")
    assert isinstance(shown.exception, ConfigError)
    assert "the truth is 2 times finer, but the models enlarge 4 times" in str(shown.exception)


def test_a_group_that_is_called_as_a_measure_is_refused_before_work(
    invoke: Callable[..., Result], written: Path
) -> None:
    Path("groups.csv").write_text("sample,psnr\na,1\n")
    error = invoke("test", written, "--set", "groups=groups.csv", "--device", "cpu").exception
    assert isinstance(error, ConfigError)
    assert "groups.csv: the column 'psnr' is called as a measure is" in str(error)
    assert not Path("results").exists()


def test_groups_break_results_down_and_samples_that_lack_one_are_counted(
    invoke: Callable[..., Result], written: Path
) -> None:
    Path("groups.csv").write_text("sample,land\na,field\n")
    shown = invoke("test", written, "--set", "groups=groups.csv", "--json", "--device", "cpu")
    assert shown.exit_code == 0, shown.exception
    breakdown = json.loads(shown.stdout)["data"][0]["breakdowns"][0]
    assert (breakdown["by"], breakdown["n_samples"]) == ("land", {"field": 1, "not stated": 1})
    assert "groups: 1 of 2 samples are not in the file" in shown.stderr


def test_a_report_is_not_overwritten_unasked(invoke: Callable[..., Result], written: Path) -> None:
    assert invoke("test", written, "--device", "cpu").exit_code == 0
    assert invoke("report", "results/tiny").stdout == "wrote report.html and report.json\n"
    assert isinstance(invoke("report", "results/tiny").exception, OutputError)
    shown = invoke("report", "results/tiny", "--overwrite", "--json")
    assert json.loads(shown.stdout)["n_tests"] == 1


def test_a_folder_of_neither_test_nor_training_is_named(invoke: Callable[..., Result], written: Path) -> None:
    error = invoke("report", "pairs").exception
    assert isinstance(error, InputError)
    assert str(error).startswith("pairs: expected the folder of a test (test.json) or of a training run (log.jsonl)")
    assert not Path("report.html").exists()


@pytest.mark.parametrize(
    ("flags", "changes", "others"),
    [
        ([], Changes(), {}),
        (["--auto_resume"], Changes(), {"resume": True}),
        (["--overwrite"], Changes(), {"overwrite": True}),
        (["--debug", "--strict"], Changes(debugs=True, strict=True), {}),
        (["--force_yml", "a:b=1", "c=2"], Changes(forced=("a:b=1", "c=2")), {}),
        (["--launcher", "pytorch", "--local_rank=1"], Changes(), {}),
    ],
)
def test_published_flags_of_testing(monkeypatch: pytest.MonkeyPatch, flags, changes, others) -> None:
    taken: dict[str, Any] = {}
    monkeypatch.setattr(published, "run_test", lambda path, given, **rest: taken.update(rest, changes=given))
    monkeypatch.setattr(sys, "argv", ["program", "-opt", "a.yml", *flags])
    published.test()
    assert taken["changes"] == changes
    assert {key: taken[key] for key in ("resume", "overwrite")} == {"resume": False, "overwrite": False} | others


def test_slurm_is_refused_when_testing_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["program", "-opt", "a.yml", "--launcher", "slurm"])
    with pytest.raises(ConfigError, match=r"srun torchrun … -m ssr\.test"):
        published.test()
