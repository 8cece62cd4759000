"""Would two runs give the same pixels? If their identities are equal, yes."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from ssr.device import Compute
from ssr.scenes.acquisition import Acquisition, Bands
from ssr.scenes.choice import Choice
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import SceneSeries


def identity_of(series: SceneSeries, choice: Choice, rules: Rules, compute: Compute, tags: Mapping[str, str]) -> str:
    """A hash of all that the pixels of a result depend on: files, rules, choice of dates, model, machine.

    Args:
        tags: what the result says of its making: model and its hash, options, version.
    """
    digest = hashlib.sha256()
    said = (
        rules,
        series.grid,
        choice.plan,
        choice.accounts,
        [stamp for acquisition in series.acquisitions for stamp in _stamps(acquisition)],
        sorted(tags.items()),
        (compute, torch.__version__, torch.get_num_threads()),
    )
    digest.update(repr(said).encode())
    for measured in (choice.slots.dates, choice.slots.obstruction):
        digest.update(measured.tobytes())
    return digest.hexdigest()


def _stamps(acquisition: Acquisition) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of change of every file of a date; those on the web and in archives have names only.

    What follows a question mark in an address is a signature that changes from day to day.
    """
    for piece in acquisition.pieces:
        names = {source.name for source in piece.sources.values()} if isinstance(piece, Bands) else {piece.name}
        for name in sorted(names):
            at = Path(name)
            known = at.stat() if at.is_file() else None
            yield (name, known.st_size, known.st_mtime_ns) if known else (name.partition("?")[0], 0, 0)
