"""What do given paths show?"""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from ssr.errors import ImageReadError, InputError
from ssr.viewer.finding import find_places, parse_path
from ssr.viewer.opening import open_paths
from ssr.viewer.places import Place, day_of
from tests.support.scenes import TEN_METRES, textured, write_image, write_tiff
from tests.unit.viewer.conftest import FINE


def places(*paths: object) -> list[Place]:
    return find_places([parse_path(str(path)) for path in paths])


def layers(place: Place) -> list[tuple[str, str]]:
    return [(layer.kind, layer.name) for layer in place.layers]


def test_a_result_brings_its_trust_and_the_dates_it_was_made_of(scene: Path) -> None:
    (place,) = places(scene, scene.parent / "dates")
    assert layers(place) == [("super_res", "out"), ("date", "date_0"), ("date", "date_1"), ("date", "date_2")]
    assert [over.overlay.title for over in place.overlays] == ["trust", "number of dates"]
    assert place.overlays[0].overlay.meaning == "share of pixels that were right"
    assert place.layers[1].day == "2021-06-01"
    assert place.described()["metres"] == 2.5


def test_a_folder_of_dates_alone_is_a_series(scene: Path) -> None:
    (place,) = places(scene.parent / "dates")
    assert {kind for kind, _ in layers(place)} == {"date"}


def test_truth_is_told_by_its_name_or_by_the_user(scene: Path) -> None:
    other = textured(1, 320, 400)[0]
    write_tiff(scene.parent / "place_hr.tif", other, transform=FINE)
    write_tiff(scene.parent / "aerial.tif", other, transform=FINE)
    (place,) = places(scene, scene.parent / "place_hr.tif", f"truth={scene.parent / 'aerial.tif'}")
    assert layers(place)[1:] == [("truth", "place_hr"), ("truth", "aerial")] or layers(place)[1:] == [
        ("truth", "aerial"),
        ("truth", "place_hr"),
    ]


def test_other_ground_is_another_place(scene: Path) -> None:
    far = TEN_METRES @ Affine.translation(5000, 0)
    write_tiff(scene.parent / "far.tif", textured(1, 20, 20)[0], transform=far)
    assert [place.title for place in places(scene, scene.parent / "far.tif")] == ["out", "far"]


def test_another_system_is_brought_to_the_grid_of_the_result(scene: Path) -> None:
    with rasterio.open(scene) as dataset:
        west, south, east, north = rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    step = Affine((east - west) / 50, 0, west, 0, -(north - south) / 50, north)
    write_tiff(scene.parent / "degrees.tif", np.full((3, 50, 50), 77, np.uint8), crs="EPSG:4326", transform=step)
    (place,) = places(scene, scene.parent / "degrees.tif")
    layer = next(one for one in place.layers if one.name == "degrees")
    assert layer.source.values(160, 200)[:3] == [77, 77, 77]
    assert "lies on another grid" in place.notes[0]


def test_pictures_without_a_place_belong_together_by_their_shape(tmp_path: Path) -> None:
    low, fine, other = textured(1, 20, 30)[0], textured(1, 80, 120)[0], textured(1, 50, 50)[0]
    for name, pixels in (("low", low), ("fine_sr", fine), ("other", other)):
        write_image(tmp_path / f"{name}.png", pixels)
    found = places(*(tmp_path / f"{name}.png" for name in ("low", "fine_sr", "other")))
    assert sorted(len(place.layers) for place in found) == [1, 2]


def test_cells_beside_each_other_are_one_layer(tmp_path: Path) -> None:
    held = textured(1, 300, 600)[0]
    for column in (0, 300):
        moved = TEN_METRES @ Affine.translation(column, 0)
        write_tiff(tmp_path / "map" / f"{column}.tif", held[:, :, column : column + 300], transform=moved)
    (place,) = places(tmp_path / "map")
    assert (place.extent_px, layers(place)) == ((0, 0, 600, 300), [("image", "map")])
    assert place.layers[0].source.values(10, 450) == held[:, 10, 450].tolist()


