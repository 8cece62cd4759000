"""A made-up Sentinel-2 series as COGs, and items that name them as known catalogues do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

from tests.support.sentinel2 import BANDS, GSD_M, ORIGIN_XY, SIDE_PX, ground

UTM33 = "EPSG:32633"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
EARTH_SEARCH_NAMES = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B06": "rededge2",
    "B07": "rededge3", "B08": "nir", "B8A": "nir08", "B09": "nir09", "B11": "swir16", "B12": "swir22",
}  # fmt: skip
L2A_BANDS = tuple(band for band in BANDS if band != "B10")
FEW = ("B02", "B03", "B04", "B08", "B12")


def write_cog(path: Path, pixels: NDArray[np.generic], gsd_m: float, **profile: Any) -> Path:
    """Write `c h w` as a Cloud-Optimised GeoTIFF of UTM zone 33."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    origin = profile.pop("origin_xy", ORIGIN_XY)
    how = {"nodata": 0, "compress": "deflate", "blocksize": 128} | profile
    with rasterio.open(
        path,
        "w",
        driver="COG",
        count=count,
        height=height,
        width=width,
        dtype=pixels.dtype,
        crs=UTM33,
        transform=Affine(gsd_m, 0, origin[0], 0, -gsd_m, origin[1]),
        **how,
    ) as dataset:
        dataset.write(pixels)
    return path


def write_bands(
    folder: Path,
    *,
    bands: tuple[str, ...] = FEW,
    added_dn: int = 0,
    seed: int = 0,
    side_px: int = SIDE_PX,
    origin_xy: tuple[float, float] = ORIGIN_XY,
    **profile: Any,
) -> dict[str, Path]:
    """`<band>.tif` of each band; `added_dn` is what the stored numbers carry."""
    return {
        band: write_cog(
            folder / f"{band}.tif",
            ground(band, seed=seed, side_px=side_px) + np.uint16(added_dn),
            GSD_M[band],
            origin_xy=origin_xy,
            **profile,
        )
        for band in bands
    }


def _item(
    name: str,
    collection: str,
    moment: str,
    assets: Mapping[str, Any],
    properties: Mapping[str, Any],
    *,
    version: str = "1.0.0",
    extensions: tuple[str, ...] = (),
    side_px: int = SIDE_PX,
    origin_xy: tuple[float, float] = ORIGIN_XY,
) -> dict[str, Any]:
    left, top = origin_xy
    west, south, east, north = transform_bounds(
        UTM33, "EPSG:4326", left, top - 10 * side_px, left + 10 * side_px, top, densify_pts=5
    )
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": version,
        "stac_extensions": [f"https://stac-extensions.github.io/{name}/schema.json" for name in extensions],
        "id": name,
        "collection": collection,
        "bbox": [west, south, east, north],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": moment, **properties},
        "assets": dict(assets),
        "links": [],
    }


def _proj(gsd_m: int, origin_xy: tuple[float, float], side_px: int) -> dict[str, Any]:
    side = side_px * 10 // gsd_m
    return {"proj:shape": [side, side], "proj:transform": [gsd_m, 0, origin_xy[0], 0, -gsd_m, origin_xy[1]]}


