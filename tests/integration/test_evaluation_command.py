"""`ssr test` and `ssr report` as a user runs them."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch

from ssr.metrics.pixelwise import psnr, rounded_to_bytes
from ssr.models.bicubic import Bicubic
from tests.integration.conftest import Run, files_below
from tests.support.scenes import (
    read_pixels,
    rrdbnet_options,
    textured,
    tiny_rrdbnet,
    truncate,
    unit,
    write_image,
    write_weights,
    write_yaml,
)
from tests.support.tolerances import METRIC
from tests.unit.data.layouts import write_s2naip_pair

TEST = {
    "name": "compared",
    "models": [{"name": "bicubic", "model": "bicubic"}, {"name": "held", "model": "bicubic", "fidelity": 1.0}],
    "data": {"pairs": {"type": "pairs", "folder": "pairs"}},
    "metrics": {"measures": ["psnr", "cpsnr"]},
    "n_dates": [1, 3],
    "batch_size": 2,
}


def write_pairs(folder: Path, n: int = 5, n_dates: int = 3) -> None:
    for k in range(n):
        fine = textured(1, 64, 64, seed=k)[0]
        write_image(folder / f"place{k}_hr.png", fine)
        coarse = fine.reshape(3, 16, 4, 16, 4).mean((2, 4))
        for date in range(n_dates):
            write_image(folder / f"place{k}_lr{date}.png", np.clip(coarse + 3 * date, 1, 255).astype(np.uint8))


@pytest.fixture
def options(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "pairs")
    return write_yaml(tmp_path / "test.yml", TEST)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "samples.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_test_writes_its_tables_and_a_report_shows_them(run: Run, tmp_path: Path, options: Path) -> None:
    done = run("test", options)
    assert done.returncode == 0, done.stderr
    assert "pairs, 5 samples: measures as the literature defines them" in done.stdout
    assert "pairs, 5 samples: measures as Satlas Super Resolution computes them" in done.stdout
    folder = tmp_path / "results" / "compared"
    rows = rows_of(folder)
    assert len(rows) == 5 * 2 * 2
    first = next(row for row in rows if (row["sample"], row["model"], row["n_dates"]) == ("place0", "bicubic", "1"))
    low_res = unit(read_pixels(tmp_path / "pairs/place0_lr0.png").transpose(2, 0, 1))
    truth = unit(read_pixels(tmp_path / "pairs/place0_hr.png").transpose(2, 0, 1))
    made = Bicubic(scale=4)(torch.from_numpy(low_res)[None, None])
    expected = psnr(rounded_to_bytes(made), rounded_to_bytes(torch.from_numpy(truth)[None]), border_px=4)
    assert float(first["psnr"]) == pytest.approx(float(expected), abs=METRIC)
    typed = pyarrow.parquet.read_table(folder / "samples.parquet").to_pylist()
    assert [f"{row['psnr']}" for row in typed] == [row["psnr"] for row in rows]
    done = run("report", folder, "-o", "page.html")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text()
    assert "Real pairs" in page
    assert "Made-up pairs" not in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert json.loads((tmp_path / "page.json").read_text())["sections"][0]["summary"]["n_samples"] == 5


def test_results_are_not_overwritten_unasked_and_finished_parts_are_kept(
    run: Run, tmp_path: Path, options: Path
) -> None:
    assert run("test", options).returncode == 0
    refused = run("test", options)
    assert refused.returncode == 2
    assert (
        "holds results; pass --resume (--auto_resume with -opt) to go on or --overwrite to start anew" in refused.stderr
    )
    parts = tmp_path / "results/compared/parts/pairs"
    (parts / "held.json").unlink()
    before = (parts / "bicubic.parquet").stat().st_mtime_ns
    resumed = run("test", options, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "held on pairs" in resumed.stdout
    assert "bicubic on pairs" not in resumed.stdout
    assert (parts / "bicubic.parquet").stat().st_mtime_ns == before
    changed = run("test", options, "--resume", "--set", "n_dates=[2]")
    assert changed.returncode == 2
    assert "was made with other options (n_dates)" in changed.stderr
    anew = run("test", options, "--overwrite", "--set", "n_dates=[2]")
    assert anew.returncode == 0, anew.stderr
    assert {row["n_dates"] for row in rows_of(tmp_path / "results/compared")} == {"2"}


def test_what_cannot_be_used_is_left_out_and_listed(run: Run, tmp_path: Path, options: Path) -> None:
    truncate(tmp_path / "pairs/place1_lr1.png")
    for date in range(3):
        (tmp_path / f"pairs/place3_lr{date}.png").unlink()
    write_image(tmp_path / "pairs/place4_lr2.png", textured(1, 8, 8)[0])
    done = run("test", options, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_left_out"] == {"pairs": 3}
    assert {row["sample"] for row in rows_of(tmp_path / "results/compared")} == {"place0", "place2"}
    with (tmp_path / "results/compared/left_out.csv").open() as file:
        left_out = {row["sample"]: (row["kind"], row["why"]) for row in csv.DictReader(file)}
    assert {name: kind for name, (kind, _) in left_out.items()} == {
        "place1": "corrupt",
        "place3": "missing",
        "place4": "misaligned",
    }
    assert "place1_lr1.png" in left_out["place1"][1]


def test_an_original_option_file_is_tested_as_published(run: Run, tmp_path: Path) -> None:
    for k in range(3):
        write_s2naip_pair(tmp_path, f"10_{k}", n_dates=3, has_black_truth=k == 1)
    write_weights(tmp_path / "net.pth", tiny_rrdbnet())
    crop = {"crop_border": 4, "test_y_channel": False}
    metrics = {name: {"type": f"calculate_{name}", **crop} for name in ("psnr", "ssim", "cpsnr")}
    data = {"type": "S2NAIPDataset", "sentinel2_path": "sentinel2", "naip_path": "naip", "n_s2_images": 2}
    options = {
        "name": "published",
        "model_type": "SSRESRGANModel",
        "scale": 4,
        "num_gpu": "auto",
        "manual_seed": 0,
        "test_datasets": {"any": {"name": "small", "phase": "test", "scale": 4, **data}},
        "network_g": rrdbnet_options(2),
        "path": {"pretrain_network_g": "net.pth", "param_key_g": "params_ema", "strict_load_g": True},
        "val": {"metrics": metrics},
        "test": {"save_img": True, "metrics": metrics},
    }
    done = run("ssr.test", "-opt", write_yaml(tmp_path / "original.yml", options))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "results/published/visualization"
    expected = {f"small/{k}_published{end}.png" for k in (0, 2) for end in ("", "_gt")}
    assert files_below(folder) == expected
    truth = read_pixels(tmp_path / "naip/m_2608053_sw_17_060_20191203/10_2/rgb.png")
    np.testing.assert_array_equal(read_pixels(folder / "small/2_published_gt.png"), truth)
    corrected, original = re.findall(r"small, 2 samples: (.*)\n.*published\n((?:  .+\n?)+)", done.stdout)
    assert corrected[0] == "measures as the literature defines them"
    assert original[0] == "measures as Satlas Super Resolution computes them"
    for _, table in (corrected, original):
        assert [line.split()[0] for line in table.splitlines()] == ["cpsnr", "psnr", "ssim"]
    assert "1 sample left out" in done.stderr


def test_interrupted_it_leaves_what_is_finished_and_nothing_half_written(
    start: Callable[..., "subprocess.Popen[str]"], run: Run, tmp_path: Path
) -> None:
    write_pairs(tmp_path / "pairs", n=3)
    write_pairs(tmp_path / "many", n=200, n_dates=1)
    data = {"few": {"type": "pairs", "folder": "pairs"}, "many": {"type": "pairs", "folder": "many"}}
    write_yaml(tmp_path / "test.yml", TEST | {"data": data})
    running = start("test", "test.yml")
    first = tmp_path / "results/compared/parts/few/held.json"
    deadline = time.monotonic() + 90
    while not first.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "what is finished is kept; --resume goes on" in told
    found = files_below(tmp_path / "results")
    assert {f"compared/parts/few/{name}.{end}" for name in ("bicubic", "held") for end in ("json", "parquet")} <= found
    assert not [name for name in found if "/." in name]
    refused = run("report", "results/compared")
    assert refused.returncode == 2
    assert "the test is not finished" in refused.stderr


@pytest.mark.slow
def test_two_processes_find_what_one_finds_to_the_bit(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", n=7)
    truncate(tmp_path / "pairs/place2_lr1.png")
    found = {}
    for name, launch in (("one", []), ("two", ["torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m"])):
        write_yaml(tmp_path / f"{name}.yml", TEST | {"name": name})
        command = [sys.executable, "-m", *launch, "ssr.test", "-opt", f"{name}.yml"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240, env=environment
        )
        assert done.returncode == 0, done.stderr
        folder = tmp_path / "results" / name
        found[name] = ((folder / "samples.csv").read_text(), (folder / "left_out.csv").read_text())
        assert done.stdout.count("measures as the literature defines them") == 1  # the first alone speaks
        assert not [path for path in files_below(folder) if "share" in path]
    assert found["one"] == found["two"]
    assert found["one"][0].count("\n") == 1 + 6 * 2 * 2
