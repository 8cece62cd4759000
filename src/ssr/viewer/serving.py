"""How is the viewer started: on which port, and who opens the browser?"""

import errno
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ssr.errors import ConfigError, MissingExtraError
from ssr.viewer.collection import Collection

if TYPE_CHECKING:
    import uvicorn

FIRST_PORT = 8790
N_TRIED = 50
LARGEST_REQUEST = 16384
"""Bytes of a request before it is refused."""
MOST_AT_ONCE = 256


def listen(host: str, port: int | None) -> socket.socket:
    """A socket on a port, or on the first of some that is free where none is given.

    Raises:
        ConfigError: the port is taken, or the address is none of this machine.
    """
    tried = [port] if port is not None else range(FIRST_PORT, FIRST_PORT + N_TRIED)
    for one in tried:
        try:
            return _bound(host, one)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"--port {port}: is in use; give another one, or none, and the first free one from {FIRST_PORT} "
                    f"is taken"
                ) from error
            raise ConfigError(f"--host {host} --port {one}: cannot be listened on ({error.strerror})") from error
    raise ConfigError(f"ports {FIRST_PORT} to {FIRST_PORT + N_TRIED - 1} are all in use; give one with --port")


def make_server(
    collection: Collection, *, host: str, basemap: str | None = None, ready: Callable[[], None] | None = None
) -> "uvicorn.Server":
    """What answers requests once it runs on a socket of `listen`. ready: called when the first could be answered."""
    require_server()
    import uvicorn

    from ssr.viewer.server import make_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if ready:
                ready()

    config = uvicorn.Config(
        make_app(collection, host=host, basemap=basemap),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=LARGEST_REQUEST,
        limit_concurrency=MOST_AT_ONCE,
    )
    return Server(config)


def require_server() -> None:
    """Raise MissingExtraError where the packages of the server are not installed."""
    for package in ("starlette", "uvicorn"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "view", "looking at results in a browser") from error


def open_browser(address: str) -> None:
    """Show an address to the user, if there is a browser; nothing waits for it."""
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def address_of(sock: socket.socket) -> str:
    """What to open in a browser on this machine."""
    host, port = sock.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}/"


def _bound(host: str, port: int) -> socket.socket:
    bare = host.strip("[]")
    family, _, _, _, address = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)[0]
    # Named as TCP, answers are sent at once; else the second half of each waits 40 ms for the first to be acknowledged.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def check_basemap(template: str) -> None:
    """Raise ConfigError where a text is no template of a basemap's addresses."""
    parts = urlsplit(template)
    is_plain = not any(character in template for character in " ;,'\"<>\\") and template.isprintable()
    if parts.scheme not in ("http", "https") or not parts.netloc or not is_plain:
        raise ConfigError(
            f"--basemap {template}: expected an address such as https://tiles.example/{{z}}/{{x}}/{{y}}.png"
        )
    if "@" in parts.netloc:
        raise ConfigError("--basemap: a user name or password in an address would be shown to every page; leave it out")
    missing = [part for part in ("{z}", "{x}", "{y}") if part not in template]
    if missing:
        raise ConfigError(f"--basemap {template}: lacks {', '.join(missing)}")
