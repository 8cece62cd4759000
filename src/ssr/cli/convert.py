"""How does `convert` read its arguments and say what it wrote?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ssr.cli.options import Json, Overwrite
from ssr.cli.output import print_json, print_notes

if TYPE_CHECKING:
    from ssr.workflows.exchange import ConvertResult, Kind


def convert(
    source: Annotated[str, typer.Argument(help="A weight file, a pretrained folder or a bundled model's name.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="What to write: .safetensors, .pth, .onnx, or a folder without a suffix."),
    ],
    key: Annotated[str | None, typer.Option(help="Entry of a .pth to take, such as params.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="Option file that names the network, where shapes alone do not tell.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="safetensors, pth, onnx or folder; by default from the name.")] = None,
    dates: Annotated[int | None, typer.Option(min=1, help="ONNX: how many dates the file takes.")] = None,
    stacked: Annotated[
        bool, typer.Option("--stacked", help="ONNX: dates on the channel axis, for other tools.")
    ] = False,
    tile: Annotated[
        int | None, typer.Option(min=1, help="ONNX: fix the window to so many pixels a side, as QGIS Deepness needs.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write weights in another form, without losing a bit."""
    from ssr.workflows.exchange import convert as convert_model

    result = convert_model(
        source,
        out,
        key=key,
        model=model,
        to=cast("Kind | None", to),
        n_revisits=dates,
        stacked=stacked,
        tile_px=tile,
        overwrite=overwrite,
    )
    if as_json:
        print_json(result)
    else:
        _show(result)


def _show(result: "ConvertResult") -> None:
    print_notes(result.notes)
    print(f"read    {result.source}: {result.n_tensors} tensors, SHA-256 {result.sha256}")
    if result.model is not None:
        options = ", ".join(f"{name} {value}" for name, value in result.model.items() if name != "type")
        print(f"model   {result.model['type']} ({options})")
    if result.largest_difference is not None:
        print(f"checked against torch: differs by at most {result.largest_difference:.1e}")
    print(f"wrote   {result.out}")
