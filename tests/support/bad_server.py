"""A real web server on the loopback that misbehaves as told."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

EVERY_TIME = 1_000_000


@dataclass
class Served:
    """How one path is answered.

    Attributes:
        etag: None for none; `changing` gives every answer another one.
        drops_after: bytes after which the line breaks, in each of the first `n_drops` answers.
        announces: how many bytes more than there are `Content-Length` says; None says nothing.
        statuses: what the first answers say instead of sending the file.
        starts_wrong: sends another range than the one asked for.
        pauses_s: waits so long before each block of `block_bytes`.
    """

    content: bytes
    etag: str | None = '"one"'
    type: str = "application/octet-stream"
    has_ranges: bool = True
    drops_after: int | None = None
    n_drops: int = EVERY_TIME
    announces: int | None = 0
    statuses: list[int] = field(default_factory=list)
    location: str | None = None
    starts_wrong: bool = False
    pauses_s: float = 0.0
    n_pauses: int = EVERY_TIME
    block_bytes: int = 1 << 14
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]

    @property
    def range(self) -> str | None:
        return self.headers.get("Range")


@dataclass
class BadServer:
    """What is served, and what was asked for and sent."""

    url: str
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    n_sent: int = 0
    tags: Iterator[int] = field(default_factory=lambda: count(1))

    def serve(self, name: str, content: bytes, **behaviour: Any) -> str:
        """Serve a file from now on; gives its address."""
        self.files[f"/{name}"] = Served(content, **behaviour)
        return self.url + name

    @property
    def ranges(self) -> list[str | None]:
        return [asked.range for asked in self.asked]


@contextmanager
def bad_server() -> Iterator[BadServer]:
    """A server that lives as long as the block."""
    http_server = _QuietServer(("127.0.0.1", 0), _Handler)
    host, port = http_server.server_address[:2]
    http_server.told = BadServer(f"http://{host}:{port}/")
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield http_server.told
    finally:
        http_server.shutdown()
        http_server.server_close()
        thread.join()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    told: BadServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    server: _QuietServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        told = self.server.told
        told.asked.append(Asked(self.path, dict(self.headers.items())))
        served = told.files.get(self.path.partition("?")[0])
        if served is None:
            self._answer(404, b"<html>not here</html>", {"Content-Type": "text/html"})
        elif served.statuses:
            self._answer(served.statuses.pop(0), b"not now", {})
        elif served.location:
            self._answer(302, b"", {"Location": served.location})
        else:
            self._send(served)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send(self, served: Served) -> None:
        etag = f'"{next(self.server.told.tags)}"' if served.etag == "changing" else served.etag
        start = self._start(served, etag)
        if start is not None and start >= len(served.content):
            self._answer(416, b"", {"Content-Range": f"bytes */{len(served.content)}"})
            return
        body = served.content[start or 0 :]
        self.send_response(200 if start is None else 206)
        if start is not None:
            first = start + 1 if served.starts_wrong else start
            self.send_header("Content-Range", f"bytes {first}-{len(served.content) - 1}/{len(served.content)}")
        if served.announces is not None:
            self.send_header("Content-Length", str(len(body) + served.announces))
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", served.type)
        for name, value in served.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._stream(served, body)

    def _start(self, served: Served, etag: str | None) -> int | None:
        """First byte asked for, or None for all: no range, or one of a file that has changed since."""
        asked = self.headers.get("Range")
        is_current = self.headers.get("If-Range") in (None, etag, served.headers.get("Last-Modified"))
        if not asked or not served.has_ranges or not is_current:
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _stream(self, served: Served, body: bytes) -> None:
        breaks = served.drops_after is not None and served.n_drops > 0
        if breaks:
            served.n_drops -= 1
            body = body[: served.drops_after]
        for k in range(0, len(body), served.block_bytes):
            if served.n_pauses > 0 and served.pauses_s:
                served.n_pauses -= 1
                time.sleep(served.pauses_s)
            block = body[k : k + served.block_bytes]
            self.server.told.n_sent += len(block)
            self.wfile.write(block)
        if breaks:
            self.connection.shutdown(socket.SHUT_RDWR)
