"""Is a result described as catalogues want it, with nothing in it that is not so?"""

import hashlib
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from ssr.errors import ImageReadError, InputError
from ssr.workflows.models import open_model
from ssr.workflows.provenance import DateFacts, Provenance, facts_of_model, software_versions
from ssr.workflows.stacitem import item_path, lacking_for_item, make_item, write_item
from tests.support.scenes import UTM33, write_tiff

pystac = pytest.importorskip("pystac")
FINE = Affine(2.5, 0, 500_000, 0, -2.5, 5_000_000)
MORNING, LATER = datetime(2020, 6, 1, 10, 0, 31, tzinfo=UTC), datetime(2020, 6, 6, 10, 5, tzinfo=UTC)
NAMES = ("S2A_MSIL1C_20200601T100031_N0209.SAFE", "S2B_MSIL1C_20200606T100500_N0500.SAFE")


def dates(*satellites: str | None, times: tuple[datetime | None, ...] = (MORNING, LATER)) -> tuple[DateFacts, ...]:
    return tuple(
        DateFacts(name=name, sensed=time, level="L1C", baseline="02.09", satellite=satellite)
        for name, time, satellite in zip(NAMES, times, satellites or ("Sentinel-2A", "Sentinel-2B"), strict=True)
    )


def provenance(model: str | Path = "compact-8", **how: Any) -> Provenance:
    rest = {"choice": "by place", "precision": "fp32", "device": "cpu", "software": software_versions()}
    return Provenance(**{"model": facts_of_model(open_model(model)), "dates": dates(), **rest, **how})


def result(path: Path, n_bands: int = 3, dtype: str = "uint16", crs: str | None = UTM33, **how: Any) -> Path:
    names = ("red", "green", "blue", "B08")[:n_bands]
    write_tiff(path, np.full((n_bands, 12, 16), 7, dtype), crs=crs, transform=how.pop("transform", FINE), nodata=0)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = names
        dataset.scales = (1e-4,) * n_bands
    return path


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def keeps_to_the_core_schema(item: dict[str, Any]) -> bool:
    """By the schema that pystac brings, without the internet."""
    pytest.importorskip("jsonschema")
    from pystac.validation.stac_validator import JsonSchemaSTACValidator

    try:
        JsonSchemaSTACValidator().validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    except pystac.STACValidationError:
        return False
    return True


def test_the_item_is_beside_the_result_and_keeps_to_the_core_schema(tmp_path: Path) -> None:
    path = write_item(result(tmp_path / "out.tif"), provenance())
    assert path == tmp_path / "out.stac.json" == item_path(tmp_path / "out.zarr")
    assert keeps_to_the_core_schema(read(path))
    assert [one.name for one in sorted(tmp_path.iterdir())] == ["out.stac.json", "out.tif"]


def test_the_core_schema_is_one_that_finds_faults(tmp_path: Path) -> None:
    told = read(write_item(result(tmp_path / "out.tif"), provenance()))
    del told["geometry"]
    assert not keeps_to_the_core_schema(told)


def test_pystac_reads_the_place_back(tmp_path: Path) -> None:
    from pystac.extensions.projection import ProjectionExtension

    item = pystac.Item.from_file(write_item(result(tmp_path / "out.tif"), provenance()))
    projection = ProjectionExtension.ext(item)
    assert projection.code == "EPSG:32633"
    assert projection.shape == [12, 16]
    assert projection.transform == list(FINE)[:6]
    assert projection.bbox == [500_000, 4_999_970, 500_040, 5_000_000]
    assert item.properties["gsd"] == pytest.approx(2.5, rel=1e-3)
    west, south, east, north = item.bbox
    assert west == pytest.approx(15, abs=1e-6)  # the central meridian of zone 33
    assert south < north < 45.16
    assert west < east


