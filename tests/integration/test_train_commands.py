"""Does a training run leave weights that the other commands take?"""

import csv
import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from tests.integration.conftest import Run, command, files_below
from tests.support.scenes import textured, tiny_date_fusion, write_chip, write_image, write_weights, write_yaml

WEIGHTS = "experiments/tiny/models/net_g_latest.pth"


def native_options(folder: Path, *, n_steps: int = 2) -> dict[str, Any]:
    """A tiny DateFusion on three generated pictures."""
    for k in range(3):
        write_image(folder / "imagery" / f"{k}.png", textured(1, 80, 90, seed=k)[0])
    return {
        "name": "tiny",
        "model": {"type": "date_fusion", "n_features": 8, "n_date_features": 8, "n_blocks": 1},
        "train_data": {"type": "simulated", "imagery": [{"folder": "imagery"}], "n_revisits": [2], "chip_px": 8},
        "validation_data": {"type": "simulated", "imagery": [{"folder": "imagery"}], "n_revisits": [2], "chip_px": 12},
        "n_validation_batches": 1,
        "training": {
            "n_steps": n_steps,
            "batch_size": 2,
            "log_every": 1,
            "checkpoint_every": 2,
            "schedule": "multistep",
        },
    }


def original_options(folder: Path) -> dict[str, Any]:
    """The published L2 recipe on a generated S2-NAIP layout, with a tiny SRCNN."""
    for k in range(4):
        write_chip(folder / "sentinel2" / f"10_{k}" / "tci.png", textured(3, 32, 32, seed=k))
        write_image(folder / "naip" / "m_1" / f"10_{k}" / "rgb.png", textured(1, 128, 128, seed=k)[0])
    data = {"type": "S2NAIPDataset", "sentinel2_path": "sentinel2", "naip_path": "naip", "n_s2_images": 2}
    return {
        "name": "tiny",
        "model_type": "L2Model",
        "scale": 4,
        "num_gpu": 1,
        "manual_seed": 0,
        "datasets": {"train": data | {"name": "train", "batch_size_per_gpu": 2}},
        "network_g": {"type": "SRCNN", "in_channels": 3, "out_channels": 3, "hidden_channels": 16, "revisits": 2},
        "path": {"pretrain_network_g": None, "strict_load_g": True, "resume_state": None},
        "train": {
            "ema_decay": 0.999,
            "optim_g": {"type": "Adam", "lr": 1e-4, "weight_decay": 0, "betas": [0.9, 0.99]},
            "scheduler": {"type": "MultiStepLR", "milestones": [400], "gamma": 0.5},
            "total_iter": 2,
            "warmup_iter": -1,
        },
        "val": {"val_freq": 5000, "save_img": False},
        "logger": {"print_freq": 1, "save_checkpoint_freq": 5000, "use_tb_logger": True},
    }


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "experiments/tiny/log.jsonl").read_text().splitlines()]


def test_trained_weights_super_resolve_a_scene(run: Run, dates: Path, tmp_path: Path) -> None:
    write_yaml(tmp_path / "tiny.yml", native_options(tmp_path))
    done = run("train", "tiny.yml")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()[:2]] == [["step", "1/2"], ["step", "2/2"]]
    assert f"wrote {WEIGHTS}; validation: psnr" in done.stdout
    events = [(line["event"], line["step"]) for line in log_of(tmp_path)]
    assert events == [("train", 1), ("train", 2), ("validation", 2)]
    with (tmp_path / "experiments/tiny/log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(line["step"], line["loss"]) for line in log_of(tmp_path) if line["event"] == "train"] == [
        (int(row["step"]), float(row["value"])) for row in rows if (row["event"], row["name"]) == ("train", "loss")
    ]
    assert re.search(r"^step 2/2 .*  learning_rate 0\.0001 .* steps/s  .* chips/s  0:00:00 left$", done.stdout, re.M)
    scene = run("scene", dates, "-o", "out.tif", "--model", WEIGHTS, "--json")
    assert scene.returncode == 0, scene.stderr
    assert json.loads(scene.stdout)["model"] == "net_g_latest"


