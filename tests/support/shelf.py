"""A catalogue of tiny networks, served by a misbehaving server."""

from pathlib import Path
from typing import Any

from ssr.checkpoints.catalogue import Published
from ssr.checkpoints.download import Patience
from ssr.config.networks import ESRGANModel
from ssr.sentinel2.bands import BAND_SETS
from ssr.workflows.shelf import Shelf

HASTY = Patience(timeout_s=5, n_attempts=2, pause_s=0, min_progress_bytes=1)
TINY = ESRGANModel(n_revisits=2, n_features=8, n_blocks=1, n_growth=4)
"""What `tests.support.scenes.tiny_rrdbnet` builds."""


def published(name: str, *urls: str, **what: Any) -> Published:
    known = {"n_revisits": 2, "bands": BAND_SETS["tci"], "n_parameters": 1, "size_mb": 0.5, "provenance": "made here"}
    return Published(name=name, architecture="esrgan", urls=urls, **(known | what))


def tiny_shelf(folder: Path, *entries: Published) -> Shelf:
    """Entries that must all fit `TINY`."""
    by_name = {entry.name: entry for entry in entries}
    return Shelf(entries=by_name, networks=dict.fromkeys(by_name, TINY), folder=folder, patience=HASTY)
