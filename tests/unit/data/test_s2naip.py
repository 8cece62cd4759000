"""A tiny data set in the published layouts, written for each test."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ssr.data.chipfiles import ChipFiles
from ssr.data.drawn import DrawnPairs
from ssr.data.index import scan
from ssr.data.s2naip import S2NaipPairs
from ssr.data.samples import Flaw, flaw_of
from ssr.errors import ImageReadError, InputError, SeriesError
from tests.unit.data.layouts import IMAGE, counted_dates, save, write_picture, write_s2naip_pair

BLACK_OR_SHORT = [{"n_dates": 4, "has_black_truth": True}, {"n_dates": 1}]


def pairs(root, *, n_revisits=2, old_naip=None, **arguments):
    catalogue = scan(root / "sentinel2", root / "naip", old_naip=old_naip)
    files = ChipFiles(root / "sentinel2", root / "naip", catalogue=catalogue, old_naip=old_naip)
    return S2NaipPairs(files, catalogue=catalogue, n_revisits=n_revisits, sees_old=old_naip is not None, **arguments)


def source(root, *, batch_size=1, seed=0, **arguments):
    return DrawnPairs(pairs(root, **arguments), batch_size=batch_size, seed=seed)


@pytest.mark.parametrize("layout", ["current", "old", "old_bands"])
def test_pair_comes_as_it_is_on_disk(layout, tmp_path):
    truth = write_s2naip_pair(tmp_path, "1203_2020", n_dates=3, layout=layout)
    batch = source(tmp_path, n_revisits=3).batch(0)
    assert batch.low_res.shape == (1, 3, 3, 32, 32)
    assert torch.equal(batch.high_res[0].permute(1, 2, 0) * 255, torch.from_numpy(truth).float())
    dates = (batch.low_res[0] * 255).round().flatten(1).unique(dim=1).squeeze(1)
    assert sorted(dates.tolist()) == [1, 2, 3]
    assert batch.names == (f"{IMAGE}/1203_2020",)
    assert batch.old_high_res is None
    assert batch.objects is None


@pytest.mark.parametrize("layout", ["current", "old_bands"])
def test_bands_stand_in_the_order_asked_for_and_of_the_same_dates(layout, tmp_path):
    write_s2naip_pair(tmp_path, "10_20", n_dates=4, bands=("b08", "b05"), layout=layout)
    low_res = source(tmp_path, n_revisits=4, bands=("tci", "b05", "b08")).batch(0).low_res
    values = (low_res * 255).round()[0, :, :, 0, 0]
    assert low_res.shape == (1, 4, 5, 32, 32)
    assert torch.equal(values[:, :3], values[:, :1].expand(4, 3))
    assert torch.equal(values[:, 3:], values[:, :1] + torch.tensor([100.0, 50.0]))


def test_bands_that_are_not_asked_for_are_not_opened(tmp_path):
    write_s2naip_pair(tmp_path, "10_20", n_dates=2, bands=("b08",))
    (tmp_path / "sentinel2" / "10_20" / "b08.png").write_bytes(b"broken")
    assert source(tmp_path).batch(0).low_res.shape == (1, 2, 3, 32, 32)


def test_absent_band_is_an_error_that_names_it(tmp_path):
    write_s2naip_pair(tmp_path, "10_20", n_dates=2)
    with pytest.raises(ImageReadError, match=r"10_20/b11\.png.*ssr data check"):
        source(tmp_path, bands=("tci", "b11")).batch(0)
    assert flaw_of(pairs(tmp_path, bands=("tci", "b11")), 0).kind == "missing"


def test_band_of_fewer_dates_is_an_error_that_names_it(tmp_path):
    write_s2naip_pair(tmp_path, "10_20", n_dates=3)
    save(tmp_path / "sentinel2" / "10_20" / "b08.png", counted_dates(2)[..., 0].reshape(-1, 32))
    samples = pairs(tmp_path, bands=("tci", "b08"))
    with pytest.raises(SeriesError, match=r"b08\.png: has 2 dates where tci has 3"):
        samples.draw(0, torch.Generator())
    assert flaw_of(samples, 0).kind == "misaligned"


@pytest.mark.parametrize("flaw", BLACK_OR_SHORT)
def test_unusable_pair_is_left_out_named_and_not_replaced(flaw, tmp_path, caplog):
    write_s2naip_pair(tmp_path, "1_1", n_dates=4)
    write_s2naip_pair(tmp_path, "2_2", **flaw)
    pairs = source(tmp_path, batch_size=2)
    for step in range(4):
        batch = pairs.batch(step)
        assert batch.names == (f"{IMAGE}/1_1",)
        assert len(batch.low_res) == len(batch.high_res) == 1
    assert list(pairs.left_out) == [f"{IMAGE}/2_2"]
    assert [f"{IMAGE}/2_2" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize(("flaw", "kind"), [*zip(BLACK_OR_SHORT, ("black", "short"), strict=True)])
def test_unusable_pair_is_found_by_inspection(flaw, kind, tmp_path):
    write_s2naip_pair(tmp_path, "2_2", **flaw)
    found = flaw_of(pairs(tmp_path), 0)
    assert found.kind == kind
    assert "2_2" in found.told


def test_usable_pair_passes_inspection(tmp_path):
    write_s2naip_pair(tmp_path, "2_2", n_dates=2, black_dates=(0, 1))
    assert flaw_of(pairs(tmp_path), 0) is None


def test_batch_without_a_usable_pair_names_its_tiles(tmp_path):
    write_s2naip_pair(tmp_path, "2_2", n_dates=1)
    with pytest.raises(InputError, match=r"2_2.*1 dates, 2 are wanted"):
        source(tmp_path).batch(0)


def test_a_single_dark_channel_is_not_black(tmp_path):
    truth = write_s2naip_pair(tmp_path, "2_2", n_dates=2)
    truth[3, 4] = (0, 0, 9)
    save(tmp_path / "naip" / IMAGE / "2_2" / "rgb.png", truth)
    assert source(tmp_path).batch(0).names == (f"{IMAGE}/2_2",)


@pytest.mark.parametrize("step", range(6))
def test_clean_dates_come_before_those_with_gaps(step, tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=5, black_dates=(0, 2, 3))
    clean, one_more = (source(tmp_path, n_revisits=n).batch(step).low_res[0] for n in (2, 3))
    assert not clean.eq(0).all(1).any()
    assert one_more.eq(0).all(1).any(2).any(1).sum() == 1


def test_dates_are_drawn_anew_each_time_and_repeatably(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=8)
    pairs = source(tmp_path)
    batches = [pairs.batch(step).low_res for step in range(10)]
    assert len({tuple(batch.flatten(2)[0, :, 0].tolist()) for batch in batches}) > 3
    again = source(tmp_path)
    assert all(torch.equal(again.batch(step).low_res, batches[step]) for step in (7, 0, 3))


def test_truth_of_another_size_is_an_error_that_names_it(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=2)
    write_picture(tmp_path / "naip" / IMAGE / "1_1" / "rgb.png", side_px=127)
    with pytest.raises(SeriesError, match=r"1_1/rgb\.png.*127.*128×128"):
        source(tmp_path).batch(0)


@pytest.mark.parametrize("shape", [(64, 31, 3), (65, 32, 3)])
def test_series_that_is_no_stack_is_an_error_that_names_it(shape, tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=2)
    save(tmp_path / "sentinel2" / "1_1" / "tci.png", np.ones(shape, np.uint8))
    with pytest.raises(SeriesError, match=r"1_1/tci\.png.*32×32"):
        source(tmp_path).batch(0)


@pytest.mark.parametrize("file", [Path("sentinel2/1_1/tci.png"), Path("naip") / IMAGE / "1_1" / "rgb.png"])
def test_broken_image_is_named_not_skipped(file, tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=2)
    samples = pairs(tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:-20])
    with pytest.raises(ImageReadError, match=f"1_1/{file.name}"):
        samples.draw(0, torch.Generator())
    assert flaw_of(samples, 0).kind == "corrupt"


def test_older_image_stands_beside_the_truth(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=2)
    old = write_picture(tmp_path / "old" / "2017" / "a" / "1_1.png", side_px=128, seed=5)
    write_picture(tmp_path / "old" / "2018" / "1_1.png", side_px=128, seed=6)
    batch = source(tmp_path, old_naip=tmp_path / "old").batch(0)
    assert torch.equal(batch.old_high_res[0].permute(1, 2, 0) * 255, torch.from_numpy(old).float())


def test_pair_without_an_older_image_is_never_given_another(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=2)
    write_picture(tmp_path / "old" / "2_2.png", side_px=128)
    found = pairs(tmp_path, old_naip=tmp_path / "old").draw(0, torch.Generator())
    assert isinstance(found, Flaw)
    assert found.kind == "missing"


def test_objects_are_those_of_the_tile(tmp_path):
    for tile in ("1_1", "2_2"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    batch = source(tmp_path, batch_size=2, objects={"2_2": ((1, 2, 30, 40),)}).batch(0)
    assert dict(zip(batch.names, batch.objects, strict=True)) == {
        f"{IMAGE}/1_1": (),
        f"{IMAGE}/2_2": ((1, 2, 30, 40),),
    }
