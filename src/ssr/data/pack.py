"""How are millions of small PNG files kept as a few large ones that need no decoding?

A pack is a folder: `index.parquet` and shards `00000.tar`, …, ordinary tar files of NumPy arrays in bytes. Of each
sample they hold `<image>/<X_Y>/truth.npy`, `old_truth.npy` where there is one, and one array of all dates for each
band, `tci.npy` first. The index knows where each sample begins and how many dates it has, so any sample is found at
once and read without decoding: a run resumes anywhere in an epoch, and batches are those that the PNG files give.
"""

import io
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssr.atomic import one_line, whole_file
from ssr.data.catalogue import Catalogue
from ssr.data.index import open_table, write_table
from ssr.data.s2naip import S2NaipPairs
from ssr.data.samples import Flaw, flaw_of
from ssr.errors import ImageReadError, InputError
from ssr.scenes.chips import CHIP_PX
from ssr.sentinel2.bands import n_channels_of

INDEX = "index.parquet"
BLOCK = 512
"""Tar's unit: a header is one, and contents are filled up to whole ones."""
BANDS_KEY = b"ssr.bands"
N_IN_SHARD = 4096


class Place(NamedTuple):
    """Of a sample: its shard, the byte in it, and how many dates it has."""

    shard: NDArray[np.int32]
    offset: NDArray[np.int64]
    n_dates: NDArray[np.int32]


@dataclass(frozen=True)
class PackedCounts:
    """What a pack holds, and which samples were left out of it and why."""

    n_samples: int
    n_shards: int
    left_out: dict[str, Flaw]