def test_the_account_of_dates_tells_which_were_used_at_a_pixel(scene: Path) -> None:
    dates = [{"number": k + 1, "name": f"date_{k}.tif", "time": None, "why": "used"} for k in range(3)]
    scene.with_suffix(".dates.json").write_text(json.dumps({"dates": dates}))
    served = np.array([[[1, 1], [2, 2]], [[3, 1], [2, 0]]], np.uint8)
    write_tiff(scene.with_suffix(".dates.tif"), served, transform=TEN_METRES @ Affine.scale(50, 40), nodata=0)
    (place,) = places(scene, scene.parent / "dates")
    assert place.values(0, 0)["dates_used"] == [1, 3]
    assert place.values(319, 399)["dates_used"] == [2]
    assert [layer.number for layer in place.layers] == [None, 1, 2, 3]


def test_an_account_that_is_something_else_is_refused(scene: Path) -> None:
    scene.with_suffix(".dates.json").write_text("[]")
    with pytest.raises(InputError, match=r"out\.dates\.json: is no account of dates"):
        places(scene)


@pytest.mark.parametrize(
    "text", ["missing.tif", "../nothing", "http://a.example/b.tif", "/vsicurl/http://a/b", "truth=no"]
)
def test_what_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        parse_path(text)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds nothing to show"):
        open_paths([str(tmp_path)])


@pytest.mark.parametrize("name", ["notes.txt", "table.csv"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hello")
    with pytest.raises(ImageReadError, match="is no raster that is shown here"):
        open_paths([str(tmp_path / name)])


def test_a_raster_by_name_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"not a picture")
    with pytest.raises(ImageReadError, match=r"a\.tif: cannot be opened as a raster"):
        open_paths([str(tmp_path / "a.tif")])


def test_a_link_out_of_a_given_folder_is_not_followed(scene: Path, tmp_path: Path) -> None:
    secret = write_tiff(tmp_path / "elsewhere" / "secret.tif", textured(1, 20, 25)[0])
    (scene.parent / "dates" / "link.tif").symlink_to(secret)
    (place,) = places(scene.parent / "dates")
    assert "link" not in {layer.name for layer in place.layers}
    assert place.notes == ("link.tif: leads out of the folder dates and is not shown",)


def test_a_companion_that_leads_elsewhere_is_not_followed(scene: Path, tmp_path: Path) -> None:
    trust = scene.with_suffix(".trust.tif")
    moved = tmp_path / "elsewhere" / "t.tif"
    moved.parent.mkdir()
    trust.rename(moved)
    trust.symlink_to(moved)
    assert places(scene)[0].overlays == ()


@pytest.mark.parametrize(
    ("name", "told", "day"),
    [
        ("S2A_MSIL1C_20210613T101031_x", None, "2021-06-13"),
        ("RGB_2019-12-10-T101411.png", None, "2019-12-10"),
        ("a.tif", "2020-01-02T03:04:05+00:00", "2020-01-02"),
        ("123456789.tif", None, None),
    ],
)
def test_the_day_of_a_date(name: str, told: str | None, day: str | None) -> None:
    assert day_of(name, told) == day


def test_the_net_over_a_place_is_as_exact_as_a_basemap_needs(scene: Path) -> None:
    """Its nodes against the library; between them the view is nearly flat."""
    (place,) = places(scene)
    net = place.described()["net"]
    with rasterio.open(scene) as dataset:
        x, y = dataset.transform @ (400, 320)
        lon, lat = rasterio.warp.transform(dataset.crs, "EPSG:4326", [x], [y])
    assert (net["lon"][-1], net["lat"][-1]) == pytest.approx((lon[0], lat[0]), abs=1e-7)
    u0, v0, _, _ = net["mercator"]
    back = rasterio.warp.transform(
        "EPSG:4326",
        place.grid.crs,
        [u0 * 360 - 180],
        [np.degrees(2 * np.arctan(np.exp((0.5 - v0) * 2 * np.pi)) - np.pi / 2)],
    )
    assert (net["x"][0], net["y"][0]) == pytest.approx(~place.grid.transform @ (back[0][0], back[1][0]), abs=0.01)
