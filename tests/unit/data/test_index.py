"""Are all complete samples found, and the same found again in the index?"""

import numpy as np
import pytest

from ssr.data.catalogue import Catalogue
from ssr.data.index import open_index, scan, write_index
from ssr.errors import InputError
from tests.unit.data.layouts import IMAGE, write_picture, write_s2naip_pair

pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
OTHER = "m_1000000_ne_01_060_20200101"


def found_in(root, **arguments):
    return scan(root / "sentinel2", root / "naip", **arguments)


def names(catalogue: Catalogue) -> list[str]:
    return [catalogue.name(k) for k in range(len(catalogue))]


@pytest.mark.parametrize("layout", ["current", "old", "old_bands"])
def test_complete_samples_are_found_in_the_order_of_their_names(layout, tmp_path):
    for image, tile in ((IMAGE, "20_1"), (OTHER, "20_1"), (IMAGE, "3_2"), (IMAGE, "40_40")):
        write_s2naip_pair(tmp_path, tile, n_dates=1, image=image, layout=layout)
    catalogue = found_in(tmp_path)
    assert catalogue.layout == layout
    assert names(catalogue) == [f"{OTHER}/20_1", f"{IMAGE}/20_1", f"{IMAGE}/3_2", f"{IMAGE}/40_40"]
    for k in range(len(catalogue)):
        assert (tmp_path / "sentinel2" / catalogue.low_res(k, "tci")).is_file()
        assert (tmp_path / "naip" / catalogue.high_res(k)).is_file()
    (tmp_path / "sentinel2" / catalogue.low_res(3, "tci")).unlink()
    assert names(found_in(tmp_path)) == names(catalogue)[:3]
    assert names(found_in(tmp_path, layout="current" if layout == "current" else "old")) == names(catalogue)[:3]


def test_chip_without_its_picture_is_no_sample(tmp_path):
    for tile in ("1_1", "2_2"):
        write_s2naip_pair(tmp_path, tile, n_dates=1)
    (tmp_path / "naip" / IMAGE / "1_1" / "rgb.png").unlink()
    assert names(found_in(tmp_path)) == [f"{IMAGE}/2_2"]


def test_other_files_and_folders_are_passed_over(tmp_path):
    write_s2naip_pair(tmp_path, "1_1", n_dates=1)
    (tmp_path / "naip" / "readme.txt").touch()
    (tmp_path / "naip" / "AAA_empty").mkdir()
    for name in ("notes", "1_1_1", "x_1", "_1"):
        (tmp_path / "naip" / IMAGE / name).mkdir()
    assert names(found_in(tmp_path)) == [f"{IMAGE}/1_1"]


def test_absent_folder_and_empty_set_are_named(tmp_path):
    with pytest.raises(InputError, match="sentinel2"):
        found_in(tmp_path)
    for name in ("sentinel2", "naip"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"naip.*none"):
        found_in(tmp_path)
    with pytest.raises(InputError, match="absent"):
        found_in(tmp_path, old_naip=tmp_path / "absent")


@pytest.mark.parametrize("has_old", [False, True])
def test_index_holds_what_was_found(has_old, tmp_path):
    for image, tile in ((IMAGE, "20_1"), (OTHER, "7_1"), (IMAGE, "3_2")):
        write_s2naip_pair(tmp_path, tile, n_dates=1, image=image)
    write_picture(tmp_path / "old" / "2017" / "3_2.png", side_px=128)
    catalogue = found_in(tmp_path, old_naip=tmp_path / "old" if has_old else None)
    write_index(tmp_path / "index.parquet", catalogue)
    opened = open_index(tmp_path / "index.parquet")
    assert opened.layout == catalogue.layout
    assert names(opened) == names(catalogue)
    assert opened.old_high_res == catalogue.old_high_res
    assert list(opened.tiles()) == list(catalogue.tiles())
    assert (catalogue.old_high_res == ["", "", "2017/3_2.png"]) == has_old


def test_large_index_keeps_every_sample(tmp_path):
    n, n_images = 300_000, 70_000  # more names than one dictionary page of Parquet holds
    catalogue = Catalogue(
        "old",
        tuple(f"{IMAGE}_{k:06}" for k in range(n_images)),
        *(np.random.default_rng(0).integers(0, limit, n, dtype=np.int32) for limit in (n_images, 2**17, 2**17)),
    )
    write_index(tmp_path / "index.parquet", catalogue)
    opened = open_index(tmp_path / "index.parquet")
    sampled = range(0, n, 997)
    assert len(opened) == n
    assert [opened.name(k) for k in sampled] == [catalogue.name(k) for k in sampled]


def test_file_that_is_no_index_is_named(tmp_path):
    import pyarrow
    import pyarrow.parquet

    with pytest.raises(InputError, match=r"absent\.parquet.*ssr data index"):
        open_index(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "other.parquet")
    for name in ("text.parquet", "other.parquet"):
        with pytest.raises(InputError, match=name):
            open_index(tmp_path / name)
