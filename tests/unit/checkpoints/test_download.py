"""Bytes over a bad line: resumed, restarted, given up, and never mixed or mistaken for something else."""

import base64
import hashlib
import io
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import HTTPRedirectHandler, Request

import numpy as np
import pytest

from ssr.checkpoints.download import Patience, download
from ssr.checkpoints.origin import Origin, read_origin
from ssr.checkpoints.web import make_opener, make_request, shown
from ssr.errors import OutputError, WeightsError
from tests.support.bad_server import BadServer

CONTENT = np.random.default_rng(0).bytes(100_000)
OTHER = np.random.default_rng(1).bytes(100_000)
PAGE = b"  <!DOCTYPE html><html><title>404</title></html>" + bytes(2000)
HASTY = Patience(timeout_s=5, n_attempts=3, pause_s=0, min_progress_bytes=1)
md5 = base64.b64encode(hashlib.md5(CONTENT, usedforsecurity=False).digest()).decode()


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., bytes]:
    """Download into the test's part file and give its bytes."""

    def fetch(url: str, **options: object) -> bytes:
        download(url, tmp_path / "part", **{"patience": HASTY, **options})
        return (tmp_path / "part").read_bytes()

    return fetch


def refused(fetch: Callable[..., bytes], url: str, **options: object) -> str:
    with pytest.raises(WeightsError) as raised:
        fetch(url, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_good_line_brings_every_byte_and_tells_the_progress(server: BadServer, fetch: Callable[..., bytes]) -> None:
    seen: list[tuple[int, int | None]] = []
    url = server.serve("a.pth", CONTENT)
    assert fetch(url, progress=lambda done, total: seen.append((done, total))) == CONTENT
    assert seen[-1] == (100_000, 100_000)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_line_that_breaks_goes_on_where_it_broke(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, drops_after=30_000)
    assert fetch(url) == CONTENT
    assert server.ranges == [None, "bytes=30000-", "bytes=60000-", "bytes=90000-"]
    assert server.n_sent == 100_000  # no byte twice
    assert {asked.headers.get("If-Range") for asked in server.asked[1:]} == {'"one"'}


def test_a_later_run_goes_on_where_the_first_gave_up(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, drops_after=40_000, n_drops=1)
    told = refused(fetch, url, patience=Patience(n_attempts=1, pause_s=0))
    assert "after 40000 of 100000 bytes" in told
    assert "goes on from there" in told
    assert fetch(url) == CONTENT
    assert server.ranges == [None, "bytes=40000-"]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_the_date_of_change_serves_where_there_is_no_strong_tag(
    server: BadServer, fetch: Callable[..., bytes], etag: str | None
) -> None:
    date = "Tue, 30 Apr 2024 10:00:00 GMT"
    url = server.serve("a.pth", CONTENT, etag=etag, headers={"Last-Modified": date}, drops_after=60_000, n_drops=1)
    assert fetch(url) == CONTENT
    assert server.asked[-1].headers["If-Range"] == date
    assert server.ranges == [None, "bytes=60000-"]


def test_without_tag_or_date_a_file_is_fetched_from_its_start(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, etag=None, drops_after=60_000, n_drops=1)
    assert fetch(url) == CONTENT
    assert server.ranges == [None, None]


def test_a_server_without_ranges_is_asked_from_the_start(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, has_ranges=False, drops_after=60_000, n_drops=1)
    assert fetch(url) == CONTENT
    assert server.n_sent == 160_000


def test_no_progress_is_given_up(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, has_ranges=False, drops_after=60_000)
    assert "gave up after 3 attempts with 60000 bytes here" in refused(fetch, url)
    assert len(server.asked) == 3


def test_a_trickle_is_given_up_too(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, drops_after=10)
    told = refused(fetch, url, patience=Patience(n_attempts=4, pause_s=0, min_progress_bytes=1000))
    assert "gave up after 4 attempts with 40 bytes" in told


def test_parts_of_two_files_are_never_joined(server: BadServer, fetch: Callable[..., bytes], tmp_path: Path) -> None:
    url = server.serve("a.pth", CONTENT, drops_after=40_000)
    refused(fetch, url, patience=Patience(n_attempts=1))
    server.serve("a.pth", OTHER, etag='"two"')
    assert fetch(url) == OTHER
    refused(fetch, server.serve("b.pth", CONTENT, etag="changing", drops_after=40_000))
    assert CONTENT.startswith((tmp_path / "part").read_bytes())


def test_a_server_that_ignores_the_tag_of_a_part_is_noticed(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, drops_after=40_000)
    refused(fetch, url, patience=Patience(n_attempts=1))
    # The date is the same, so the server sends the rest of another file.
    server.serve("a.pth", OTHER, etag='"two"', headers={"Last-Modified": '"one"'})
    assert fetch(url) == OTHER


def test_another_range_than_asked_for_is_not_used(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, starts_wrong=True, drops_after=40_000, n_drops=1)
    assert fetch(url) == CONTENT
    assert server.ranges == [None, "bytes=40000-", None]


def test_a_length_that_promises_too_much_ends_with_what_there_is(
    server: BadServer, fetch: Callable[..., bytes]
) -> None:
    assert fetch(server.serve("a.pth", CONTENT, announces=5000)) == CONTENT
    assert server.ranges == [None, "bytes=100000-"]
    told = refused(fetch, server.serve("b.pth", CONTENT, announces=5000, has_ranges=False))
    assert "after 100000 of 105000 bytes" in told


def test_no_length_at_all_is_no_error(server: BadServer, fetch: Callable[..., bytes]) -> None:
    assert fetch(server.serve("a.pth", CONTENT, announces=None)) == CONTENT


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_no_file_and_costs_no_part(
    server: BadServer, fetch: Callable[..., bytes], tmp_path: Path, kind: str
) -> None:
    url = server.serve("a.pth", CONTENT, drops_after=40_000)
    refused(fetch, url, patience=Patience(n_attempts=1))
    server.serve("a.pth", PAGE, type=kind, etag='"page"')
    told = refused(fetch, url)
    assert "expected a file, found a web page" in told
    assert (tmp_path / "part").read_bytes() == CONTENT[:40_000]
    assert len(server.asked) == 2


@pytest.mark.parametrize("header", ["x-goog-hash", "Content-MD5"])
def test_bytes_are_compared_with_the_hash_that_the_server_tells(
    server: BadServer, fetch: Callable[..., bytes], tmp_path: Path, header: str
) -> None:
    headers = {header: f"crc32c=AAAAAA==, md5={md5}" if header == "x-goog-hash" else md5}
    assert fetch(server.serve("a.pth", CONTENT, headers=headers, drops_after=70_000)) == CONTENT
    told = refused(fetch, server.serve("b.pth", OTHER, headers=headers, etag='"b"'))
    assert "damaged on the way" in told
    assert md5 in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_final(server: BadServer, fetch: Callable[..., bytes], status: int) -> None:
    url = server.serve("a.pth", CONTENT, statuses=[status] * 9)
    assert f"answers {status}" in refused(fetch, url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server: BadServer, fetch: Callable[..., bytes], status: int) -> None:
    assert fetch(server.serve("a.pth", CONTENT, statuses=[status] * 2)) == CONTENT
    told = refused(fetch, server.serve("b.pth", CONTENT, statuses=[status] * 9, etag='"b"'))
    assert f"answers {status}" in told
    assert "gave up after 3 attempts" in told


def test_pauses_double_up_to_a_limit(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, statuses=[503] * 4)
    started = time.monotonic()
    assert fetch(url, patience=Patience(n_attempts=5, pause_s=0.02, longest_pause_s=0.05)) == CONTENT
    assert 0.02 + 0.04 + 0.05 + 0.05 <= time.monotonic() - started < 2


def test_a_server_that_falls_silent_is_left(server: BadServer, fetch: Callable[..., bytes]) -> None:
    url = server.serve("a.pth", CONTENT, pauses_s=0.6, n_pauses=1)
    assert fetch(url, patience=Patience(timeout_s=0.2, n_attempts=3, pause_s=0)) == CONTENT
    assert len(server.asked) == 2


def test_redirects_are_followed_with_the_range(server: BadServer, fetch: Callable[..., bytes]) -> None:
    target = server.serve("moved/a.pth", CONTENT, drops_after=50_000, n_drops=1)
    assert fetch(server.serve("a.pth", b"", location=target)) == CONTENT
    assert server.ranges == [None, None, "bytes=50000-", "bytes=50000-"]


def test_redirects_in_circles_end(server: BadServer, fetch: Callable[..., bytes]) -> None:
    assert "not followed" in refused(fetch, server.serve("a.pth", b"", location=server.url + "a.pth"))
    assert len(server.asked) < 40


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a.pth", "x://me:s3cret@a/"])
def test_redirects_leave_the_web_nowhere(server: BadServer, fetch: Callable[..., bytes], target: str) -> None:
    told = refused(fetch, server.serve("a.pth", b"", location=target))
    assert "not followed" in told
    assert "s3cret" not in told


def test_redirects_never_leave_an_encrypted_line() -> None:
    (handler,) = (h for h in make_opener().handlers if isinstance(h, HTTPRedirectHandler))
    asked = Request("https://a.example/x")
    with pytest.raises(WeightsError, match=r"https://a\.example/x: redirects to http://b\.example/y"):
        handler.redirect_request(asked, io.BytesIO(), 302, "", {}, "http://b.example/y")
    assert handler.redirect_request(asked, io.BytesIO(), 302, "", {}, "https://b.example/y").host == "b.example"


def test_user_and_password_go_to_the_named_server_alone(server: BadServer, fetch: Callable[..., bytes]) -> None:
    target = server.serve("moved.pth", CONTENT)
    url = server.serve("a.pth", b"", location=target).replace("http://", "http://me:s%20cret@")
    assert fetch(url) == CONTENT
    first, second = server.asked
    assert base64.b64decode(first.headers["Authorization"].split()[1]) == b"me:s cret"
    assert "Authorization" not in second.headers


@pytest.mark.parametrize(
    "url",
    [
        "http://me:s3cret@127.0.0.1:1/a.pth?token=s3cret",
        "http://me:s3cret@127.0.0.1:port/a.pth",
        "http://me:s3cret@127.0.0.1/a b.pth?token=s3cret",
        "http://me:s3cret@/a.pth",
        "http://[s3cret/a.pth",
        "ftp://me:s3cret@127.0.0.1/a.pth",
    ],
)
def test_secrets_are_never_told(fetch: Callable[..., bytes], url: str) -> None:
    assert "s3cret" not in refused(fetch, url)
    assert "s3cret" not in shown(url)


def test_secrets_of_a_refused_address_are_never_told(server: BadServer, fetch: Callable[..., bytes]) -> None:
    told = refused(fetch, server.url.replace("http://", "http://me:s3cret@") + "none.pth?token=s3cret")
    assert "s3cret" not in told
    assert "none.pth?…: the server answers 404" in told
    assert server.asked[0].path == "/none.pth?token=s3cret"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "data://,abc", "://a", "HTTPX://a/b"])