def test_a_place_without_a_code_is_told_in_words(tmp_path: Path) -> None:
    own = "+proj=tmerc +lon_0=12.3 +datum=WGS84"
    told = read(write_item(result(tmp_path / "out.tif", crs=own), provenance()))["properties"]
    assert told["proj:code"] is None
    assert rasterio.crs.CRS.from_wkt(told["proj:wkt2"]) == rasterio.crs.CRS.from_string(own)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_result_without_a_place_has_none_in_the_item(tmp_path: Path) -> None:
    told = read(write_item(result(tmp_path / "out.tif", crs=None, transform=None), provenance()))
    assert keeps_to_the_core_schema(told)
    assert told["geometry"] is None
    assert not {"bbox", "gsd"} & {*told, *told["properties"]}
    assert told["properties"]["proj:shape"] == [12, 16]


def test_pystac_reads_the_bands_back(tmp_path: Path) -> None:
    from pystac.extensions.raster import RasterExtension

    item = pystac.Item.from_file(write_item(result(tmp_path / "out.tif", 4), provenance()))
    asset = item.assets["data"]
    assert (asset.media_type, asset.roles) == (pystac.MediaType.COG, ["data"])
    bands = RasterExtension.ext(asset).bands
    assert [(b.data_type, b.nodata, b.scale, b.offset) for b in bands] == [("uint16", 0, 1e-4, 0)] * 4
    assert [band["name"] for band in asset.extra_fields["bands"]] == ["red", "green", "blue", "B08"]


def test_files_are_told_by_relative_name_size_and_hash(tmp_path: Path) -> None:
    out = result(tmp_path / "the result.tif")
    asset = read(write_item(out, provenance()))["assets"]["data"]
    assert asset["href"] == "./the%20result.tif"
    assert asset["file:size"] == out.stat().st_size
    assert asset["file:checksum"] == "1220" + hashlib.sha256(out.read_bytes()).hexdigest()


def test_what_lies_beside_becomes_assets(tmp_path: Path) -> None:
    out, trust = result(tmp_path / "out.tif"), result(tmp_path / "out.trust.tif", dtype="uint8")
    why = [tmp_path / "out.dates.json", result(tmp_path / "out.dates.tif", 1)]
    why[0].write_text("{}")
    item = pystac.Item.from_file(write_item(out, provenance(), trust=trust, explanation=why))
    assert {key: asset.roles for key, asset in item.assets.items() if key != "model"} == {
        "data": ["data"],
        "trust": ["metadata", "data-quality"],
        "dates": ["metadata"],
        "date_map": ["metadata", "date"],
    }
    assert keeps_to_the_core_schema(item.to_dict(include_self_link=False))


