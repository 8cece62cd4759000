"""Are addresses that a user gives taken as dates, and shown without secrets?"""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from ssr.errors import ImageReadError, InputError
from ssr.scenes.acquisition import Bands, Picture
from ssr.scenes.inputs import find_acquisitions
from ssr.scenes.radiometry import Rules
from tests.support.range_server import range_server
from tests.support.scenes import textured, write_tiff

KEY = "?sv=1&sig=hush"


def test_the_name_and_the_date_of_an_address_are_those_of_its_file(tmp_path: Path) -> None:
    write_tiff(tmp_path / "2021-06-01.tif", textured(1, 8, 8)[0])
    with range_server(tmp_path) as server, ExitStack() as opened:
        (date,) = find_acquisitions([f"{server}2021-06-01.tif{KEY}"], rules=Rules(), opened=opened)
    assert date.name == "2021-06-01.tif"
    assert date.sensed is not None
    assert date.sensed.isoformat() == "2021-06-01T00:00:00+00:00"
    assert date.pieces == (Picture(f"{server}2021-06-01.tif?…", f"{server}2021-06-01.tif{KEY}"),)


def test_bands_on_the_web_that_have_names_are_known_by_them(tmp_path: Path) -> None:
    write_tiff(tmp_path / "S2_L2A.tif", textured(1, 8, 8)[0].astype(np.uint16), photometric="MINISBLACK")
    with range_server(tmp_path) as server, ExitStack() as opened:
        names = ("B02", "B03", "B04")
        given = [f"{server}S2_L2A.tif{KEY}"]
        (date,) = find_acquisitions(given, rules=Rules(level="L2A"), opened=opened, band_names=names)
        (piece,) = date.pieces
        assert isinstance(piece, Bands)
        assert {band: source.indexes for band, source in piece.sources.items()} == {
            "b02": (1,),
            "b03": (2,),
            "b04": (3,),
        }
        with pytest.raises(InputError, match=r"S2_L2A\.tif\?…: has 3 band\(s\), 4 are named") as caught:
            find_acquisitions(given, rules=Rules(level="L2A"), opened=opened, band_names=(*names, "B08"))
    assert "hush" not in str(caught.value)


def test_an_address_that_is_not_there_is_named_without_its_secrets(tmp_path: Path) -> None:
    refused = pytest.raises(ImageReadError, match=r"none\.tif\?…: cannot be opened.*404")
    with range_server(tmp_path) as server, ExitStack() as opened, refused as caught:
        find_acquisitions([f"{server}none.tif{KEY}"], rules=Rules(), opened=opened)
    assert "hush" not in str(caught.value)
