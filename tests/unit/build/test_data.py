"""Are options of every data set followed, from the file on?"""

import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ssr.build.data import build_data, build_pairs
from ssr.config.data import (
    Augmentation,
    OLI2MSIData,
    PROBAVData,
    S2NaipData,
    S2NaipTiffData,
    SimulatedData,
    WorldStratData,
)
from ssr.data.index import scan, write_index
from ssr.data.pack import pack
from ssr.errors import ConfigError, InputError
from tests.unit.data.layouts import (
    IMAGE,
    write_oli2msi_scene,
    write_picture,
    write_probav_scene,
    write_s2naip_pair,
    write_s2naip_tiff_tile,
    write_worldstrat_tile,
)


def s2naip(root, **options):
    return S2NaipData(sentinel2=root / "sentinel2", naip=root / "naip", n_revisits=2, **options)


def drawn(config, n_steps=12, batch_size=1):
    source = build_data(config, batch_size=batch_size, scale=4)
    return [source.batch(step) for step in range(n_steps)]


def tiles_of(batches):
    return {name.split("/")[1] for batch in batches for name in batch.names}


@pytest.fixture
def three(tmp_path):
    for tile in ("1_1", "2_2", "3_3"):
        write_s2naip_pair(tmp_path, tile, n_dates=3, bands=("b08", "b11"))
    return tmp_path


def test_bands_and_crops_shape_the_batch(three):
    config = s2naip(
        three, bands=("tci", "b11", "b08"), augmentation=Augmentation(crop="aligned", crop_px=25, flips=True)
    )
    (batch,) = drawn(config, n_steps=1, batch_size=2)
    assert batch.low_res.shape == (2, 2, 5, 25, 25)
    assert batch.high_res.shape == (2, 3, 100, 100)


def test_old_images_and_objects_decide_which_samples_are_drawn(three):
    write_picture(three / "old" / "1_1.png", side_px=128)
    write_picture(three / "old" / "2_2.png", side_px=128)
    (three / "objects.json").write_text(json.dumps({"2_2": {"a": [[0, 0, 9, 9]], "b": [[1, 1, 9, 9]]}, "1_1": {}}))
    assert tiles_of(drawn(s2naip(three, old_naip=three / "old"))) == {"1_1", "2_2"}
    with_objects = drawn(s2naip(three, objects=three / "objects.json", n_objects=2))
    assert tiles_of(with_objects) == {"2_2"}
    assert with_objects[0].objects == (((0, 0, 9, 9), (1, 1, 9, 9)),)
    with pytest.raises(InputError, match="no sample"):
        drawn(s2naip(three, objects=three / "objects.json", n_objects=3))


def test_weights_exclusions_and_number_of_samples_are_followed(three):
    (three / "weights.json").write_text(json.dumps({"1_1": 0, "2_2": 0}))
    assert tiles_of(drawn(s2naip(three, tile_weights=three / "weights.json"))) == {"3_3"}
    (three / "exclude.txt").write_text(f"{IMAGE}/2_2\n")
    assert tiles_of(drawn(s2naip(three, exclude=three / "exclude.txt"))) == {"1_1", "3_3"}
    assert len(tiles_of(drawn(s2naip(three, n_samples=1)))) == 1


def test_an_index_stands_for_the_folders(three):
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    catalogue = scan(three / "sentinel2", three / "naip")
    write_index(three / "index.parquet", catalogue)
    write_s2naip_pair(three, "4_4", n_dates=3)
    assert tiles_of(drawn(s2naip(three, index=three / "index.parquet"))) == {"1_1", "2_2", "3_3"}
    (three / "old").mkdir()
    with pytest.raises(ConfigError, match=r"index\.parquet.*old_naip"):
        drawn(s2naip(three, index=three / "index.parquet", old_naip=three / "old"))
    with pytest.raises(InputError, match=r"absent\.parquet"):
        drawn(s2naip(three, index=three / "absent.parquet"))


