"""A tiny data set in the published layout, written for each test."""

import pytest
import torch

from ssr.data.s2naip import S2NaipPairs, find_pairs
from ssr.errors import ImageReadError, InputError
from tests.unit.data.layouts import write_s2naip_pair


def source(root, *, n_revisits=2, batch_size=1, seed=0):
    return S2NaipPairs(root / "sentinel2", root / "naip", n_revisits=n_revisits, batch_size=batch_size, seed=seed)


def test_pair_comes_as_it_is_on_disk(tmp_path):
    truth = write_s2naip_pair(tmp_path, "10_20", n_dates=3)
    batch = source(tmp_path, n_revisits=3).batch(0)
    assert batch.low_res.shape == (1, 3, 3, 32, 32)
    assert torch.equal(batch.high_res[0].permute(1, 2, 0) * 255, torch.from_numpy(truth).float())
    dates = (batch.low_res[0] * 255).round().flatten(1).unique(dim=1).squeeze(1)
    assert sorted(dates.tolist()) == [1, 2, 3]
    assert batch.names == ("10_20",)


@pytest.mark.parametrize("flaw", [{"n_dates": 4, "has_black_truth": True}, {"n_dates": 1}])
def test_unusable_pair_is_left_out_and_not_replaced(flaw, tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=4)
    write_s2naip_pair(tmp_path, "2_2", **flaw)
    pairs = source(tmp_path, batch_size=2)
    for step in range(4):
        batch = pairs.batch(step)
        assert batch.names == ("1_1",)
        assert len(batch.low_res) == len(batch.high_res) == 1


def test_batch_without_a_usable_pair_names_its_tiles(tmp_path):
    write_s2naip_pair(tmp_path, "2_2", n_dates=1)
    with pytest.raises(InputError, match=r"2_2.*fewer than 2 dates"):
        source(tmp_path).batch(0)


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


def test_every_pair_comes_once_an_epoch_in_an_order_that_changes(tmp_path):
    tiles = {f"{k}_{k}" for k in range(6)}
    for tile in tiles:
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    pairs = source(tmp_path, batch_size=3)
    epochs = [pairs.batch(2 * k).names + pairs.batch(2 * k + 1).names for k in range(4)]
    assert all(set(epoch) == tiles for epoch in epochs)
    assert len(set(epochs)) > 1


def test_last_batch_runs_on_into_the_next_epoch(tmp_path):
    for tile in ("1_1", "2_2", "3_3"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    assert len(source(tmp_path, batch_size=2).batch(1).names) == 2


def test_only_pairs_with_both_images_are_found(tmp_path):
    for tile in ("2_2", "1_1", "3_3"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    (tmp_path / "sentinel2" / "3_3" / "tci.png").unlink()
    assert [pair.tile for pair in find_pairs(tmp_path / "sentinel2", tmp_path / "naip")] == ["1_1", "2_2"]


def test_absent_folder_and_empty_set_are_named(tmp_path):
    with pytest.raises(InputError, match="sentinel2"):
        find_pairs(tmp_path / "sentinel2", tmp_path / "naip")
    for name in ("sentinel2", "naip"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"naip.*none"):
        find_pairs(tmp_path / "sentinel2", tmp_path / "naip")


def test_broken_image_is_named_not_skipped(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=2)
    (tmp_path / "sentinel2" / "1_1" / "tci.png").write_bytes(b"broken")
    with pytest.raises(ImageReadError, match="1_1"):
        source(tmp_path).batch(0)
