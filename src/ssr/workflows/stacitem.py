"""How is a result described so that catalogues find it?

As a SpatioTemporal Asset Catalog item beside it, with the extensions projection, raster, processing, file and, where
the model has weights, mlm. Addresses of what lies beside are relative, so that a folder can be moved whole.
"""

import base64
import json
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ssr.atomic import whole_file
from ssr.errors import InputError
from ssr.raster.described import DescribedRaster, describe_raster, sha256_multihash
from ssr.raster.extent import bounds_of
from ssr.raster.footprint import footprint_of, pixel_on_ground_m
from ssr.raster.grid import Grid
from ssr.workflows.provenance import DateFacts, ModelFacts, Provenance

if TYPE_CHECKING:
    import pystac

PROCESSING = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"
"""Of this extension pystac has no class of its own."""
LEVEL = "L4"
"""Output of a model, as against measurements (L1, L2) and their composites (L3)."""
INSTRUMENT = "msi"
MODEL_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]")
SEMANTIC_VERSION = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)*")
ACCELERATORS = {"cuda": "cuda", "mps": "macos-arm"}
X86 = ("x86_64", "AMD64")


def item_path(out: Path) -> Path:
    """`out.stac.json` beside `out.tif`."""
    return out.with_suffix(".stac.json")


def lacking_for_item(provenance: Provenance) -> str | None:
    """Why no item can be written, as a sentence; None where one can."""
    if not provenance.times:
        return "none of the dates used says when it was taken, which an item of a catalogue must; none was written"
    return None


def write_item(
    out: Path, provenance: Provenance, *, trust: Path | None = None, explanation: Sequence[Path] = ()
) -> Path:
    """Describe a result that is on disk, in `item_path(out)`, which is replaced if it is there.

    Args:
        out: the result.
        trust: the raster of trust beside it.
        explanation: the files beside it that say which date served where.

    Raises:
        InputError: no date says when it was taken (`lacking_for_item`).
        ImageReadError: the result, or what is beside it, is not there or no raster.
    """
    lacking = lacking_for_item(provenance)
    if lacking:
        raise InputError(f"{out}: {lacking}")
    item = make_item(out, provenance, trust=trust, explanation=explanation)
    text = json.dumps(item.to_dict(include_self_link=False, transform_hrefs=False), indent=2, ensure_ascii=False)
    with whole_file(item_path(out)) as part:
        part.write_text(text + "\n", encoding="utf-8")
    return item_path(out)


def make_item(
    out: Path, provenance: Provenance, *, trust: Path | None = None, explanation: Sequence[Path] = ()
) -> "pystac.Item":
    """As `write_item`, without writing it."""
    import pystac

    raster = describe_raster(out)
    footprint = footprint_of(raster.grid)
    first, last = provenance.times[0], provenance.times[-1]
    item = pystac.Item(
        id=out.stem,
        geometry=footprint.geometry if footprint else None,
        bbox=list(footprint.bbox) if footprint else None,
        datetime=first if first == last else None,
        start_datetime=None if first == last else first,
        end_datetime=None if first == last else last,
        properties={
            **_instrument(provenance.dates),
            **_named("gsd", pixel_on_ground_m(raster.grid)),
            **_processing(provenance),
            "ssr:dates": [_date(date) for date in provenance.dates],
            "ssr:choice": provenance.choice,
            "ssr:precision": provenance.precision,
            **_named("ssr:model_sha256", provenance.model.sha256),
        },
        stac_extensions=[PROCESSING],
    )
    _add_projection(item, raster.grid)
    _add_raster(item, "data", out, raster, "Super-resolved image", _roles_of_image(raster))
    if trust is not None:
        _add_raster(item, "trust", trust, describe_raster(trust), "Trust in each pixel", ["metadata", "data-quality"])
    for path in explanation:
        _add_explanation(item, path)
    if provenance.model.sha256:
        _add_model(item, provenance, n_bands=len(raster.bands))
    for date in provenance.dates:
        item.add_link(pystac.Link("derived_from", quote(date.name, safe=":/"), title=date.name))
    return item


def _named(name: str, value: float | str | None) -> dict[str, Any]:
    """A property that is left out where it is not known."""
    return {} if value is None else {name: value}


def _date(date: DateFacts) -> dict[str, Any]:
    return {
        "name": date.name,
        "datetime": date.sensed.isoformat() if date.sensed else None,
        **_named("level", date.level),
        **_named("baseline", date.baseline),
        **_named("platform", date.satellite and date.satellite.lower()),
    }


def _instrument(dates: Sequence[DateFacts]) -> dict[str, Any]:
    """Satellite, constellation and instrument, as far as all dates say the same."""
    platforms = {(date.satellite or "").lower() for date in dates}
    if not all(name.startswith("sentinel-2") for name in platforms):
        return {}
    said = {"constellation": "sentinel-2", "instruments": [INSTRUMENT]}
    return {"platform": platforms.pop(), **said} if len(platforms) == 1 else said


def _processing(provenance: Provenance) -> dict[str, Any]:
    model, n_dates = provenance.model, len(provenance.dates)
    by = f"{model.name} (SHA-256 {model.sha256})" if model.sha256 else model.name
    said: dict[str, Any] = {
        "processing:level": LEVEL,
        "processing:lineage": f"{n_dates} date(s) super-resolved {model.scale} times with {by}, {provenance.choice}",
        "processing:software": dict(provenance.software),
    }
    if provenance.options:
        said["processing:expression"] = {"format": "ssr", "expression": dict(provenance.options)}
    return said


