"""As what does a finished raster appear?"""

from pathlib import Path

from ssr.atomic import refuse_existing
from ssr.errors import OutputError
from ssr.raster.layout import Layout
from ssr.raster.writer import publish_cog

ZARR_SUFFIX = ".zarr"


def check_publishable(target: Path, *, overwrite: bool) -> None:
    """Fail before hours of work rather than after them.

    Raises:
        OutputError: the target exists and may not be replaced, or is a folder.
        MissingExtraError: what writes it is not installed.
    """
    if target.is_dir() and target.suffix != ZARR_SUFFIX:
        raise OutputError(f"{target}: is a folder; give a file name such as {target / 'scene.tif'}")
    refuse_existing(target, overwrite=overwrite)
    if target.suffix == ZARR_SUFFIX:
        from ssr.raster.zarrstore import check_zarr

        check_zarr(target, overwrite=overwrite)


def publish(source: Path, target: Path, layout: Layout, *, overwrite: bool = False) -> None:
    """By the target's suffix a Zarr store, otherwise a Cloud-Optimised GeoTIFF."""
    if target.suffix == ZARR_SUFFIX:
        from ssr.raster.zarrstore import publish_zarr

        publish_zarr(source, target, overwrite=overwrite)
    else:
        publish_cog(source, target, layout)
