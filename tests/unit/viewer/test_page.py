"""Is a page complete, small and closed?"""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssr.errors import ConfigError, OutputError
from ssr.viewer.opening import open_paths
from ssr.viewer.page import middle, page_of, parse_area, place_extent, write_page
from ssr.viewer.tiles import Address
from tests.support.scenes import TEN_METRES, write_tiff

READ = re.compile(r'<script id="embedded" type="application/json">(.*?)</script>', re.DOTALL)


def embedded(page: str) -> dict[str, Any]:
    found = READ.search(page)
    assert found
    return json.loads(found[1])


def test_a_page_holds_every_tile_and_names_no_other_site(scene: Path, tmp_path: Path) -> None:
    collection = open_paths([str(scene), str(scene.parent / "dates")])
    written = write_page(collection, tmp_path / "new" / "a.html", area="10,20,200,180", overwrite=False)
    page = (tmp_path / "new" / "a.html").read_text()
    assert written.told == "200×180 px, 4 layer(s)"
    assert "default-src 'none'" in page
    assert str(scene.parent) not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    data = embedded(page)
    assert data["place"]["extent"] == [10, 20, 210, 200]
    assert {"l0/stored/0/0/0", "l1/bicubic/0/0/0", "l2/stored/0/0/0", "o1/stored/0/0/0"} <= set(data["tiles"])


def test_tiles_of_a_page_are_exact_inside_and_blank_outside(scene: Path) -> None:
    place = open_paths([str(scene)]).place(0)
    tile = embedded(page_of(place, (10, 20, 210, 200)))["tiles"]["l0/stored/0/0/0"]
    with Image.open(io.BytesIO(base64.b64decode(tile.partition(",")[2]))) as image:
        found = np.moveaxis(np.asarray(image), -1, 0)[:3]
    whole = place.layers[0].source.pixels(Address(0, 0, 0), smooth=False)[0]
    np.testing.assert_array_equal(found[:, 20:200, 10:210], whole[:, 20:200, 10:210])
    assert not found[:, :20].any()
    assert not found[:, :, 210:].any()


def test_a_place_too_large_for_a_page_is_refused_with_a_part_that_is_not(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", np.ones((3, 1200, 1300), np.uint8))
    place = open_paths([str(path)]).place(0)
    with pytest.raises(
        ConfigError, match=r"1300×1200 px, and a page holds 1\.2 million pixels; .*--area 138,88,1024,1024"
    ):
        place_extent(place)
    assert parse_area("138,88,1024,1024", place) == middle(place)


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "-1,0,5,5", "0,0,0,5", "9999,0,5,5", "1,2,3,99999999999"])
def test_an_area_that_is_none_is_refused(scene: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="--area"):
        parse_area(text, open_paths([str(scene)]).place(0))


def test_a_page_is_not_overwritten(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_page(open_paths([str(scene)]), tmp_path / "a.html", area=None, overwrite=False)


def test_a_page_shows_one_place(scene: Path, tmp_path: Path) -> None:
    far = write_tiff(
        tmp_path / "far.tif", np.ones((3, 9, 9), np.uint8), transform=TEN_METRES.translation(9e6, 0) @ TEN_METRES
    )
    with pytest.raises(ConfigError, match="shows one place, and there are 2"):
        write_page(open_paths([str(scene), str(far)]), tmp_path / "a.html", area=None, overwrite=False)


def test_names_of_files_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "<img src=x onerror=alert(1)>&.tif", np.ones((3, 9, 9), np.uint8))
    page = page_of(open_paths([str(path)]).place(0), (0, 0, 9, 9))
    assert "<img" not in page
    assert "<title>&lt;img src=x onerror=alert(1)&gt;&amp;</title>" in page
