"""Do weights look after themselves, in processes as a user runs them and over a line that fails?"""

import json
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ssr.models.srcnn import SRCNN
from tests.integration.conftest import Run, command, files_below
from tests.support.bad_server import BadServer, bad_server
from tests.support.scenes import tiny_rrdbnet, with_seed, write_weights

pytestmark = pytest.mark.slow

Start = Callable[..., "subprocess.Popen[str]"]
NAME = "satlas_rrdbnet"
"""Any ESRGAN will do for it, so that files in these tests are small."""
KEPT = {f".{NAME}.pth.lock", f"{NAME}.pth", f"{NAME}.pth.json"}


@pytest.fixture
def server() -> Iterator[BadServer]:
    with bad_server() as serving:
        yield serving


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: BadServer) -> Path:
    """An empty cache; without `--url` everything is asked of the test's server."""
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SSR_WEIGHTS_URL", server.url)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return write_weights(tmp_path / "source.pth", tiny_rrdbnet(n_features=32, n_growth=16)).read_bytes()


def assert_refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words), done.stderr


def test_a_published_name_serves_as_a_model_and_later_without_a_line(
    run: Run, dates: Path, cache: Path, server: BadServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_weights(tmp_path / "srcnn.pth", with_seed(SRCNN()))
    server.serve("srcnn_s2naip.pth", path.read_bytes(), drops_after=3_000_000)
    gotten = run("weights", "get", "srcnn_s2naip", "--json")
    assert gotten.returncode == 0, gotten.stderr
    assert server.ranges == [None, "bytes=3000000-", "bytes=6000000-"]
    assert gotten.stderr == ""
    monkeypatch.setenv("SSR_WEIGHTS_URL", "http://127.0.0.1:9/")
    done = run("scene", dates, "-o", "out.tif", "--model", "srcnn_s2naip")
    assert done.returncode == 0, done.stderr
    assert "model   srcnn_s2naip on " in done.stdout
    assert run("weights", "verify").stdout.startswith("good  srcnn_s2naip  ")
    assert json.loads(gotten.stdout)[0]["path"] == str(cache / "srcnn_s2naip.pth")


def begin(start: Start, cache: Path, server: BadServer, content: bytes) -> "subprocess.Popen[str]":
    """A download that is under way and will not end soon."""
    server.serve(f"{NAME}.pth", content, pauses_s=0.5, n_pauses=100, block_bytes=20_000)
    process = start("weights", "get", NAME)
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size for part in cache.glob(".*.part.pth")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_download_leaves_a_part_and_is_resumed(
    run: Run, start: Start, cache: Path, server: BadServer, content: bytes, how: signal.Signals
) -> None:
    process = begin(start, cache, server, content)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[how]
    left = files_below(cache)
    assert {name.split(".", 2)[1] for name in left} == {NAME}
    assert all(name.endswith((".lock", ".part.pth", ".part.pth.json")) for name in left)
    if how == signal.SIGINT:
        assert "the same command goes on from there" in told
    (part,) = cache.glob(".*.part.pth")
    n_kept = part.stat().st_size
    assert 0 < n_kept < len(content)
    server.serve(f"{NAME}.pth", content)
    done = run("weights", "get", NAME)
    assert done.returncode == 0, done.stderr
    assert server.ranges == [None, f"bytes={n_kept}-"]
    assert (cache / f"{NAME}.pth").read_bytes() == content
    assert files_below(cache) == KEPT


def test_two_processes_at_once_download_once(start: Start, cache: Path, server: BadServer, content: bytes) -> None:
    server.serve(f"{NAME}.pth", content, pauses_s=2.0, n_pauses=1)
    both = [start("weights", "get", NAME, "--json") for _ in range(2)]
    told = [json.loads(process.communicate(timeout=60)[0])[0] for process in both]
    assert sorted(gotten["was_cached"] for gotten in told) == [False, True]
    assert len(server.asked) == 1
    assert files_below(cache) == KEPT


def test_a_flag_goes_before_the_environment(run: Run, cache: Path, server: BadServer, content: bytes) -> None:
    server.serve("mirror/renamed.bin", content)
    done = run("weights", "get", NAME, "--url", server.url + "mirror/renamed.bin")
    assert done.returncode == 0, done.stderr
    assert [asked.path for asked in server.asked] == ["/mirror/renamed.bin"]


def test_offline_asks_nobody(run: Run, cache: Path, server: BadServer, content: bytes, tmp_path: Path) -> None:
    server.serve(f"{NAME}.pth", content)
    assert_refused(run("weights", "get", NAME, "--offline"), NAME, str(cache))
    assert run("weights", "get", NAME, "--offline", "--url", tmp_path / "source.pth").returncode == 0
    assert run("weights", "get", NAME, "--offline").returncode == 0
    assert server.asked == []


def test_what_is_no_weight_file_is_refused_in_one_line(
    run: Run, cache: Path, server: BadServer, content: bytes
) -> None:
    server.serve(f"{NAME}.pth", b"<!DOCTYPE html><p>Not Found", type="application/octet-stream")
    assert_refused(run("weights", "get", NAME), f"{server.url}{NAME}.pth", "web page")
    server.serve(f"{NAME}.pth", content[:-3000] + bytes(3000), etag='"damaged"')
    assert_refused(run("weights", "get", NAME), "damaged")
    assert files_below(cache) == {f".{NAME}.pth.lock"}


def test_a_changed_file_is_refused_by_whoever_uses_it(
    run: Run, dates: Path, cache: Path, server: BadServer, tmp_path: Path
) -> None:
    path = write_weights(tmp_path / "srcnn.pth", with_seed(SRCNN()))
    assert run("weights", "get", "srcnn_s2naip", "--url", path).returncode == 0
    with (cache / "srcnn_s2naip.pth").open("ab") as file:
        file.write(b"x")
    done = run("scene", dates, "-o", "out.tif", "--model", "srcnn_s2naip")
    assert_refused(done, "srcnn_s2naip.pth", "has changed")
    assert not (tmp_path / "out.tif").exists()


def test_a_cache_that_cannot_be_written_is_told(run: Run, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    assert_refused(run("weights", "get", NAME), str(cache), "SSR_CACHE")


def test_a_disk_that_fills_up_is_told_and_the_part_serves_later(
    run: Run, cache: Path, server: BadServer, content: bytes, tmp_path: Path
) -> None:
    server.serve(f"{NAME}.pth", content)
    n_room = 65_536

    def leave_little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_room, n_room))

    done = subprocess.run(
        command("weights", "get", NAME),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=leave_little_room,
    )
    assert_refused(done, "cannot be written", "make room")
    assert f"{NAME}.pth" not in files_below(cache)
    assert run("weights", "get", NAME).returncode == 0
    assert server.ranges == [None, f"bytes={n_room}-"]
    assert (cache / f"{NAME}.pth").read_bytes() == content
