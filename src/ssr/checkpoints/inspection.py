"""What does a weight file hold, by its shapes alone?"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ssr.atomic import one_line
from ssr.checkpoints.described import read_description
from ssr.checkpoints.files import KNOWN_KEYS, StateDict, read_training_state, read_weights, sha256_of
from ssr.checkpoints.published import Recognised, needed_tensors, recognise
from ssr.errors import WeightsError
from ssr.sentinel2.bands import (
    CHANNELS_OF_A_DATE,
    N_DATES_OF_BAND_MODELS,
    TRUE_COLOUR_CHANNELS,
    channels_per_date,
)

UNSHUFFLED_SCALES = {4: 1, 2: 4, 1: 16}
"""Scales of the ESRGAN that have the same tensors, and how many times a date's channels each stacks."""

BUFFERS = ("weight_u", "weight_v")
"""What spectral normalisation keeps beside the parameters."""


@dataclass(frozen=True)
class Reading:
    """One way to understand the input of a network.

    n_revisits: None when any number will do.
    """

    n_revisits: int | None
    n_channels: int
    scale: int

    def __str__(self) -> str:
        if self.n_revisits is None:
            return f"any number of dates × {self.n_channels} channels at scale {self.scale}"
        dates = "1 date" if self.n_revisits == 1 else f"{self.n_revisits} dates"
        return f"{dates} × {self.n_channels} channels at scale {self.scale}"


@dataclass(frozen=True)
class WeightFile:
    """What a weight file holds.

    Attributes:
        architecture: None when the tensors fit no network known here.
        readings: ways to understand the input; the first is the one this program takes. None for discriminators.
        entries: which of `params_ema` (the moving average, taken first) and `params` there are; none in a bare file.
        metadata: what a safetensors file says of itself.
    """

    path: Path
    size_bytes: int
    sha256: str
    architecture: str | None
    arguments: Mapping[str, object]
    readings: tuple[Reading, ...]
    n_input_channels: int | None
    n_tensors: int
    n_parameters: int
    entries: tuple[str, ...]
    dtypes: tuple[str, ...]
    metadata: Mapping[str, str]

    @property
    def has_ema(self) -> bool:
        return "params_ema" in self.entries


def inspect(path: Path) -> WeightFile:
    """Read a file's tensors and say what they are; nothing else in it is looked at or run.

    Raises:
        WeightsError: no weight file, or damaged.
    """
    state = read_whole(path)
    content = read_training_state(path)
    recognised = recognise(state)
    needed = needed_tensors(state)
    return WeightFile(
        path=path,
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        architecture=recognised.architecture if recognised else None,
        arguments=dict(recognised.arguments) if recognised else {},
        readings=readings_of(recognised) if recognised else (),
        n_input_channels=recognised.n_stacked if recognised else None,
        n_tensors=len(needed),
        n_parameters=sum(tensor.numel() for name, tensor in needed.items() if not name.endswith(BUFFERS)),
        entries=tuple(key for key in KNOWN_KEYS if key in content),
        dtypes=tuple(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in state.values()})),
        metadata=read_description(path),
    )


def read_whole(path: Path) -> StateDict:
    """Tensors of a file after comparing every member of its archive with the checksum stored beside it.

    Raises:
        WeightsError: damaged, truncated, or no weight file.
    """
    if path.is_file() and path.suffix != ".safetensors":
        try:
            damaged = _first_damaged_member(path)
        except Exception as error:
            raise WeightsError(f"{path}: damaged archive ({one_line(error)})") from error
        if damaged:
            raise WeightsError(f"{path}: damaged: the bytes of {damaged} are not those that were written")
    return read_weights(path)


def _first_damaged_member(path: Path) -> str | None:
    if not zipfile.is_zipfile(path):  # files of old torch are no archives
        return None
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def readings_of(recognised: Recognised) -> tuple[Reading, ...]:
    """Every way to divide a network's input into dates, channels and scale that a published network has."""
    scale, n_stacked = int(recognised.arguments.get("scale", 4)), recognised.n_stacked
    if recognised.architecture == "unet_sn":
        return ()
    if n_stacked is None:
        n_revisits = recognised.arguments.get("n_revisits")
        return (Reading(n_revisits, int(recognised.arguments.get("n_channels", TRUE_COLOUR_CHANNELS)), scale),)
    readings = [_divided(n_stacked, channels_per_date(n_stacked), scale)]
    shares = UNSHUFFLED_SCALES if recognised.architecture == "esrgan" and scale == 4 else {scale: 1}
    for each_scale, share in shares.items():
        if n_stacked % share == 0:
            readings += [_divided(n_stacked // share, n, each_scale) for n in _channels_of_dates(n_stacked // share)]
    return tuple(dict.fromkeys(readings))


def _channels_of_dates(n_stacked: int) -> list[int]:
    """Channels of one date: true colour for any number of dates, the published band sets for eight."""
    published = [n for n in CHANNELS_OF_A_DATE[1:] if n_stacked == n * N_DATES_OF_BAND_MODELS]
    return published + ([TRUE_COLOUR_CHANNELS] if n_stacked % TRUE_COLOUR_CHANNELS == 0 else [])


def _divided(n_stacked: int, n_channels: int, scale: int) -> Reading:
    return Reading(n_stacked // n_channels, n_channels, scale)
