"""Weights from real files of every kind, good and bad, and files that are never half written."""

import hashlib
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ssr.checkpoints.files import read_training_state, read_weights, sha256_of, write_safetensors, write_torch
from ssr.errors import OutputError, WeightsError

STATE = {"first.weight": torch.arange(6.0).view(2, 3), "first.bias": torch.tensor([1.0, -1.0])}
AVERAGE = {name: tensor + 100 for name, tensor in STATE.items()}


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def assert_state(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(state) == list(expected)
    assert all(torch.equal(state[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        ({"params": STATE, "params_ema": AVERAGE}, None, AVERAGE),
        ({"params": STATE, "params_ema": AVERAGE}, "params", STATE),
        ({"params": STATE, "params_ema": AVERAGE}, "params_ema", AVERAGE),
        ({"params": STATE}, None, STATE),
        ({"params": STATE}, "params_ema", STATE),
        ({"params_ema": AVERAGE}, None, AVERAGE),
        ({"params": STATE, "epoch": 3}, None, STATE),
        ({"params": STATE, "mine": AVERAGE}, "mine", AVERAGE),
        (STATE, None, STATE),
        (STATE, "params_ema", STATE),
        ({f"module.{name}": tensor for name, tensor in STATE.items()}, None, STATE),
        ({"params": {f"module.{name}": tensor for name, tensor in STATE.items()}}, None, STATE),
    ],
)
def test_every_published_form_is_read(content, key, expected, tmp_path):
    assert_state(read_weights(saved(tmp_path / "net_g.pth", content), key=key), expected)


def test_files_of_old_torch_are_read(tmp_path):
    path = tmp_path / "old.pth"
    torch.save({"params": STATE}, path, _use_new_zipfile_serialization=False)
    assert_state(read_weights(path), STATE)


def test_safetensors_are_read(tmp_path):
    save_file(STATE, tmp_path / "net.safetensors")
    state = read_weights(tmp_path / "net.safetensors")
    assert_state(dict(sorted(state.items())), dict(sorted(STATE.items())))


@pytest.mark.parametrize(
    ("content", "key"), [({"params": STATE}, "mine"), ({"params_ema": AVERAGE}, "params"), ({"params": STATE}, "ema")]
)
def test_absent_entry_names_those_that_there_are(content, key, tmp_path):
    with pytest.raises(WeightsError, match=rf"net_g\.pth.*'{key}'.*{next(iter(content))}"):
        read_weights(saved(tmp_path / "net_g.pth", content), key=key)


BAD_BYTES = {
    "empty": b"",
    "text": b"hello world\n",
    "text_error": b"error: no such object\n",
    "text_access": b"access denied",
    "html": b"<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>",
    "json": b'{"error": "not found"}',
    "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 134\n",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "zip_start": b"PK\x03\x04" + bytes(64),
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("kind", BAD_BYTES)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_file_that_holds_no_weights_is_named(kind, suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(BAD_BYTES[kind])
    with pytest.raises(WeightsError, match=f"weights{suffix}") as raised:
        read_weights(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("is_zip", [True, False])
def test_file_truncated_anywhere_is_named(is_zip, tmp_path):
    whole = saved_bytes(tmp_path / "whole.pth", is_zip)
    path = tmp_path / "part.pth"
    for size in range(0, len(whole) - 1, max(1, len(whole) // 40)):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match=r"part\.pth"):
            read_weights(path)


def saved_bytes(path: Path, is_zip: bool) -> bytes:
    torch.save({"params": STATE}, path, _use_new_zipfile_serialization=is_zip)
    return path.read_bytes()


def test_truncated_safetensors_are_named(tmp_path):
    path = tmp_path / "part.safetensors"
    save_file(STATE, path)
    whole = path.read_bytes()
    for size in (4, 40, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match=r"part\.safetensors"):
            read_weights(path)


@pytest.mark.parametrize(("given", "claimed"), [(".safetensors", ".pth"), (".pth", ".safetensors")])
def test_wrong_extension_is_an_error_not_a_crash(given, claimed, tmp_path):
    path = tmp_path / f"weights{given}"
    if given == ".pth":
        saved(path, STATE)
    else:
        save_file(STATE, path)
    wrong = path.rename(tmp_path / f"wrong{claimed}")
    with pytest.raises(WeightsError, match=f"wrong{claimed}"):
        read_weights(wrong)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"params": {}},
        {"params": STATE["first.bias"]},
        {"params": None},
        {"params": {"first.weight": 3}},
        {"state_dict": STATE},
        {"first.weight": STATE["first.weight"], "epoch": 3},
        {0: STATE["first.bias"]},
        {"params": {0: STATE["first.bias"]}},
        [STATE["first.bias"]],
        STATE["first.bias"],
        3,
    ],
    ids=lambda content: repr(content)[:40].replace("\n", ""),
)
def test_content_that_is_no_mapping_of_names_to_tensors_is_named(content, tmp_path):
    with pytest.raises(WeightsError, match=r"other\.pth"):
        read_weights(saved(tmp_path / "other.pth", content))


@pytest.mark.parametrize("read", [read_weights, read_training_state])
def test_absent_file_and_folder_are_named(read, tmp_path):
    for path in (tmp_path / "absent.pth", tmp_path):
        with pytest.raises(WeightsError, match=path.name):
            read(path)


class Touches:
    """Unpickled the ordinary way, this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writes", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".state"])
def test_code_in_a_file_is_not_run(writes, suffix, tmp_path):
    path, trace = tmp_path / f"evil{suffix}", tmp_path / "trace"
    writes({"params": Touches(trace), **STATE}, path)
    for read in (read_weights, read_training_state):
        with pytest.raises(WeightsError, match=f"evil{suffix}"):
            read(path)
    assert not trace.exists()


def test_training_state_comes_back_as_it_was(tmp_path):
    content = {"iter": 7, "step": {"network": STATE, "betas": (0.9, 0.99), "name": "a", "list": [1, None, True]}}
    write_torch(tmp_path / "new" / "7.state", content)
    state = read_training_state(tmp_path / "new" / "7.state")
    assert_state(state["step"].pop("network"), content["step"].pop("network"))
    assert state == content


def test_safetensors_keep_values_and_metadata(tmp_path):
    state = {"view": torch.arange(12.0).view(3, 4).T, "half": torch.ones(2, dtype=torch.bfloat16)}
    write_safetensors(tmp_path / "out.safetensors", state, metadata={"trained on": "photographs"})
    assert_state(dict(sorted(load_file(tmp_path / "out.safetensors").items())), dict(sorted(state.items())))
    assert b"photographs" in (tmp_path / "out.safetensors").read_bytes()


def write_pth(path: Path) -> None:
    write_torch(path, STATE)


def write_tensors(path: Path) -> None:
    write_safetensors(path, STATE, metadata={})


@pytest.mark.parametrize("write", [write_pth, write_tensors])
def test_writing_replaces_the_file_and_leaves_nothing_beside_it(write, tmp_path):
    (tmp_path / "a.safetensors").write_text("old")
    write(tmp_path / "a.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
    assert (tmp_path / "a.safetensors").read_bytes() != b"old"


@pytest.mark.parametrize("write", [write_pth, write_tensors])
@pytest.mark.parametrize("place", ["folder", "file/below.pth", "n" * 252 + ".pth"])
def test_failed_writing_is_an_error_and_leaves_nothing_behind(write, place, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    with pytest.raises(OutputError, match=Path(place).name[:20]):
        write(tmp_path / place)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "old"


def test_failed_content_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.safetensors"
    write_safetensors(path, STATE, metadata={})
    shared = torch.zeros(4)
    with pytest.raises(OutputError, match="kept"):
        write_safetensors(path, {"a": shared, "b": shared}, metadata={})
    assert_state(dict(sorted(load_file(path).items())), dict(sorted(STATE.items())))
    assert [path.name for path in tmp_path.iterdir()] == ["kept.safetensors"]


def test_digest_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
