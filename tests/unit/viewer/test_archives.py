"""Is a published map one place, with its trust over it?"""

from pathlib import Path

import numpy as np
import pytest

from ssr.mapping import publish
from ssr.mapping.cells import satlas_cell
from ssr.mapping.pyramid import TILE_PX, as_picture, as_shades, pyramid
from ssr.viewer import archives
from ssr.viewer.opening import open_paths
from ssr.viewer.tiles import Address
from tests.support.scenes import TEN_METRES, textured, write_tiff
from tests.unit.viewer.conftest import write_trust
from tests.unit.viewer.test_tiles import decoded

CELL = satlas_cell(4400, 2880)
SIDE_PX = 2048
TILE = Address(0, CELL.column // CELL.side_px * 8 + 3, CELL.row // CELL.side_px * 8 + 5)
"""Of the finest zoom, within the cell."""


def trust_of_cell() -> np.ndarray:
    """Per cent in blocks that compression leaves alone, and no data in the upper left."""
    trust = np.arange(64 * 64).reshape(64, 64).repeat(32, 0).repeat(32, 1) % 101
    trust[:700, :300] = publish.NO_TRUST
    return trust.astype(np.uint8)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `ssr map publish` leaves in a folder, of one cell."""
    folder = tmp_path_factory.mktemp("published") / "map"
    picture = as_picture(textured(1, SIDE_PX, SIDE_PX)[0])
    shades = as_shades(trust_of_cell(), no_data=publish.NO_TRUST, full=publish.FULL_TRUST)
    for name, painted in ((publish.PICTURES, picture), (publish.TRUST_PICTURES, shades)):
        with pyramid(folder / f"{name}.sqlite", 4, "webp") as opened:
            opened.put(CELL, "one", painted)
            opened.build()
            opened.write(folder / name, {"name": name}, CELL.box())
    (folder / "collection.json").write_text("{}")
    return folder


def test_names_are_those_that_maps_are_published_under() -> None:
    assert (archives.MAP, archives.TRUST_OF_MAP, archives.COGS, archives.FULL_TRUST) == (
        publish.PICTURES,
        publish.TRUST_PICTURES,
        publish.COGS,
        publish.FULL_TRUST,
    )


@pytest.mark.parametrize("given", ["", publish.PICTURES])
def test_a_published_map_is_one_place_with_its_trust(published: Path, given: str) -> None:
    collection = open_paths([str(published / given)])
    (entry,) = collection.entries
    place = collection.place(0)
    assert (entry.title, [layer.kind for layer in place.layers]) == ("map", ["super_res"])
    assert [over.overlay.title for over in place.overlays] == ["trust"]


def test_trust_is_that_of_the_map_to_a_few_hundredths(published: Path) -> None:
    source = open_paths([str(published)]).place(0).overlays[0].source
    shown = decoded(source.tile(TILE, smooth=False)).astype(int)
    expected = trust_of_cell()[5 * TILE_PX : 6 * TILE_PX, 3 * TILE_PX : 4 * TILE_PX].astype(int)
    middles = np.s_[8::32, 8::32]
    assert np.abs(shown - expected)[middles].max() <= 3
    row, column = TILE.y * TILE_PX + 8, TILE.x * TILE_PX + 8
    assert abs(source.values(row, column)[0] - expected[8, 8]) <= 3


def test_where_the_map_has_no_trust_it_is_unknown(published: Path) -> None:
    source = open_paths([str(published)]).place(0).overlays[0].source
    corner = Address(0, TILE.x - 3, TILE.y - 5)
    assert source.tile(corner, smooth=False) is None
    assert source.values(corner.y * TILE_PX, corner.x * TILE_PX) is None
    part = decoded(source.tile(Address(0, corner.x + 1, corner.y), smooth=False))
    assert (part[:, :40] == 255).all()
    assert (part[:, 48:] <= 100).all()


def test_trust_alone_is_a_picture_like_any_other(published: Path) -> None:
    place = open_paths([str(published / publish.TRUST_PICTURES)]).place(0)
    assert (place.title, place.overlays) == ("trust", ())


def test_a_map_without_a_pyramid_is_shown_by_its_sheets(tmp_path: Path) -> None:
    sheets = tmp_path / "map" / publish.COGS
    for k in range(2):
        place = TEN_METRES @ TEN_METRES.translation(256 * k, 0)
        write_tiff(sheets / f"s{k}.tif", textured(1, 256, 256, seed=k)[0], transform=place)
        write_trust(sheets / f"s{k}.trust.tif", (256, 256), transform=place)
    (tmp_path / "map" / "collection.json").write_text("{}")
    place = open_paths([str(tmp_path / "map")]).place(0)
    assert place.extent_px == (0, 0, 512, 256)
    assert place.layers[0].source.values(7, 300) == textured(1, 256, 256, seed=1)[0][:, 7, 44].tolist()
    assert place.overlays[0].overlay.title == "trust"
