"""What do `data index`, `data check` and `data pack` do, from files to files?"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ssr.build.data import build_pairs
from ssr.config.data import Data, S2NaipData, SimulatedData
from ssr.data.check import check, write_exclusions, write_report
from ssr.data.index import scan, write_index
from ssr.data.pack import pack
from ssr.data.s2naip import S2NaipPairs
from ssr.errors import ConfigError

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class IndexResult:
    """An index that was written, and what it holds."""

    path: Path
    layout: str
    n_samples: int
    n_images: int


@dataclass(frozen=True)
class DataCheck:
    """What a check found and where it wrote it.

    kinds: how many samples are flawed in which way.
    """

    report: Path
    exclude: Path
    n_samples: int
    n_flawed: int
    kinds: dict[str, int]


def index_data(
    data: Data, output: Path | None = None, *, progress: Progress = lambda _done, _total: None
) -> IndexResult:
    """Look for the samples of S2-NAIP once and write where they are.

    Args:
        output: by default the file that the options name as `index`.

    Raises:
        ConfigError: another data set, or no file to write to.
    """
    data = _s2naip(data, "need no index; only s2naip has one")
    path = output or data.index
    if path is None:
        raise ConfigError("the options name no index; say where to write it: --output index.parquet")
    catalogue = scan(data.sentinel2, data.naip, layout=data.layout, old_naip=data.old_naip, progress=progress)
    write_index(path, catalogue)
    return IndexResult(path, catalogue.layout, len(catalogue), len(catalogue.images))


def check_data(
    data: Data,
    *,
    report: Path,
    exclude: Path,
    n_threads: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> DataCheck:
    """Read every file of every sample, and write which are of no use and why.

    Args:
        report: receives the kinds of flaws and each flawed sample, as JSON.
        exclude: receives the names of flawed samples, for the option `exclude`.
        n_threads: by default one for each processor.

    Raises:
        ConfigError: simulated data, which are made and not read.
    """
    if isinstance(data, SimulatedData):
        raise ConfigError("data of type 'simulated' are made for each step; there is nothing to check")
    found = check(build_pairs(data).samples, n_threads=_threads(n_threads), progress=progress)
    write_report(report, found)
    write_exclusions(exclude, found)
    return DataCheck(report, exclude, found.n_samples, found.n_flawed, found.kinds)


@dataclass(frozen=True)
class PackResult:
    """A pack that was written.

    left_out: samples of no use and why.
    """

    folder: Path
    n_samples: int
    n_shards: int
    left_out: dict[str, str]


def pack_data(
    data: Data, folder: Path, *, n_threads: int | None = None, progress: Progress = lambda _done, _total: None
) -> PackResult:
    """Write the decoded samples of S2-NAIP to a few large files; a broken-off pack goes on where it was.

    Raises:
        ConfigError: another data set.
    """
    data = _s2naip(data, "cannot be packed; only s2naip can")
    samples = build_pairs(data.model_copy(update={"packed": None})).samples
    assert isinstance(samples, S2NaipPairs)
    packed = pack(samples, folder, n_threads=_threads(n_threads), progress=progress)
    left_out = {name: flaw.told for name, flaw in packed.left_out.items()}
    return PackResult(folder, packed.n_samples, packed.n_shards, left_out)


def _s2naip(data: Data, told: str) -> S2NaipData:
    if not isinstance(data, S2NaipData):
        raise ConfigError(f"data of type '{data.type}' {told}")
    return data


def _threads(n_threads: int | None) -> int:
    """By default one for each processor."""
    return n_threads or os.cpu_count() or 1
