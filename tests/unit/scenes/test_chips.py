"""Are stacked dates taken apart as they lie, and is every other image refused by name?"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssr.errors import ImageReadError, InputError, SeriesError
from ssr.scenes.chips import ChipGrid, find_chips, find_grids, read_chip, read_grid
from tests.support.scenes import textured, truncate, write_chip, write_image

FRAMES = textured(4, 32, 32)


@pytest.mark.parametrize("n_dates", [1, 4])
def test_dates_are_read_from_top_to_bottom(tmp_path: Path, n_dates: int) -> None:
    np.testing.assert_array_equal(read_chip(write_chip(tmp_path / "a.png", FRAMES[:n_dates])), FRAMES[:n_dates])


@pytest.mark.parametrize(("height", "width"), [(33, 32), (31, 32), (1, 32), (32, 31), (64, 64), (32, 320)])
def test_other_sizes_are_refused_with_what_was_found(tmp_path: Path, height: int, width: int) -> None:
    path = write_image(tmp_path / "odd.png", textured(1, height, width)[0])
    with pytest.raises(ImageReadError, match=rf"odd\.png: is {height} px high and {width} px wide, expected a stack"):
        read_chip(path)


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    cut = truncate(write_chip(tmp_path / "cut.png", FRAMES))
    for path in (tmp_path / "bad.png", cut, tmp_path / "absent.png"):
        with pytest.raises(ImageReadError, match=path.name):
            read_chip(path)


def test_a_grey_chip_has_three_equal_channels(tmp_path: Path) -> None:
    grey = FRAMES[0, 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_chip(tmp_path / "grey.png"), np.broadcast_to(grey, (1, 3, 32, 32)))


def test_a_sixteen_bit_chip_is_refused_rather_than_clipped(tmp_path: Path) -> None:
    Image.fromarray(FRAMES[0, 0].astype(np.uint16) * 100).save(tmp_path / "deep.png")
    with pytest.raises(ImageReadError, match=r"deep\.png"):
        read_chip(tmp_path / "deep.png")


def test_chips_are_found_below_a_folder_by_path(tmp_path: Path) -> None:
    names = ["a/2.png", "a/10.png", "b.png", "c/d/e.png"]
    for name in names:
        write_chip(tmp_path / name, FRAMES[:1])
    (tmp_path / "notes.txt").touch()
    assert find_chips(tmp_path) == sorted(tmp_path / name for name in names)


def test_no_chips_and_no_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images"):
        find_chips(tmp_path)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        find_chips(tmp_path / "nowhere")


def test_grids_are_found_by_tile_and_other_names_left_out(tmp_path: Path) -> None:
    for name in (
        "t1/0_0.png",
        "t1/15_3.png",
        "t1/16_0.png",
        "t1/0_16.png",
        "t1/x_1.png",
        "t1/lr.png",
        "deep/t2/1_2.png",
    ):
        write_chip(tmp_path / name, FRAMES[:1])
    assert {grid.tile: sorted(grid.chips) for grid in find_grids(tmp_path)} == {
        "t1": [(0, 0), (15, 3)],
        "deep/t2": [(1, 2)],
    }


def test_no_grid_is_named(tmp_path: Path) -> None:
    write_chip(tmp_path / "a.png", FRAMES)
    with pytest.raises(InputError, match="no grid; expected <tile>/<row>_<column>"):
        find_grids(tmp_path)


def test_tiles_of_one_name_in_two_folders_do_not_share_a_place(tmp_path: Path) -> None:
    """Results go to `<save_path>/<tile>`: equal names would overwrite each other."""
    for parent in ("2020", "2021"):
        write_chip(tmp_path / parent / "tile" / "0_0.png", FRAMES)
    try:
        tiles = [grid.tile for grid in find_grids(tmp_path)]
    except InputError:
        return
    assert len(set(tiles)) == 2


def test_a_grid_puts_each_chip_in_its_place_and_zero_elsewhere(tmp_path: Path) -> None:
    places = [(0, 0), (2, 15), (15, 1)]
    frames = {place: textured(2, 32, 32, seed=k) for k, place in enumerate(places)}
    chips = {place: write_chip(tmp_path / "{}_{}.png".format(*place), frames[place]) for place in places}
    series = read_grid(ChipGrid("tile", chips))
    assert (series.shape, series.dtype) == ((2, 3, 512, 512), np.uint8)
    for (row, column), chip in frames.items():
        square = series[:, :, 32 * row : 32 * (row + 1), 32 * column : 32 * (column + 1)]
        np.testing.assert_array_equal(square, chip)
        square[:] = 0
    assert not series.any()


def test_unequal_numbers_of_dates_name_the_shorter_chip(tmp_path: Path) -> None:
    chips = {(0, k): write_chip(tmp_path / f"0_{k}.png", FRAMES[:n]) for k, n in enumerate((3, 2, 3))}
    with pytest.raises(SeriesError, match=r"0_1\.png: has 2 dates where other chips of grid tile have 3"):
        read_grid(ChipGrid("tile", chips))
