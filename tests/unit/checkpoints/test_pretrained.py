"""Folders in the layout of the hub, whole and damaged, local and (without the network) from the hub."""

import json
import os
import pickle
import sys
from pathlib import Path

import pytest
import torch

from ssr.checkpoints.pretrained import find_pretrained, read_pretrained, write_pretrained
from ssr.errors import ConfigError, MissingExtraError, OutputError, WeightsError

STATE = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([1.0, -1.0], dtype=torch.bfloat16)}
CONFIG = {"model": {"type": "esrgan", "scale": 2}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pretrained(tmp_path / "model", CONFIG, STATE, metadata={"ssr": "1"})
    return tmp_path / "model"


def test_a_folder_comes_back_as_it_was(folder):
    config, state = read_pretrained(folder)
    assert config == CONFIG
    assert all(torch.equal(state[name], STATE[name]) and state[name].dtype == STATE[name].dtype for name in STATE)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_the_config_is_marked_json(folder):
    written = json.loads((folder / "config.json").read_text("utf-8"))
    assert written == {"format": "ssr", "format_version": 1, **CONFIG}


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_model_is_replaced_only_when_asked(folder, name):
    kept = (folder / "config.json").read_bytes()
    for path in folder.iterdir():
        if path.name != name:
            path.rename(path.with_suffix(".aside"))
    with pytest.raises(OutputError, match=f"{name}.*exists already"):
        write_pretrained(folder, {"model": {}}, STATE, metadata={})
    write_pretrained(folder, {"model": {}}, STATE, metadata={}, overwrite=True)
    assert read_pretrained(folder)[0] == {"model": {}}
    assert (folder / "config.json").read_bytes() != kept


def test_tensors_that_cannot_be_written_leave_no_config(folder):
    """A folder whose weights are half replaced must not look whole."""
    shared = torch.zeros(4)
    with pytest.raises(OutputError):
        write_pretrained(folder, CONFIG, {"a": shared, "b": shared}, metadata={}, overwrite=True)
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "model").write_text("old")
    with pytest.raises(OutputError, match="model"):
        write_pretrained(tmp_path / "model", CONFIG, STATE, metadata={})


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=f"{name} is missing"):
        read_pretrained(folder)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not readable as JSON"),
        ("{", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ("[]", "expected a mapping, found list"),
        ('"ssr"', "expected a mapping, found str"),
        ('{"model_type": "bert"}', "expected 'format': 'ssr', found None"),
        ('{"format": "other", "format_version": 1}', "found 'other'"),
        ('{"format": "ssr"}', "'format_version': 1, found None"),
        ('{"format": "ssr", "format_version": 2}', "found 2"),
        ('{"format": "ssr", "format_version": "1"}', "found '1'"),
    ],
)
def test_a_config_of_another_kind_is_refused(folder, text, named):
    (folder / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"config\.json") as raised:
        read_pretrained(folder)
    assert named in str(raised.value)


def test_bytes_that_are_no_text_are_refused(folder):
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WeightsError, match="not readable as JSON"):
        read_pretrained(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_link_out_of_the_folder_is_refused(folder, name):
    elsewhere = folder.parent / "elsewhere"
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(WeightsError, match="refused, it links to a file outside"):
        read_pretrained(folder)


def test_the_links_of_the_hub_s_cache_are_followed(folder):
    """`models--org--name/snapshots/<commit>/x` links to `models--org--name/blobs/<hash>`."""
    cache = folder.parent / "models--org--name"
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots").mkdir()
    snapshot = folder.rename(cache / "snapshots" / "abc")
    for path in list(snapshot.iterdir()):
        path.rename(cache / "blobs" / path.name)
        path.symlink_to(Path("..") / ".." / "blobs" / path.name)
    assert read_pretrained(snapshot)[0] == CONFIG


class Touches:
    """Unpickled, this makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("as_torch", [True, False])
def test_code_in_the_place_of_tensors_is_not_run(folder, as_torch):
    weights, trace = folder / "model.safetensors", folder / "trace"
    content = {"params": Touches(trace)}
    if as_torch:
        torch.save(content, weights)
    else:
        weights.write_bytes(pickle.dumps(content))
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        read_pretrained(folder)
    assert not trace.exists()


def test_a_folder_is_found_before_the_hub_is_asked(folder, monkeypatch):
    monkeypatch.chdir(folder.parent.parent)
    assert find_pretrained(f"{folder.parent.name}/model") == Path(folder.parent.name, "model")
    with pytest.raises(ConfigError, match="revision 'v2'"):
        find_pretrained(folder, revision="v2")


@pytest.mark.parametrize(
    "name", ["absent", "./org/name", "../org/name", "/org/name", "org/../name", "org/name/more", "org/", "a b/c", ""]
)
def test_what_is_neither_folder_nor_a_hub_s_name_is_refused(name, tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    if name == "":
        assert find_pretrained(name) == Path()  # the folder one stands in
        return
    with pytest.raises(WeightsError, match="expected a folder"):
        find_pretrained(name)


def test_a_file_is_no_folder(folder):
    with pytest.raises(WeightsError, match="expected a folder"):
        find_pretrained(folder / "config.json")


def test_the_hub_is_asked_for_two_files_of_one_revision(folder, monkeypatch):
    hub = pytest.importorskip("huggingface_hub", reason="the extra 'hub' is not installed")
    asked = {}

    def download(name, **options):
        asked.update(options, name=name)
        return str(folder)

    monkeypatch.setattr(hub, "snapshot_download", download)
    assert find_pretrained("org/name", revision="v2", offline=True) == folder
    assert asked["name"] == "org/name"
    assert asked["revision"] == "v2"
    assert asked["local_files_only"]
    assert asked["allow_patterns"] == ["config.json", "model.safetensors"]


def test_offline_only_what_was_fetched_before_is_found(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub", reason="the extra 'hub' is not installed")
    monkeypatch.chdir(tmp_path)
    real = hub.snapshot_download
    monkeypatch.setattr(hub, "snapshot_download", lambda *a, **k: real(*a, **k, cache_dir=tmp_path / "cache"))
    with pytest.raises(WeightsError, match="org/name: no such folder, and not found among the models fetched before"):
        find_pretrained("org/name", offline=True)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"satlas-super-resolution\[hub\]"):
        find_pretrained("org/name")
