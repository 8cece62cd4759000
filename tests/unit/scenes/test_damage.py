"""Does a damaged date cost that date and no more, and is it never taken for dark ground or missing data?"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from ssr.errors import ImageReadError, SSRError
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from tests.support.scenes import textured, truncate, unit, write_image, write_series, write_tiff
from tests.support.sentinel2 import write_jp2, write_safe

FRAMES = textured(3, 40, 44)
SIDE_PX = 1100
"""More than one tile of a JPEG 2000."""


def cut_tiff(path: Path) -> Path:
    return truncate(write_tiff(path.with_suffix(".tif"), FRAMES[1]), 0.7)


def cut_png(path: Path) -> Path:
    return truncate(write_image(path.with_suffix(".png"), FRAMES[1]), 0.7)


def damaged_blocks(path: Path) -> Path:
    damaged = write_tiff(path.with_suffix(".tif"), FRAMES[1], compress="deflate", blockysize=8)
    content = damaged.read_bytes()
    half = len(content) // 2
    damaged.write_bytes(content[:half] + b"\xff" * 400 + content[half + 400 :])
    return damaged


DAMAGES: list[Callable[[Path], Path]] = [cut_tiff, cut_png, damaged_blocks]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_date_is_left_out_and_named(tmp_path: Path, damage: Callable[[Path], Path]) -> None:
    suffix = ".png" if damage is cut_png else ".tif"
    whole = write_image if suffix == ".png" else write_tiff
    for k in (0, 2):
        whole(tmp_path / f"date_{k}{suffix}", FRAMES[k])
    path = damage(tmp_path / "date_1")
    with open_series([tmp_path]) as series:
        assert series.names == (f"date_0{suffix}", f"date_2{suffix}")
        (note,) = series.notes
        assert re.match(rf"{re.escape(path.name)}: left out \(.*date_1.*cannot be", note)
        assert series.n_dates == len(series.acquisitions) == len(series.preview()) == 2
        np.testing.assert_array_equal(series.read(slice(0, 40), slice(0, 44), [0, 1]), unit(FRAMES[[0, 2]]))


def test_the_result_is_that_of_the_series_without_the_damaged_date(tmp_path: Path) -> None:
    """A damaged date that shows other ground has no say in the grid either."""
    with open_series(write_series(tmp_path / "whole", FRAMES[:2])) as series:
        expected = series.grid
    paths = write_series(tmp_path / "dates", FRAMES[:2])
    write_tiff(tmp_path / "dates" / "other.tif", FRAMES[2][:, :20], crs="EPSG:32634")
    truncate(tmp_path / "dates" / "other.tif", 0.7)
    with open_series([*paths, tmp_path / "dates" / "other.tif"]) as series:
        assert series.grid == expected
        assert len(series.notes) == 1


def test_where_every_date_is_damaged_the_first_is_named_and_the_rest_counted(tmp_path: Path) -> None:
    paths = [truncate(path, 0.7) for path in write_series(tmp_path, FRAMES)]
    with pytest.raises(ImageReadError, match=r"date_0\.tif: cannot be .*; 2 more cannot be read either"):
        open_series(paths)
    with pytest.raises(ImageReadError, match=r"date_0\.tif: cannot be decoded") as raised:
        open_series(paths[:1])
    assert "more" not in str(raised.value)


def test_a_date_that_does_not_suit_is_no_damage(tmp_path: Path) -> None:
    """Its bands are the user's to name: going on without it would hide a mistake."""
    paths = write_series(tmp_path, FRAMES[:2])
    write_tiff(tmp_path / "grey.tif", FRAMES[2][:1])
    with pytest.raises(SSRError, match=r"grey\.tif: has 1 band"):
        open_series([*paths, tmp_path / "grey.tif"])


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_of_a_jpeg_2000_that_was_cut_off_nothing_is_taken_for_missing_data(tmp_path: Path, share: float) -> None:
    """Its thinned view alone would show nothing where it was cut off, and say nothing of it."""
    paths = [write_jp2(tmp_path / f"2020060{k}_TCI.jp2", textured(1, 540, 540)[0], 10) for k in (1, 2)]
    truncate(paths[1], share)
    with open_series(paths) as series:
        assert series.names == (paths[0].name,)
        assert "20200602_TCI.jp2" in series.notes[0]


def test_a_damaged_product_is_left_out(tmp_path: Path) -> None:
    whole, cut = (write_safe(tmp_path, sensed=f"2020-06-0{k}T10:00:31.024Z") for k in (1, 2))
    truncate(next(cut.rglob("*_TCI.jp2")), 0.6)
    with open_series([whole, cut]) as series:
        assert series.names == (whole.name,)
        assert series.notes[0].startswith(f"{cut.name}: left out (")


def test_what_is_damaged_where_nobody_looked_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """A thinned view of a file with overviews does not see all of it."""
    frame = textured(1, SIDE_PX, SIDE_PX)[0]
    path = write_tiff(tmp_path / "a.tif", frame, tiled=True, blockxsize=256, blockysize=256, compress="deflate")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2], Resampling.average)
    with rasterio.open(path) as dataset:
        at = int(dataset.get_tag_item("BLOCK_OFFSET_2_2", "TIFF", bidx=1))
    content = path.read_bytes()
    path.write_bytes(content[:at] + bytes(100) + content[at + 100 :])
    with open_series([path]) as series:
        series.preview()
        series.read(slice(0, 9), slice(0, 9), [0])
        with pytest.raises(
            ImageReadError, match=r"a\.tif: .*rows 600…609.*get the file again or leave it out, and run"
        ):
            series.read(slice(600, 609), slice(600, 609), [0])


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_date_that_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    paths = write_series(tmp_path, FRAMES)
    paths[1].chmod(0)
    with open_series(paths, rules=Rules(white_dn=255)) as series:
        assert series.names == ("date_0.tif", "date_2.tif")


def test_files_of_dates_that_are_left_out_are_closed(tmp_path: Path) -> None:
    paths = write_series(tmp_path, FRAMES)
    truncate(paths[1], 0.7)
    with open_series(paths):
        pass
    open_files = {link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists()}
    assert not open_files & set(paths)
