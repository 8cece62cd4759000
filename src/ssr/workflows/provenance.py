"""What does a result say of its own making?

Names of files are said, their folders are not; addresses without what may be secret in them.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import torch
from torch import nn

from ssr import __version__
from ssr.checkpoints.bundled import bundled_names
from ssr.device import Compute
from ssr.models.foreign import ForeignNetwork
from ssr.scenes.acquisition import Acquisition
from ssr.scenes.choice import Choice
from ssr.scenes.series import SceneSeries
from ssr.scenes.stac import StacQuery
from ssr.workflows.models import NO_WEIGHTS, NamedModel

Framework = Literal["PyTorch", "ONNX"]
Option = str | int | float | bool | list["Option"]

PACKAGES = ("torch", "numpy", "rasterio")
"""On whose versions the pixels may depend."""
NOT_OPTIONS = ("inputs", "out", "model", "compute", "progress", "overwrite", "with_trust", "with_explanation")
"""What is told otherwise or changes no pixel."""
FILES = ("aoi",)
"""Options that may name a file."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The model as catalogues ask for it.

    Attributes:
        sha256: of the weight file; None where there are no weights.
        n_dates: it takes; None for any number.
        n_parameters: None where they are not known.
        artifact: how the file of the weights was written.
    """

    name: str
    sha256: str | None
    architecture: str
    framework: Framework
    scale: int
    n_dates: int | None
    n_channels: int
    n_parameters: int | None
    artifact: str


@dataclass(frozen=True, kw_only=True)
class DateFacts:
    """A date that was used; None where nothing tells."""

    name: str
    sensed: datetime | None
    level: str | None
    baseline: str | None
    satellite: str | None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a result came to be.

    Attributes:
        options: those that were not left at their defaults.
        software: versions by name.
        device: `cpu`, `cuda` or `mps`.
    """

    model: ModelFacts
    dates: tuple[DateFacts, ...]
    choice: Literal["by place", "whole dates"]
    precision: str
    device: str
    options: Mapping[str, Option] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """As metadata of a raster; lists follow the order of the dates, with nothing between commas for unknown."""
        told = {
            "TIFFTAG_SOFTWARE": f"ssr {__version__}",
            "SSR_MODEL": self.model.name,
            "SSR_MODEL_SHA256": self.model.sha256 or NO_WEIGHTS,
            "SSR_DATES": _listed(date.name for date in self.dates),
            "SSR_TIMES": _listed(date.sensed and date.sensed.isoformat() for date in self.dates),
            "SSR_CHOICE": self.choice,
            "SSR_PRECISION": self.precision,
            "SSR_SOFTWARE": ", ".join(f"{name} {number}" for name, number in self.software.items()),
        }
        known = {
            "SSR_LEVELS": [date.level for date in self.dates],
            "SSR_BASELINES": [date.baseline for date in self.dates],
            "SSR_SATELLITES": [date.satellite for date in self.dates],
        }
        told |= {name: _listed(values) for name, values in known.items() if any(values)}
        if self.options:
            told["SSR_OPTIONS"] = "; ".join(f"{name}={_shown(value)}" for name, value in self.options.items())
        return told

    @property
    def times(self) -> list[datetime]:
        """Those that are known, in order."""
        return sorted(date.sensed for date in self.dates if date.sensed is not None)


def provenance_of(
    opened: NamedModel,
    series: SceneSeries,
    choice: Choice,
    compute: Compute,
    *,
    options: Mapping[str, Option] | None = None,
) -> Provenance:
    """All of it. options: what `options_given` found."""
    return Provenance(
        model=facts_of_model(opened),
        dates=tuple(facts_of_date(series.acquisitions[k]) for k in choice.dates_used),
        choice="by place" if choice.slots.is_mixed else "whole dates",
        precision=compute.precision,
        device=compute.device.type,
        options=options or {},
        software=software_versions(),
    )


def options_given(function: Callable[..., object], values: Mapping[str, object]) -> dict[str, Option]:
    """Arguments of a function that differ from its defaults, in the order of its signature.

    Args:
        values: by name of argument; others are left out.
    """
    given: dict[str, Option] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in NOT_OPTIONS and name in values and values[name] not in (None, parameter.default):
            given[name] = _told(values[name], may_name_file=name in FILES)
    return given


def facts_of_model(opened: NamedModel) -> ModelFacts:
    """What a model is."""
    network = opened.network
    inner = network.network if isinstance(network, ForeignNetwork) else network
    is_torch = isinstance(inner, nn.Module) or not isinstance(network, nn.Module)
    n_parameters = sum(one.numel() for one in inner.parameters()) if isinstance(inner, nn.Module) else None
    return ModelFacts(
        name=public_name(opened.name),
        sha256=None if opened.sha256 == NO_WEIGHTS else opened.sha256,
        architecture=type(inner).__name__ if is_torch else "ONNX graph",
        framework="PyTorch" if is_torch else "ONNX",
        scale=network.scale,
        n_dates=network.n_revisits,
        n_channels=network.n_channels,
        n_parameters=n_parameters,
        artifact=_artifact(opened.given) if is_torch else "onnx",
    )


def facts_of_date(acquisition: Acquisition) -> DateFacts:
    """What is known of a date; times without a zone are in UTC."""
    sensed = acquisition.sensed
    return DateFacts(
        name=public_name(acquisition.name),
        sensed=sensed if sensed is None or sensed.tzinfo else sensed.replace(tzinfo=UTC),
        level=acquisition.level,
        baseline=acquisition.baseline,
        satellite=acquisition.satellite,
    )


def software_versions() -> dict[str, str]:
    """This program's and those of the packages that the pixels may depend on."""
    return {"ssr": __version__, **{name: _version(name) for name in PACKAGES}}


def public_name(text: str) -> str:
    """A name that may be published: of a path its last part, of an address no user, password, query or fragment."""
    if "://" in text:
        parts = urlsplit(text)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    name = re.split(r"[?#]", text, maxsplit=1)[0] if re.search(r"[?&][\w-]+=", text) else text
    if PurePath(name).is_absolute() or PureWindowsPath(name).is_absolute() or name.startswith("~"):
        return PureWindowsPath(name).name
    return name


def _told(value: object, *, may_name_file: bool) -> Option:
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, str):
        is_address = "://" in value
        return PureWindowsPath(value).name if may_name_file and not is_address else public_name(value)
    if isinstance(value, StacQuery):
        clouds = "" if value.max_cloud_percent is None else f", clouds up to {value.max_cloud_percent:g} %"
        return f"{public_name(value.url)}, collection {value.collection}{clouds}"
    if isinstance(value, Sequence):
        return [_told(one, may_name_file=may_name_file) for one in value]
    if isinstance(value, bool | int | float):
        return value
    raise TypeError(f"an option of type {type(value).__name__} has no text")


def _artifact(given: str) -> str:
    """What wrote the file; published weights are all of one kind."""
    path = Path(given)
    is_safe = given in bundled_names() or path.suffix == ".safetensors" or path.is_dir()
    return "safetensors.torch.save_file" if is_safe else "torch.save"


def _version(package: str) -> str:
    return str(torch.__version__) if package == "torch" else version(package)


def _listed(values: Any) -> str:
    return ",".join(cast("str | None", value) or "" for value in values)


def _shown(value: Option) -> str:
    return ",".join(map(_shown, value)) if isinstance(value, list) else str(value)
