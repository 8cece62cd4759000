"""Does `ssr scene` turn a series on disk into one georeferenced image four times finer?"""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from rio_cogeo.cogeo import cog_validate

from ssr.models.pointspread import PointSpread, sentinel2_sigma_px
from tests.integration.conftest import Run, files_below
from tests.support.scenes import (
    read_pixels,
    textured,
    tiny_rrdbnet,
    write_image,
    write_series,
    write_tiff,
    write_weights,
)


def pixels_of(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def test_a_series_becomes_a_cog_on_the_finer_grid(run: Run, dates: Path, tmp_path: Path) -> None:
    done = run("scene", dates, "-o", "new/out.tif", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["output"], told["model"], told["n_dates_found"]) == ("new/out.tif", "compact-8", 3)
    assert told["dates"] == ["date_0.tif", "date_1.tif", "date_2.tif"]
    assert told["best_date"] in told["dates"]
    assert told["super_res"] == "124×96 px, EPSG:32633, origin (500000, 5000000)"
    assert cog_validate(tmp_path / "new" / "out.tif", strict=True)[0]
    with rasterio.open(tmp_path / "new" / "out.tif") as dataset:
        assert (dataset.width, dataset.height, dataset.count, dataset.nodata) == (124, 96, 3, 0)
        assert dataset.transform == Affine(2.5, 0, 500_000, 0, -2.5, 5_000_000)
        assert dataset.tags()["SSR_DATES"] == "date_0.tif,date_1.tif,date_2.tif"
        assert dataset.read().min() > 0
    assert files_below(tmp_path / "new") == {"out.tif"}


def test_colours_are_those_of_the_input(run: Run, tmp_path: Path) -> None:
    """Means over the image: a network that adds detail may not change them by more than a few steps."""
    frames = textured(1, 40, 40).repeat(3, 0)
    write_series(tmp_path / "in", frames)
    run("scene", "in", "-o", "out.tif")
    np.testing.assert_allclose(pixels_of(tmp_path / "out.tif").mean((1, 2)), frames[0].mean((1, 2)), atol=3)


def test_pictures_without_a_place_are_said_to_have_none(run: Run, tmp_path: Path) -> None:
    for k, frame in enumerate(textured(2, 9, 12)):
        write_image(tmp_path / "in" / f"{k}.png", frame)
    done = run("scene", "in", "-o", "out.tif")
    assert done.returncode == 0
    assert done.stderr == "note: the input has no coordinate system, so the output has none either\n"
    assert "wrote   out.tif: 48×36 px, no coordinate system" in done.stdout
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.crs is None


def test_too_few_dates_are_repeated_and_noted(run: Run, dates: Path, tmp_path: Path) -> None:
    write_weights(tmp_path / "five.pth", tiny_rrdbnet(n_revisits=5))
    done = run("scene", dates, "-o", "out.tif", "--model", "five.pth", "--json")
    told = json.loads(done.stdout)
    assert told["notes"] == [f"{dates}: 3 date(s) found, 5 wanted; the best are repeated"]
    assert told["dates"] == ["date_0.tif", "date_1.tif", "date_2.tif"]
    assert told["best_date"] in told["dates"]


def test_the_hazy_and_the_cut_off_date_are_left_out(run: Run, tmp_path: Path) -> None:
    frames = textured(4, 30, 30)
    frames[1] = frames[1] // 2 + 120
    frames[3, :, :9] = 0
    write_series(tmp_path / "in", frames)
    done = run("scene", "in", "-o", "out.tif", "--max-dates", "2", "--json")
    assert json.loads(done.stdout)["dates"] == ["date_0.tif", "date_2.tif"]


def test_bands_and_white_of_sixteen_bit_images_are_chosen(run: Run, tmp_path: Path) -> None:
    """The same ground as bytes, and as bands blue, green, red, infrared of 16-bit numbers."""
    frames = textured(1, 20, 20)
    deep = np.concatenate([frames[:, ::-1], frames[:, :1]], 1).astype(np.uint16) * 10
    write_series(tmp_path / "bytes", frames)
    write_series(tmp_path / "deep", deep, photometric="MINISBLACK")
    assert run("scene", "bytes", "-o", "a.tif").returncode == 0
    assert run("scene", "deep", "-o", "b.tif", "--bands", "3,2,1", "--white-dn", "2550").returncode == 0
    difference = pixels_of(tmp_path / "a.tif").astype(int) - pixels_of(tmp_path / "b.tif")
    assert np.abs(difference).max() <= 1


def test_b08_is_the_same_by_names_and_beside_any_white(run: Run, tmp_path: Path) -> None:
    """Even ground of B08 2456: 76 of 255 in the worked example of docs/products.md, whatever makes the colours."""
    deep = np.concatenate([textured(1, 20, 20).astype(np.uint16) * 10, np.full((1, 1, 20, 20), 2456, np.uint16)], 1)
    write_series(tmp_path / "deep", deep, photometric="MINISBLACK")
    model = ("--model", "compact-8-rgbn")
    ways = {
        "names": ("--band-names", "B02,B03,B04,B08", "--level", "L1C"),
        "white": ("--bands", "3,2,1,4", "--white-dn", "3558"),
        "both": ("--band-names", "B02,B03,B04,B08", "--white-dn", "3558"),
    }
    for name, way in ways.items():
        done = run("scene", "deep", "-o", f"{name}.tif", *model, *way)
        assert done.returncode == 0, done.stderr
        assert ("B08 is read as reflectance × 10000, where 8160 is 1" in done.stderr) == (name != "names")
        assert abs(pixels_of(tmp_path / f"{name}.tif")[3].mean() - 76) < 3
    np.testing.assert_array_equal(pixels_of(tmp_path / "both.tif"), pixels_of(tmp_path / "white.tif"))


def test_names_order_the_bands_of_bytes(run: Run, tmp_path: Path) -> None:
    frames = textured(1, 20, 20)
    write_series(tmp_path / "rgb", frames)
    write_series(tmp_path / "bgr", frames[:, ::-1])
    assert run("scene", "rgb", "-o", "a.tif").returncode == 0
    assert run("scene", "bgr", "-o", "b.tif", "--band-names", "B02,B03,B04").returncode == 0
    np.testing.assert_array_equal(pixels_of(tmp_path / "a.tif"), pixels_of(tmp_path / "b.tif"))


def test_a_result_inside_the_input_folder_is_no_date_of_the_next_run(run: Run, dates: Path) -> None:
    for _ in range(2):
        done = run("scene", dates, "-o", dates / "out.tif", "--overwrite")
        assert (done.returncode, done.stderr) == (0, "")


def test_a_former_result_is_refused_or_replaced(run: Run, dates: Path, tmp_path: Path) -> None:
    (tmp_path / "out.tif").write_bytes(b"former")
    refused = run("scene", dates, "-o", "out.tif")
    assert refused.returncode == 2
    assert refused.stderr == "error: out.tif: exists already; pass --overwrite to replace it\n"
    assert (tmp_path / "out.tif").read_bytes() == b"former"
    assert run("scene", dates, "-o", "out.tif", "--overwrite").returncode == 0
    assert cog_validate(tmp_path / "out.tif")[0]


def test_rotated_and_geographic_grids_are_kept(run: Run, tmp_path: Path) -> None:
    rotated = Affine.translation(12.5, 45.25) @ Affine.rotation(15) @ Affine.scale(1e-4, -1e-4)
    write_tiff(tmp_path / "in" / "a.tif", textured(1, 16, 16)[0], crs="EPSG:4326", transform=rotated)
    run("scene", "in", "-o", "out.tif")
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.crs.to_epsg() == 4326
        assert dataset.transform.almost_equals(rotated @ Affine.scale(0.25), precision=1e-12)


def test_more_dates_than_a_network_takes_are_left_out_or_averaged(run: Run, dates: Path, tmp_path: Path) -> None:
    write_weights(tmp_path / "two.pth", tiny_rrdbnet(n_revisits=2))
    best = json.loads(run("scene", dates, "-o", "a.tif", "--model", "two.pth", "--json").stdout)
    assert (len(best["dates"]), best["notes"]) == (2, [])
    averaged = run("scene", dates, "-o", "b.tif", "--model", "two.pth", "--more-dates", "average", "--json")
    told = json.loads(averaged.stdout)
    assert told["dates"] == ["date_0.tif", "date_1.tif", "date_2.tif"]
    assert told["notes"] == ["3 dates seen in 2 passes of 2, results averaged"]
    limited = run(
        "scene", dates, "-o", "c.tif", "--model", "two.pth", "--more-dates", "average", "--max-dates", "2", "--json"
    )
    assert json.loads(limited.stdout)["dates"] == best["dates"]
    pixels = read_pixels(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_pixels(tmp_path / "c.tif"), pixels)  # their tags tell different options


@pytest.mark.parametrize("reference", ["mean", "median"])
def test_a_network_of_wild_colours_is_held_to_those_of_the_input(run: Run, tmp_path: Path, reference: str) -> None:
    """Seen through Sentinel-2's point spread, the result is the mean (median) input to half a step, and rounding."""
    frames = textured(3, 40, 40) // 2 + 60
    write_series(tmp_path / "in", frames)
    write_weights(tmp_path / "wild.pth", tiny_rrdbnet(n_revisits=3))
    free = run("scene", "in", "-o", "free.tif", "--model", "wild.pth")
    held = run("scene", "in", "-o", "held.tif", "--model", "wild.pth", "--fidelity", "1", "--fidelity-to", reference)
    assert (free.returncode, held.returncode) == (0, 0), held.stderr
    wanted = frames.mean(0) if reference == "mean" else np.median(frames, 0)
    spread = PointSpread(4, sentinel2_sigma_px())

    def distance(name: str) -> np.ndarray:
        pixels = torch.from_numpy(pixels_of(tmp_path / name).astype(np.float64))
        return (spread.see(pixels[None])[0].numpy() - wanted)[:, 2:-2, 2:-2]

    assert np.abs(distance("free.tif")).mean() > 5
    assert np.abs(distance("held.tif")).max() <= 0.5 + 0.25  # bytes are rounded; the point spread averages that away
    with rasterio.open(tmp_path / "held.tif") as dataset:
        assert dataset.tags()["SSR_FIDELITY"] == f"1 to the {reference}"


@pytest.mark.parametrize("model", ["bicubic", "shift_and_add"])
def test_models_without_weights_serve_by_name(run: Run, dates: Path, tmp_path: Path, model: str) -> None:
    done = run("scene", dates, "-o", "out.tif", "--model", model, "--offline", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == model
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert (dataset.tags()["SSR_MODEL"], dataset.tags()["SSR_MODEL_SHA256"]) == (model, "none")


def test_a_published_model_that_is_not_here_is_named_offline(
    run: Run, dates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))
    done = run("scene", dates, "-o", "out.tif", "--model", "esrgan_8S2", "--offline")
    assert done.returncode == 2
    assert "esrgan_8S2" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "out.tif" not in files_below(tmp_path)


@pytest.mark.slow
@pytest.mark.shared
def test_real_dates_of_venice_become_one_sharper_image(run: Run, shared: Path, tmp_path: Path) -> None:
    folder = shared / "imagery" / "scenes" / "venice_rgb_8_dates"
    done = run("scene", folder, "-o", "out.tif", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["n_dates_found"] == 8
    low_res = read_pixels(folder / told["best_date"])
    result = pixels_of(tmp_path / "out.tif")
    assert result.shape == (3, 4 * low_res.shape[0], 4 * low_res.shape[1])
