"""How is a web server spoken to, without following it anywhere and without telling secrets?"""

import base64
import re
from email.message import Message
from http.client import HTTPMessage
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from ssr import __version__
from ssr.errors import WeightsError

SCHEMES = ("http", "https")


def shown(address: str) -> str:
    """An address as it may be printed and recorded: without user, password and query, which can hold secrets."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address
        return address.partition("://")[0] + "://…"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def make_request(url: str) -> Request:
    """A request for a file; a user and password in the address become a header that redirects do not see.

    Raises:
        WeightsError: not an http or https address.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise WeightsError(f"{shown(url)}: expected an address of http or https, found {scheme!r}")
    if not _is_well_formed(url):
        raise WeightsError(f"{shown(url)}: not an address; blanks and special characters must be percent-encoded")
    parts = urlsplit(url)
    userinfo, _, host = parts.netloc.rpartition("@")
    request = Request(
        urlunsplit(parts._replace(netloc=host, fragment="")),
        headers={"User-Agent": f"ssr/{__version__}", "Accept-Encoding": "identity"},
    )
    if userinfo:
        token = base64.b64encode(unquote(userinfo).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def make_opener() -> OpenerDirector:
    """Opens http and https alone (no files, no ftp), through the proxies of the environment."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        HTTPDefaultErrorHandler(),
        _CarefulRedirects(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def content_length(headers: Message) -> int | None:
    """How many bytes an answer announces."""
    told = headers.get("Content-Length", "")
    return int(told) if told.isdecimal() else None


def content_range(headers: Message) -> tuple[int | None, int | None]:
    """First byte of a part and length of the whole file, each None where `Content-Range` does not say it."""
    told = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", headers.get("Content-Range", "").strip())
    first, total = told.groups() if told else (None, None)
    return (int(first) if first else None), (int(total) if total else None)


def _is_well_formed(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and url.isascii() and url.isprintable() and " " not in url
    except ValueError:  # a port that is no number, brackets that are no IPv6 address
        return False


class _CarefulRedirects(HTTPRedirectHandler):
    """Follows a server to other web addresses, but never from an encrypted line to an open one."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in SCHEMES or (req.type == "https" and scheme == "http"):
            fp.close()
            raise WeightsError(f"{shown(req.full_url)}: redirects to {shown(newurl)}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
