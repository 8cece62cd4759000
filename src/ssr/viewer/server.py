"""What does the viewer answer to which address?

| Address | Answer |
|---|---|
| `/` | the page |
| `/static/NAME` | its scripts and style |
| `/api/list?start=&n=` | what there is to look at |
| `/api/N/place` | layers, overlays and dates of the N-th |
| `/api/N/tile/LAYER/LOOK/LEVEL/X/Y` | a tile; LOOK is `stored` or `bicubic`; 204 where there is nothing |
| `/api/N/values?row=&column=` | what is stored at a pixel |

Nothing in an address is a path on disk.
"""

import logging
import re
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ssr import __version__
from ssr.atomic import one_line
from ssr.errors import SSRError
from ssr.viewer.assets import static_files
from ssr.viewer.collection import Collection
from ssr.viewer.guard import App, Guard
from ssr.viewer.places import Place
from ssr.viewer.tiles import Address

LAYER = re.compile(r"[a-z][0-9]{1,5}")
LOOKS = ("stored", "bicubic")
LARGEST = 10**9
"""Of any number in an address: no raster has so many pixels a side."""
MOST_LISTED = 200
MOST_LEVELS = 40

FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
ASK_AGAIN = {"cache-control": "no-cache"}
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def make_app(collection: Collection, *, host: str, basemap: str | None = None) -> App:
    """The viewer as an ASGI application.

    Args:
        host: the address that is listened on.
        basemap: a template such as `https://tiles.example/{z}/{x}/{y}.png`, shown below everything.
    """
    api = _Api(collection, basemap)
    routes = [
        Route("/", _page),
        Route("/static/{name}", _static),
        Route("/api/list", api.listed),
        Route("/api/{number}/place", api.place),
        Route("/api/{number}/tile/{layer}/{look}/{level}/{x}/{y}", api.tile),
        Route("/api/{number}/values", api.values),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _say, SSRError: _say_unreadable})
    return Guard(app, host=host, basemap=basemap)


class _Api:
    def __init__(self, collection: Collection, basemap: str | None) -> None:
        self._collection, self._basemap = collection, basemap

    def listed(self, request: Request) -> Response:
        start = _whole(request.query_params.get("start", "0"))
        n = min(MOST_LISTED, _whole(request.query_params.get("n", str(MOST_LISTED))))
        return JSONResponse(self._collection.listed(start, n), headers=ASK_AGAIN)

    def place(self, request: Request) -> Response:
        described = self._place(request).described()
        return JSONResponse(
            {**described, "basemap": self._basemap, "software": f"ssr {__version__}"}, headers=ASK_AGAIN
        )

    def tile(self, request: Request) -> Response:
        place, given = self._place(request), request.path_params
        if not LAYER.fullmatch(given["layer"]) or given["look"] not in LOOKS:
            raise HTTPException(404)
        found = place.source(given["layer"])
        level, x, y = (_whole(given[key]) for key in ("level", "x", "y"))
        if found is None or level > MOST_LEVELS:
            raise HTTPException(404)
        source, version = found
        tag = {"etag": f'"{version}"', **FOR_EVER}
        if request.headers.get("if-none-match") == tag["etag"]:
            return Response(status_code=304, headers=tag)
        tile = source.tile(Address(level, x, y), smooth=given["look"] == "bicubic")
        if tile is None:
            return Response(status_code=204, headers=tag)
        return Response(tile.content, media_type=tile.media_type, headers=tag)

    def values(self, request: Request) -> Response:
        place = self._place(request)
        row, column = (_whole(request.query_params.get(key, "")) for key in ("row", "column"))
        return JSONResponse(place.values(row, column), headers=ASK_AGAIN)

    def _place(self, request: Request) -> Place:
        place = self._collection.place(_whole(request.path_params["number"]))
        if place is None:
            raise HTTPException(404)
        return place


def _whole(text: str) -> int:
    """A whole number from an address, neither negative nor absurd."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 10) or int(text) > LARGEST:
        raise HTTPException(400, "Expected a whole number from 0 to 1,000,000,000.")
    return int(text)


def _page(_request: Request) -> Response:
    return _file("index.html")


def _static(request: Request) -> Response:
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    found = static_files().get(name)
    if found is None:
        raise HTTPException(404)
    return Response(found, media_type=MEDIA_TYPES[name[name.rindex(".") :]], headers=ASK_AGAIN)


async def _say(_request: Request, error: Any) -> Response:
    return PlainTextResponse(error.detail, error.status_code)


async def _say_unreadable(_request: Request, error: Exception) -> Response:
    """A file that became unreadable. The message names it: that is for the terminal, not for whoever looks."""
    logging.getLogger(__name__).warning("%s", one_line(error))
    return PlainTextResponse("A file can no longer be read; the terminal says which.", 500)