def test_only_web_addresses_are_fetched(fetch: Callable[..., bytes], url: str) -> None:
    assert "expected an address of http or https" in refused(fetch, url)


def test_schemes_may_be_written_large() -> None:
    assert make_request("HTTP://127.0.0.1/a").host == "127.0.0.1"


def test_nobody_listening_is_told_at_once(fetch: Callable[..., bytes]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = refused(fetch, f"http://127.0.0.1:{port}/a.pth", patience=Patience(n_attempts=5, pause_s=60))
    assert "cannot be reached" in told


@pytest.mark.parametrize("announces", [0, None])
def test_what_is_far_too_large_is_no_weight_file(
    server: BadServer, fetch: Callable[..., bytes], tmp_path: Path, announces: int | None
) -> None:
    url = server.serve("a.pth", CONTENT, announces=announces)
    assert "expected at most 60000" in refused(fetch, url, patience=Patience(max_bytes=60_000))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_keeps_what_has_arrived(server: BadServer, fetch: Callable[..., bytes], tmp_path: Path) -> None:
    def interrupt(done: int, _total: int | None) -> None:
        if done >= 50_000:
            raise KeyboardInterrupt

    url = server.serve("a.pth", CONTENT)
    with pytest.raises(KeyboardInterrupt):
        fetch(url, progress=interrupt)
    n_kept = (tmp_path / "part").stat().st_size
    assert n_kept >= 50_000
    assert fetch(url) == CONTENT
    assert server.ranges[-1] == f"bytes={n_kept}-"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told(server: BadServer, fetch: Callable[..., bytes], tmp_path: Path) -> None:
    (tmp_path / "part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"part: cannot be written.*No space left.*make room"):
        fetch(server.serve("a.pth", CONTENT))


@pytest.mark.parametrize("told", ["", "{", "[]", '{"colour": 1}'])
def test_a_part_of_unknown_origin_is_not_used(
    server: BadServer, fetch: Callable[..., bytes], tmp_path: Path, told: str
) -> None:
    (tmp_path / "part").write_bytes(OTHER[:30_000])
    (tmp_path / "part.json").write_text(told)
    assert read_origin(tmp_path / "part") == Origin()
    assert fetch(server.serve("a.pth", CONTENT)) == CONTENT
    assert server.ranges == [None]