def test_a_zarr_store_is_told_as_one(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    from ssr.raster.zarrstore import publish_zarr

    publish_zarr(result(tmp_path / "source.tif"), tmp_path / "out.zarr")
    told = read(write_item(tmp_path / "out.zarr", provenance()))
    assert told["assets"]["data"]["type"] == pystac.MediaType.ZARR
    assert told["properties"]["proj:transform"] == list(FINE)[:6]
    assert [band["name"] for band in told["assets"]["data"]["bands"]] == ["red", "green", "blue"]


def test_times_span_the_dates_that_were_used(tmp_path: Path) -> None:
    out = result(tmp_path / "out.tif")
    several = read(write_item(out, provenance()))["properties"]
    assert (several["datetime"], several["start_datetime"], several["end_datetime"]) == (
        None,
        "2020-06-01T10:00:31Z",
        "2020-06-06T10:05:00Z",
    )
    one = read(write_item(out, provenance(dates=dates()[:1])))["properties"]
    assert one["datetime"] == "2020-06-01T10:00:31Z"
    assert "start_datetime" not in one
    half_known = read(write_item(out, provenance(dates=dates(times=(MORNING, None)))))["properties"]
    assert half_known["datetime"] == "2020-06-01T10:00:31Z"
    assert [date["datetime"] for date in half_known["ssr:dates"]] == ["2020-06-01T10:00:31+00:00", None]


def test_without_any_time_there_is_no_item_and_a_reason(tmp_path: Path) -> None:
    timeless = provenance(dates=dates(times=(None, None)))
    assert "when it was taken" in (lacking_for_item(timeless) or "")
    assert lacking_for_item(provenance()) is None
    with pytest.raises(InputError, match="when it was taken"):
        write_item(result(tmp_path / "out.tif"), timeless)
    assert not item_path(tmp_path / "out.tif").exists()


@pytest.mark.parametrize(
    ("satellites", "told"),
    [
        (("Sentinel-2A", "Sentinel-2A"), {"platform": "sentinel-2a", "constellation": "sentinel-2"}),
        (("Sentinel-2A", "Sentinel-2C"), {"constellation": "sentinel-2"}),
        (("Sentinel-2A", None), {}),
    ],
)
def test_a_satellite_is_told_only_where_all_dates_agree(
    tmp_path: Path, satellites: tuple[str | None, ...], told: dict[str, str]
) -> None:
    item = make_item(result(tmp_path / "out.tif"), provenance(dates=dates(*satellites)))
    found = {key: item.properties[key] for key in ("platform", "constellation") if key in item.properties}
    assert found == told
    assert item.properties.get("instruments") == (["msi"] if told else None)


def test_pystac_reads_the_model_back(tmp_path: Path) -> None:
    from pystac.extensions.mlm import MLMExtension

    made = provenance()
    item = pystac.Item.from_file(write_item(result(tmp_path / "out.tif"), made))
    model = MLMExtension.ext(item)
    assert (model.mlm_name, model.architecture, model.framework) == ("compact-8", "DateFusion", "PyTorch")
    assert model.tasks == ["super-resolution"]
    assert model.total_parameters == made.model.n_parameters
    assert model.input[0].input.shape == [-1, -1, 3, -1, -1]
    assert model.output[0].result.dim_order == ["batch", "channel", "height", "width"]
    weights = item.assets["model"]
    assert weights.roles == ["mlm:model"]
    assert weights.extra_fields["mlm:artifact_type"] == "safetensors.torch.save_file"


def test_a_model_without_weights_is_no_machine_learning(tmp_path: Path) -> None:
    told = read(write_item(result(tmp_path / "out.tif"), provenance("bicubic")))
    assert not [key for key in told["properties"] if key.startswith("mlm:")]
    assert not [uri for uri in told["stac_extensions"] if "/mlm/" in uri]
    assert "with bicubic, by place" in told["properties"]["processing:lineage"]


@pytest.mark.parametrize(("name", "told"), [("8x best (new)", "model-8x-best-new"), ("x", "model-x"), ("éé", "model")])
def test_a_name_that_the_extension_forbids_is_made_plain(tmp_path: Path, name: str, told: str) -> None:
    from dataclasses import replace

    made = provenance()
    made = replace(made, model=replace(made.model, name=name))
    assert make_item(result(tmp_path / "out.tif"), made).properties["mlm:name"] == told


def test_the_making_is_told(tmp_path: Path) -> None:
    told = read(write_item(result(tmp_path / "out.tif"), provenance(options={"fidelity": 1.0, "bands": [3, 2, 1]})))
    properties = told["properties"]
    assert properties["processing:software"] == software_versions()
    assert properties["processing:expression"]["expression"] == {"fidelity": 1.0, "bands": [3, 2, 1]}
    assert [link["href"] for link in told["links"]] == list(NAMES)
    assert [date["baseline"] for date in properties["ssr:dates"]] == ["02.09", "02.09"]
    assert str(tmp_path) not in json.dumps(told)


def test_the_same_result_has_the_same_item(tmp_path: Path) -> None:
    out = result(tmp_path / "out.tif")
    first = write_item(out, provenance()).read_bytes()
    assert write_item(out, provenance()).read_bytes() == first


def test_a_result_that_is_not_there_is_no_item(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"out\.tif"):
        write_item(tmp_path / "out.tif", provenance())
    (tmp_path / "out.tif").write_bytes(b"II*\0")
    with pytest.raises(ImageReadError, match=r"out\.tif"):
        write_item(tmp_path / "out.tif", provenance())


@pytest.mark.network
@pytest.mark.slow
def test_every_extension_finds_its_own_schema_kept(tmp_path: Path) -> None:
    pytest.importorskip("jsonschema")
    try:
        socket.getaddrinfo("stac-extensions.github.io", 443)
    except OSError:
        pytest.skip("the schemas of extensions lie on the internet, which is not there")
    item = make_item(result(tmp_path / "out.tif"), provenance(options={"fidelity": 1.0}))
    item.set_self_href(str(tmp_path / "out.stac.json"))
    assert len(item.validate()) == 1 + len(item.stac_extensions)
