"""Are tiles of a PMTiles archive handed on as they are?"""

from pathlib import Path

import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from ssr.errors import ImageReadError
from ssr.viewer.finding import find_places, parse_path
from ssr.viewer.pyramids import PyramidSource
from ssr.viewer.tiles import Address, png_of
from tests.support.scenes import textured, truncate

FINEST, SIDE_PX = 4, 64


def write_archive(path: Path, *, kind: TileType = TileType.PNG) -> dict[tuple[int, int, int], bytes]:
    """Zooms 3 and 4 of the world's north-east."""
    contents = {}
    with path.open("wb") as file:
        writer = Writer(file)
        for zoom in (FINEST - 1, FINEST):
            half = 2 ** (zoom - 1)
            for x in range(half, half + 2):
                for y in range(half - 2, half):
                    contents[zoom, x, y] = png_of(textured(1, SIDE_PX, SIDE_PX, seed=zoom * 99 + x * 9 + y)[0]).content
        for address in sorted(contents, key=lambda address: zxy_to_tileid(*address)):
            writer.write_tile(zxy_to_tileid(*address), contents[address])
        header = {"tile_type": kind, "tile_compression": Compression.NONE, "min_zoom": FINEST - 1, "max_zoom": FINEST}
        bounds = {"min_lon_e7": 0, "min_lat_e7": 0, "max_lon_e7": 45 * 10**7, "max_lat_e7": int(40.97989807 * 10**7)}
        writer.finalize(header | bounds | {"center_zoom": 3, "center_lon_e7": 0, "center_lat_e7": 0}, {})
    return contents


def test_tiles_are_the_archives_own(tmp_path: Path) -> None:
    contents = write_archive(tmp_path / "map.pmtiles")
    (place,) = find_places([parse_path(str(tmp_path / "map.pmtiles"))])
    source = place.layers[0].source
    assert source.tile(Address(0, 9, 7), smooth=False).content == contents[4, 9, 7]
    assert source.tile(Address(1, 5, 3), smooth=True).content == contents[3, 5, 3]
    assert source.tile(Address(0, 1, 1), smooth=False) is None
    assert source.tile(Address(2, 2, 1), smooth=False) is None  # coarser than there is
    assert place.layers[0].coarsest == 1
    assert place.extent_px == tuple(k * SIDE_PX for k in (8, 6, 10, 8))
    assert place.described()["crs"] == "EPSG:3857"


def test_values_are_colours(tmp_path: Path) -> None:
    write_archive(tmp_path / "map.pmtiles")
    source = PyramidSource(tmp_path / "map.pmtiles")
    held = textured(1, SIDE_PX, SIDE_PX, seed=4 * 99 + 9 * 9 + 7)[0]
    assert source.values(7 * SIDE_PX + 5, 9 * SIDE_PX + 30) == held[:, 5, 30].tolist()
    assert source.values(0, 0) is None


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pmtiles").write_bytes(b"PK\x03\x04" * 100)
    with pytest.raises(ImageReadError, match="is no PMTiles archive"):
        PyramidSource(tmp_path / "a.pmtiles")


@pytest.mark.parametrize("share", [0.00005, 0.0005, 0.05])
def test_a_truncated_archive_is_refused(tmp_path: Path, share: float) -> None:
    write_archive(tmp_path / "a.pmtiles")
    truncate(tmp_path / "a.pmtiles", share)
    with pytest.raises(ImageReadError, match=r"a\.pmtiles"):
        PyramidSource(tmp_path / "a.pmtiles")


def test_an_archive_of_vectors_is_refused(tmp_path: Path) -> None:
    write_archive(tmp_path / "a.pmtiles", kind=TileType.MVT)
    with pytest.raises(ImageReadError, match="tiles of kind MVT"):
        PyramidSource(tmp_path / "a.pmtiles")