def test_a_pack_stands_for_the_files(three):
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    pack(build_pairs(s2naip(three, bands=("tci", "b08"))).samples, three / "pack", n_threads=1)
    files = drawn(s2naip(three, bands=("tci", "b08")), batch_size=2)
    options = {"sentinel2": three / "absent", "naip": three / "absent", "packed": three / "pack", "n_revisits": 2}
    packed = drawn(S2NaipData(bands=("tci", "b08"), **options), batch_size=2)
    assert all(torch.equal(a.low_res, b.low_res) and a.names == b.names for a, b in zip(files, packed, strict=True))
    with pytest.raises(ConfigError, match="without b11"):
        drawn(S2NaipData(bands=("tci", "b11"), **options))


def test_every_other_data_set_is_built(tmp_path):
    write_worldstrat_tile(tmp_path, "A 1", n_dates=2)
    (tmp_path / "splits.csv").write_text("tile,split\nA 1,train\n")
    write_oli2msi_scene(tmp_path, "a.TIF")
    write_probav_scene(tmp_path / "train" / "RED" / "imgset0000", n_dates=2)
    worldstrat = WorldStratData(
        low_res=tmp_path / "lr", high_res=tmp_path / "hr", splits=tmp_path / "splits.csv", n_revisits=2, chip_px=20
    )
    write_s2naip_tiff_tile(tmp_path / "tiff", n_dates=2)
    tiff = S2NaipTiffData(
        sentinel2=tmp_path / "tiff" / "sentinel2",
        naip=tmp_path / "tiff" / "naip",
        bands=("b04", "b8a"),
        n_revisits=2,
        scale=8,
    )
    shapes = {
        config.type: [tuple(image.shape) for image in drawn(config, n_steps=1)[0][:2]]
        for config in (
            worldstrat,
            tiff,
            OLI2MSIData(root=tmp_path),
            PROBAVData(root=tmp_path, band="RED", n_revisits=2),
        )
    }
    assert shapes == {
        "s2naip_tiff": [(1, 2, 2, 32, 32), (1, 3, 256, 256)],
        "worldstrat": [(1, 2, 3, 20, 20), (1, 3, 80, 80)],
        "oli2msi": [(1, 1, 3, 40, 40), (1, 3, 120, 120)],
        "proba_v": [(1, 2, 3, 40, 40), (1, 3, 120, 120)],
    }


def test_crop_larger_than_the_chip_is_refused(three):
    with pytest.raises(ConfigError, match=r"crop_px is 33.*32"):
        drawn(s2naip(three, augmentation=Augmentation(crop="aligned", crop_px=33)))


@pytest.mark.parametrize(
    ("bands", "told"), [(("b08", "tci"), "tci first"), (("tci", "tci"), "once"), (("tci", "b8a"), "b8a")]
)
def test_impossible_bands_are_refused(bands, told, tmp_path):
    with pytest.raises(ValidationError, match=told):
        s2naip(tmp_path, bands=bands)


def test_the_seed_decides(three):
    first, again, other = (
        np.concatenate([batch.low_res.numpy() for batch in drawn(s2naip(three, seed=seed))]) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_imagery_is_brought_to_the_wanted_ground_distance(tmp_path):
    write_picture(tmp_path / "a.png", side_px=200)
    options = {"n_revisits": [2], "chip_px": 8, "imagery": [{"folder": tmp_path, "gsd_m": 0.5}]}
    as_it_is = build_data(SimulatedData(**options), batch_size=1, scale=4)
    coarser = build_data(SimulatedData(**options, target_gsd_m=1.25), batch_size=1, scale=4)
    assert as_it_is.folders[0].pictures[0].shape_hw == (200, 200)
    assert coarser.folders[0].pictures[0].shape_hw == (80, 80)
    assert coarser.batch(0).high_res.shape == (1, 3, 32, 32)
    with pytest.raises(InputError, match="none is at least 48 px"):
        build_data(SimulatedData(**options, target_gsd_m=2.5), batch_size=1, scale=4)


@pytest.mark.parametrize("bands", [("b04", "b04"), ("b99",), ()])
def test_bands_of_the_later_s2naip_are_checked(bands, tmp_path):
    with pytest.raises(ValidationError):
        S2NaipTiffData(sentinel2=tmp_path, naip=tmp_path, bands=bands)
