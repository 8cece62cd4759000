"""Tiny Sentinel-2 products on disk, made from a seed: `.SAFE` folders and zips, old names too."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

SIDE_PX = 48
ORIGIN_XY = (500_000.0, 5_000_040.0)
GSD_M = {"B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20, "B08": 10} | {
    "B8A": 20,
    "B09": 60,
    "B10": 60,
    "B11": 20,
    "B12": 20,
}
BANDS = tuple(GSD_M)


def write_jp2(
    path: Path,
    pixels: NDArray[np.generic],
    gsd_m: float,
    *,
    origin_xy: tuple[float, float] = ORIGIN_XY,
    crs: str = "EPSG:32633",
) -> Path:
    """Write `c h w` as lossless JPEG 2000."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        count=count,
        height=height,
        width=width,
        dtype=pixels.dtype,
        crs=crs,
        transform=Affine(gsd_m, 0, origin_xy[0], 0, -gsd_m, origin_xy[1]),
        QUALITY="100",
        REVERSIBLE="YES",
        YCBCR420="NO",
    ) as dataset:
        dataset.write(pixels)
    return path


def ground(band: str, *, seed: int = 0, side_px: int = SIDE_PX) -> NDArray[np.uint16]:
    """Reflectance × 10000 of a band on its own grid: smooth, from about 40 (B10: 5) to 3000."""
    side = side_px * 10 // GSD_M[band]
    y, x = np.mgrid[:side, :side] / side
    wave = 0.5 + 0.5 * np.sin(7 * x + 5 * y + BANDS.index(band) + seed)
    if band == "B10":
        return (5 + 20 * wave).astype(np.uint16)[None]
    return (40 + 2960 * wave).astype(np.uint16)[None]


def product_xml(
    *,
    level: str = "1C",
    baseline: str = "02.06",
    satellite: str = "Sentinel-2A",
    sensed: str = "2020-06-01T10:00:31.024Z",
    offset_dn: int | None = None,
    quantification: int = 10000,
    cloud: float = 1.5,
    images: tuple[str, ...] = (),
    datatake: str | None = None,
) -> str:
    """The few elements that are read, nested as in a product."""
    tag = {"1C": "RADIO_ADD_OFFSET", "2A": "BOA_ADD_OFFSET"}.get(level, "RADIO_ADD_OFFSET")
    offsets = "" if offset_dn is None else "".join(f'<{tag} band_id="{k}">{offset_dn}</{tag}>' for k in range(13))
    value = "BOA_QUANTIFICATION_VALUE" if level == "2A" else "QUANTIFICATION_VALUE"
    files = "".join(f"<IMAGE_FILE>{name}</IMAGE_FILE>" for name in images)
    taken = datatake or f"GS2A_{sensed[:10].replace('-', '')}T100031_000001_N{baseline}"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{sensed}</PRODUCT_START_TIME><PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Datatake datatakeIdentifier="{taken}"><SPACECRAFT_NAME>{satellite}</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>{sensed}</DATATAKE_SENSING_START><SENSING_ORBIT_NUMBER>122</SENSING_ORBIT_NUMBER></Datatake>
<Granule_List><Granule>{files}</Granule></Granule_List></Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
<{value} unit="none">{quantification}</{value}>{offsets}
</Product_Image_Characteristics></n1:General_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>{cloud}</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>"""


def granule_xml(
    *,
    tile: str = "33UUU",
    level: str = "L1C",
    side_px: int = SIDE_PX,
    origin_xy: tuple[float, float] = ORIGIN_XY,
    baseline: str = "02.06",
) -> str:
    sizes = "".join(
        f'<Size resolution="{gsd}"><NROWS>{side_px * 10 // gsd}</NROWS><NCOLS>{side_px * 10 // gsd}</NCOLS></Size>'
        f'<Geoposition resolution="{gsd}"><ULX>{origin_xy[0]:.0f}</ULX><ULY>{origin_xy[1]:.0f}</ULY></Geoposition>'
        for gsd in (10, 20, 60)
    )
    return f"""<?xml version="1.0"?><n1:Tile xmlns:n1="https://example.esa.int/Tile.xsd"><n1:General_Info>
