"""How does `view` read its arguments, and what does it say while it serves?"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ssr.cli.options import Overwrite


def view(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…",
            help="Results, dates, maps (.tif, .jp2, .png, .vrt, .pmtiles), folders of them, of chips or of a test; "
            "truth=PATH, date=PATH, super_res=PATH or image=PATH says what a raster is.",
        ),
    ],
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where to listen [default: the first free one from 8790].")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; others than this machine's own warn.")] = (
        "127.0.0.1"
    ),
    basemap: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A map below, such as https://tiles.example/{z}/{x}/{y}.png; none by default."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page that needs nothing else instead.")
    ] = None,
    area: Annotated[
        str | None,
        typer.Option(metavar="LEFT,TOP,WIDTH,HEIGHT", help="Of --html: what is shown, in pixels of the finest layer."),
    ] = None,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    overwrite: Overwrite = False,
) -> None:
    """Look at results in a browser: swipe between dates, bicubic, result and truth, with trust laid over."""
    from ssr.errors import ConfigError
    from ssr.viewer.serving import check_basemap, require_server

    if area and html is None:
        raise ConfigError("--area belongs to --html FILE, which is not given")
    if basemap:
        check_basemap(basemap)
    if html is None:
        require_server()
    from ssr.viewer.opening import open_paths

    collection = open_paths(paths)
    if html is not None:
        from ssr.viewer.page import write_page

        written = write_page(collection, html, area=area, overwrite=overwrite)
        print(f"wrote   {html}: {written.told}, {written.n_bytes / 1e6:.1f} MB")
        return
    _serve(paths, collection, host, port, basemap, opens)


def _serve(paths: list[str], collection: object, host: str, port: int | None, basemap: str | None, opens: bool) -> None:
    from ssr.viewer.collection import Collection
    from ssr.viewer.guard import is_loopback
    from ssr.viewer.serving import address_of, listen, make_server, open_browser

    assert isinstance(collection, Collection)
    sock = listen(host, port)
    address = address_of(sock)
    if not is_loopback(host):
        print(
            f"warning: {host} can be reached from other machines: whoever does sees all that is shown here",
            file=sys.stderr,
        )

    def ready() -> None:
        entries = collection.entries
        shown = entries[0].title if len(entries) == 1 else f"{len(entries)} places"
        print(f"showing {shown} at {address}  (Ctrl-C ends it)", flush=True)
        if opens:
            open_browser(address)

    with suppress(KeyboardInterrupt):  # that is how it ends
        make_server(collection, host=host, basemap=basemap, ready=ready).run(sockets=[sock])
