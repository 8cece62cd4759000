"""Do the commands of `data` say what they did and found, and refuse what has nothing to find?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from ssr.errors import ConfigError, InputError
from tests.unit.data.archives import tar_entry, write_tar
from tests.unit.data.layouts import IMAGE, S2NAIP_TIFF_TILE, write_s2naip_pair, write_s2naip_tiff_tile

Invoke = Callable[..., Result]


@pytest.fixture
def options(tmp_path: Path) -> Path:
    for tile in ("1_1", "2_2"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    write_s2naip_pair(tmp_path, "3_3", n_dates=1)
    return write_options(tmp_path, {"type": "s2naip", "sentinel2": "sentinel2", "naip": "naip", "n_revisits": 2})


def write_options(folder: Path, data: dict[str, object]) -> Path:
    model = {"type": "srcnn", "n_revisits": 2, "n_features": 16}
    content = {"name": "a", "model": model, "train_data": data, "training": {"n_steps": 1}}
    (folder / "train.yml").write_text(yaml.safe_dump(content))
    return folder / "train.yml"


def test_the_list_is_for_people_and_for_machines(invoke: Invoke) -> None:
    shown = invoke("data", "list").stdout
    assert "val_set          8,192 pairs, 12 bands\n" in shown
    assert "not checked: the hosts could not be reached" in shown
    listed = json.loads(invoke("data", "list", "--json").stdout)
    assert {data["licence"] for data in listed} == {"ODC-BY"}
    assert "train_urban_set.7z.004" in "".join(listed[0]["addresses"])


def test_get_prints_what_to_write_into_an_option_file(invoke: Invoke, tmp_path: Path) -> None:
    write_tar(tmp_path / "v.tar", tar_entry("naip/a/1_1/rgb.png", size=5), tar_entry("sentinel2/1_1/tci.png", size=5))
    shown = invoke("data", "get", "val_set", "-o", "out", "--url", "v.tar")
    assert shown.exit_code == 0, shown.exception
    assert shown.stdout == (
        "val_set: extracted in out/val_set, 2 files, 0.0 MB\n"
        "parts are kept in .\n"
        "in an option file:\n"
        "  naip: out/val_set/naip\n"
        "  sentinel2: out/val_set/sentinel2\n"
    )
    assert "val_set: was here in out/val_set" in invoke("data", "get", "val_set", "-o", "out").stdout
    spoken = json.loads(invoke("data", "get", "val_set", "-o", "b", "--url", "v.tar", "--no-extract", "--json").stdout)
    assert (spoken["path"], spoken["n_bytes"]) == (None, (tmp_path / "v.tar").stat().st_size)


def test_get_refuses_parts_that_cannot_be_joined(invoke: Invoke) -> None:
    refused = invoke("data", "get", "train_urban_set", "-o", "out", "--url", "./", "--parts", "t.z01, t.z02")
    assert isinstance(refused.exception, InputError)
    assert "zip -s 0 NAME.zip" in str(refused.exception)


def test_check_counts_flaws_and_writes_both_files(invoke: Invoke, options: Path, tmp_path: Path) -> None:
    shown = invoke("data", "check", options)
    assert shown.exit_code == 0, shown.exception
    assert "1 of 3 samples are of no use: 1 short" in shown.stdout
    assert (tmp_path / "exclude.txt").read_text() == f"{IMAGE}/3_3\n"
    assert json.loads((tmp_path / "data-check.json").read_text())["kinds"] == {"short": 1}


def test_check_speaks_json(invoke: Invoke, options: Path) -> None:
    shown = invoke("data", "check", options, "--json", "--threads", 1, "--exclude", "a/b.txt", "--report", "a/c.json")
    assert json.loads(shown.stdout) == {
        "report": "a/c.json",
        "exclude": "a/b.txt",
        "n_samples": 3,
        "n_flawed": 1,
        "kinds": {"short": 1},
    }


def test_index_is_written_where_it_is_asked_for(invoke: Invoke, options: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    shown = invoke("data", "index", options, "-o", "index.parquet")
    assert shown.exit_code == 0, shown.exception
    assert shown.stdout == "wrote index.parquet: 3 samples of 1 images, current layout\n"
    assert (tmp_path / "index.parquet").is_file()
    assert json.loads(invoke("data", "index", options, "-o", "b.parquet", "--json").stdout)["n_samples"] == 3


def test_index_without_a_file_to_write_and_absent_data_are_refused(invoke: Invoke, options: Path) -> None:
    refused = invoke("data", "index", options)
    assert isinstance(refused.exception, ConfigError)
    assert "--output" in str(refused.exception)
    refused = invoke("data", "check", options, "--of", "validation")
    assert isinstance(refused.exception, ConfigError)
    assert "validation_data" in str(refused.exception)


def test_pack_names_what_it_left_out(invoke: Invoke, options: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    shown = invoke("data", "pack", options, "-o", "pack")
    assert shown.exit_code == 0, shown.exception
    assert shown.stdout == "wrote pack: 2 samples in 1 files; name it in the options as packed\n"
    assert f"left out: {IMAGE}/3_3" in shown.stderr
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == ["00000.tar", "index.parquet"]


@pytest.mark.parametrize("command", [("index", "-o", "a.parquet"), ("check",), ("pack", "-o", "a")])
def test_simulated_data_have_nothing_to_find(command: tuple[str, ...], invoke: Invoke, tmp_path: Path) -> None:
    options = write_options(tmp_path, {"type": "simulated", "imagery": [{"folder": "a"}], "n_revisits": [2]})
    name, *arguments = command
    refused = invoke("data", name, options, *arguments)
    assert isinstance(refused.exception, ConfigError)
    assert "simulated" in str(refused.exception)


def test_the_later_s2naip_is_checked_and_needs_neither_index_nor_pack(invoke: Invoke, tmp_path: Path) -> None:
    write_s2naip_tiff_tile(tmp_path, n_dates=1)
    options = write_options(
        tmp_path, {"type": "s2naip_tiff", "sentinel2": "sentinel2", "naip": "naip", "n_revisits": 2}
    )
    shown = invoke("data", "check", options)
    assert shown.exit_code == 0, shown.exception
    assert "1 of 1 samples are of no use: 1 short" in shown.stdout
    assert (tmp_path / "exclude.txt").read_text() == f"{S2NAIP_TIFF_TILE}\n"
    for command in (("index", options, "-o", "a.parquet"), ("pack", options, "-o", "a")):
        refused = invoke("data", *command)
        assert isinstance(refused.exception, ConfigError)
        assert "only s2naip" in str(refused.exception)
