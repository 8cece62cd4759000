"""Which commands does `ssr` have?"""

from typing import Annotated

import typer

from ssr import __version__
from ssr.cli import config, convert, data, evaluation, inference, map, scene, training, weights
from ssr.cli.bench import bench
from ssr.cli.output import run_reporting
from ssr.cli.view import view

app = typer.Typer(
    name="ssr",
    help="Multi-date Sentinel-2 super-resolution: a time series at 10 m in, one image four times sharper out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.command("demo")(scene.demo)
app.command("scene")(scene.scene)
app.command("infer")(inference.infer)
app.command("infer-grid")(inference.infer_grid)
app.command("train")(training.train)
app.command("test")(evaluation.measure)
app.command("report")(evaluation.report)
app.command("view")(view)
app.command("bench")(bench)
weights.app.command("convert")(convert.convert)
app.add_typer(map.app, name="map")
app.add_typer(weights.app, name="weights")
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"ssr {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The console command."""
    run_reporting(app)
