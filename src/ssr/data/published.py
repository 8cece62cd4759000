"""Which training data were published, in which archives, and where?

Names of files, links and sizes are those that the original's README and the Hugging Face listing showed; none of the
hosts could be reached while this was written, so nothing here was compared with what they serve today.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ssr.checkpoints.catalogue import BUCKET, MIRROR, is_folder, is_web, with_slash

URL_VARIABLE = "SSR_DATA_URL"
OLD_BUCKET = "https://pub-956f3eb0f5974f37b9228e0a62f449bf.r2.dev/satlas_explorer_datasets/"
HUB = "https://huggingface.co/datasets/allenai/satlas-super-resolution/resolve/main/ssr-data/"
HUB_LISTING = "https://huggingface.co/api/datasets/allenai/satlas-super-resolution/tree/main/ssr-data/"

LICENCE = "ODC-BY"
NOT_CHECKED = "not checked: the hosts could not be reached"


@dataclass(frozen=True)
class Source:
    """One place that has all of an archive.

    base: an http(s) address or a local folder, ending in `/`; the names of the parts follow it.
    parts: in the order in which they are joined; empty where only a listing tells them.
    listing: an address whose text names the parts.
    """

    base: str
    parts: tuple[str, ...] = ()
    listing: str | None = None


@dataclass(frozen=True)
class PublishedData:
    """One published archive, or a single file that is none.

    stem: what the names of its parts begin with, to find them in a listing.
    size: what is known of it, in words; None where no source says it.
    """

    name: str
    holds: str
    stem: str
    sources: tuple[Source, ...]
    size: str | None = None
    provenance: str = f"the original's README; {NOT_CHECKED}"
    licence: str = LICENCE


def sources_of(
    entry: PublishedData,
    *,
    url: str | None = None,
    parts: tuple[str, ...] = (),
    environment: Mapping[str, str] = os.environ,
) -> list[Source]:
    """Where to look, in this order; a given address replaces the public ones.

    Args:
        url: an http(s) address or a local path: a folder of parts where it ends in `/` or is one, else the one file.
            By default what `SSR_DATA_URL` says, which is always a folder.
        parts: names of the parts below that address; by default those published, and a listing where they are unknown.
    """
    if url is None and (base := environment.get(URL_VARIABLE)):
        url = with_slash(base)
    if url is None:
        return [Source(source.base, parts or source.parts, source.listing) for source in entry.sources]
    if not is_web(url) and Path(url).expanduser().is_dir():
        url = with_slash(url)
    if not is_folder(url):
        path, mark, query = url.partition("?") if is_web(url) else (url, "", "")
        folder, _, name = path.rpartition("/")
        return [Source((folder or ".") + "/" + mark + query, parts or (name,))]
    if parts:
        return [Source(url, parts)]
    published = [source.parts for source in entry.sources if len(source.parts) == 1]
    known = published[0] if published else ()
    return [Source(url, known, None if known else url)]


def is_local(source: Source) -> bool:
    """Whether the parts lie on a disk of this machine."""
    return not is_web(source.base)


def _single(name: str, holds: str, file: str, *, bucket: str = BUCKET, size: str | None = None) -> PublishedData:
    sources = tuple(Source(base, (file,)) for base in (bucket, MIRROR))
    return PublishedData(name, holds, file.partition(".")[0], sources, size)


URBAN_PARTS = tuple(f"train_urban_set.7z.{k:03}" for k in range(1, 5))

DATA: dict[str, PublishedData] = {
    entry.name: entry
    for entry in (
        PublishedData(
            name="train_urban_set",
            holds="the S2-NAIP of the paper: about 1.1 million pairs within 5 km of US cities, 12 bands",
            stem="train_urban_set",
            sources=(
                Source(BUCKET, URBAN_PARTS),
                Source(MIRROR, URBAN_PARTS),
                Source(HUB + "train_urban_set/", (), HUB_LISTING + "train_urban_set"),
            ),
            size="on Hugging Face at least 15 parts, 48.3 GB each",
            provenance=f"the original's README (4 parts) and a listing of Hugging Face of 2024; {NOT_CHECKED}",
        ),
        _single(
            "train_full_set",
            "about 44 million pairs in the layout before 2023-12-08",
            "super_resolution_train-full-set_2023-12-01.tar",
            bucket=OLD_BUCKET,
        ),
        _single("val_set", "8,192 pairs, 12 bands", "super_resolution_val_set_2024-01-09.tar"),
        _single("small_val_set", "256 urban pairs of val_set", "super_resolution_small_val_set_2024-01-09.tar"),
        _single("test_set", "eight grids of 16×16 tiles, no truth", "super_resolution_test_set_2024-01-09.tar"),
        _single("old_naip", "NAIP of 2016 to 2018 for train_urban_set and small_val_set", "old_naip.tar"),
        _single(
            "tile_weights",
            "weights of the tiles of both training sets",
            "super_resolution_train_tile_weights.tar",
        ),
        _single("osm_boxes", "boxes of OpenStreetMap objects for train_urban_set", "osm_chips_to_masks.json"),
    )
}
"""Every published archive by its name."""
