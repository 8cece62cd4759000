"""How do `demo`, `scene`, `infer` and `infer-grid` read their arguments and show their results?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ssr.checkpoints.bundled import DEFAULT
from ssr.cli.options import Device, Json, Offline, Overwrite, Precision, choose_named_compute
from ssr.cli.output import print_json, print_notes, progress_bar

if TYPE_CHECKING:
    from ssr.demo import DemoResult
    from ssr.device import Compute
    from ssr.workflows.inference import ChipsResult, SceneResult

MoreDates = Literal["best", "average"]
Reference = Literal["mean", "median"]
"""As in `scenes.ranking` and `models.fidelity`, which are too heavy to import for `--help`."""

Inputs = Annotated[list[Path], typer.Argument(help="Image files, one per date, or a folder of them.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The GeoTIFF to write.")]
Model = Annotated[
    str, typer.Option(help="A name of `ssr weights list`, bicubic, shift_and_add, a weight file, .onnx or folder.")
]
Bands = Annotated[str, typer.Option(help="Bands of each file that are red, green and blue, counted from 1.")]
White = Annotated[
    float | None, typer.Option("--white-dn", help="Stored number that means white; 255 for 8-bit images.")
]
MaxDates = Annotated[
    int | None,
    typer.Option(min=1, help="Use the best so many dates [default: 8 where the model takes any number, else all]."),
]
More = Annotated[
    MoreDates,
    typer.Option(help="Of more dates than the model takes: the best, or all in several passes, averaged."),
]
Strength = Annotated[
    float,
    typer.Option("--fidelity", min=0, max=1, help="Hold the result to the input's colours: 0 not at all, 1 fully."),
]
HeldTo = Annotated[
    Reference, typer.Option("--fidelity-to", help="What the result is held to, over the dates: their mean or median.")
]
ConfigOrFolder = Annotated[Path, typer.Argument(help="An option file, or a folder of PNG chips.")]
SavePath = Annotated[Path, typer.Option("--out", "-o", help="Where results go (with a folder).")]
Revisits = Annotated[int, typer.Option(min=1, help="Dates to use of each chip (with a folder).")]


def demo(
    folder: Annotated[Path, typer.Option("--out", "-o", help="Where the demo writes.")] = Path("demo"),
    series: Annotated[Path | None, typer.Option("--input", help="Show your own series instead.")] = None,
    bands: Bands = "1,2,3",
    white_dn: White = None,
    model: Model = DEFAULT,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Super-resolve a real image and a simulated series (or your own), and draw them beside bicubic."""
    from ssr.demo import demo_real_image, demo_series, demo_simulated

    results = []
    with progress_bar("super-resolving", quiet=as_json) as progress:
        if series is not None:
            results.append(
                demo_series(
                    [series],
                    folder / series.resolve().name,
                    title=f"series {series}",
                    model=model,
                    bands=_bands(bands),
                    white_dn=white_dn,
                    overwrite=overwrite,
                    progress=progress,
                )
            )
        else:
            for make in (demo_real_image, demo_simulated):
                results.append(make(folder, model=model, overwrite=overwrite, progress=progress))
    if as_json:
        print_json(results)
        return
    for result in results:
        _show_demo(result)


def scene(
    inputs: Inputs,
    out: Out,
    model: Model = DEFAULT,
    max_dates: MaxDates = None,
    more_dates: More = "best",
    fidelity: Strength = 0.0,
    fidelity_to: HeldTo = "mean",
    bands: Bands = "1,2,3",
    white_dn: White = None,
    offline: Offline = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Super-resolve a series of images into one Cloud-Optimised GeoTIFF."""
    from ssr.atomic import refuse_existing
    from ssr.workflows.inference import super_resolve_scene
    from ssr.workflows.models import open_model

    refuse_existing(out, overwrite=overwrite)
    with progress_bar("downloading", quiet=as_json, in_bytes=True) as downloading:
        opened = open_model(model, offline=offline, progress=downloading)
    with progress_bar("super-resolving", quiet=as_json) as progress:
        result = super_resolve_scene(
            inputs,
            out,
            model=opened,
            max_dates=max_dates,
            more_dates=more_dates,
            fidelity=fidelity,
            fidelity_to=fidelity_to,
            bands=_bands(bands),
            white_dn=white_dn,
            overwrite=overwrite,
            compute=choose_named_compute(device, precision),
            progress=progress,
        )
    if as_json:
        print_json(result)
    else:
        _show_scene(result)


def infer(
    source: ConfigOrFolder,
    save_path: SavePath = Path("results"),
    n_revisits: Revisits = 8,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Super-resolve every PNG chip (dates of 32×32 px below each other) of a folder."""
    from ssr.workflows.inference import super_resolve_chips

    run_chips(
        super_resolve_chips,
        source,
        save_path=save_path,
        n_revisits=n_revisits,
        overwrite=overwrite,
        compute=choose_named_compute(device, precision),
        as_json=as_json,
    )


def infer_grid(
    source: ConfigOrFolder,
    save_path: SavePath = Path("results_grid"),
    n_revisits: Revisits = 8,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Super-resolve 16×16 grids of chips, each as one seamless raster."""
    from ssr.workflows.inference import super_resolve_grids

    run_chips(
        super_resolve_grids,
        source,
        save_path=save_path,
        n_revisits=n_revisits,
        overwrite=overwrite,
        compute=choose_named_compute(device, precision),
        as_json=as_json,
    )


def run_chips(
    workflow: Any,
    source: Path,
    *,
    save_path: Path,
    n_revisits: int,
    overwrite: bool,
    compute: "Compute | None",
    as_json: bool,
) -> None:
    """Read an option file, or make one of a folder, run the workflow and show what it did."""
    from ssr.config.files import load_config
    from ssr.config.schema import InferConfig

    notes: list[str] = []
    if source.is_dir():
        config = InferConfig(data_dir=source, save_path=save_path, n_revisits=n_revisits)
    else:
        config, notes = load_config(source, InferConfig)
    print_notes(notes)
    with progress_bar("super-resolving", quiet=as_json) as progress:
        result: ChipsResult = workflow(config, overwrite=overwrite, compute=compute, progress=progress)
    if as_json:
        print_json(result)
        return
    print_notes(result.notes)
    print(f"{result.n_done} done in {result.seconds:.1f} s with {result.model} ({result.compute}): {result.save_path}")


def _bands(text: str) -> tuple[int, ...]:
    from ssr.errors import ConfigError

    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"--bands: expected three band numbers such as 3,2,1, found {text!r}")
    return tuple(int(part) for part in parts)


def _show_scene(result: "SceneResult") -> None:
    print_notes(result.notes)
    print(f"read    {result.n_dates_found} date(s), {result.low_res}; used {', '.join(result.dates)}")
    print(f"model   {result.model} on {result.compute}")
    print(f"wrote   {result.output}: {result.super_res}")
    print(f"took    {result.seconds:.1f} s")


def _show_demo(result: "DemoResult") -> None:
    print(f"\n{result.title}")
    for note in result.notes:
        print(f"note    {note}")
    _show_scene(result.scene)
    print(f"picture {result.picture}")
    for name, scores in result.scores.items():
        print(f"score   {name:<20} cPSNR {scores.cpsnr:.2f} dB, PSNR {scores.psnr:.2f} dB, SSIM {scores.ssim:.3f}")
