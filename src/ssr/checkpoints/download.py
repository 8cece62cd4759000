"""How does a file get here whole over a bad line?

The bytes go to a part file that survives breaks and interruptions. Beside it lies what tells the part's origin (etag,
date of change, hash), so that only bytes of the same file are ever joined.
"""

import http
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request

from ssr.atomic import one_line
from ssr.checkpoints.origin import Origin, check_arrived, forget_part, read_origin, write_origin
from ssr.checkpoints.web import content_length, content_range, make_opener, make_request, shown
from ssr.errors import OutputError, WeightsError

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and those of the whole file, where the server says it."""

BLOCK_BYTES = 1 << 18
PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
NOT_WORTH_REPEATING = (socket.gaierror, ssl.SSLCertVerificationError, ConnectionRefusedError)


@dataclass(frozen=True)
class Patience:
    """How long to put up with a bad line.

    Attributes:
        n_attempts: give up after so many in a row that together bring less than `min_progress_bytes`.
        pause_s: before the second attempt; doubled each time, up to `longest_pause_s`.
        max_bytes: no weight file is larger; whatever sends more is something else.
    """

    timeout_s: float = 30.0
    n_attempts: int = 5
    pause_s: float = 1.0
    longest_pause_s: float = 20.0
    min_progress_bytes: int = 1 << 16
    max_bytes: int = 4 << 30


DEFAULT_PATIENCE = Patience()


class _BrokenOffError(Exception):
    """The attempt ended early, and another may go on from there."""


def download(
    url: str, part: Path, *, patience: Patience = DEFAULT_PATIENCE, progress: Progress = lambda _done, _total: None
) -> None:
    """Bring a file into `part`, going on from what lies there of the same file.

    Raises:
        WeightsError: unreachable, refused, a web page, too large, damaged on the way, or no progress any more.
        OutputError: the part cannot be written; what arrived before stays.
    """
    transfer = _Transfer(url, part, patience, progress)
    mark, n_failures = _size(part), 0
    while True:
        try:
            transfer.attempt()
            break
        except _BrokenOffError as error:
            has_moved = _size(part) >= mark + patience.min_progress_bytes
            mark, n_failures = (_size(part), 1) if has_moved else (mark, n_failures + 1)
            if n_failures >= patience.n_attempts:
                later = "the same command goes on from there" if read_origin(part).validator else "it cannot resume"
                raise WeightsError(
                    f"{shown(url)}: {error}; gave up after {n_failures} attempts with {_size(part)} bytes here; {later}"
                ) from error
            time.sleep(min(patience.pause_s * 2 ** (n_failures - 1), patience.longest_pause_s))
    check_arrived(part, source=shown(url))


class _Transfer:
    """Attempts to bring one file."""

    def __init__(self, url: str, part: Path, patience: Patience, progress: Progress) -> None:
        self.url, self.part, self.patience, self.progress = url, part, patience, progress
        self.opener = make_opener()
        self.was_answered = False

    def attempt(self) -> None:
        """Ask for what is missing and write it down.

        Raises:
            _BrokenOffError: not all of it came.
        """
        origin = read_origin(self.part)
        have = _size(self.part) if origin.validator else 0
        request = make_request(self.url)
        if have and origin.validator:
            request.add_header("Range", f"bytes={have}-")
            request.add_header("If-Range", origin.validator)
        response = self._ask(request, have)
        if response is not None:
            with response:
                self._receive(response, have, origin)

    def _ask(self, request: Request, have: int) -> http.client.HTTPResponse | None:
        """The server's answer, or None when there is nothing left to send."""
        try:
            response: http.client.HTTPResponse = self.opener.open(request, timeout=self.patience.timeout_s)
        except HTTPError as error:
            with error:
                self.was_answered = True
                self._refused(error, have)
            return None
        except (OSError, http.client.HTTPException) as error:
            cause = error.reason if isinstance(error, URLError) else error
            told = one_line(cause) if isinstance(cause, BaseException) else str(cause)
            if isinstance(cause, NOT_WORTH_REPEATING) and not self.was_answered:
                raise WeightsError(f"{shown(self.url)}: cannot be reached ({told})") from error
            raise _BrokenOffError(f"no answer ({told or type(cause).__name__})") from error
        self.was_answered = True
        return response

    def _refused(self, error: HTTPError, have: int) -> None:
        """Raise what the refusal means, unless it means that all of the file is here."""
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if content_range(error.headers)[1] == have:
                return
            forget_part(self.part)
            raise _BrokenOffError("the server has no such range of the file any more") from error
        answer = f"the server answers {error.code} {_phrase(error.code)}"
        if error.code in TRY_AGAIN:
            raise _BrokenOffError(answer) from error
        raise WeightsError(f"{shown(self.url)}: {answer}") from error

    def _receive(self, response: http.client.HTTPResponse, have: int, origin: Origin) -> None:
        headers = response.headers
        if headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise self._page(headers.get_content_type())
        start, total = 0, content_length(headers)
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            if content_range(headers)[0] != have or headers.get("ETag", origin.etag) != origin.etag:
                forget_part(self.part)
                raise _BrokenOffError("the server sent another part than the one asked for")
            start, total = have, content_range(headers)[1] or (have + total if total else None)
        elif response.status != http.HTTPStatus.OK:
            raise WeightsError(f"{shown(self.url)}: expected the file, the server answers {response.status}")
        if (total or 0) > self.patience.max_bytes:
            raise self._too_large(total)
        first = _next_block(response)
        if not start and first.lstrip()[:9].lower().startswith(PAGES):
            raise self._page("by its first bytes")
        if not start:
            write_origin(self.part, Origin.told_by(headers))
        self._write(response, first, start, total)

    def _write(self, response: http.client.HTTPResponse, block: bytes, start: int, total: int | None) -> None:
        done = start
        try:
            with self.part.open("r+b" if start else "wb") as file:
                file.seek(start)
                while block:
                    file.write(block)
                    done += len(block)
                    if done > self.patience.max_bytes:
                        raise self._too_large(done)
                    self.progress(done, total)
                    block = _next_block(response)
        except OSError as error:
            raise OutputError(
                f"{self.part}: cannot be written ({one_line(error)}); make room, then run the same "
                "command: it goes on from what has arrived"
            ) from error
        if total is not None and done < total:
            raise _BrokenOffError(f"the line broke after {done} of {total} bytes")

    def _page(self, found: str) -> WeightsError:
        return WeightsError(
            f"{shown(self.url)}: expected a file, found a web page ({found}); the link has moved, or a login page "
            "stands in the way"
        )

    def _too_large(self, found: int | None) -> WeightsError:
        forget_part(self.part)
        return WeightsError(
            f"{shown(self.url)}: sends {found} bytes or more, expected at most {self.patience.max_bytes}"
        )


def _next_block(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(BLOCK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(f"the line broke ({one_line(error) or type(error).__name__})") from error


def _phrase(code: int) -> str:
    """What a status means; never the server's own words, which can hold anything."""
    if http.HTTPStatus.MULTIPLE_CHOICES <= code < http.HTTPStatus.BAD_REQUEST:
        return "with a redirect that is not followed"
    return http.HTTPStatus(code).phrase if code in set(http.HTTPStatus) else "(unknown)"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
