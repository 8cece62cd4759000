"""How is a raster kept in strips of whole rows until all are there?

A strip is a GeoTIFF of its own that appears by renaming: it is there whole or not at all, whatever happens to the
process. Put together (`mosaic`) they are one raster that GDAL reads like any other.
"""

import os
import shutil
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.windows import Window

from ssr.atomic import discard, one_line, temporary_name
from ssr.errors import OutputError
from ssr.raster.gdal import gdal_environment
from ssr.raster.grid import Grid
from ssr.raster.layout import Layout

BLOCK_PX = 512
GDAL_TYPES = {"uint8": "Byte", "uint16": "UInt16"}


class Strips:
    """Strips of one raster in a folder.

    Args:
        folder: exists, and is nobody else's.
        name: of this raster among others in the folder.
        target: the file that all this becomes, for messages.
    """

    def __init__(self, folder: Path, name: str, grid: Grid, layout: Layout, *, target: Path) -> None:
        self.folder, self.name = folder, name
        self.grid, self.layout, self.target = grid, layout, target

    def path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.{self.name}.tif"

    @contextmanager
    def writing(self, number: int, rows: slice) -> Iterator["Strip"]:
        """A strip of some rows that appears when the block ends well."""
        path = self.path(number)
        part = temporary_name(path)
        opened = ExitStack()
        with opened, reporting(self.target):
            try:
                opened.enter_context(gdal_environment(cache_bytes=None))  # readers are at work
                opened.enter_context(rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True))
                self._make_sure_of_room(rows)
                dataset = opened.enter_context(_create(part, self.grid.part(rows, slice(0, self._width)), self.layout))
                strip = Strip(dataset, rows, self.layout)
                yield strip
                dataset.close()
                strip.check(part)
                _reach_disk(part)
                part.replace(path)
            finally:
                discard(part)

    def mosaic(self, strips: Sequence[slice], tags: Mapping[str, str]) -> Path:
        """A file that GDAL reads as the whole raster; the strips stay where they are."""
        path = self.folder / f"{self.name}.vrt"
        with reporting(self.target):
            path.write_bytes(Xml.tostring(self._described(strips, tags), encoding="utf-8", xml_declaration=True))
        return path

    def _make_sure_of_room(self, rows: slice) -> None:
        pixel = np.dtype(self.layout.dtype).itemsize * len(self.layout.names) + int(self.layout.is_picture)
        needed = (rows.stop - rows.start) * self._width * pixel
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OutputError(
                f"{self.target}: cannot be written (no space left: the next rows take {needed / 1e6:,.0f} MB, "
                f"{free / 1e6:,.0f} MB are free)"
            )

    @property
    def _width(self) -> int:
        return self.grid.shape_hw[1]

    def _described(self, strips: Sequence[slice], tags: Mapping[str, str]) -> Xml.Element:
        height, width = self.grid.shape_hw
        root = Xml.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
        if self.grid.crs is not None:
            Xml.SubElement(root, "SRS").text = self.grid.crs.to_wkt()
        if not self.grid.transform.is_identity:
            Xml.SubElement(root, "GeoTransform").text = ", ".join(map(repr, self.grid.transform.to_gdal()))
        metadata = Xml.SubElement(root, "Metadata")
        for key, value in tags.items():
            Xml.SubElement(metadata, "MDI", key=key).text = value
        layout = self.layout
        for k, (name, colour, step) in enumerate(zip(layout.names, layout.colours, layout.steps, strict=True), start=1):
            band = Xml.SubElement(root, "VRTRasterBand", dataType=GDAL_TYPES[layout.dtype], band=str(k))
            Xml.SubElement(band, "Description").text = name
            Xml.SubElement(band, "NoDataValue").text = str(layout.no_data)
            Xml.SubElement(band, "ColorInterp").text = colour.name.capitalize()
            if step != 1.0:
                Xml.SubElement(band, "Scale").text = repr(step)
            self._add_sources(band, strips, str(k))
        if layout.is_picture:
            mask = Xml.SubElement(Xml.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
            self._add_sources(mask, strips, "mask,1")
        return root

    def _add_sources(self, band: Xml.Element, strips: Sequence[slice], source_band: str) -> None:
        for number, rows in enumerate(strips):
            source = Xml.SubElement(band, "SimpleSource")
            Xml.SubElement(source, "SourceFilename", relativeToVRT="1").text = self.path(number).name
            Xml.SubElement(source, "SourceBand").text = source_band
            width, height = str(self._width), str(rows.stop - rows.start)
            Xml.SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=width, ySize=height)
            Xml.SubElement(source, "DstRect", xOff="0", yOff=str(rows.start), xSize=width, ySize=height)


class Strip:
    """An open strip that takes blocks."""

    def __init__(self, dataset: DatasetWriter, rows: slice, layout: Layout) -> None:
        self._dataset, self._rows, self._layout = dataset, rows, layout
        self._written: list[tuple[Window, int]] = []

    def write(self, rows: slice, columns: slice, block: NDArray[np.generic]) -> None:
        """Put a `c h w` block in its place, in rows and columns of the whole raster."""
        window = Window.from_slices(slice(rows.start - self._rows.start, rows.stop - self._rows.start), columns)
        self._dataset.write(block, window=window)
        self._written.append((window, zlib.crc32(np.ascontiguousarray(block).data)))
        if self._layout.is_picture:
            has_data = (block != self._layout.no_data).any(0)
            self._dataset.write_mask(has_data, window=window)

    def check(self, path: Path) -> None:
        """Read again what was written: on a full disk GDAL may lose blocks and say nothing.

        Blocks can be flushed by the thread of a reader that wants the cache, whose error nobody gets.

        Raises:
            OSError: something is lacking.
        """
        with _opened(path) as dataset:
            for window, crc in self._written:
                pixels: NDArray[np.generic] = dataset.read(window=window)
                is_there = zlib.crc32(pixels.data) == crc
                if is_there and self._layout.is_picture:
                    has_data = (pixels != self._layout.no_data).any(0)
                    is_there = bool(((dataset.dataset_mask(window=window) > 0) == has_data).all())
                if not is_there:
                    raise OSError("what was written is not what is there; the disk may be full")


def n_bands_of(folder: Path, name: str) -> int:
    """How many bands the strips of a raster have."""
    with gdal_environment(), _opened(folder / f"{0:05d}.{name}.tif") as strip:
        return int(strip.count)


def _opened(path: Path) -> DatasetReader:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # strips have no place, the whole has
        return rasterio.open(path)


@contextmanager
def reporting(target: Path) -> Iterator[None]:
    """Failures to write as errors that name the file that does not come about."""
    try:
        yield
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise OutputError(f"{target}: cannot be written ({one_line(error)})") from error


def _create(path: Path, grid: Grid, layout: Layout) -> DatasetWriter:
    height, width = grid.shape_hw
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # what has no place on input has none on output
        return rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=len(layout.names),
            dtype=layout.dtype,
            nodata=layout.no_data,
            tiled=True,
            blockxsize=BLOCK_PX,
            blockysize=BLOCK_PX,
            interleave="pixel",
            bigtiff="if_safer",
            sparse_ok=True,
        )


def _reach_disk(path: Path) -> None:
    """Before a name promises that a strip is there, its bytes are, even if the power fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
