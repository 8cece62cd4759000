"""Which numbers does a small raster hold, in every band and as they are stored?"""

import warnings
from pathlib import Path
from typing import Any

import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ssr.atomic import one_line
from ssr.errors import ImageReadError
from ssr.raster.gdal import gdal_environment


def read_stored(path: Path) -> NDArray[Any]:
    """All bands, `c h w`; nothing is scaled and no number is taken for missing.

    Raises:
        ImageReadError: missing (caused by FileNotFoundError), truncated or damaged.
    """
    if not path.is_file():
        raise ImageReadError(f"{path}: cannot be read (No such file)") from FileNotFoundError(path)
    try:
        with warnings.catch_warnings(), gdal_environment():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as dataset:
                return dataset.read()
    except RasterioError as error:
        raise ImageReadError(f"{path}: cannot be decoded, truncated or damaged ({one_line(error)})") from error
