"""Are stored numbers read as they are, and damaged files named?"""

from pathlib import Path

import numpy as np
import pytest

from ssr.errors import ImageReadError
from ssr.raster.stored import read_stored
from tests.unit.data.layouts import write_tiff


def test_every_band_is_read_as_it_is(tmp_path: Path) -> None:
    bands = np.arange(5 * 4 * 3, dtype=np.uint16).reshape(5, 4, 3)
    write_tiff(tmp_path / "a.tif", bands)
    stored = read_stored(tmp_path / "a.tif")
    assert stored.dtype == np.uint16
    assert np.array_equal(stored, bands)


def test_a_missing_and_a_damaged_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"absent\.tif") as missing:
        read_stored(tmp_path / "absent.tif")
    assert isinstance(missing.value.__cause__, FileNotFoundError)
    write_tiff(tmp_path / "a.tif", np.ones((3, 99, 99), np.uint16))
    for size in (0, 100, 5000):
        (tmp_path / "cut.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:size])
        with pytest.raises(ImageReadError, match=r"cut\.tif") as damaged:
            read_stored(tmp_path / "cut.tif")
        assert not isinstance(damaged.value.__cause__, FileNotFoundError)
