"""A map of simulated overflights, cut into overlapping granules of two UTM zones, shows nothing where cells meet.

The oracle is a cell that does not belong to the grid and in whose middle the border of two others lies.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rasterio.warp import transform
from typer.testing import CliRunner

from ssr.cli.main import app
from ssr.mapping.cells import SATLAS_CELL_PX, satlas_cell, tile_row
from ssr.mapping.plan import open_plan
from ssr.mapping.predicting import predict_cell
from ssr.mapping.reading import read_cell
from ssr.workflows.mapcells import prepare_cells
from tests.support.map_scenes import MERCATOR, Granule, Light, write_overflights

SEAM_RATIO = 1.02
WEST = satlas_cell(int((12.0 + 180) / 360 * 8192), int(tile_row(47.0, 13)))
EAST = satlas_cell(WEST.column // SATLAS_CELL_PX + 1, WEST.row // SATLAS_CELL_PX)


@pytest.fixture(scope="module")
def plan_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six dates of two zones, displaced; every granule ends somewhere else, three have clouds at the border."""
    folder = tmp_path_factory.mktemp("map")
    left, top = WEST.grid().transform @ (0, 0)
    side = SATLAS_CELL_PX * WEST.pixel_m
    rng = np.random.default_rng(1)
    granules, lights = [], []
    for date in range(6):
        pieces = []
        for epsg, from_left in ((32632, -0.8 * side), (32633, -0.1 * side)):
            xs, ys = transform(MERCATOR, f"EPSG:{epsg}", [left + from_left], [top + 0.7 * side])
            x, y = (round(value / 10 + rng.integers(-60, 60)) * 10 for value in (xs[0], ys[0]))
            pieces.append(Granule(epsg, x, y, 900))
        granules.append(pieces if date % 3 == 0 else [pieces[date % 2]])
        clouds = ((left + side * rng.uniform(0.7, 1.3), top - side * rng.uniform(0, 1), 700.0),)
        gain, moved = tuple(rng.uniform(0.8, 1.2, 3)), tuple(rng.uniform(-9, 9, 2))
        lights.append(Light(gain, rng.uniform(-0.03, 0.03), clouds if date % 2 else (), moved))
    write_overflights(folder / "dates", granules, lights)
    west, south, _, north = WEST.box()
    box = f"{west + 1e-4},{south + 1e-4},{EAST.box()[2] - 1e-4},{north - 1e-4}"
    arguments = ["map", "plan", "-o", str(folder / "plan"), "--area", box, "--input", str(folder / "dates")]
    done = CliRunner().invoke(app, [*arguments, "--model", "bicubic", "--device", "1e12"])
    assert done.exit_code == 0, done.output
    return folder / "plan"


@pytest.mark.slow
def test_nothing_shows_where_cells_of_two_zones_and_different_dates_meet(plan_folder):
    stages = prepare_cells("all", {"plan": str(plan_folder), "device": "cpu", "precision": "fp32"})
    sources = open_plan(plan_folder).sources.sources
    between = replace(WEST, column=WEST.column + SATLAS_CELL_PX // 2)
    series = [read_cell(cell, sources, stages._reading) for cell in (WEST, EAST, between)]
    assert len({len(one.pixels) for one in series}) == 1
    west, east, middle = (
        predict_cell(stages._predictor(len(one.pixels))[0], one, stages._windows, SATLAS_CELL_PX) for one in series
    )
    line = SATLAS_CELL_PX * 4 // 2
    pair = np.concatenate([west[:, :, line:], east[:, :, :line]], axis=2)
    steps, expected = (float(np.abs(image[:, :, line] - image[:, :, line - 1]).mean()) for image in (pair, middle))
    assert steps / expected <= SEAM_RATIO
    assert np.abs(pair - middle).max() <= 2 / 255  # one step of the input, enlarged
