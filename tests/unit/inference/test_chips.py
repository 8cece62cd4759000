"""Do chips and grids land in the published layout, with the pixels of their dates?"""

from pathlib import Path

import numpy as np
import pytest

from ssr.errors import ImageReadError, OutputError
from ssr.inference.chips import write_chips, write_grid
from ssr.inference.predictor import Predictor
from ssr.scenes.chips import find_grids
from tests.support.scenes import (
    FP32,
    read_pixels,
    textured,
    tiny_date_fusion,
    tiny_rrdbnet,
    truncate,
    unit,
    write_chip,
)

PREDICTOR = Predictor(tiny_rrdbnet(n_revisits=2), FP32)


def make_chips(folder: Path, n_dates: list[int]) -> list[Path]:
    return [write_chip(folder / f"{k}.png", textured(n, 32, 32, seed=k)) for k, n in enumerate(n_dates)]


def bytes_of(result: np.ndarray) -> np.ndarray:
    return np.rint(result * 255).astype(np.uint8).transpose(1, 2, 0)


def test_each_chip_gets_its_number_its_first_date_and_its_result(tmp_path: Path) -> None:
    paths, out = make_chips(tmp_path / "in", [2] * 18), tmp_path / "out"
    assert write_chips(PREDICTOR, paths, out, n_revisits=2, overwrite=False) == []
    assert sorted(int(p.name) for p in out.iterdir()) == list(range(18))
    for k in (0, 15, 16, 17):
        frames = textured(2, 32, 32, seed=k)
        assert sorted(p.name for p in (out / str(k)).iterdir()) == ["lr.png", "sr.png"]
        np.testing.assert_array_equal(read_pixels(out / str(k) / "lr.png"), frames[0].transpose(1, 2, 0))
        super_res, alone = read_pixels(out / str(k) / "sr.png"), bytes_of(PREDICTOR.predict(unit(frames)[None])[0])
        assert super_res.shape == (128, 128, 3)
        assert np.abs(super_res.astype(int) - alone).max() <= 1  # another batch size: one step of rounding


def test_chips_with_too_few_dates_are_noted_by_name(tmp_path: Path) -> None:
    paths = make_chips(tmp_path / "in", [2, 1, 3])
    notes = write_chips(PREDICTOR, paths, tmp_path / "out", n_revisits=2, overwrite=False)
    assert notes == [f"{paths[1]}: 1 date(s) found, 2 wanted; the best are repeated"]


def test_cloudy_and_empty_dates_are_left_out_when_there_are_enough(tmp_path: Path) -> None:
    clear = textured(4, 32, 32)
    clear[1], clear[2] = 0, 250
    write_chips(PREDICTOR, [write_chip(tmp_path / "a.png", clear)], tmp_path / "out", n_revisits=2, overwrite=False)
    expected = bytes_of(PREDICTOR.predict(unit(clear[[0, 3]])[None])[0])
    np.testing.assert_array_equal(read_pixels(tmp_path / "out" / "0" / "sr.png"), expected)


def test_a_bad_chip_stops_all_before_anything_is_written(tmp_path: Path) -> None:
    paths = make_chips(tmp_path / "in", [2] * 3)
    truncate(paths[2])
    with pytest.raises(ImageReadError, match=r"2\.png"):
        write_chips(PREDICTOR, paths, tmp_path / "out", n_revisits=2, overwrite=False)
    assert not (tmp_path / "out").exists()


def test_former_results_are_kept_unless_told_to_replace_them(tmp_path: Path) -> None:
    paths, out = make_chips(tmp_path / "in", [2, 2]), tmp_path / "out"
    former = write_chip(out / "1" / "sr.png", textured(1, 8, 8)).read_bytes()
    with pytest.raises(OutputError, match=r"1/sr\.png: exists already"):
        write_chips(PREDICTOR, paths, out, n_revisits=2, overwrite=False)
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png")) == ["1/sr.png"]
    assert (out / "1" / "sr.png").read_bytes() == former
    write_chips(PREDICTOR, paths, out, n_revisits=2, overwrite=True)
    assert read_pixels(out / "1" / "sr.png").shape == (128, 128, 3)


def test_a_grid_with_absent_chips_is_noted_and_black_there(tmp_path: Path) -> None:
    for name, seed in (("0_0", 1), ("15_15", 2)):
        write_chip(tmp_path / "in" / "tile" / f"{name}.png", textured(1, 32, 32, seed=seed))
    predictor = Predictor(tiny_date_fusion(scale=1), FP32)
    (grid,) = find_grids(tmp_path / "in")
    notes = write_grid(predictor, grid, tmp_path / "out", n_revisits=2)
    assert notes == [
        "grid tile: 1 date(s) found, 2 wanted; the best are repeated",
        "grid tile: 254 of 256 chips are absent and left black",
    ]
    folder = tmp_path / "out" / "tile"
    whole = read_pixels(folder / "stitched_sr.png")
    np.testing.assert_array_equal(read_pixels(folder / "0_0.png"), whole[:32, :32])
    np.testing.assert_array_equal(read_pixels(folder / "15_15.png"), whole[-32:, -32:])
    assert whole[:32, :32].min() > 0
    assert not whole[32:-32].any()
    assert sorted(p.name for p in folder.iterdir()) == ["0_0.png", "15_15.png", "stitched_s2.png", "stitched_sr.png"]
