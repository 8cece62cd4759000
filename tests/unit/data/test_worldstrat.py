"""Is WorldStrat read with red first, each value divided once, and crops that lie on the same ground?"""

import numpy as np
import pytest
import torch

from ssr.data.samples import Flaw, flaw_of
from ssr.data.worldstrat import WorldStratPairs, read_splits
from ssr.errors import ImageReadError, InputError
from tests.support.tolerances import BYTE_STEP, FLOAT32
from tests.unit.data.layouts import ramp, save, write_worldstrat_tile

SPACED = "Amnesty POI-1-2-3"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pairs(root, *, tiles=("A",), n_revisits=2):
    return WorldStratPairs(root / "lr", root / "hr", tiles=tiles, n_revisits=n_revisits, chip_px=40)


def test_channels_are_red_green_blue_and_divided_once(tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=2)
    sample = pairs(tmp_path).draw(0, generator())
    assert sample.low_res.shape == (2, 3, 40, 40)
    assert sample.high_res.shape == (3, 160, 160)
    for image in (sample.low_res[0], sample.high_res):
        red, green, blue = image.mean((1, 2))
        assert green / red == pytest.approx(3 / 4, abs=0.02)
        assert blue / red == pytest.approx(2 / 4, abs=0.02)
    assert sample.high_res[0].min() >= 0.2 * 4 / 20 - BYTE_STEP
    assert sample.high_res[0].max() <= 0.8 * 4 / 20 + BYTE_STEP


@pytest.mark.parametrize("seed", range(5))
def test_crops_of_both_lie_on_the_same_ground(seed, tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=2)
    sample = pairs(tmp_path).draw(0, generator(seed))
    averaged = sample.high_res.reshape(3, 40, 4, 40, 4).mean((2, 4))
    assert np.abs(averaged - sample.low_res[0]).max() <= BYTE_STEP / 2 + FLOAT32


def test_crops_differ_and_the_generator_decides(tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=2)
    drawn = [pairs(tmp_path).draw(0, generator(seed)).high_res.tobytes() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_images_of_another_size_are_brought_to_the_published_one(tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=1, low_res_px=80, truth_px=1280)
    dates, truth = pairs(tmp_path, n_revisits=1)._read(0)
    assert dates.shape == (1, 3, 160, 160)
    assert truth.shape == (3, 640, 640)
    # Away from the edges, a ramp is a ramp at every size.
    assert np.abs(dates[0, 0] - ramp(160) * 4 / 20)[4:-4, 4:-4].max() <= FLOAT32
    assert np.abs(truth[0] - ramp(640) * 4 / 20)[4:-4, 4:-4].max() <= BYTE_STEP / 2 + FLOAT32


def test_any_revisit_may_be_drawn(tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=11)
    samples = pairs(tmp_path, n_revisits=11)
    assert samples.draw(0, generator()).low_res.shape[0] == 11


def test_too_few_revisits_are_a_flaw(tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=1)
    assert isinstance(pairs(tmp_path).draw(0, generator()), Flaw)
    assert flaw_of(pairs(tmp_path), 0).kind == "short"


def test_black_truth_is_a_flaw_only_where_no_crop_avoids_it(tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=2)
    truth = np.full((640, 640, 3), 9, np.uint8)
    truth[:, 200:] = 0
    save(tmp_path / "hr" / "A" / "A_rgb.png", truth)
    assert (pairs(tmp_path).draw(0, generator()).high_res > 0).all()
    truth[:, 159:] = 0
    save(tmp_path / "hr" / "A" / "A_rgb.png", truth)
    assert flaw_of(pairs(tmp_path), 0).kind == "black"


@pytest.mark.parametrize("file", ["hr/A/A_rgb.png", "lr/A/L1C/A-2-L1C_data.tiff"])
def test_broken_file_is_named(file, tmp_path):
    write_worldstrat_tile(tmp_path, "A", n_dates=2)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:1000])
    with pytest.raises(ImageReadError, match=file.rsplit("/", 1)[1].replace(".", r"\.")):
        pairs(tmp_path).draw(0, generator())
    assert flaw_of(pairs(tmp_path), 0).kind == "corrupt"


def test_tile_that_is_not_here_is_missing(tmp_path):
    assert flaw_of(pairs(tmp_path), 0).kind == "missing"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_names_with_spaces_are_read_whatever_the_delimiter(delimiter, tmp_path):
    rows = [
        ["", "tile", "IPCC Class", "SMOD", "split"],
        ["0", SPACED, "Grassland", "Rural, remote", "train"],
        ["1", "Landcover-7", "Forest", "", "val"],
        ["2", "Landcover-8", "Forest", "", "train"],
    ]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    (tmp_path / "splits.csv").write_text(text, "utf-8")
    assert read_splits(tmp_path / "splits.csv", "train") == (SPACED, "Landcover-8")
    assert read_splits(tmp_path / "splits.csv", "val") == ("Landcover-7",)
    with pytest.raises(InputError, match="test"):
        read_splits(tmp_path / "splits.csv", "test")


def test_tile_with_a_space_is_drawn(tmp_path):
    write_worldstrat_tile(tmp_path, SPACED, n_dates=2)
    assert not isinstance(pairs(tmp_path, tiles=(SPACED,)).draw(0, generator()), Flaw)


@pytest.mark.parametrize("content", [b"", b"tile\nA", b"\xff\xfe\x00", b"name,part\nA,train"])
def test_table_without_its_columns_is_named(content, tmp_path):
    (tmp_path / "splits.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"splits\.csv"):
        read_splits(tmp_path / "splits.csv", "train")
