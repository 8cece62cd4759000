"""What TensorBoard and Weights & Biases find in a run's folder, read back with their own readers."""

import struct
import sys
import time
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ssr.errors import ConfigError, MissingExtraError
from ssr.training.boards import TensorBoard, WeightsAndBiases
from ssr.training.recorder import Picture

RED = np.zeros((6, 9, 3), np.uint8)
RED[..., 0] = 200


def events_of(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    return accumulator(str(folder / "tensorboard")).Reload()


def scalars(folder, tag):
    return [(event.step, event.value) for event in events_of(folder).Scalars(tag)]


def tensorboard(folder, **arguments):
    pytest.importorskip("tensorboard")
    return TensorBoard(folder, **arguments)


def test_scalars_and_pictures_are_read_back_by_tensorboard(tmp_path):
    board = tensorboard(tmp_path)
    for step in (1, 2):
        board.record("train", step, {"loss": 1 / step, "learning_rate": 0.5})
    board.record("validation", 2, {"psnr": 30.5}, [Picture("chip-a", RED)])
    board.close()
    assert scalars(tmp_path, "train/loss") == [(1, 1.0), (2, 0.5)]
    assert scalars(tmp_path, "validation/psnr") == [(2, 30.5)]
    events = events_of(tmp_path)
    assert set(events.Tags()["scalars"]) == {"train/loss", "train/learning_rate", "validation/psnr"}
    (picture,) = events.Images("validation/chip-a")
    assert picture.step == 2
    assert np.array_equal(np.asarray(Image.open(BytesIO(picture.encoded_image_string))), RED)


def test_a_resumed_run_shows_no_step_twice(tmp_path):
    """Killed after step 4, taken up after step 2: steps 3 and 4 are those of the second process."""
    killed = tensorboard(tmp_path)
    for step in (1, 2, 3, 4):
        killed.record("train", step, {"loss": 10.0 + step})  # and never closed
    resumed = tensorboard(tmp_path, n_done=2)
    for step in (3, 4, 5):
        resumed.record("train", step, {"loss": 20.0 + step})
    resumed.close()
    assert scalars(tmp_path, "train/loss") == [(1, 11.0), (2, 12.0), (3, 23.0), (4, 24.0), (5, 25.0)]


@pytest.mark.parametrize(
    ("package", "make"),
    [
        ("tensorboard", lambda folder: TensorBoard(folder)),
        ("wandb", lambda folder: WeightsAndBiases(folder, name="run", project="p")),
    ],
)
def test_a_missing_package_names_the_extra(package, make, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(MissingExtraError, match=rf"training\.logging\.{package} needs .*\[logging\]"):
        make(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def without_login(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "NETRC", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


def offline(folder, **arguments):
    return WeightsAndBiases(folder, name="run", project="p", mode="offline", **arguments)


def records_of(path):
    """Steps and figures of a run file, in the order in which they were logged."""
    from wandb.proto.wandb_internal_pb2 import Record

    found = []
    for content in messages_of(path.read_bytes()):
        record = Record.FromString(content)
        if record.WhichOneof("record_type") == "history":
            values = {item.key or ".".join(item.nested_key): item.value_json for item in record.history.item}
            found.append((record.history.step.num, values))
    return found


def messages_of(content):
    """LevelDB's log format: blocks of 32 KiB, in them pieces with checksum, length and kind (1 whole, 4 the last)."""
    at, message = 7, b""
    while at + 7 <= len(content):
        if (1 << 15) - at % (1 << 15) < 7:
            at += (1 << 15) - at % (1 << 15)
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)
        message += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield message
            message = b""


@pytest.mark.slow
@pytest.mark.usefixtures("without_login")
def test_an_offline_run_of_wandb_is_a_folder_to_be_sent_later(tmp_path):
    board = offline(tmp_path, options={"seed": 3})
    board.record("train", 1, {"loss": 0.5})
    board.record("train", 2, {"loss": 0.25})
    board.record("validation", 2, {"psnr": 30.5}, [Picture("chip-a", RED)])
    board.close()
    (run,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert run.stem == f"run-{(tmp_path / 'wandb_id').read_text().strip()}"
    deadline = time.monotonic() + 10  # what writes it is another process
    while len(records_of(run)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first, second = records_of(run)
    assert (first[0], first[1]["train/loss"]) == (1, "0.5")
    assert (second[0], second[1]["train/loss"], second[1]["validation/psnr"]) == (2, "0.25", "30.5")
    (picture,) = run.parent.glob("files/media/images/validation/chip-a_2_*.png")
    assert np.array_equal(np.asarray(Image.open(picture)), RED)


@pytest.mark.slow
@pytest.mark.usefixtures("without_login")
def test_a_resumed_run_of_wandb_has_the_same_id_unless_another_is_named(tmp_path):
    for resume_id in (None, None, "named"):
        offline(tmp_path, resume_id=resume_id).close()
    ids = [path.stem for path in tmp_path.glob("wandb/offline-run-*/run-*.wandb")]
    assert len(ids) == 3
    assert len(set(ids)) == 2
    assert (tmp_path / "wandb_id").read_text() == "named\n"


@pytest.mark.slow
@pytest.mark.usefixtures("without_login")
def test_without_a_login_wandb_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ConfigError, match=r"training\.logging\.wandb: .*wandb login.*mode: offline"):
        WeightsAndBiases(tmp_path, name="run", project="p", mode="online")
