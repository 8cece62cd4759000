"""A map from a plan to a publication and through the next month, as a user makes it."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from PIL import Image
from typer.testing import CliRunner, Result

from ssr.cli.main import app
from ssr.errors import InputError
from ssr.mapping.cells import cell_named
from ssr.mapping.store import Store
from tests.support.map_areas import FAR, NEAR, cloud_over, granule_of, write_area, write_dates
from tests.support.map_scenes import Light, seen
from tests.support.map_stages import hashes_in, tasks_of
from tests.support.s3_server import S3Server, s3_server
from tests.support.scenes import truncate
from tests.support.stac_series import earth_search_item, write_bands
from tests.support.stac_server import stac_server

LIGHTS = (Light(), Light((1.1, 1.0, 0.9), 0.01, (cloud_over(NEAR), cloud_over(FAR))))
QUICK = ("--model", "bicubic", "--device", "1e12")


def ssr_map(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["map", *map(str, arguments)])


def told(*arguments: object) -> dict[str, Any]:
    """What a command says as JSON; it must go well."""
    result = ssr_map(*arguments, "--json")
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@dataclass(frozen=True)
class Months:
    """Two months of one store: in July one more date of the far cell.

    first, again: accounts of June's run and of running it again; store_before, store_after: its files around that.
    """

    folder: Path
    planned: dict[str, Any]
    first: dict[str, Any]
    again: dict[str, Any]
    store_before: dict[str, str]
    store_after: dict[str, str]
    published: dict[str, Any]
    july: dict[str, Any]
    published_july: dict[str, Any]

    @property
    def june(self) -> Path:
        return self.folder / "june"


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Months:
    folder = tmp_path_factory.mktemp("months")
    dates = folder / "dates"
    write_dates(dates, (NEAR, FAR), LIGHTS)
    area, store = write_area(folder / "area.geojson", (NEAR, FAR)), folder / "store"
    common = ("--area", area, "--input", dates, "--store", store, *QUICK)
    planned = told("plan", "-o", folder / "june", *common, "--date", "2021-06", "--price", "2", "--simulate", "3")
    first = told("run", folder / "june")
    before = hashes_in(store)
    again = told("run", folder / "june")
    after = hashes_in(store)
    published = told("publish", folder / "june", "-o", folder / "map", "--license", "CC-BY-4.0")
    shutil.copytree(folder / "map", folder / "map-june")
    new = granule_of(FAR)
    with rasterio.open(dates / "2021-06-01_32633_1.tif") as dataset:
        profile = dataset.profile
    with rasterio.open(dates / "2021-07-03_32633_1.tif", "w", **profile) as dataset:
        dataset.write(seen(new, Light((0.8, 0.9, 1.0), 0.0, ()), noise_seed=7))
    told("plan", "-o", folder / "july", *common, "--date", "2021-06/2021-07")
    july = told("run", folder / "july", "--workers", "2")
    published_july = told("publish", folder / "july", "-o", folder / "map")
    return Months(folder, planned, first, again, before, after, published, july, published_july)


def test_a_plan_says_what_a_map_takes(months: Months) -> None:
    plan = months.planned["told"]
    assert plan["counts"] == {
        "n_partitions": len({NEAR.partition, FAR.partition}),
        "n_cells": 2,
        "n_with_dates": 2,
        "n_reads": 4,
        "ground_m2": pytest.approx(2 * (512 * 9.5546 * np.cos(np.radians(47))) ** 2, rel=2e-3),
    }
    assert plan["estimate"]["pixels"] == 2 * 512**2
    assert plan["estimate"]["money"] == pytest.approx(2 * plan["estimate"]["worker_hours"])
    assert plan["simulated"]["n_workers"] == 3
    rows = pq.read_table(months.june / "cells.parquet").to_pylist()
    assert {row["cell"] for row in rows} == {NEAR.name, FAR.name}
    assert [row["n_dates"] for row in rows] == [2, 2]


def test_a_plan_says_in_words_what_would_hold_it_up_and_what_to_do(tmp_path: Path) -> None:
    common = ("--area", "11.5,46.5,13.5,47.5", "--source", "none", *QUICK[:2], "--simulate", "1000")
    quick = ssr_map("plan", "-o", tmp_path / "quick", *common, "--device", "1e12")
    assert quick.exit_code == 0, quick.output
    assert "limit   handing out cells, which one process does: 0.00 h if there were nothing else" in quick.output
    assert re.search(r"--part 1/\d+, 2/\d+", " ".join(quick.output.split()))


@pytest.mark.parametrize("option", [("--white-dn", "3558"), ("--bands", "3,2,1"), ("--band-names", "B04,B03,B02")])
def test_what_is_said_of_plain_images_is_refused_where_none_is_read(tmp_path: Path, option: tuple[str, str]) -> None:
    out = tmp_path / "plan"
    result = ssr_map("plan", "-o", out, "--area", "12,45,12.1,45.1", "--source", "none", *option, *QUICK)
    assert isinstance(result.exception, InputError)
    assert "--source none: --bands, --band-names and --white-dn say something of plain" in str(result.exception)
    assert not (out / "plan.json").exists()


def test_a_run_does_every_cell_and_run_again_it_does_nothing(months: Months) -> None:
    assert (months.first["n_done"], months.first["n_found"], months.first["n_failed"]) == (2, 0, 0)
    assert (months.again["n_done"], months.again["n_found"]) == (0, 2)
    assert months.store_after == months.store_before
    assert len(months.store_before) == 4  # an image and a marker for each


def test_status_counts_from_the_store_alone(months: Months) -> None:
    status = told("status", months.june)
    assert (status["n_cells"], status["n_done"], status["n_failed"], status["n_remaining"]) == (2, 2, 0, 0)
    assert status["gigabytes"] >= 0
    assert status["last_done"]
    shown = ssr_map("status", months.june).output
    assert "done    2 of 2 cells (100.0%)" in shown


def test_a_published_sheet_is_what_was_computed(months: Months) -> None:
    assert (months.published["n_cells"], months.published["n_sheets"], months.published["n_sheets_new"]) == (2, 2, 2)
    image = next((months.folder / "store").rglob(f"{NEAR.name}.*.image.*.tif"))
    with rasterio.open(image) as cell, rasterio.open(next(sheets(months.folder / "map-june", NEAR))) as sheet:
        assert sheet.crs.to_epsg() == 3857
        assert sheet.overviews(1)
        assert sheet.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert sheet.transform.almost_equals(cell.transform, 1e-6)
        np.testing.assert_array_equal(sheet.read(), cell.read())
        middle = sheet.read()[:, 700:1300, 900:1200]
        assert middle.min() > 0


def sheets(folder: Path, cell: Any) -> Iterator[Path]:
    x, y = (int(part) >> 3 for part in cell.name.split("-")[1:])
    yield folder / "cogs" / f"10-{x}-{y}.tif"


def test_the_pyramid_shows_the_sheet_at_every_zoom(months: Months) -> None:
    reader = pytest.importorskip("pmtiles.reader")
    with (months.folder / "map-june" / "map.pmtiles").open("rb") as file:
        opened = reader.Reader(reader.MmapSource(file))
        header = opened.header()
        assert (header["min_zoom"], header["max_zoom"]) == (0, 16)
        assert header["min_lon_e7"] <= NEAR.box()[0] * 1e7 + 1
        x, y = (int(part) for part in NEAR.name.split("-")[1:])
        picture = as_array(opened.get(16, 8 * x + 4, 8 * y + 3))
        with rasterio.open(next(sheets(months.folder / "map-june", NEAR))) as sheet:
            pixels = sheet.read(window=((3 * 256, 4 * 256), (4 * 256, 5 * 256)))
        assert picture.shape == (3, 256, 256)
        assert np.abs(picture.astype(int) - pixels).mean() < 4  # WebP at quality 90
        assert all(opened.get(zoom, x >> (13 - zoom), y >> (13 - zoom)) for zoom in range(14))


def as_array(packed: bytes) -> np.ndarray:
    import io

    return np.asarray(Image.open(io.BytesIO(packed)).convert("RGB")).transpose(2, 0, 1)


def test_catalogues_read_the_publication(months: Months) -> None:
    pystac = pytest.importorskip("pystac")
    from pystac.validation.stac_validator import JsonSchemaSTACValidator

    folder = months.folder / "map-june"
    collection = pystac.Collection.from_file(str(folder / "collection.json"))
    kinds = pystac.STACObjectType
    JsonSchemaSTACValidator().validate_core(collection.to_dict(), kinds.COLLECTION, "1.1.0")
    items = list(collection.get_items())
    assert len(items) == 2
    for item in items:
        JsonSchemaSTACValidator().validate_core(item.to_dict(), kinds.ITEM, "1.1.0")
        assert item.collection_id == collection.id
        asset = item.get_self_href()
        path = (Path(asset).parent / item.assets["image"].href).resolve()
        assert path.stat().st_size == item.assets["image"].extra_fields["file:size"]
        assert item.common_metadata.start_datetime.isoformat()[:10] == "2021-06-01"
        assert item.common_metadata.end_datetime.isoformat()[:10] == "2021-06-02"
    assert collection.license == "CC-BY-4.0"
    assert all((folder / asset.href).exists() for asset in collection.assets.values())


def test_the_index_is_geoparquet_of_the_items(months: Months) -> None:
    shapely = pytest.importorskip("shapely")
    path = months.folder / "map-june" / "items.parquet"
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    for row in pq.read_table(path).to_pylist():
        item = json.loads((months.folder / "map-june" / "items" / f"{row['id']}.json").read_text())
        assert shapely.from_wkb(row["geometry"]).bounds == pytest.approx(tuple(item["bbox"]))
        assert json.loads(row["assets"])["image"]["href"] == item["assets"]["image"]["href"]


def test_next_month_only_cells_with_new_input_are_done_and_published(months: Months) -> None:
    assert (months.july["n_done"], months.july["n_found"]) == (1, 1)
    assert (months.published_july["n_sheets"], months.published_july["n_sheets_new"]) == (2, 1)
    before, after = (hashes_in(months.folder / name) for name in ("map-june", "map"))
    changed = {name for name in before if before[name] != after[name] and name.startswith("cogs/")}
    assert changed == {f"cogs/{next(sheets(Path(), FAR)).name}"}
    assert before["map.pmtiles"] != after["map.pmtiles"]


def test_publishing_again_writes_the_same_map(months: Months) -> None:
    before = hashes_in(months.folder / "map-june")
    again = told("publish", months.june, "-o", months.folder / "map-june", "--license", "CC-BY-4.0")
    assert again["n_sheets_new"] == 0
    assert hashes_in(months.folder / "map-june") == before


def test_changes_name_the_cells_and_by_how_much_they_differ(months: Months) -> None:
    out = months.folder / "changes.parquet"
    found = told("changes", months.june, months.folder / "july", "-o", out)
    assert (found["n_same"], found["n_changed"], found["n_new"], found["n_gone"]) == (1, 1, 0, 0)
    (row,) = pq.read_table(out).to_pylist()
    assert (row["cell"], row["kind"], row["n_dates_before"], row["n_dates_now"]) == (FAR.name, "changed", 2, 3)
    images = []
    for plan in ("june", "july"):
        cells = pq.read_table(months.folder / plan / "cells.parquet").to_pylist()
        given = next(one["input"] for one in cells if one["cell"] == FAR.name)
        with rasterio.open(next((months.folder / "store").rglob(f"{FAR.name}.{given}.image.*.tif"))) as dataset:
            images.append(dataset.read().astype(float))
    both = (images[0] != 0).any(0) & (images[1] != 0).any(0)
    assert row["mean_of_255"] == pytest.approx(np.abs(images[0] - images[1]).mean(0)[both].mean(), rel=1e-5)
    assert 0 < row["mean_of_255"] < 30
    assert told("changes", months.june, months.folder / "july", "--plans")["mean_of_255"] is None


def test_an_index_of_another_plan_plans_the_same_inputs(months: Months, tmp_path: Path) -> None:
    sources = months.june / "sources.parquet"
    area = months.folder / "area.geojson"
    told("plan", "-o", tmp_path / "p", "--source", "index", "--input", sources, "--area", area, *QUICK)
    columns = ["cell", "input", "sources"]
    both = [
        pq.read_table(plan / "cells.parquet", columns=columns).to_pylist() for plan in (months.june, tmp_path / "p")
    ]
    assert both[0] == both[1]


def test_a_truncated_file_sets_its_cell_aside_until_it_is_whole(months: Months, tmp_path: Path) -> None:
    store = tmp_path / "store"
    plan = tmp_path / "plan"
    shutil.copytree(months.june, plan)
    document = json.loads((plan / "plan.json").read_text())
    (plan / "plan.json").write_text(json.dumps(document | {"store": str(store)}))
    damaged = months.folder / "dates" / "2021-06-02_32633_1.tif"
    content, times = damaged.read_bytes(), damaged.stat()
    try:
        truncate(damaged, 0.4)
        result = ssr_map("run", plan, "--tries", "2")
        assert result.exit_code == 1
        assert "failed  1 cells were set aside" in result.output
        status = told("status", plan)
        assert (status["n_done"], status["n_failed"]) == (1, 1)
        assert status["failures"][0]["cell"] == FAR.name
        assert damaged.name in status["failures"][0]["error"]
        assert status["failures"][0]["n_tries"] == 2
        assert told("run", plan)["n_done"] == 0  # it stays aside
        assert "aside" in ssr_map("status", plan).output
    finally:
        damaged.write_bytes(content)
        os.utime(damaged, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert told("run", plan, "--retry-failed")["n_done"] == 1
    assert told("status", plan)["n_failed"] == 0
    assert hashes_in(store) == months.store_before


@pytest.mark.slow
def test_a_map_of_the_grid_of_products_with_its_trust(months: Months, tmp_path: Path) -> None:
    west, south, east, north = NEAR.box()
    x, y = (west + east) / 2, (south + north) / 2
    box = f"{x - 1e-4},{y - 1e-4},{x + 1e-4},{y + 1e-4}"
    how = ("--grid", "mgrs", "--area", box, "--date", "2021-06", "--trust", "--max-dates", "2", *QUICK)
    told("plan", "-o", tmp_path / "p", "--input", months.folder / "dates", *how)
    assert told("run", tmp_path / "p")["n_done"] >= 1
    published = told("publish", tmp_path / "p", "-o", tmp_path / "map")
    assert published["n_pictures"] is None
    assert "mgrs" in published["notes"][0]
    (name,) = [path.stem for path in (tmp_path / "map" / "items").iterdir()]
    row = pq.read_table(tmp_path / "p" / "cells.parquet").to_pylist()[0]
    cell = cell_named(row["cell"])
    assert name == cell.partition
    with rasterio.open(tmp_path / "map" / "cogs" / f"{name}.tif") as sheet:
        assert sheet.crs.to_epsg() == 32633
        assert sheet.transform.a == 2.5
        assert sheet.transform.c % 5000 == sheet.transform.f % 5000 == 0
    with rasterio.open(tmp_path / "map" / "cogs" / f"{name}.trust.tif") as trust:
        assert trust.count >= 1
        assert (trust.read(1) != trust.nodata).any()


@pytest.mark.slow
def test_trust_has_a_pyramid_of_its_own(months: Months, tmp_path: Path) -> None:
    reader = pytest.importorskip("pmtiles.reader")
    area = write_area(tmp_path / "near.geojson", (NEAR,))
    how = ("--area", area, "--date", "2021-06", "--trust", "--max-dates", "2", *QUICK)
    told("plan", "-o", tmp_path / "p", "--input", months.folder / "dates", *how)
    told("run", tmp_path / "p")
    told("publish", tmp_path / "p", "-o", tmp_path / "map", "--pictures", "png")
    collection = json.loads((tmp_path / "map" / "collection.json").read_text())
    assert {"index", "overview", "trust"} <= set(collection["assets"])
    x, y = (int(part) for part in NEAR.name.split("-")[1:])
    with (tmp_path / "map" / "trust.pmtiles").open("rb") as file:
        shades = as_array(reader.Reader(reader.MmapSource(file)).get(16, 8 * x + 4, 8 * y + 3))
    with rasterio.open(tmp_path / "map" / "cogs" / f"{next(sheets(Path(), NEAR)).stem}.trust.tif") as sheet:
        trust = sheet.read(1, window=((3 * 256, 4 * 256), (4 * 256, 5 * 256)))
    np.testing.assert_array_equal(shades[0], np.rint(trust.clip(0, 100) / 100 * 254 + 1))


@pytest.mark.slow
def test_dates_of_a_catalogue_on_the_web_become_a_map(tmp_path: Path) -> None:
    pytest.importorskip("pystac_client")
    with stac_server(tmp_path / "served") as server:
        items = []
        for day in (1, 2):
            folder = tmp_path / "served" / "files" / f"d{day}"
            write_bands(folder, seed=0)
            items.append(
                earth_search_item(
                    f"{server.files}d{day}/",
                    f"S2A_33TWK_2020060{day}_0_L2A",
                    moment=f"2020-06-0{day}T10:04:00.100Z",
                    datatake=f"GS2A_2020060{day}T100031_025812_N05.00",
                )
            )
        server.serve(*items)
        planned = told(
            "plan", "-o", tmp_path / "p", "--source", "stac", "--stac", server.url, "--collection", "sentinel-2-l2a",
            "--area", "15.001,45.150,15.004,45.153", "--date", "2020-06", *QUICK,
        )  # fmt: skip
        account = told("run", tmp_path / "p")
        counts = planned["told"]["counts"]
        assert (account["n_done"], account["n_failed"]) == (counts["n_with_dates"], 0)
    shown = []
    for image in (tmp_path / "p" / "store").rglob("*.image.*.tif"):
        with rasterio.open(image) as dataset:
            used = set(dataset.tags()["SSR_DATES"].split(",")) - {""}
            assert used <= {item["id"] for item in items}
            shown.append(bool(used) and dataset.read().max() > 0)
    assert any(shown)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning:ray")
def test_a_cluster_on_this_machine_computes_the_same_bytes(months: Months, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    plan = tmp_path / "plan"
    shutil.copytree(months.june, plan)
    document = json.loads((plan / "plan.json").read_text())
    (plan / "plan.json").write_text(json.dumps(document | {"store": str(tmp_path / "store")}))
    assert told("run", plan, "--ray", "local")["n_done"] == 2
    assert hashes_in(tmp_path / "store") == months.store_before


# ---- object stores


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    with s3_server() as server:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        server.upload("maps", {})
        yield server


@pytest.mark.slow
def test_a_map_in_an_object_store_is_the_map_of_a_folder(months: Months, bucket: S3Server, tmp_path: Path) -> None:
    endpoint = ("--endpoint", bucket.url.removesuffix("/"))
    plan = tmp_path / "plan"
    shutil.copytree(months.june, plan)
    document = json.loads((plan / "plan.json").read_text())
    (plan / "plan.json").write_text(json.dumps(document | {"store": "s3://maps/one"}))
    assert told("run", plan, *endpoint)["n_done"] == 2
    assert told("run", plan, *endpoint)["n_found"] == 2
    assert told("status", plan, *endpoint)["n_done"] == 2
    told("publish", plan, "-o", tmp_path / "map", *endpoint)
    expected = hashes_in(months.folder / "map-june")
    found = hashes_in(tmp_path / "map")
    assert {name: found[name] for name in found if name.startswith("cogs/")} == {
        name: expected[name] for name in expected if name.startswith("cogs/")
    }


@pytest.mark.slow
def test_going_on_lists_the_partitions_of_the_plan_and_nothing_else(bucket: S3Server) -> None:
    store = Store("s3://maps/two", "r", {"endpoint_url": bucket.url.removesuffix("/")})
    for task in tasks_of(60, per_partition=10):
        store.keep(task.partition, task.cell, task.input, {"image": b"pixels"}, {})
    n_before = len(bucket.asked())
    first = list(tasks_of(20, per_partition=10))
    done = {key for partition in {task.partition for task in first} for key in store.list(partition).done}
    assert done == {(task.cell, task.input) for task in first}
    asked = bucket.asked()[n_before:]
    assert [one["method"] for one in asked] == ["GET", "GET"]
    assert all(one["n_bytes"] < 20 * 1000 for one in asked)  # 20 names each, of 120