def _add_projection(item: "pystac.Item", grid: Grid) -> None:
    """Code or WKT2, transform, shape and bounds; of a raster without a place, shape alone."""
    from pystac.extensions.projection import ProjectionExtension

    projection = ProjectionExtension.ext(item, add_if_missing=True)
    if grid.crs is None:
        projection.apply(shape=list(grid.shape_hw))
        return
    authority = grid.crs.to_authority()
    projection.apply(
        code=":".join(authority) if authority else None,
        wkt2=None if authority else grid.crs.to_wkt(version="WKT2_2018"),
        bbox=list(bounds_of(grid)),
        shape=list(grid.shape_hw),
        transform=list(grid.transform)[:6],
    )


def _add_raster(
    item: "pystac.Item", key: str, path: Path, raster: DescribedRaster, title: str, roles: list[str]
) -> None:
    import pystac
    from pystac.extensions.raster import RasterBand, RasterExtension

    is_store = path.is_dir()
    asset = pystac.Asset(
        href=_beside(path),
        title=title,
        media_type=pystac.MediaType.ZARR if is_store else pystac.MediaType.COG,
        roles=roles,
        extra_fields={"bands": [{"name": band.name, "data_type": band.dtype} for band in raster.bands]},
    )
    item.add_asset(key, asset)
    described = []
    for band in raster.bands:
        words = {"name": band.name, "data_type": band.dtype, "nodata": band.no_data}
        if (band.scale, band.offset) != (1.0, 0.0):
            words |= {"scale": band.scale, "offset": band.offset}
        words |= _named("spatial_resolution", pixel_on_ground_m(raster.grid))
        described.append(RasterBand({name: value for name, value in words.items() if value is not None}))
    RasterExtension.ext(asset, add_if_missing=True).bands = described
    if not is_store:
        _add_file(asset, path)


def _roles_of_image(raster: DescribedRaster) -> list[str]:
    is_picture = [(band.name, band.dtype) for band in raster.bands] == [(c, "uint8") for c in ("red", "green", "blue")]
    return ["data", "visual"] if is_picture else ["data"]


def _add_explanation(item: "pystac.Item", path: Path) -> None:
    import pystac

    is_raster = path.suffix != ".json"
    asset = pystac.Asset(
        href=_beside(path),
        title="Date that served at each place" if is_raster else "What became of each date",
        media_type=pystac.MediaType.GEOTIFF if is_raster else pystac.MediaType.JSON,
        roles=["metadata", "date"] if is_raster else ["metadata"],
    )
    item.add_asset("date_map" if is_raster else "dates", asset)
    _add_file(asset, path)


def _add_file(asset: "pystac.Asset", path: Path) -> None:
    from pystac.extensions.file import FileExtension

    FileExtension.ext(asset, add_if_missing=True).apply(
        size=path.stat().st_size, checksum=sha256_multihash(path), byte_order=None
    )


def _add_model(item: "pystac.Item", provenance: Provenance, *, n_bands: int) -> None:
    """The model, its series in and image out. Its asset has a name by content, not an address: it may lie anywhere."""
    import pystac
    from pystac.extensions.mlm import MLMExtension

    model = provenance.model
    item.stac_extensions.append(MLMExtension.get_schema_uri())
    device = ACCELERATORS.get(provenance.device) or ("amd64" if platform.machine() in X86 else None)
    torch_version = provenance.software.get("torch", "")
    item.properties |= {
        "mlm:name": _model_name(model.name),
        "mlm:architecture": model.architecture,
        "mlm:tasks": ["super-resolution"],
        "mlm:framework": model.framework,
        "mlm:pretrained": True,
        "mlm:accelerator": device,
        "mlm:input": [_series_in(model)],
        "mlm:output": [_image_out(model, n_bands)],
        **_named("mlm:total_parameters", model.n_parameters),
    }
    if model.framework == "PyTorch" and SEMANTIC_VERSION.fullmatch(torch_version):
        item.properties["mlm:framework_version"] = torch_version
    asset = pystac.Asset(
        href=f"ni:///sha-256;{_url_hash(model.sha256 or '')}",
        title=f"Weights of {model.name}",
        media_type="application/octet-stream",
        roles=["mlm:model"],
        extra_fields={"mlm:artifact_type": model.artifact},
    )
    item.add_asset("model", asset)


def _series_in(model: ModelFacts) -> dict[str, Any]:
    return {
        "name": "series",
        "description": "dates of one place, reflectance or true colour scaled to 0 to 1; zero in all channels: no data",
        "bands": [],
        "input": {
            "shape": [-1, model.n_dates or -1, model.n_channels, -1, -1],
            "dim_order": ["batch", "time", "channel", "height", "width"],
            "data_type": "float32",
        },
    }


def _image_out(model: ModelFacts, n_bands: int) -> dict[str, Any]:
    return {
        "name": "image",
        "description": f"the place with {model.scale} times as many pixels on each side",
        "tasks": ["super-resolution"],
        "bands": [],
        "result": {
            "shape": [-1, n_bands, -1, -1],
            "dim_order": ["batch", "channel", "height", "width"],
            "data_type": "float32",
        },
    }


def _model_name(name: str) -> str:
    """A name as the extension allows it: letters, digits and few signs, beginning with a letter."""
    if MODEL_NAME.fullmatch(name):
        return name
    plain = re.sub(r"[^a-zA-Z0-9_.-]+", "-", name).strip("_.-")
    return f"model-{plain}" if plain else "model"


def _url_hash(sha256: str) -> str:
    """A hash as named information has it (RFC 6920)."""
    return base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()


def _beside(path: Path) -> str:
    return f"./{quote(path.name)}"
