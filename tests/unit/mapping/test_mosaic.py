"""Cells of a sheet lie side by side in one raster; where there is none there is no data."""

from pathlib import Path

import numpy as np
import rasterio

from ssr.inference.encoding import Encoding
from ssr.mapping.cells import Cell, satlas_cell
from ssr.mapping.encoding import cog_bytes
from ssr.mapping.mosaic import CellFile, write_mosaic

LAYOUT = Encoding(("red", "green", "blue"), "uint8").layout


def write_cell(folder: Path, cell: Cell, pixels: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{cell.name}.tif"
    path.write_bytes(cog_bytes(pixels, cell.grid(), LAYOUT, {"SSR_CELL": cell.name}))
    return path


def test_cells_lie_where_their_pixels_lie_and_gaps_have_no_data(tmp_path):
    rng = np.random.default_rng(0)
    places = {(4400, 2880): (0, 0), (4401, 2881): (512, 512)}
    images = {place: rng.integers(1, 255, (3, 512, 512), np.uint8) for place in places}
    files = [CellFile(satlas_cell(*xy), write_cell(tmp_path / "s", satlas_cell(*xy), images[xy])) for xy in places]
    grid = write_mosaic(files, 1, tmp_path / "m.tif", tags={"SSR_MAP": "1"}, is_picture=True)
    with rasterio.open(tmp_path / "m.tif") as mosaic:
        assert (mosaic.height, mosaic.width) == grid.shape_hw == (1024, 1024)
        assert mosaic.transform.almost_equals(satlas_cell(4400, 2880).grid().transform)
        assert mosaic.tags()["SSR_MAP"] == "1"
        assert mosaic.overviews(1)
        pixels, mask = mosaic.read(), mosaic.dataset_mask()
    for xy, (row, column) in places.items():
        np.testing.assert_array_equal(pixels[:, row : row + 512, column : column + 512], images[xy])
        assert (mask[row : row + 512, column : column + 512] == 255).all()
    assert pixels[:, :512, 512:].max() == mask[:512, 512:].max() == 0


def test_equal_cells_are_equal_bytes():
    cell, pixels = satlas_cell(4400, 2880), np.full((3, 512, 512), 9, np.uint8)
    assert cog_bytes(pixels, cell.grid(), LAYOUT, {"A": "1"}) == cog_bytes(pixels, cell.grid(), LAYOUT, {"A": "1"})
    assert cog_bytes(pixels, cell.grid(), LAYOUT, {"A": "1"}) != cog_bytes(pixels, cell.grid(), LAYOUT, {"A": "2"})
