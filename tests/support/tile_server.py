"""A basemap whose tiles say by their colour which they are."""

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


def colour_of(zoom: int, x: int, y: int) -> tuple[int, int, int]:
    """Of a tile: its column and row modulo 256, and ten times its zoom."""
    return x % 256, y % 256, 10 * zoom


@contextmanager
def tile_server(*, is_shared: bool = True) -> Iterator[tuple[str, list[tuple[int, int, int]]]]:
    """The template of its addresses, and the tiles that were asked for so far.

    is_shared: whether pages of other sites may use the pictures (CORS).
    """
    asked: list[tuple[int, int, int]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = re.fullmatch(r"/(\d+)/(\d+)/(\d+)\.png", self.path)
            if not found:
                self.send_error(404)
                return
            zoom, x, y = map(int, found.groups())
            asked.append((zoom, x, y))
            file = io.BytesIO()
            Image.new("RGB", (256, 256), colour_of(zoom, x, y)).save(file, "PNG")
            self.send_response(200)
            self.send_header("content-type", "image/png")
            if is_shared:
                self.send_header("access-control-allow-origin", "*")
            self.end_headers()
            self.wfile.write(file.getvalue())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}.png", asked
    server.shutdown()
    thread.join()
    server.server_close()
