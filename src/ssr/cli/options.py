"""Which options do several commands share, and how do they become a device?"""

from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from ssr.device import Compute, PrecisionName

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that exist already.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use what is here; never a network.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Precision = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")]


def choose_named_compute(device: str, precision: str) -> "Compute":
    """The device and precision of these names; an unknown name is a ConfigError."""
    from ssr.device import choose_compute

    return choose_compute(device, cast("PrecisionName", precision))
