"""How do `scene` and `demo` read their arguments and show their results?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ssr.checkpoints.bundled import DEFAULT
from ssr.cli.options import (
    Device,
    Engine,
    Json,
    Memory,
    Offline,
    Overwrite,
    Precision,
    choose_named_compute,
    choose_named_engine,
    memory_in_bytes,
)
from ssr.cli.output import print_json, print_notes, progress_bar

if TYPE_CHECKING:
    from ssr.demo import DemoResult
    from ssr.scenes.stac import StacQuery
    from ssr.workflows.scene import SceneResult

MoreDates = Literal["best", "average"]
Reference = Literal["mean", "median"]
GroundExtent = Literal["intersection", "union"]
Level = Literal["L1C", "L2A"]
L2ALook = Literal["l1c", "ground"]
Stored = Literal["uint8", "uint16"]
Clouds = Literal["auto", "colours", "scl", "s2cloudless"]
"""As in `scenes`, `raster` and `models.fidelity`, which are too heavy to import for `--help`."""

SUFFIXES = (".tif", ".tiff", ".zarr")
Catalogue = Annotated[
    str | None,
    typer.Option("--stac", metavar="URL", help="A STAC API whose dates of the area and the period are fetched."),
]
Collection = Annotated[
    str | None, typer.Option("--collection", metavar="NAME", help="Of --stac, such as sentinel-2-l2a.")
]
CloudCover = Annotated[
    float | None, typer.Option("--cloud-cover", min=0, max=100, help="Leave out what --stac says to be cloudier (%).")
]
Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        help="Products (.SAFE, .zip), images (.tif, .jp2, .png, .vrt), cubes (.nc, .zarr), folders of them, addresses."
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The GeoTIFF to write, or a Zarr store by a name in .zarr.")]
Model = Annotated[
    str, typer.Option(help="A name of `ssr weights list`, bicubic, shift_and_add, a weight file, .onnx or folder.")
]
Bands = Annotated[
    str | None,
    typer.Option(
        help="Which bands of plain images are red, green, blue (and B08, …), from 1 [default: by name, or the first if "
        "there are no more than 4]."
    ),
]
White = Annotated[
    float | None,
    typer.Option("--white-dn", help="Number that means white in red, green and blue of plain images; 255 for 8-bit."),
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
Trust = Annotated[bool, typer.Option("--trust", help="Write OUT.trust.tif too: how far each pixel can be trusted.")]
Masks = Annotated[
    Clouds,
    typer.Option(
        "--clouds", help="Who tells where ground is hidden: auto takes a product's scene classification, with colours."
    ),
]
Numbers = Annotated[
    Stored, typer.Option("--dtype", help="uint8: true colour as models know it; uint16: reflectance x 10000.")
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Write OUT.dates.json and OUT.dates.tif too: which date served where, and why."),
]
GridName = Annotated[
    str,
    typer.Option(
        "--grid", help="native, satlas (EPSG:3857 at 9.555 m) or such as EPSG:32633@10: the input's pixels, before 4x."
    ),
]
Ground = Annotated[
    GroundExtent, typer.Option("--extent", help="The ground that all dates show (intersection), or that any shows.")
]
Aoi = Annotated[
    str | None,
    typer.Option("--aoi", metavar="BOX|FILE", help="west,south,east,north in degrees, or a .geojson or .gpkg file."),
]
Dated = Annotated[
    str | None, typer.Option("--date", metavar="A/B", help="Such as 2021-06-01/2021-08-31, with .. for an open end.")
]
ByPlace = Annotated[
    bool,
    typer.Option("--by-place/--whole-dates", help="Let clear dates stand in where one of the best is hidden."),
]
Align = Annotated[bool, typer.Option("--align/--no-align", help="Bring back dates that lie beside the best one.")]
BandNames = Annotated[
    str | None,
    typer.Option(
        "--band-names", help="Instead of --bands: what all bands of plain images are, such as B02,B03,B04,B08."
    ),
]
ProductLevel = Annotated[Level | None, typer.Option("--level", help="Of products that do not tell theirs.")]
Offset = Annotated[
    float | None, typer.Option("--offset-dn", help="Added to every stored number, instead of what the product says.")
]
Look = Annotated[
    L2ALook, typer.Option("--l2a-look", help="Of L2A true colour: the L1C look that models know, or ground as it is.")
]


def demo(
    folder: Annotated[Path, typer.Option("--out", "-o", help="Where the demo writes.")] = Path("demo"),
    series: Annotated[Path | None, typer.Option("--input", help="Show your own series instead.")] = None,
    bands: Bands = None,
    white_dn: White = None,
    model: Model = DEFAULT,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Super-resolve a real image and a simulated series (or your own), and draw them beside bicubic."""
    from ssr.demo import demo_real_image, demo_series, demo_simulated
    from ssr.errors import ConfigError, MissingExtraError

    if series is None and (bands is not None or white_dn is not None):
        raise ConfigError("--bands and --white-dn say something of --input, which is not given; leave them out")
    results = []
    with progress_bar("super-resolving", quiet=as_json) as progress:
        if series is not None:
            results.append(
                demo_series(
                    [series],
                    folder / series.resolve().name,
                    title=f"series {series}",
                    model=model,
                    bands=parse_bands(bands),
                    white_dn=white_dn,
                    overwrite=overwrite,
                    progress=progress,
                )
            )
        else:
            try:
                results.append(demo_real_image(folder, model=model, overwrite=overwrite, progress=progress))
            except MissingExtraError as missing:
                if missing.extra != "demo":
                    raise
                print_notes([f"{missing}; it is left out"])
            results.append(demo_simulated(folder, model=model, overwrite=overwrite, progress=progress))
    if as_json:
        print_json(results)
        return
    for result in results:
        _show_demo(result)