<TILE_ID>S2A_OPER_MSI_{level}_TL_EPAE_20200601T120000_A000001_T{tile}_N{baseline}</TILE_ID>
<SENSING_TIME>2020-06-01T10:04:00.1Z</SENSING_TIME></n1:General_Info>
<n1:Geometric_Info><Tile_Geocoding><HORIZONTAL_CS_CODE>EPSG:32633</HORIZONTAL_CS_CODE>{sizes}</Tile_Geocoding>
<Tile_Angles><Mean_Sun_Angle><ZENITH_ANGLE unit="deg">30.0</ZENITH_ANGLE></Mean_Sun_Angle></Tile_Angles>
</n1:Geometric_Info>
<n1:Quality_Indicators_Info><CLOUDY_PIXEL_PERCENTAGE>2.5</CLOUDY_PIXEL_PERCENTAGE></n1:Quality_Indicators_Info>
</n1:Tile>"""


def true_colour_dn(stored: Mapping[str, NDArray[np.uint16]], added_dn: int) -> NDArray[np.uint8]:
    """ESA's 8-bit image of L1C, written out once more for the tests: 1 + 254·ρ/0.3558, rounded."""
    rgb = np.concatenate([stored[band] for band in ("B04", "B03", "B02")]).astype(np.float64) - added_dn
    stretched = np.rint(1 + 254 * rgb / 3558).clip(1, 255)
    return np.where(np.concatenate([stored["B04"]] * 3) == 0, 0, stretched).astype(np.uint8)


def write_safe(
    folder: Path,
    *,
    level: str = "L1C",
    baseline: str = "02.06",
    satellite: str = "Sentinel-2A",
    sensed: str = "2020-06-01T10:00:31.024Z",
    tile: str = "33UUU",
    bands: tuple[str, ...] = BANDS,
    has_tci: bool = True,
    added_dn: int = 0,
    offset_dn: int | None = None,
    seed: int = 0,
    origin_xy: tuple[float, float] = ORIGIN_XY,
    gap_columns: int = 0,
    datatake: str | None = None,
) -> Path:
    """A product in today's layout; gives its `.SAFE` folder.

    Args:
        added_dn: what the stored numbers carry.
        offset_dn: what the metadata say of it; None says nothing.
        gap_columns: columns at 60 m without data on the left.
    """
    stamp = sensed[:19].replace("-", "").replace(":", "")
    unit = satellite[-2:]
    name = f"S{unit}_MSI{level}_{stamp}_N{baseline.replace('.', '')}_R122_T{tile}_{stamp}"
    safe = folder / f"{name}.SAFE"
    granule = safe / "GRANULE" / f"{level}_T{tile}_A000001_{stamp}"
    stored = {}
    for band in bands:
        pixels = ground(band, seed=seed) + np.uint16(added_dn)
        pixels[..., : gap_columns * 60 // GSD_M[band]] = 0
        stored[band] = pixels
        folder_of = f"IMG_DATA/R{GSD_M[band]}m" if level == "L2A" else "IMG_DATA"
        suffix = f"_{GSD_M[band]}m" if level == "L2A" else ""
        write_jp2(granule / folder_of / f"T{tile}_{stamp}_{band}{suffix}.jp2", pixels, GSD_M[band], origin_xy=origin_xy)
    if has_tci:
        place = "IMG_DATA/R10m/T{}_{}_TCI_10m.jp2" if level == "L2A" else "IMG_DATA/T{}_{}_TCI.jp2"
        write_jp2(granule / place.format(tile, stamp), true_colour_dn(stored, added_dn), 10, origin_xy=origin_xy)
    (granule / "QI_DATA").mkdir(parents=True)
    (granule / "QI_DATA" / "MSK_CLOUDS_B00.gml").write_text("<none/>")
    write_jp2(granule / "QI_DATA" / f"T{tile}_{stamp}_PVI.jp2", np.full((3, 4, 4), 9, np.uint8), 320)
    (granule / "MTD_TL.xml").write_text(granule_xml(tile=tile, level=level, origin_xy=origin_xy, baseline=baseline))
    (safe / f"MTD_MSI{level}.xml").write_text(
        product_xml(
            level=level[1:],
            baseline=baseline,
            satellite=satellite,
            sensed=sensed,
            offset_dn=offset_dn,
            datatake=datatake,
            images=(f"GRANULE/{granule.name}/IMG_DATA/T{tile}_{stamp}_B01",),
        )
    )
    return safe


def zipped(folder: Path, *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """The folder as a zip beside it, as ESA delivers it."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", compression) as opened:
        for file in sorted(folder.rglob("*")):
            opened.write(file, file.relative_to(folder.parent))
    return path