class PackedImages:
    """The pixels of a pack, mapped into memory; `index` numbers the samples of its catalogue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalogue, columns, metadata = open_table(folder / INDEX, ("shard", "offset", "n_dates"))
        self.bands = tuple(metadata.get(BANDS_KEY, b"").decode().split())
        self.place = Place(*columns)
        self._shards: dict[int, NDArray[np.uint8]] = {}

    def dates(self, index: int, band: str) -> NDArray[np.uint8]:
        """All dates, `t c 32 32`."""
        if band not in self.bands:
            raise ImageReadError(f"{self.folder}: holds the bands {', '.join(self.bands)}, not {band}; pack it anew")
        return self._array(index, band)

    def truth(self, index: int) -> NDArray[np.uint8]:
        """`3 128 128`."""
        return self._array(index, "truth")

    def old_truth(self, index: int) -> NDArray[np.uint8]:
        """`3 128 128`, the earlier image."""
        return self._array(index, "old_truth")

    def where(self, index: int, what: str) -> str:
        return f"{self._shard_path(index)}: {self.catalogue.name(index)}/{what}.npy"

    def _shard_path(self, index: int) -> Path:
        return self.folder / _shard_name(int(self.place.shard[index]))

    def _array(self, index: int, what: str) -> NDArray[np.uint8]:
        start = int(self.place.offset[index])
        for name, shape in _members(self.catalogue.has_old(index), self.bands, int(self.place.n_dates[index])):
            header, n_bytes = _npy_header(shape), int(np.prod(shape))
            if name == what:
                data = self._shard(index)[start + BLOCK : start + BLOCK + len(header) + n_bytes]
                if data[: len(header)].tobytes() != header or len(data) != len(header) + n_bytes:
                    raise ImageReadError(f"{self.where(index, what)}: is not where the index says; pack it anew")
                return data[len(header) :].reshape(shape)
            start += BLOCK + _filled_up(len(header) + n_bytes)
        raise ImageReadError(f"{self.where(index, what)}: is not in the pack")

    def _shard(self, index: int) -> NDArray[np.uint8]:
        number = int(self.place.shard[index])
        if number not in self._shards:
            try:
                self._shards[number] = np.memmap(self._shard_path(index), np.uint8, "r")
            except (OSError, ValueError) as error:
                raise ImageReadError(f"{self._shard_path(index)}: cannot be read ({one_line(error)})") from error
        return self._shards[number]


def pack(
    samples: S2NaipPairs,
    folder: Path,
    *,
    n_threads: int,
    n_in_shard: int = N_IN_SHARD,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> PackedCounts:
    """Write a pack of all samples that are of use; shards that are there from a broken-off try are kept.

    Raises:
        InputError: none of the samples is of use, or kept shards are of other samples.
    """
    left_out: dict[str, Flaw] = {}
    rows: list[tuple[int, int, int, int]] = []
    n_shards = -(-len(samples) // n_in_shard)
    with ThreadPoolExecutor(n_threads) as threads:
        for shard in range(n_shards):
            indexes = range(shard * n_in_shard, min((shard + 1) * n_in_shard, len(samples)))
            flaws = list(threads.map(lambda index: flaw_of(samples, index), indexes))
            left_out |= {samples.name(i): flaw for i, flaw in zip(indexes, flaws, strict=True) if flaw}
            usable = [i for i, flaw in zip(indexes, flaws, strict=True) if flaw is None]
            path = folder / _shard_name(shard)
            if not path.exists():
                _write_shard(path, samples, usable)
            rows += [(i, shard, *place) for i, place in zip(usable, _places(path, samples, usable), strict=True)]
            progress(indexes.stop, len(samples))
    if not rows:
        raise InputError(f"of {len(samples)} samples none is of use: {next(iter(left_out.values())).told}")
    kept, *columns = (np.array(column) for column in zip(*rows, strict=True))
    write_table(
        folder / INDEX,
        _part(samples.catalogue, kept, sees_old=samples.sees_old),
        dict(zip(("shard", "offset", "n_dates"), columns, strict=True)),
        {BANDS_KEY: " ".join(samples.bands).encode()},
    )
    return PackedCounts(len(rows), n_shards, left_out)


def _part(catalogue: Catalogue, kept: NDArray[np.int64], *, sees_old: bool) -> Catalogue:
    old = catalogue.old_high_res
    return replace(
        catalogue,
        image=catalogue.image[kept],
        x=catalogue.x[kept],
        y=catalogue.y[kept],
        old_high_res=[old[k] for k in kept.tolist()] if sees_old and old is not None else None,
    )


def _write_shard(path: Path, samples: S2NaipPairs, indexes: list[int]) -> None:
    with whole_file(path, tarfile.TarError) as part, tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as tar:
        for index in indexes:
            for name, pixels in _arrays(samples, index):
                content = _npy_header(pixels.shape) + np.ascontiguousarray(pixels).tobytes()
                member = tarfile.TarInfo(f"{samples.name(index)}/{name}.npy")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def _arrays(samples: S2NaipPairs, index: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    yield "truth", samples.images.truth(index)
    if samples.sees_old:
        yield "old_truth", samples.images.old_truth(index)
    for band in samples.bands:
        yield band, samples.images.dates(index, band)


def _places(path: Path, samples: S2NaipPairs, indexes: list[int]) -> list[tuple[int, int]]:
    """Where each sample begins in a shard, and how many dates it has, checked against what it should hold."""
    try:
        with tarfile.open(path) as tar:
            members = {member.name: member for member in tar}
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)}); delete it and pack again") from error
    per_sample = 1 + samples.sees_old + len(samples.bands)
    places = []
    for index in indexes:
        first, tci = (members.get(f"{samples.name(index)}/{name}.npy") for name in ("truth", "tci"))
        if first is None or tci is None or len(members) != per_sample * len(indexes):
            raise InputError(f"{path}: holds other samples or bands than these; delete it and pack again")
        n_dates = tci.size // (3 * CHIP_PX**2)
        places.append((first.offset, n_dates))
    return places


def _members(has_old: bool, bands: tuple[str, ...], n_dates: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of a sample's arrays in their order."""
    truth = (3, 4 * CHIP_PX, 4 * CHIP_PX)
    yield "truth", truth
    if has_old:
        yield "old_truth", truth
    for band in bands:
        yield band, (n_dates, n_channels_of((band,)), CHIP_PX, CHIP_PX)


@cache
def _npy_header(shape: tuple[int, ...]) -> bytes:
    """What `numpy.save` writes before an array of bytes of this shape."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _filled_up(n_bytes: int) -> int:
    return -(-n_bytes // BLOCK) * BLOCK


def _shard_name(number: int) -> str:
    return f"{number:05}.tar"