def scene(
    out: Out,
    inputs: Inputs = None,
    stac: Catalogue = None,
    collection: Collection = None,
    cloud_cover: CloudCover = None,
    model: Model = DEFAULT,
    max_dates: MaxDates = None,
    more_dates: More = "best",
    fidelity: Strength = 0.0,
    fidelity_to: HeldTo = "mean",
    grid: GridName = "native",
    extent: Ground = "intersection",
    aoi: Aoi = None,
    date: Dated = None,
    by_place: ByPlace = True,
    align: Align = True,
    bands: Bands = None,
    band_names: BandNames = None,
    white_dn: White = None,
    level: ProductLevel = None,
    offset_dn: Offset = None,
    l2a_look: Look = "l1c",
    clouds: Masks = "auto",
    dtype: Numbers = "uint8",
    trust: Trust = False,
    explain: Explain = False,
    offline: Offline = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = "auto",
    memory: Memory = None,
    as_json: Json = False,
) -> None:
    """Super-resolve a series of products or images into one Cloud-Optimised GeoTIFF.

    Run again, a command that was broken off goes on where it ended.
    """
    from ssr.workflows.models import open_model
    from ssr.workflows.outputs import check_output
    from ssr.workflows.scene import super_resolve_scene

    _refuse_other_format(out)
    query = parse_query(inputs or [], stac, collection, cloud_cover)
    named = parse_names(band_names)
    _refuse_what_is_of_images(inputs or [], parse_bands(bands), named, white_dn)
    check_output(inputs or [], out, overwrite=overwrite)
    with progress_bar("downloading", quiet=as_json, in_bytes=True) as downloading:
        opened = open_model(model, offline=offline, progress=downloading)
    with progress_bar("super-resolving", quiet=as_json) as progress:
        result = super_resolve_scene(
            inputs or [],
            out,
            model=opened,
            grid=grid,
            extent=extent,
            aoi=aoi,
            period=date,
            max_dates=max_dates,
            more_dates=more_dates,
            by_place=by_place,
            align=align,
            fidelity=fidelity,
            fidelity_to=fidelity_to,
            bands=parse_bands(bands),
            band_names=named,
            white_dn=white_dn,
            level=level,
            offset_dn=offset_dn,
            l2a_look=l2a_look,
            clouds=clouds,
            stored=dtype,
            with_trust=trust,
            with_explanation=explain,
            stac=query,
            overwrite=overwrite,
            compute=choose_named_compute(device, precision),
            engine=choose_named_engine(engine),
            memory_bytes=memory_in_bytes(memory),
            progress=progress,
        )
    if as_json:
        print_json(result)
    else:
        _show_scene(result)