@pytest.mark.slow
def test_a_run_is_not_overwritten_and_a_resumed_one_equals_one_in_a_piece(run: Run, tmp_path: Path) -> None:
    write_yaml(tmp_path / "tiny.yml", native_options(tmp_path, n_steps=2))
    write_yaml(tmp_path / "more.yml", native_options(tmp_path, n_steps=4))
    write_yaml(tmp_path / "piece.yml", native_options(tmp_path, n_steps=4) | {"name": "piece"})
    assert run("train", "tiny.yml").returncode == 0
    before = (tmp_path / WEIGHTS).read_bytes()
    refused = run("train", "tiny.yml")
    assert refused.returncode == 2
    assert refused.stderr == (
        "error: experiments/tiny: holds a run already; resume it (--resume) or choose another name\n"
    )
    assert (tmp_path / WEIGHTS).read_bytes() == before
    assert run("train", "more.yml", "--resume").returncode == 0
    assert run("train", "piece.yml").returncode == 0
    resumed, piece = (
        torch.load(tmp_path / name, weights_only=True)["params"]  # noqa: TID251 - a file this test has made
        for name in (WEIGHTS, WEIGHTS.replace("tiny", "piece"))
    )
    assert resumed.keys() == piece.keys()
    for name in piece:
        torch.testing.assert_close(resumed[name], piece[name], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_an_original_option_file_trains_the_published_recipe(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the file asks for TensorBoard: the extra 'logging' is not installed")
    write_yaml(tmp_path / "options.yml", original_options(tmp_path))
    done = run("ssr.train", "-opt", "options.yml")
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("note: ") for line in done.stderr.splitlines())
    assert [line["step"] for line in log_of(tmp_path) if line["event"] == "train"] == [1, 2]
    content = torch.load(tmp_path / WEIGHTS, weights_only=True)  # noqa: TID251 - a file this test has made
    assert set(content) == {"params", "params_ema", "ssr"}  # the last is what shapes do not tell
    assert len(list((tmp_path / "experiments/tiny/tensorboard").glob("events.out.tfevents.*"))) == 1
    again = run("ssr.train", "-opt", "options.yml", "--auto_resume")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("damage", ["black", "short"])
def test_a_data_set_without_a_usable_pair_names_its_tiles(run: Run, tmp_path: Path, damage: str) -> None:
    options = original_options(tmp_path)
    for k in range(4):
        if damage == "black":
            write_image(tmp_path / "naip" / "m_1" / f"10_{k}" / "rgb.png", 0 * textured(1, 128, 128)[0])
        else:
            write_chip(tmp_path / "sentinel2" / f"10_{k}" / "tci.png", textured(1, 32, 32))
    write_yaml(tmp_path / "options.yml", options)
    done = run("ssr.train", "-opt", "options.yml")
    assert done.returncode == 2
    assert re.match(r"error: step 0: no pair of its batch is of use \(m_1/10_\d: ", done.stderr.splitlines()[-1])
    assert WEIGHTS not in files_below(tmp_path)


@pytest.mark.slow
def test_a_partial_start_says_what_was_loaded_and_skipped_before_the_first_step(run: Run, tmp_path: Path) -> None:
    options = native_options(tmp_path)
    write_weights(tmp_path / "start.pth", tiny_date_fusion(n_date_features=4))
    write_yaml(tmp_path / "tiny.yml", options | {"pretrained": {"path": "start.pth", "strict": False}})
    done = run("train", "tiny.yml")
    assert done.returncode == 0, done.stderr
    notes = done.stderr.splitlines()
    assert re.match(r"note: start\.pth: loaded \d+ of the network's \d+ tensors, \d+\.\d% of its numbers", notes[0])
    assert "note: encoder.first.weight: skipped, (4, 8, 3, 3) in the file, (8, 8, 3, 3) in the network" in done.stderr
    write_yaml(tmp_path / "strict.yml", options | {"name": "strict", "pretrained": {"path": "start.pth"}})
    refused = run("train", "strict.yml")
    assert refused.returncode == 2
    assert "'encoder.first.weight' is (4, 8, 3, 3), expected (8, 8, 3, 3)" in refused.stderr


@pytest.mark.slow
def test_sr3_trains_by_diffusion_and_its_weights_draw_a_scene(run: Run, dates: Path, tmp_path: Path) -> None:
    pytest.importorskip("diffusers", reason="the extra 'diffusion' is not installed")
    sizes = {"n_revisits": 2, "n_features": 8, "multipliers": [1, 2], "n_res_blocks": 1, "attention_levels": [1]}
    options = native_options(tmp_path) | {"p_no_condition": 0.1}
    options["model"] = {"type": "sr3", **sizes, "n_groups": 4, "context": "local", "n_sampling_steps": 2}
    write_yaml(tmp_path / "tiny.yml", options)
    done = run("train", "tiny.yml")
    assert (done.returncode, done.stderr) == (0, "")
    convert = run("weights", "convert", WEIGHTS, "-o", "sr3.safetensors", "--model", "tiny.yml")
    assert convert.returncode == 0, convert.stderr
    # The run's own file says what shapes do not: groups, context, how dates are enlarged.
    drawn = [run("scene", dates, "-o", f"{k}.tif", "--model", w) for k, w in enumerate((WEIGHTS, "sr3.safetensors"))]
    assert [scene.returncode for scene in drawn] == [0, 0], drawn[0].stderr
    first, second = (rasterio.open(tmp_path / f"{k}.tif").read() for k in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_a_run_that_was_terminated_and_resumed_equals_one_in_a_piece(
    run: Run, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """To the bit: weights, training state and losses."""
    options = native_options(tmp_path, n_steps=40)
    options["training"] |= {"checkpoint_every": 7, "n_warmup_steps": 10}
    write_yaml(tmp_path / "tiny.yml", options)
    write_yaml(tmp_path / "piece.yml", options | {"name": "piece"})
    process = start("train", "tiny.yml")
    log = tmp_path / "experiments/tiny/log.jsonl"
    deadline = time.monotonic() + 60
    while not log.is_file() or log.read_text().count("\n") < 5:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    stopped = re.search(r"stopped by SIGTERM after (\d+) of 40 steps; --resume continues", told)
    assert stopped, told
    assert 5 <= int(stopped[1]) < 40
    assert run("train", "tiny.yml", "--resume").returncode == 0
    assert run("train", "piece.yml").returncode == 0
    resumed, piece = (
        {
            file: torch.load(tmp_path / "experiments" / name / file, weights_only=True)  # noqa: TID251 - made here
            for file in ("models/net_g_latest.pth", "training_states/40.state")
        }
        for name in ("tiny", "piece")
    )
    assert_same(resumed, piece)
    both = [
        [json.loads(line) for line in (tmp_path / "experiments" / name / "log.jsonl").read_text().splitlines()]
        for name in ("tiny", "piece")
    ]
    assert [line | {"seconds": 0} for line in both[0]] == [line | {"seconds": 0} for line in both[1]]


@pytest.mark.slow
def test_a_terminal_shows_a_live_table(tmp_path: Path) -> None:
    write_yaml(tmp_path / "tiny.yml", native_options(tmp_path, n_steps=12))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(
        command("train", "tiny.yml"), cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:  # how Linux says that nobody writes any more
        pass
    finally:
        os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert not re.search(r"^step 1/12  l1", text, re.M), "plain lines belong into files"
    assert re.search(r"step 12/12  [\d.]+ steps/s  [\d.]+ chips/s  0:00:00 left  0:00:\d\d elapsed", text)
    assert re.search(r"train, step 12 +validation, step 12", text)
    assert re.search(r"loss +0\.\d{5}", text)
    assert re.search(r"cpsnr +\d+\.\d{5}", text)
    assert text.rstrip().splitlines()[-1].startswith(f"wrote {WEIGHTS}")
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1  # the cursor is given back


@pytest.mark.slow
def test_a_machine_reads_one_object_and_nothing_else(run: Run, tmp_path: Path) -> None:
    write_yaml(tmp_path / "tiny.yml", native_options(tmp_path))
    done = run("train", "tiny.yml", "--json", "--precision", "fp16")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["n_steps"] == 2
    assert [line["loss_scale"] for line in log_of(tmp_path) if line["event"] == "train"] == [65536.0, 65536.0]


@pytest.mark.slow
def test_boards_are_told_of_losses_validations_and_pictures(run: Run, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    options = native_options(tmp_path, n_steps=4)
    options["training"] |= {"logging": {"tensorboard": True}, "validate_every": 2}
    write_yaml(tmp_path / "tiny.yml", options)
    done = run("train", "tiny.yml")
    assert (done.returncode, done.stderr) == (0, "")
    events = reader.EventAccumulator(str(tmp_path / "experiments/tiny/tensorboard")).Reload()
    logged = [(line["step"], line["loss"]) for line in log_of(tmp_path) if line["event"] == "train"]
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [
        (step, pytest.approx(loss, rel=1e-6)) for step, loss in logged
    ]
    assert [event.step for event in events.Scalars("validation/cpsnr")] == [2, 4]
    pictures = events.Tags()["images"]
    assert len(pictures) == 4
    shown = [event for event in events.Images(pictures[0]) if event.step == 4]
    assert [event.width for event in shown] == [4 * 48 + 3 * 6]  # four panels of a chip, three gaps


def assert_same(a: Any, b: Any) -> None:
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        for pair in zip(a, b, strict=True):
            assert_same(*pair)
    else:
        assert a == b
