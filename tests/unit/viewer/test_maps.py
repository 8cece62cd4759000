"""Are the finished cells of a map shown, and nothing else?"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from ssr.errors import InputError
from ssr.viewer.maps import places_of_map
from ssr.viewer.tiles import Address
from tests.support.scenes import TEN_METRES, textured, write_tiff
from tests.unit.viewer.conftest import write_trust
from tests.unit.viewer.test_tiles import decoded

HELD = textured(1, 256, 512)[0]


def write_cell(folder: Path, column: int, *, given: str = "0a", pixels: np.ndarray = HELD) -> Path:
    place = TEN_METRES @ Affine.translation(column, 0)
    name = f"c{column}.{given}"
    write_tiff(folder / f"{name}.image.ff.tif", pixels[:, :, column : column + 256], transform=place, nodata=0)
    write_trust(folder / f"{name}.trust.ff.tif", (256, 256), transform=place)
    files = [{"role": role, "name": f"{name}.{role}.ff.tif", "size": 1, "sha256": ""} for role in ("image", "trust")]
    marker = folder / f"{name}.done.json"
    marker.write_text(json.dumps({"cell": f"c{column}", "input": given, "files": files, "notes": {}}))
    return marker


def test_finished_cells_are_one_layer_with_their_trust(tmp_path: Path) -> None:
    part = tmp_path / "recipe" / "8-1-2"
    for column in (0, 256):
        write_cell(part, column)
    write_tiff(part / "c512.0a.image.ee.tif", HELD, transform=TEN_METRES @ Affine.translation(512, 0))  # no marker
    (place,) = places_of_map(tmp_path)
    assert place.extent_px == (0, 0, 512, 256)
    whole = decoded(place.layers[0].source.tile(Address(1, 0, 0), smooth=False))
    means = HELD.reshape(3, 128, 2, 256, 2).mean((2, 4))
    assert np.abs(whole[:3, :128].astype(float) - means).max() <= 1
    assert [over.overlay.title for over in place.overlays] == ["trust", "number of dates"]
    trust = decoded(place.overlays[0].source.tile(Address(0, 1, 0), smooth=False))
    assert trust[5, 7] == 7


def test_of_a_cell_done_twice_the_newer_is_shown(tmp_path: Path) -> None:
    part = tmp_path / "recipe" / "p"
    write_cell(part, 0)
    newer = write_cell(part, 0, given="0b", pixels=np.full_like(HELD, 9))
    os.utime(newer, ns=(2**61, 2**61))
    (place,) = places_of_map(tmp_path)
    assert place.layers[0].source.values(3, 3) == [9, 9, 9]


def test_a_finished_cell_whose_file_is_gone_is_said(tmp_path: Path) -> None:
    write_cell(tmp_path, 0)
    (tmp_path / "c0.0a.image.ff.tif").unlink()
    with pytest.raises(InputError, match="belongs to a finished cell of the map and is not there"):
        places_of_map(tmp_path)


def test_a_marker_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    marker = write_cell(tmp_path / "map", 0)
    write_tiff(tmp_path / "secret.tif", HELD)
    told = json.loads(marker.read_text())
    told["files"][0]["name"] = "../secret.tif"
    marker.write_text(json.dumps(told))
    with pytest.raises(InputError, match="is not there"):
        places_of_map(tmp_path / "map")


def test_a_damaged_marker_is_refused(tmp_path: Path) -> None:
    write_cell(tmp_path, 0).write_text("{")
    with pytest.raises(InputError, match="is no marker of a finished cell"):
        places_of_map(tmp_path)


def test_a_folder_without_markers_is_no_map(tmp_path: Path) -> None:
    assert places_of_map(tmp_path) is None