def _refuse_other_format(out: Path) -> None:
    from ssr.errors import OutputError

    if out.suffix and out.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{out}: the result is a GeoTIFF or a Zarr store; expected a name in .tif or .zarr")


def _refuse_what_is_of_images(
    inputs: list[str], bands: tuple[int, ...] | None, band_names: tuple[str, ...] | None, white_dn: float | None
) -> None:
    """Before a model is fetched, and where a catalogue is all that is read."""
    from ssr.errors import ConfigError
    from ssr.scenes.inputs import check_names

    check_names(band_names, bands)
    if not inputs and (bands or band_names or white_dn is not None):
        raise ConfigError(
            "--bands, --band-names and --white-dn say something of plain images, and only --stac is given, whose dates "
            "tell it themselves; leave them out"
        )


def parse_query(
    inputs: list[str], url: str | None, collection: str | None, cloud_cover: float | None
) -> "StacQuery | None":
    """What a catalogue is asked, if one is named.

    Raises:
        ConfigError: options that belong together are not given together, or there is no input at all.
    """
    from ssr.errors import ConfigError
    from ssr.scenes.stac import StacQuery

    if url and collection:
        return StacQuery(url, collection, cloud_cover)
    if url:
        raise ConfigError("--stac: needs --collection NAME too, such as sentinel-2-l2a")
    if collection or cloud_cover is not None:
        raise ConfigError("--collection and --cloud-cover belong to --stac URL, which is not given")
    if not inputs:
        raise ConfigError(
            "no input: give files, folders or addresses, or a catalogue with --stac URL --collection NAME"
        )
    return None


def parse_bands(text: str | None) -> tuple[int, ...] | None:
    """Numbers of bands.

    Raises:
        ConfigError: they are none.
    """
    from ssr.errors import ConfigError

    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"--bands: expected band numbers such as 3,2,1, found {text!r}")
    return tuple(int(part) for part in parts)


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """Names of bands."""
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _show_scene(result: "SceneResult") -> None:
    print_notes(result.notes)
    print(f"read    {result.n_dates_found} date(s), {result.low_res}; used {', '.join(result.dates)}")
    if result.explanation:
        for report in result.choice:
            shares = f"hidden {report.hidden:4.0%}  serves {report.served:4.0%}"
            print(f"date {report.number:>2} {report.name}  {shares}  {report.why}")
    print(f"model   {result.model} on {result.compute}")
    print(f"engine  {result.engine}: {result.engine_reason}")
    if result.explanation:
        print(f"windows {result.windows}")
    print(f"wrote   {result.output}: {result.super_res}")
    print(f"item    {result.item or 'none: no date says when it was taken, which a catalogue must know'}")
    if result.trust:
        print(f"trust   {result.trust}")
    for path in result.explanation:
        print(f"why     {path}")
    print(f"took    {result.seconds:.1f} s; the network waited for files in {result.waiting_share:.1%} of its time")


def _show_demo(result: "DemoResult") -> None:
    print(f"\n{result.title}")
    for note in result.notes:
        print(f"note    {note}")
    _show_scene(result.scene)
    print(f"picture {result.picture}")
    for name, scores in result.scores.items():
        print(f"score   {name:<20} cPSNR {scores.cpsnr:.2f} dB, PSNR {scores.psnr:.2f} dB, SSIM {scores.ssim:.3f}")
