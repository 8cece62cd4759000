"""Does a pack give the batches that its PNG files give, and is it an ordinary tar of ordinary arrays?"""

import tarfile

import numpy as np
import pytest
import torch

from ssr.data.augment import Augmentation
from ssr.data.drawn import DrawnPairs
from ssr.data.pack import PackedImages, pack
from ssr.data.s2naip import S2NaipPairs
from ssr.errors import ImageReadError, InputError
from tests.unit.data.layouts import IMAGE, write_picture, write_s2naip_pair
from tests.unit.data.test_s2naip import pairs

pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
BANDS = ("tci", "b11", "b08")


@pytest.fixture
def samples(tmp_path):
    for k, tile in enumerate(("1_1", "2_2", "3_3", "4_4", "5_5")):
        write_s2naip_pair(tmp_path, tile, n_dates=2 + k % 3, bands=("b08", "b11"), black_dates=(0,) * (k % 2))
        write_picture(tmp_path / "old" / f"{tile}.png", side_px=128, seed=90 + k)
    return pairs(tmp_path, bands=BANDS, old_naip=tmp_path / "old")


def unpacked(folder, *, bands=BANDS, sees_old=True):
    images = PackedImages(folder)
    return S2NaipPairs(images, catalogue=images.catalogue, n_revisits=2, bands=bands, sees_old=sees_old)


def assert_same_batches(one, other):
    sources = [
        DrawnPairs(s, batch_size=3, seed=7, augmentation=Augmentation(flips=True, crop="aligned")) for s in (one, other)
    ]
    for step in range(5):
        a, b = (source.batch(step) for source in sources)
        assert a.names == b.names
        assert all(torch.equal(x, y) for x, y in ((a.low_res, b.low_res), (a.high_res, b.high_res)))
        assert a.old_high_res is None or torch.equal(a.old_high_res, b.old_high_res)


@pytest.mark.parametrize("n_in_shard", [1, 2, 100])
def test_batches_are_those_of_the_files(n_in_shard, samples, tmp_path):
    counts = pack(samples, tmp_path / "pack", n_threads=2, n_in_shard=n_in_shard)
    assert (counts.n_samples, counts.n_shards, counts.left_out) == (5, -(-5 // n_in_shard), {})
    assert_same_batches(samples, unpacked(tmp_path / "pack"))


def test_a_part_of_the_bands_may_be_read(samples, tmp_path):
    pack(samples, tmp_path / "pack", n_threads=1)
    few = pairs(tmp_path, bands=("tci", "b08"))
    assert_same_batches(few, unpacked(tmp_path / "pack", bands=("tci", "b08"), sees_old=False))


def test_shards_are_tar_files_of_numpy_arrays(samples, tmp_path):
    pack(samples, tmp_path / "pack", n_threads=1)
    with tarfile.open(tmp_path / "pack" / "00000.tar") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    array = np.load(tmp_path / "out" / IMAGE / "2_2" / "b11.npy")
    assert np.array_equal(array, samples.images.dates(1, "b11"))


def test_samples_of_no_use_are_left_out_and_named(samples, tmp_path):
    (tmp_path / "sentinel2" / "3_3" / "b08.png").write_bytes(b"broken")
    counts = pack(samples, tmp_path / "pack", n_threads=1, n_in_shard=2)
    assert {name: flaw.kind for name, flaw in counts.left_out.items()} == {f"{IMAGE}/3_3": "corrupt"}
    source = DrawnPairs(samples, batch_size=3, seed=7, kept=np.array([0, 1, 3, 4]))
    other = DrawnPairs(unpacked(tmp_path / "pack"), batch_size=3, seed=7)
    for step in range(3):
        assert source.batch(step).names == other.batch(step).names
        assert torch.equal(source.batch(step).low_res, other.batch(step).low_res)


def test_a_broken_off_pack_goes_on(samples, tmp_path):
    pack(samples, tmp_path / "pack", n_threads=1, n_in_shard=2)
    (tmp_path / "pack" / "index.parquet").unlink()
    (tmp_path / "pack" / "00002.tar").unlink()
    kept = (tmp_path / "pack" / "00000.tar").stat().st_mtime_ns
    pack(samples, tmp_path / "pack", n_threads=1, n_in_shard=2)
    assert (tmp_path / "pack" / "00000.tar").stat().st_mtime_ns == kept
    assert_same_batches(samples, unpacked(tmp_path / "pack"))


def test_shards_of_other_samples_are_not_taken_for_ours(samples, tmp_path):
    pack(samples, tmp_path / "pack", n_threads=1, n_in_shard=2)
    with pytest.raises(InputError, match=r"00000\.tar.*delete it"):
        pack(pairs(tmp_path, bands=("tci",)), tmp_path / "pack", n_threads=1, n_in_shard=2)
    with pytest.raises(InputError, match=r"00000\.tar.*delete it"):
        pack(samples, tmp_path / "pack", n_threads=1, n_in_shard=3)


def test_damage_and_absence_are_named(samples, tmp_path):
    pack(samples, tmp_path / "pack", n_threads=1)
    shard = tmp_path / "pack" / "00000.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:60_000])
    packed = unpacked(tmp_path / "pack")
    with pytest.raises(ImageReadError, match=r"00000\.tar: .*/5_5/"):
        packed.draw(4, torch.Generator())
    shard.write_bytes(bytes(512) + whole)
    with pytest.raises(ImageReadError, match=r"00000\.tar: .*/1_1/tci\.npy"):
        unpacked(tmp_path / "pack").draw(0, torch.Generator())
    shard.unlink()
    with pytest.raises(ImageReadError, match=r"00000\.tar"):
        unpacked(tmp_path / "pack").draw(0, torch.Generator())
    with pytest.raises(ImageReadError, match="b12"):
        PackedImages(tmp_path / "pack").dates(0, "b12")
    with pytest.raises(InputError, match="ssr data pack"):
        PackedImages(tmp_path / "absent")


def test_nothing_of_use_is_no_pack(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=1)
    with pytest.raises(InputError, match=r"none is of use.*1 dates"):
        pack(pairs(tmp_path), tmp_path / "pack", n_threads=1)
