"""As what does a finished raster appear?"""

from pathlib import Path

from ssr.raster.layout import Layout
from ssr.raster.writer import publish_cog

ZARR_SUFFIX = ".zarr"


def publish(source: Path, target: Path, layout: Layout, *, overwrite: bool = False) -> None:
    """By the target's suffix a Zarr store, otherwise a Cloud-Optimised GeoTIFF."""
    if target.suffix == ZARR_SUFFIX:
        from ssr.raster.zarrstore import publish_zarr

        publish_zarr(source, target, overwrite=overwrite)
    else:
        publish_cog(source, target, layout)
