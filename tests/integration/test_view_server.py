"""Does `ssr view` serve what it was given, and nothing else?"""

import io
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from tests.integration.conftest import Run, command
from tests.support.scenes import TEN_METRES, textured, truncate, write_series, write_tiff

FINE = TEN_METRES @ Affine.scale(0.25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("view")
    write_series(root / "dates", textured(2, 80, 100), nodata=0)
    out = write_tiff(root / "out.tif", textured(1, 320, 400, seed=1)[0], transform=FINE, nodata=0)
    with rasterio.open(out, "r+") as dataset:
        dataset.update_tags(SSR_MODEL="compact-8")
    write_tiff(root / "secret.tif", textured(1, 40, 50)[0])
    return root


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    serving = subprocess.Popen(
        command("view", "out.tif", "dates", "--no-open", "--port", 0), cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert serving.stdout is not None
    address = serving.stdout.readline().split(" at ")[1].split()[0]
    with httpx.Client(base_url=address, timeout=20) as opened:
        yield opened
    serving.send_signal(signal.SIGINT)
    assert serving.wait(60) == 0
    serving.stdout.close()


def raw(client: httpx.Client, request: str) -> str:
    """An answer to bytes that no client would send."""
    with socket.create_connection(("127.0.0.1", client.base_url.port), timeout=10) as line:
        line.sendall(request.encode("latin-1"))
        found = b""
        while part := line.recv(65536):
            found += part
        return found.decode("latin-1")


def get(target: str, *, host: str = "127.0.0.1", method: str = "GET") -> str:
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"


def test_a_place_is_described_without_paths(client: httpx.Client, folder: Path) -> None:
    answer = client.get("/api/0/place")
    place = answer.json()
    assert [layer["kind"] for layer in place["layers"]] == ["super_res", "date", "date"]
    assert str(folder) not in answer.text
    assert client.get("/api/list").json() == {
        "n": 1,
        "entries": [{"id": 0, "title": "out", "group": "", "told": "", "figures": {}}],
    }


def test_a_tile_is_the_file_to_the_pixel(client: httpx.Client, folder: Path) -> None:
    answer = client.get("/api/0/tile/l0/stored/0/0/0")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with rasterio.open(folder / "out.tif") as dataset, Image.open(io.BytesIO(answer.content)) as image:
        np.testing.assert_array_equal(np.moveaxis(np.asarray(image), -1, 0), dataset.read()[:, :256, :256])
    again = client.get("/api/0/tile/l0/stored/0/0/0", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_head_is_answered_without_a_body(client: httpx.Client) -> None:
    answer = client.head("/api/0/tile/l0/stored/0/0/0")
    assert (answer.status_code, answer.content) == (200, b"")


def test_where_there_is_nothing_the_answer_is_empty(client: httpx.Client) -> None:
    assert client.get("/api/0/tile/l0/stored/0/50/50").status_code == 204


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/0/place", "/api/0/tile/l0/stored/0/0/0", "/nothing"])
def test_every_answer_says_who_may_use_it(client: httpx.Client, path: str) -> None:
    found = client.get(path).headers
    assert found["x-content-type-options"] == "nosniff"
    assert "default-src 'none'; script-src 'self'" in found["content-security-policy"]
    assert found["cross-origin-resource-policy"] == "same-origin"
    assert found["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in found["content-security-policy"]
    assert not [name for name in found if name.startswith("access-control") or name in ("server", "set-cookie")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_can_be_changed(client: httpx.Client, method: str) -> None:
    assert client.request(method, "/api/0/place").status_code == 405


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.1.2.3", "", "a b"])
def test_a_name_that_another_site_made_point_here_is_refused(client: httpx.Client, host: str) -> None:
    answer = raw(client, get("/api/0/place", host=host))
    assert answer.split()[1] in ("400", "421")
    assert "layers" not in answer


def test_a_request_with_two_names_or_none_is_refused(client: httpx.Client) -> None:
    for lines in ("Host: 127.0.0.1\r\nHost: evil.example\r\n", ""):
        answer = raw(client, f"GET /api/0/place HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")
        assert answer.split()[1] in ("400", "421")


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.tif",
        "/static/../../secret.tif",
        "/static/..%2f..%2fsecret.tif",
        "/static/%2e%2e/%2e%2e/secret.tif",
        "/static/..%252f..%252fsecret.tif",
        "/static/..%5c..%5csecret.tif",
        "/static/%00",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/assets.py",
        "/static/",
        "//etc/passwd",
        "/etc/passwd",
        "/secret.tif",
        "/out.tif",
        "file:///etc/passwd",
        "http://evil.example/api/0/place",
        "/api/0/tile/..%2f..%2fsecret.tif/stored/0/0/0",
        "/api/0/tile/secret.tif/stored/0/0/0",
        "/api/0/tile/%2fvsicurl%2fhttp:%2f%2fa/stored/0/0/0",
        "/api/..%2f0/place",
        "/api/1/place",
        "/api/-1/place",
    ],
)
def test_nothing_but_what_was_given_can_be_reached(client: httpx.Client, target: str) -> None:
    answer = raw(client, get(target))
    assert answer.split()[1] in ("400", "404", "421"), answer[:80]
    assert "root:" not in answer
    assert "II*" not in answer


@pytest.mark.parametrize(
    "target",
    [
        "/api/0/tile/l0/stored/0/99999999999/0",
        "/api/0/tile/l0/stored/1e3/0/0",
        "/api/0/tile/l0/stored/-1/0/0",
        "/api/0/tile/l0/stored/0/0/٣",
        "/api/0/tile/l0/stored/41/0/0",
        "/api/0/tile/l0/other/0/0/0",
        "/api/0/tile/l9/stored/0/0/0",
        "/api/0/values",
        "/api/0/values?row=1",
        "/api/0/values?row=1&column=nan",
        "/api/list?start=-5",
        "/api/99999999999999999999/place",
    ],
)
def test_numbers_are_checked(client: httpx.Client, target: str) -> None:
    assert client.get(target).status_code in (400, 404)


def test_a_long_address_is_refused(client: httpx.Client) -> None:
    assert client.get("/api/0/values?row=1&column=" + "1" * 3000).status_code == 414


def test_absurd_but_lawful_numbers_are_answered_at_once(client: httpx.Client) -> None:
    started = time.monotonic()
    assert client.get("/api/0/tile/l0/bicubic/40/1000000000/1000000000").status_code == 204
    assert client.get("/api/0/values?row=1000000000&column=0").json()["layers"]["l0"] is None
    assert time.monotonic() - started < 5


def test_the_list_is_given_in_pages(client: httpx.Client) -> None:
    assert client.get("/api/list?start=7&n=100000").json() == {"n": 1, "entries": []}


def test_a_taken_port_is_refused_and_says_which(run: Run, folder: Path, client: httpx.Client) -> None:
    done = run("view", folder / "out.tif", "--no-open", "--port", client.base_url.port)
    assert done.returncode == 2
    assert f"error: --port {client.base_url.port}: is in use; give another one" in done.stderr


def test_listening_to_others_warns(start, folder: Path) -> None:
    serving = start("view", folder / "out.tif", "--no-open", "--host", "0.0.0.0", "--port", 0)
    address = serving.stdout.readline().split(" at ")[1].split()[0]
    assert address.startswith("http://127.0.0.1:")
    assert httpx.get(address).status_code == 200
    serving.send_signal(signal.SIGTERM)
    assert "can be reached from other machines" in serving.communicate(timeout=60)[1]


def test_a_file_that_breaks_while_it_is_shown_is_told_to_the_terminal_alone(start, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(1, 256, (3, 600, 600)).astype(np.uint8)
    path = write_tiff(tmp_path / "a.tif", noise, tiled=True, compress="deflate")
    serving = start("view", path, "--no-open", "--port", 0)
    address = serving.stdout.readline().split(" at ")[1].split()[0]
    truncate(path, 0.3)
    answers = [httpx.get(f"{address}api/0/tile/l0/stored/0/{x}/{y}") for x in range(3) for y in range(3)]
    broken = [answer for answer in answers if answer.status_code == 500]
    assert {answer.text for answer in broken} == {"A file can no longer be read; the terminal says which."}
    serving.send_signal(signal.SIGTERM)
    assert "a.tif: cannot be decoded" in serving.communicate(timeout=60)[1]