def earth_search_item(
    files: str,
    name: str = "S2A_33TWK_20200601_0_L2A",
    *,
    moment: str = "2020-06-01T10:04:00.100Z",
    bands: tuple[str, ...] = FEW,
    baseline: str = "05.00",
    taken_out: bool | None = True,
    cloud: float = 1.5,
    datatake: str = "GS2A_20200601T100031_025812_N05.00",
    side_px: int = SIDE_PX,
    origin_xy: tuple[float, float] = ORIGIN_XY,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """As Earth Search v1: assets by colour, COGs by https beside JPEG 2000 by s3, a word on the offset."""
    assets: dict[str, Any] = {}
    for band in bands:
        colour = EARTH_SEARCH_NAMES[band]
        numbers = {"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": -0.1}
        common = "rededge" if colour.startswith("rededge") else colour
        told = {
            "eo:bands": [{"name": colour, "common_name": common}],
            "raster:bands": [numbers | {"spatial_resolution": GSD_M[band]}],
            "gsd": GSD_M[band],
            "roles": ["data", "reflectance"],
            **_proj(GSD_M[band], origin_xy, side_px),
        }
        assets[f"{colour}-jp2"] = {"href": f"s3://sentinel-s2-l2a/{band}.jp2", "type": "image/jp2", **told}
        assets[colour] = {"href": f"{files}{band}.tif", "type": COG, **told}
    assets["thumbnail"] = {"href": f"{files}preview.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
    facts: dict[str, Any] = {
        "platform": "sentinel-2a",
        "eo:cloud_cover": cloud,
        "proj:epsg": 32633,
        "s2:processing_baseline": baseline,
        "s2:datatake_id": datatake,
        "s2:product_uri": f"S2A_MSIL2A_20200601T100031_N{baseline.replace('.', '')}_R122_T33TWK_20230101T000000.SAFE",
        "view:sun_elevation": 60.0,
    }
    if taken_out is not None:
        facts["earthsearch:boa_offset_applied"] = taken_out
    return _item(
        name,
        "sentinel-2-l2a",
        moment,
        assets | dict(more or {}),
        facts,
        extensions=("eo/v1.1.0", "projection/v1.1.0", "raster/v1.1.0", "view/v1.0.0"),
        side_px=side_px,
        origin_xy=origin_xy,
    )


def planetary_item(
    files: str, *, bands: tuple[str, ...] = FEW, baseline: str = "02.12", query: str = ""
) -> dict[str, Any]:
    """As the Planetary Computer: assets B01, B02, …, `visual`, `SCL`, no scale nor offset, addresses to be signed."""
    assets: dict[str, Any] = {
        band: {
            "href": f"{files}{band}.tif{query}",
            "type": COG,
            "roles": ["data"],
            "gsd": GSD_M[band],
            "eo:bands": [{"name": band, "common_name": EARTH_SEARCH_NAMES.get(band, "rededge")}],
            **_proj(GSD_M[band], ORIGIN_XY, SIDE_PX),
        }
        for band in bands
    }
    true_colour = [{"name": "B04"}, {"name": "B03"}, {"name": "B02"}]
    place = _proj(10, ORIGIN_XY, SIDE_PX)
    assets["visual"] = {
        "href": f"{files}TCI.tif{query}",
        "type": COG,
        "roles": ["data"],
        "eo:bands": true_colour,
        **place,
    }
    assets["SCL"] = {"href": f"{files}SCL.tif{query}", "type": COG, "roles": ["data"], **_proj(20, ORIGIN_XY, SIDE_PX)}
    assets["product-metadata"] = {"href": f"{files}MTD.xml", "type": "application/xml", "roles": ["metadata"]}
    facts = {
        "platform": "Sentinel-2A",
        "eo:cloud_cover": 3.0,
        "proj:epsg": 32633,
        "s2:processing_baseline": baseline,
        "s2:product_type": "S2MSI2A",
        "s2:datatake_id": f"GS2A_20200601T100031_025812_N{baseline}",
        "s2:mean_solar_zenith": 30.0,
    }
    name = "S2A_MSIL2A_20200601T100031_R122_T33TWK_20201001T000000"
    extensions = ("eo/v1.0.0", "projection/v1.0.0")
    return _item(name, "sentinel-2-l2a", "2020-06-01T10:00:31.024Z", assets, facts, extensions=extensions)


def copernicus_item(*, bucket: str = "eodata", bands: tuple[str, ...] = FEW) -> dict[str, Any]:
    """As the catalogue of the Copernicus Data Space: STAC 1.1, a band at several pixel sizes, by s3 alone."""
    assets: dict[str, Any] = {}
    for band in bands:
        for gsd in {GSD_M[band], 60}:
            assets[f"{band}_{gsd}m"] = {
                "href": f"s3://{bucket}/{band}_{gsd}m.tif",
                "type": COG,
                "roles": ["data", "reflectance"],
                "gsd": gsd,
                "bands": [{"name": band, "eo:common_name": EARTH_SEARCH_NAMES[band]}],
                "nodata": 0,
                "data_type": "uint16",
                "raster:scale": 0.0001,
                "raster:offset": -0.1,
                "proj:code": UTM33,
                **_proj(gsd, ORIGIN_XY, SIDE_PX),
            }
    facts = {
        "platform": "sentinel-2b",
        "eo:cloud_cover": 2.0,
        "processing:level": "L2",
        "product:type": "S2MSI2A",
        "processing:version": "05.11",
        "sat:absolute_orbit": 25812,
        "view:sun_elevation": 55.0,
    }
    name = "S2B_MSIL2A_20240601T100031_N0511_R122_T33TWK_20240601T120000"
    extensions = ("eo/v2.0.0", "projection/v2.0.0", "raster/v2.0.0")
    moment = "2024-06-01T10:00:31.024Z"
    return _item(name, "sentinel-2-l2a", moment, assets, facts, version="1.1.0", extensions=extensions)
