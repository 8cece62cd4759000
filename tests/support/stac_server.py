"""A small STAC API and the files it names, in a process of its own: `python stac_server.py FOLDER` prints its address.

In its own process because GDAL may hold Python's lock while it waits for an answer. The folder holds `items.json` (a
list of items), `api.json` (what the API can do and how it misbehaves) and files below `files/`.
"""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CORE = "https://api.stacspec.org/v1.0.0/core"
CONFORMANCE = (
    CORE,
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
)
QUERY = "https://api.stacspec.org/v1.0.0/item-search#query"


@dataclass(frozen=True)
class StacServer:
    """A running server. url: the landing page of the API; files: the address of the files."""

    url: str
    files: str
    folder: Path

    def behave(self, **told: Any) -> None:
        """What happens from now on; counts begin anew.

        Args:
            dies_after: the server ends before it answers another file request than so many.
            statuses: answers to the next file requests, before good ones.
            spoils_after, spoiled: then answers are `short` (fewer bytes than announced), `truncated` (fewer, and said
                so), `garbage` of the right length, or a `page`.
            needs: a text that the query of a file must hold, otherwise 403.
            page_items, can_query, search_status, collections, landing, has_search: of the API.
            instead: an item that is sent in place of every one that was found.
        """
        (self.folder / "api.json").write_text(json.dumps(told))
        self._ask("-/reset")

    def serve(self, *items: Mapping[str, Any]) -> None:
        """The items of the API from now on."""
        (self.folder / "items.json").write_text(json.dumps(items))

    def asked(self) -> list[dict[str, Any]]:
        """Every request since `behave`: path, query, what was sent with it, and bytes of the answer."""
        return self._ask("-/asked")

    def n_bytes(self) -> int:
        """Bytes of files that were sent."""
        return sum(one["n_bytes"] for one in self.asked() if one["path"].startswith("/files/"))

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.url.removesuffix("stac") + path, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def stac_server(folder: Path) -> Iterator[StacServer]:
    """Serve a folder while the block runs."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for name, content in (("items.json", "[]"), ("api.json", "{}")):
        (folder / name).write_text(content)
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        root = process.stdout.readline().strip()
        yield StacServer(f"{root}stac", f"{root}files/", folder)
    finally:
        process.kill()
        process.communicate()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    folder: Path
    lock = Lock()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = f"http://127.0.0.1:{self.server_address[1]}/"
        self.reset()

    def reset(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.n_files = 0
        self.statuses: list[int] | None = None

    def told(self) -> dict[str, Any]:
        return json.loads((self.folder / "api.json").read_text())

    def items(self) -> list[dict[str, Any]]:
        return json.loads((self.folder / "items.json").read_text())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        self._api(urlsplit(self.path).path, sent, "POST")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        sent = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/-/reset":
            self.server.reset()
            self._json({})
        elif parts.path == "/-/asked":
            self._json(self.server.asked)
        elif parts.path.startswith("/files/"):
            self._file(parts.path, parts.query)
        else:
            self._api(parts.path, sent, "GET")

    def _note(self, path: str, sent: Any, n_bytes: int, query: str = "") -> None:
        self.server.asked.append(
            {"path": path, "sent": sent, "n_bytes": n_bytes, "query": query, "method": self.command}
        )

    def _json(self, content: Any, status: int = 200) -> None:
        self._answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # ---- the API

    def _api(self, path: str, sent: dict[str, Any], method: str) -> None:
        told, root = self.server.told(), f"{self.server.root}stac"
        self._note(path, sent, 0)
        names = told.get("collections", sorted({item["collection"] for item in self.server.items()}))
        if path == "/stac":
            if "landing" in told:
                self._answer(200, told["landing"].encode(), {"Content-Type": "text/html"})
            else:
                self._json(_landing(root, told))
        elif path == "/stac/collections":
            self._json({"collections": [_collection(name, root) for name in names], "links": []})
        elif path.startswith("/stac/collections/"):
            name = path.removeprefix("/stac/collections/")
            self._json(_collection(name, root)) if name in names else self._json({"code": "NotFound"}, 404)
        elif path == "/stac/search" and "search_status" in told:
            self._json({"description": f"no: {sent}"}, told["search_status"])
        elif path == "/stac/search":
            self._json(_search(self.server.items(), sent, told, root, method))
        else:
            self._json({"code": "NotFound"}, 404)

    # ---- the files

    def _file(self, path: str, query: str) -> None:
        told = self.server.told()
        with self.server.lock:
            self.server.n_files += 1
            number = self.server.n_files
            if self.server.statuses is None:
                self.server.statuses = list(told.get("statuses", []))
            status = self.server.statuses.pop(0) if self.server.statuses else None
        if number > told.get("dies_after", number):
            os._exit(1)
        file = self.server.folder / "files" / path.removeprefix("/files/")
        if told.get("needs", "") not in query:
            status = 403
        if status is None and not file.is_file():
            status = 404
        if status is not None:
            self._answer(status, b"not now", {})
            return
        content = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2] or len(content) - 1), len(content) - 1) if asked else len(content) - 1
        body = content[first : last + 1]
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}"} if asked else {"Accept-Ranges": "bytes"}
        self._note(path, None, 0 if self.command == "HEAD" else len(body), query)
        spoiled = told.get("spoiled") if number > told.get("spoils_after", 0) else None
        if spoiled == "short":
            self._break_off(body, headers)
        elif spoiled == "truncated":
            self._answer(206, body[: len(body) // 2], headers)
        elif spoiled == "garbage":
            self._answer(206, b"<busy>".ljust(len(body), b" "), headers)
        elif spoiled == "page":
            self._answer(200, b"<html>log in first</html>", {"Content-Type": "text/html"})
        else:
            self._answer(206 if asked else 200, body, headers)

    def _break_off(self, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(206)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


def _landing(root: str, told: Mapping[str, Any]) -> dict[str, Any]:
    links = [
        {"rel": "self", "type": "application/json", "href": root},
        {"rel": "root", "type": "application/json", "href": root},
        {"rel": "data", "type": "application/json", "href": f"{root}/collections"},
        *(
            {"rel": "search", "type": "application/geo+json", "href": f"{root}/search", "method": m}
            for m in ("GET", "POST")
        ),
    ]
    conforms = [*CONFORMANCE, *([QUERY] if told.get("can_query", True) else [])]
    if not told.get("has_search", True):
        conforms = [CORE]
    return {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "loopback",
        "description": "A catalogue for tests",
        "conformsTo": conforms,
        "links": links,
    }


def _collection(name: str, root: str) -> dict[str, Any]:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": name,
        "description": "Made up",
        "license": "proprietary",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
        "links": [{"rel": "self", "href": f"{root}/collections/{name}"}],
    }


def _search(
    items: list[dict[str, Any]], sent: Mapping[str, Any], told: Mapping[str, Any], root: str, method: str
) -> dict[str, Any]:
    kept = [item for item in items if _matches(item, sent, told)]
    first, size = int(sent.get("token", 0)), min(int(sent.get("limit", 10)), int(told.get("page_items", 1000)))
    links: list[dict[str, Any]] = []
    if first + size < len(kept):
        onward = {**sent, "token": first + size}
        link = {"rel": "next", "type": "application/geo+json", "href": f"{root}/search", "method": method}
        if method == "POST":
            links.append({**link, "body": onward})
        else:
            links.append({**link, "href": f"{root}/search?{urlencode(onward)}"})
    shown = [told.get("instead", item) for item in kept[first : first + size]]
    return {"type": "FeatureCollection", "features": shown, "links": links}


def _matches(item: Mapping[str, Any], sent: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    collections = sent.get("collections", [])
    if isinstance(collections, str):
        collections = collections.split(",")
    box = sent.get("bbox", [-180, -90, 180, 90])
    west, south, east, north = map(float, box.split(",") if isinstance(box, str) else box)
    left, bottom, right, top = item["bbox"]
    start, _, end = str(sent.get("datetime", "../..")).partition("/")
    moment = _moment(item["properties"]["datetime"])
    cloud = (sent.get("query") or {}).get("eo:cloud_cover", {}).get("lte", 100) if told.get("can_query", True) else 100
    return (
        item["collection"] in collections
        and (left <= east and right >= west and bottom <= north and top >= south)
        and (start in ("", "..") or _moment(start) <= moment)
        and (end in ("", "..") or moment <= _moment(end))
        and item["properties"].get("eo:cloud_cover", 0) <= cloud
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def main() -> None:
    _Server.folder = Path(sys.argv[1])
    server = _Server()
    sys.stdout.write(f"{server.root}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
