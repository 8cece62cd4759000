"""A pyramid shows every cell at every zoom, makes anew only what changed, and is read by other programs."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pmtiles.reader import MmapSource, Reader

from ssr.errors import InputError
from ssr.mapping.cells import cell_named, satlas_cell
from ssr.mapping.pyramid import TILE_PX, as_picture, as_shades, pyramid

CELL, BESIDE = satlas_cell(4400, 2880), satlas_cell(4401, 2880)
TOLD = {"name": "a map", "description": "of a test"}


def painted(seed: int = 0) -> np.ndarray:
    """A cell of a map four times finer: `2048 2048 4`."""
    rng = np.random.default_rng(seed)
    small = rng.integers(1, 256, (32, 32, 3), np.uint8)
    picture = np.full((2048, 2048, 4), 255, np.uint8)
    picture[..., :3] = small.repeat(64, 0).repeat(64, 1)
    return picture


def tiles(path: Path) -> tuple[dict, Reader]:
    file = path.open("rb")
    reader = Reader(MmapSource(file))
    file.close()
    return reader.header(), reader


def pixels(reader: Reader, z: int, x: int, y: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(reader.get(z, x, y))).convert("RGBA"))


def test_every_zoom_shows_the_mean_of_the_one_below(tmp_path):
    picture = painted()
    with pyramid(tmp_path / "p.sqlite", 4, "png") as opened:
        opened.put(CELL, "one", picture)
        opened.build()
        n = opened.write(tmp_path / "p.pmtiles", TOLD, CELL.box())
    header, reader = tiles(tmp_path / "p.pmtiles")
    assert n == 64 + 16 + 4 + 14  # zooms 16, 15, 14, and one each from 13 to 0
    assert (header["min_zoom"], header["max_zoom"]) == (0, 16)
    assert header["min_lon_e7"] == round(CELL.box()[0] * 1e7)
    assert reader.metadata()["name"] == "a map"
    np.testing.assert_array_equal(pixels(reader, 16, 8 * 4400 + 3, 8 * 2880 + 5), picture[1280:1536, 768:1024])
    whole = pixels(reader, 13, 4400, 2880).astype(float)
    np.testing.assert_allclose(whole, picture.reshape(256, 8, 256, 8, 4).mean((1, 3)), atol=1.5)
    part = pixels(reader, 12, 2200, 1440)  # its upper left quarter; the rest has no data
    assert (part[:128, :128, 3] == 255).all()
    assert part[128:].max() == part[:, 128:].max() == 0


def test_only_pictures_above_a_changed_cell_are_made_anew(tmp_path):
    with pyramid(tmp_path / "p.sqlite", 4, "png") as opened:
        opened.put(CELL, "one", painted(0))
        opened.put(BESIDE, "one", painted(1))
        opened.build()
    with pyramid(tmp_path / "p.sqlite", 4, "png") as opened:
        assert opened.holds(CELL, "one")
        assert not opened.holds(CELL, "two")
        opened.put(CELL, "two", painted(2))
        assert opened.build() == 16 + 4 + 14
        opened.write(tmp_path / "again.pmtiles", TOLD, CELL.box())
    with pyramid(tmp_path / "new.sqlite", 4, "png") as opened:
        opened.put(BESIDE, "one", painted(1))
        opened.put(CELL, "two", painted(2))
        opened.build()
        opened.write(tmp_path / "new.pmtiles", TOLD, CELL.box())
    assert (tmp_path / "again.pmtiles").read_bytes() == (tmp_path / "new.pmtiles").read_bytes()


def test_ground_without_data_has_no_picture(tmp_path):
    empty = np.zeros((2048, 2048, 4), np.uint8)
    with pyramid(tmp_path / "p.sqlite", 4, "webp") as opened:
        opened.put(CELL, "one", painted())
        opened.build()
        opened.put(CELL, "two", empty)
        opened.build()
        assert opened.n_pictures() == 0


def test_what_a_run_broke_off_is_made_anew(tmp_path):
    def broken_off():
        with pyramid(tmp_path / "p.sqlite", 4, "png") as opened:
            opened.put(CELL, "one", painted())
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        broken_off()
    with pyramid(tmp_path / "p.sqlite", 4, "png") as opened:
        assert not opened.holds(CELL, "one")
        assert opened.n_pictures() == 0


def test_pictures_of_another_kind_are_not_mixed(tmp_path):
    with pyramid(tmp_path / "p.sqlite", 4, "png"):
        pass
    with pytest.raises(InputError, match="another kind"), pyramid(tmp_path / "p.sqlite", 4, "webp"):
        pass


def test_a_damaged_database_is_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "p.sqlite").write_bytes(b"no database, but long enough to be looked at" * 40)
    with pytest.raises(InputError, match="remove it"), pyramid(tmp_path / "p.sqlite", 4, "png"):
        pass


def test_cells_of_other_grids_have_no_place_in_it(tmp_path):
    with pyramid(tmp_path / "p.sqlite", 4, "png") as opened, pytest.raises(InputError, match="satlas grid"):
        opened.put(cell_named("33TWK-00-00"), "one", painted())


def test_a_scale_without_a_whole_zoom_is_refused(tmp_path):
    with pytest.raises(InputError, match="power of two"), pyramid(tmp_path / "p.sqlite", 3, "png"):
        pass


def test_black_is_no_data_and_trust_goes_from_dark_to_bright():
    image = np.zeros((3, 1, 3), np.uint8)
    image[:, 0, 1], image[0, 0, 2] = (10, 20, 30), 1
    assert as_picture(image)[0].tolist() == [[0, 0, 0, 0], [10, 20, 30, 255], [1, 0, 0, 255]]
    shades = as_shades(np.array([[0, 50, 100, 255]], np.uint8), no_data=255, full=100)
    assert shades[0, :, 0].tolist() == [1, 128, 255, 0]
    assert shades[0, :, 3].tolist() == [255, 255, 255, 0]
    assert TILE_PX == 256


def test_a_pyramid_across_the_antimeridian_says_that_it_goes_all_the_way_round(tmp_path):
    with pyramid(tmp_path / "p.sqlite", 4, "png") as opened:
        for x in (8191, 0):
            opened.put(satlas_cell(x, 4500), "one", painted())
        opened.build()
        opened.write(tmp_path / "p.pmtiles", TOLD, (179.9, -17.0, 180.3, -16.0))
    header, reader = tiles(tmp_path / "p.pmtiles")
    assert (header["min_lon_e7"], header["max_lon_e7"]) == (-1_800_000_000, 1_800_000_000)
    assert header["center_lon_e7"] == -1_799_000_000
    for x in (8191, 0):
        assert pixels(reader, 13, x, 4500)[..., 3].all()
