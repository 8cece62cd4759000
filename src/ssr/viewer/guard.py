"""Which requests does the viewer answer, and what may a browser do with the answers?

It listens on this machine alone unless told otherwise, and shows nothing but what it was given. That leaves pages of
other sites that the same browser has open: a name that they make point here is refused (the Host header), and what is
sent says that no other site may read or frame it.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

MAX_TARGET = 2048
"""Characters of a path with its query."""
NAMES = ("localhost", "127.0.0.1", "[::1]")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """Refuses what need not be answered, before the application sees it.

    Args:
        host: the address that is listened on.
        basemap: the template of a basemap's addresses, whose site pictures may come from.
    """

    def __init__(self, app: App, *, host: str, basemap: str | None = None) -> None:
        self._app = app
        self._is_open = not is_loopback(host)
        self._names = {*NAMES, *_own_names(host, is_open=self._is_open)}
        self._headers = [(name.encode(), value.encode()) for name, value in headers(basemap).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            status, text = refusal
            await self._answer(send, status, text)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self._headers]}
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "Only GET and HEAD: nothing can be changed here."
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self.knows(hosts[0]):
            return 421, "This name is not one of the viewer's; open the address that it printed."
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > MAX_TARGET:
            return 414, "The address is too long."
        return None

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server: a name that another site made point here does not."""
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.lower().rstrip(".")
        if name in self._names:
            return True
        return self._is_open and _is_address(name.strip("[]"))

    async def _answer(self, send: Send, status: int, text: str) -> None:
        body = text.encode()
        own = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if status == 405:
            own.append((b"allow", b"GET, HEAD"))
        await send({"type": "http.response.start", "status": status, "headers": [*own, *self._headers]})
        await send({"type": "http.response.body", "body": body})


def headers(basemap: str | None) -> dict[str, str]:
    """Of every answer: what the page may load and who may use it."""
    pictures = " ".join(["'self'", "data:", "blob:", *([_site(basemap)] if basemap else [])])
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": pictures,
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _own_names(host: str, *, is_open: bool) -> Iterable[str]:
    bare = host.strip("[]").lower()
    yield f"[{bare}]" if ":" in bare else bare
    if is_open:
        yield socket.gethostname().lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _site(template: str) -> str:
    parts = urlsplit(template)
    return f"{parts.scheme}://{parts.netloc}"
