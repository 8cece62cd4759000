"""Which options do several commands share, and how do they become a device?"""

from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from ssr.device import Compute, PrecisionName
    from ssr.inference.engines.placed import EngineChoice

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that exist already.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use what is here; never a network.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Precision = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")]
Engine = Annotated[
    str, typer.Option("--engine", help="Who runs the network: auto, torch, openvino or onnx; `ssr bench` explains.")
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory", metavar="SIZE", help="For all of the program, such as 2GB [default: half of the machine's]."
    ),
]


def choose_named_compute(device: str, precision: str) -> "Compute":
    """The device and precision of these names; an unknown name is a ConfigError."""
    from ssr.device import choose_compute

    return choose_compute(device, cast("PrecisionName", precision))


def choose_named_engine(name: str) -> "EngineChoice":
    """The engine of this name; an unknown name is a ConfigError."""
    from ssr.inference.engines.choice import known_engine

    return known_engine(name)


def memory_in_bytes(text: str | None) -> int | None:
    """Bytes of a size such as `2GB`; what is none is a ConfigError."""
    from ssr.inference.budget import parse_memory

    return None if text is None else parse_memory(text)
