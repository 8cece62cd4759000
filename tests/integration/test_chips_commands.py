"""Do chips and grids come out in the published layout, by the new and by the published commands?"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.conftest import Run, files_below
from tests.support.scenes import (
    read_pixels,
    rrdbnet_options,
    textured,
    tiny_rrdbnet,
    write_chip,
    write_weights,
    write_yaml,
)


def original_options(folder: Path, *, n_revisits: int = 2) -> dict[str, Any]:
    """An option file as the original's users have it, and its weights."""
    write_weights(folder / "net_g.pth", tiny_rrdbnet(n_revisits=n_revisits))
    return {
        "name": "tiny",
        "model_type": "SSRESRGANModel",
        "scale": 4,
        "num_gpu": 1,
        "manual_seed": 0,
        "n_lr_images": n_revisits,
        "data_dir": "chips",
        "save_path": "results",
        "network_g": rrdbnet_options(n_revisits),
        "path": {"pretrain_network_g": "net_g.pth", "param_key_g": "params_ema", "strict_load_g": True},
    }


def write_grid(folder: Path, *, n_dates: int) -> np.ndarray:
    """A whole grid cut from one raster: `t 3 512 512`."""
    frames = textured(n_dates, 512, 512)
    for row in range(16):
        for column in range(16):
            chip = frames[..., 32 * row : 32 * (row + 1), 32 * column : 32 * (column + 1)]
            write_chip(folder / f"{row}_{column}.png", chip)
    return frames


def test_a_folder_of_chips_becomes_numbered_folders(run: Run, tmp_path: Path) -> None:
    chips = [textured(n, 32, 32, seed=n) for n in (8, 3)]
    for name, frames in zip("ab", chips, strict=True):
        write_chip(tmp_path / "chips" / "deep" / f"{name}.png", frames)
    done = run("infer", "chips", "-o", "results", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["n_done"], told["model"], told["save_path"]) == (2, "compact-8", "results")
    assert told["notes"] == ["chips/deep/b.png: 3 date(s) found, 8 wanted; the best are repeated"]
    assert files_below(tmp_path / "results") == {"0/lr.png", "0/sr.png", "1/lr.png", "1/sr.png"}
    np.testing.assert_array_equal(read_pixels(tmp_path / "results/0/lr.png"), chips[0][0].transpose(1, 2, 0))
    assert read_pixels(tmp_path / "results/1/sr.png").shape == (128, 128, 3)


@pytest.mark.slow
def test_an_original_option_file_gives_the_published_layout(run: Run, tmp_path: Path) -> None:
    for k, n_dates in enumerate((2, 1, 4)):
        write_chip(tmp_path / "chips" / f"{k}.png", textured(n_dates, 32, 32, seed=k))
    write_yaml(tmp_path / "options.yml", original_options(tmp_path))
    done = run("ssr.infer", "-opt", "options.yml")
    assert done.returncode == 0, done.stderr
    assert files_below(tmp_path / "results") == {f"{k}/{name}.png" for k in range(3) for name in ("lr", "sr")}
    assert "note: chips/1.png: 1 date(s) found, 2 wanted; the best are repeated" in done.stderr
    assert all(line.startswith("note: ") for line in done.stderr.splitlines())
    shapes = {read_pixels(tmp_path / f"results/{k}/sr.png").shape for k in range(3)}
    assert shapes == {(128, 128, 3)}

    again = run("ssr.infer", "-opt", "options.yml")
    assert (again.returncode, again.stderr.splitlines()[-1]) == (
        2,
        "error: results/0/sr.png: exists already; pass --overwrite to replace it",
    )
    assert run("ssr.infer", "-opt", "options.yml", "--overwrite").returncode == 0


@pytest.mark.slow
def test_a_grid_becomes_one_raster_and_its_cuts(run: Run, tmp_path: Path) -> None:
    frames = write_grid(tmp_path / "chips" / "tile", n_dates=1)
    write_yaml(tmp_path / "options.yml", original_options(tmp_path))
    done = run("ssr.infer_grid", "-opt", "options.yml")
    assert done.returncode == 0, done.stderr
    assert "note: grid tile: 1 date(s) found, 2 wanted; the best are repeated" in done.stderr
    folder = tmp_path / "results" / "tile"
    chips = {(row, column): f"{row}_{column}.png" for row in range(16) for column in range(16)}
    assert files_below(folder) == {*chips.values(), "stitched_sr.png", "stitched_s2.png"}
    np.testing.assert_array_equal(read_pixels(folder / "stitched_s2.png"), frames[0].transpose(1, 2, 0))
    whole = read_pixels(folder / "stitched_sr.png")
    assert whole.shape == (2048, 2048, 3)
    for (row, column), name in chips.items():
        cut = whole[128 * row : 128 * (row + 1), 128 * column : 128 * (column + 1)]
        np.testing.assert_array_equal(read_pixels(folder / name), cut)


@pytest.mark.parametrize("words", [["infer", "options.yml"], ["ssr.infer", "-opt", "options.yml"]], ids=" ".join)
def test_a_native_option_file_serves_both_commands(run: Run, tmp_path: Path, words: list[str]) -> None:
    write_chip(tmp_path / "chips" / "a.png", textured(2, 32, 32))
    options = {"data_dir": "chips", "save_path": "out", "n_revisits": 2, "model": {"type": "bicubic", "scale": 2}}
    write_yaml(tmp_path / "options.yml", options)
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_pixels(tmp_path / "out/0/sr.png").shape == (64, 64, 3)
