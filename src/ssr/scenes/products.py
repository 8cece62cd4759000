"""Which Sentinel-2 products lie in a folder or zip, and what do they hold?

A product is known by its metadata, not by a list of satellites: `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml`, their names
before December 2016 (`…_MTD_SAFL1C_….xml`), or in the layout of the public S3 archive `tileInfo.json` beside the
bands. A granule without its product (`MTD_TL.xml` alone) will do as well.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from ssr.errors import ImageReadError, InputError
from ssr.scenes.archive import Archive, open_archive, read_json, read_xml
from ssr.sentinel2.bands import BANDS
from ssr.sentinel2.metadata import GranuleFacts, GridFacts, ProductFacts, granule_facts, product_facts
from ssr.sentinel2.names import band_of, baseline_of, level_of, tile_of, time_of
from ssr.sentinel2.offsets import offset_of_baseline
from ssr.sentinel2.radiometry import NO_DATA_DN, QUANTIFICATION, SATURATED_DN, Level

_PRODUCT_FILE = re.compile(r"^(MTD_MSIL\w+|S2\w_OPER_MTD_SAFL\w+)\.xml$")
_GRANULE_FILE = re.compile(r"^(MTD_TL|S2\w_OPER_MTD_L\w\w_TL_.*)\.xml$")
_S3_TILE_FILE, _S3_PRODUCT_FILE, _S3_GRANULE_FILE = "tileInfo.json", "productInfo.json", "metadata.xml"
_NO_IMAGES = {"QI_DATA", "qi", "AUX_DATA", "auxiliary", "HTML", "DATASTRIP", "datastrip", "preview", "rep_info"}
_QUALITY = {"QI_DATA", "qi"}


@dataclass(frozen=True)
class Granule:
    """A tile of a product. images: by band, what GDAL calls the finest file; masks: quality and cloud masks."""

    name: str
    tile: str | None
    crs: str | None
    grids: Mapping[int, GridFacts]
    sun_zenith_deg: float | None
    cloud_percent: float | None
    images: Mapping[str, str]
    masks: tuple[str, ...]


@dataclass(frozen=True)
class Product:
    """One acquisition as delivered.

    offsets_dn: what metadata, or else the baseline, say is added to a stored number.
    offsets_told: whether either of them says anything.
    """

    name: str
    level: Level
    satellite: str | None
    baseline: str | None
    sensed: datetime | None
    relative_orbit: int | None
    datatake: str | None
    quantification: float
    offsets_dn: Mapping[str, float]
    offsets_told: bool
    no_data_dn: float
    saturated_dn: float
    cloud_percent: float | None
    granules: tuple[Granule, ...]


def is_product_folder(path: Path) -> bool:
    """Whether the metadata of a product lie directly in a folder, or it is named as one."""
    if not path.is_dir():
        return False
    names = {found.name for found in path.iterdir()}
    return path.suffix.upper() == ".SAFE" or any(
        name == _S3_TILE_FILE or _PRODUCT_FILE.match(name) or _GRANULE_FILE.match(name) for name in names
    )


def find_products(path: Path) -> list[Product]:
    """Every product in a folder or zip, each with at least one image.

    Raises:
        InputError: none, one of another level, or one without images.
        ImageReadError: a damaged zip or damaged metadata.
    """
    archive = open_archive(path)
    by_name = {name: PurePosixPath(name) for name in sorted(archive.sizes)}
    heads = [name for name, at in by_name.items() if _PRODUCT_FILE.match(at.name) and not _is_aside(at)]
    found = [_safe_product(archive, name) for name in heads]
    if not found:
        tiles = [name for name, at in by_name.items() if at.name == _S3_TILE_FILE]
        found = [_s3_product(archive, name) for name in tiles]
    if not found:
        tiles = [name for name, at in by_name.items() if _GRANULE_FILE.match(at.name) and not _is_aside(at)]
        found = [_lone_granule(archive, name) for name in tiles]
    if not found:
        raise InputError(
            f"{path}: holds no Sentinel-2 product; expected MTD_MSIL1C.xml or MTD_MSIL2A.xml of a .SAFE, or "
            f"{_S3_TILE_FILE} beside B02.jp2"
        )
    return found


def _safe_product(archive: Archive, head: str) -> Product:
    root = PurePosixPath(head).parent
    facts = product_facts(_metadata(archive, head), f"{archive.path}/{head}")
    name = root.name or archive.path.name
    tiles = [n for n in _below(archive, root) if _GRANULE_FILE.match(PurePosixPath(n).name) and not _is_aside(n)]
    granules = [_granule(archive, PurePosixPath(n).parent, n) for n in tiles] or [_granule(archive, root, None)]
    whole = tuple(granule for granule in granules if granule.images)
    if not whole:
        raise _without_images(archive, root, facts)
    return Product(
        name=name,
        level=facts.level,
        satellite=facts.satellite,
        baseline=facts.baseline,
        sensed=facts.sensed or time_of(name),
        relative_orbit=facts.relative_orbit,
        datatake=facts.datatake,
        quantification=facts.quantification,
        offsets_dn=facts.offsets_dn,
        offsets_told=facts.offsets_listed or facts.baseline is not None,
        no_data_dn=facts.no_data_dn,
        saturated_dn=facts.saturated_dn,
        cloud_percent=facts.cloud_percent,
        granules=whole,
    )


def _s3_product(archive: Archive, head: str) -> Product:
    root = PurePosixPath(head).parent
    tile = read_json(archive, head)
    beside = str(root / _S3_PRODUCT_FILE)
    product = read_json(archive, beside) if beside in archive.sizes else {}
    name = str(product.get("name") or tile.get("productName") or root.name or archive.path.name)
    said = str(root / _S3_GRANULE_FILE)
    datatake = product.get("datatakeIdentifier")
    return _from_names(
        archive,
        root,
        said if said in archive.sizes else None,
        name,
        sensed=time_of(name.replace("-", "")),
        datatake=str(datatake) if datatake else None,
        cloud=tile.get("cloudyPixelPercentage"),
    )


def _lone_granule(archive: Archive, head: str) -> Product:
    root = PurePosixPath(head).parent
    return _from_names(archive, root, head, root.name or archive.path.resolve().name)


def _from_names(
    archive: Archive,
    root: PurePosixPath,
    metadata: str | None,
    name: str,
    *,
    sensed: datetime | None = None,
    datatake: str | None = None,
    cloud: object = None,
) -> Product:
    """A product whose own metadata are not there: what its name and its one granule tell."""
    facts = granule_facts(_metadata(archive, metadata), f"{archive.path}/{metadata}") if metadata else None
    granule = _granule(archive, root, metadata)
    if not granule.images:
        raise _without_images(archive, root, None)
    level = (facts.level if facts else None) or level_of(name)
    if level is None:
        raise InputError(f"{archive.path}: neither its metadata nor its name {name!r} tell the level, L1C or L2A")
    baseline = baseline_of(name) or baseline_of(granule.name)
    return Product(
        name=name,
        level=level,
        satellite=f"Sentinel-{name[1:3]}" if re.match(r"S\d[A-Z]_", name) else None,
        baseline=baseline,
        sensed=sensed or (facts.sensed if facts else None) or time_of(name),
        relative_orbit=_orbit(name),
        datatake=datatake,
        quantification=QUANTIFICATION,
        offsets_dn=dict.fromkeys(BANDS, offset_of_baseline(baseline)),
        offsets_told=baseline is not None,
        no_data_dn=NO_DATA_DN,
        saturated_dn=SATURATED_DN,
        cloud_percent=float(cloud) if isinstance(cloud, int | float) else granule.cloud_percent,
        granules=(granule,),
    )


def _metadata(archive: Archive, name: str) -> Element:
    """A metadata file; one that is empty or not whole is damage, one that is refused is not."""
    try:
        return read_xml(archive, name)
    except InputError as error:
        if error.__cause__ is None and archive.sizes[name]:
            raise
        raise ImageReadError(str(error)) from error


def _granule(archive: Archive, root: PurePosixPath, metadata: str | None) -> Granule:
    facts: GranuleFacts | None = None
    if metadata is not None:
        facts = granule_facts(_metadata(archive, metadata), f"{archive.path}/{metadata}")
    images: dict[str, tuple[int, str]] = {}
    for name in _below(archive, root):
        at = PurePosixPath(name)
        band = band_of(at.name)
        if band is None or _is_aside(at) or not archive.sizes[name]:
            continue
        fineness = band[1] or 0
        if band[0] not in images or fineness < images[band[0]][0]:
            images[band[0]] = (fineness, name)
    masks = [n for n in _below(archive, root) if PurePosixPath(n).parent.name in _QUALITY and "MSK" in n.upper()]
    name = root.name or archive.path.resolve().name
    return Granule(
        name=name,
        tile=(facts.tile if facts else None) or tile_of(name),
        crs=facts.crs if facts else None,
        grids=facts.grids if facts else {},
        sun_zenith_deg=facts.sun_zenith_deg if facts else None,
        cloud_percent=facts.cloud_percent if facts else None,
        images={band: archive.gdal_name(name) for band, (_, name) in sorted(images.items())},
        masks=tuple(archive.gdal_name(name) for name in masks),
    )


def _without_images(archive: Archive, root: PurePosixPath, facts: ProductFacts | None) -> InputError:
    empty = [n for n in _below(archive, root) if band_of(PurePosixPath(n).name) and not archive.sizes[n]]
    listed = f", {len(facts.image_files)} are listed in it" if facts and facts.image_files else ""
    what = (
        f"its {len(empty)} band images are empty (0 bytes)" if empty else f"holds metadata only, no band images{listed}"
    )
    folder = str(PurePosixPath(facts.image_files[0]).parent) if facts and facts.image_files else ""
    expected = folder if "/" in folder else "GRANULE/…/IMG_DATA"
    text = (
        f"{archive.path}: {what}: expected *_TCI.jp2 or *_B02.jp2, *_B03.jp2, *_B04.jp2 in {expected}; "
        f"download the product again whole"
    )
    if not empty:
        return InputError(text)
    error = ImageReadError(text)
    error.__cause__ = EOFError("0 bytes")
    return error


def _below(archive: Archive, root: PurePosixPath) -> list[str]:
    prefix = "" if str(root) == "." else f"{root}/"
    return [name for name in sorted(archive.sizes) if name.startswith(prefix)]


def _is_aside(name: str | PurePosixPath) -> bool:
    """Whether a file lies in a folder of quality data, previews and the like, or is hidden."""
    at = PurePosixPath(name)
    return at.name.startswith(".") or any(part in _NO_IMAGES for part in at.parts[:-1])


def _orbit(name: str) -> int | None:
    found = re.search(r"_R(\d{3})_", name)
    return int(found[1]) if found else None
