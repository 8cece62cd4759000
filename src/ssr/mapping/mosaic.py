"""How do cells become one raster?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as Xml

from ssr.mapping.cells import Cell
from ssr.raster.described import DescribedRaster, describe_raster
from ssr.raster.grid import Grid
from ssr.raster.layout import picture_layout
from ssr.raster.writer import publish_cog

GDAL_TYPES = {"uint8": "Byte", "uint16": "UInt16"}


class CellFile(NamedTuple):
    """A cell and its file on this disk."""

    cell: Cell
    path: Path


def write_mosaic(
    files: Sequence[CellFile], scale: int, target: Path, *, tags: Mapping[str, str], is_picture: bool
) -> Grid:
    """Cells of one coordinate system as a Cloud-Optimised GeoTIFF with overviews; what lies between has no data.

    Returns:
        its grid.

    Raises:
        OutputError: it cannot be written.
    """
    grid = _around([one.cell for one in files], scale)
    described = describe_raster(files[0].path)
    vrt = files[0].path.with_name(f"{target.stem}.vrt")
    vrt.write_bytes(Xml.tostring(_vrt(files, scale, grid, described, tags, is_picture=is_picture), encoding="utf-8"))
    layout = picture_layout(tuple(band.name for band in described.bands))
    publish_cog(vrt, target, replace(layout, overviews="AVERAGE" if is_picture else "NEAREST"))
    return grid


def _around(cells: Sequence[Cell], scale: int) -> Grid:
    rows = [cell.row for cell in cells]
    columns = [cell.column for cell in cells]
    side = cells[0].side_px
    first = next(cell for cell in cells if cell.row == min(rows))
    height, width = max(rows) - min(rows) + side, max(columns) - min(columns) + side
    base = first.grid()
    start = min(columns) - first.column
    return base.part(slice(0, height), slice(start, start + width)).finer(scale)


def _vrt(
    files: Sequence[CellFile],
    scale: int,
    grid: Grid,
    described: DescribedRaster,
    tags: Mapping[str, str],
    *,
    is_picture: bool,
) -> Xml.Element:
    height, width = grid.shape_hw
    root = Xml.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    assert grid.crs is not None
    Xml.SubElement(root, "SRS").text = grid.crs.to_wkt()
    Xml.SubElement(root, "GeoTransform").text = ", ".join(map(repr, grid.transform.to_gdal()))
    metadata = Xml.SubElement(root, "Metadata")
    for key, value in tags.items():
        Xml.SubElement(metadata, "MDI", key=key).text = value
    layout = picture_layout(tuple(band.name for band in described.bands))
    for k, (band, colour) in enumerate(zip(described.bands, layout.colours, strict=True), start=1):
        element = Xml.SubElement(root, "VRTRasterBand", dataType=GDAL_TYPES[band.dtype], band=str(k))
        Xml.SubElement(element, "Description").text = band.name
        if band.no_data is not None:
            Xml.SubElement(element, "NoDataValue").text = f"{band.no_data:g}"
        name = colour.name if is_picture else ("gray" if k == 1 else "undefined")
        Xml.SubElement(element, "ColorInterp").text = name.capitalize()
        if (band.scale, band.offset) != (1.0, 0.0):
            Xml.SubElement(element, "Scale").text = repr(band.scale)
        _add_sources(element, files, scale, str(k))
    if is_picture:
        mask = Xml.SubElement(Xml.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
        _add_sources(mask, files, scale, "mask,1")
    return root


def _add_sources(band: Xml.Element, files: Sequence[CellFile], scale: int, source_band: str) -> None:
    top, left = min(one.cell.row for one in files), min(one.cell.column for one in files)
    for cell, path in files:
        side = str(cell.side_px * scale)
        source = Xml.SubElement(band, "SimpleSource")
        Xml.SubElement(source, "SourceFilename", relativeToVRT="1").text = path.name
        Xml.SubElement(source, "SourceBand").text = source_band
        Xml.SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=side, ySize=side)
        x, y = str((cell.column - left) * scale), str((cell.row - top) * scale)
        Xml.SubElement(source, "DstRect", xOff=x, yOff=y, xSize=side, ySize=side)
