"""From addresses to a checked file in the cache: whole, remembered, compared ever after."""

import hashlib
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ssr.checkpoints.cache import read_record
from ssr.checkpoints.download import Patience
from ssr.checkpoints.inspection import read_whole
from ssr.checkpoints.obtain import Obtained, obtain
from ssr.errors import OutputError, WeightsError
from tests.support.bad_server import BadServer

HASTY = Patience(timeout_s=5, n_attempts=2, pause_s=0, min_progress_bytes=1)
Get = Callable[..., Obtained]


def weights(path: Path, value: float = 1.0) -> bytes:
    torch.save({"params": {"layer.weight": torch.full((64, 64), value)}}, path)
    return path.read_bytes()


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return weights(tmp_path / "one.pth")


@pytest.fixture
def other(tmp_path: Path) -> bytes:
    return weights(tmp_path / "other.pth", 2.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def get(folder: Path) -> Get:
    def get(*sources: str, **options: object) -> Obtained:
        return obtain("net.pth", sources, folder, **{"check": read_whole, "patience": HASTY, **options})

    return get


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


KEPT = [".net.pth.lock", "net.pth", "net.pth.json"]


def test_a_file_is_fetched_once_and_its_hash_recorded(
    server: BadServer, get: Get, folder: Path, content: bytes
) -> None:
    url = server.serve("a.pth", content)
    first, second = get(url), get(url)
    assert (first.was_cached, second.was_cached) == (False, True)
    assert len(server.asked) == 1
    assert second.path.read_bytes() == content
    assert second.record.sha256 == sha256(content)
    assert second.record.size_bytes == len(content)
    assert second.record.url == url
    assert names(folder) == KEPT


def test_the_record_holds_no_secrets(server: BadServer, get: Get, content: bytes) -> None:
    url = server.serve("a.pth", content).replace("http://", "http://me:s3cret@") + "?token=s3cret"
    assert get(url).record.url == server.url + "a.pth?…"


def test_a_cached_file_that_has_changed_is_an_error(server: BadServer, get: Get, content: bytes) -> None:
    url = server.serve("a.pth", content)
    path = get(url).path
    path.write_bytes(content[:-1] + b"x")
    with pytest.raises(WeightsError, match="has changed since its download"):
        get(url)
    path.unlink()
    assert get(url).path.read_bytes() == content


def test_what_was_fetched_first_is_expected_ever_after(
    server: BadServer, get: Get, folder: Path, content: bytes, other: bytes
) -> None:
    url = server.serve("a.pth", content)
    get(url).path.unlink()
    server.serve("a.pth", other, etag='"two"')
    with pytest.raises(WeightsError) as raised:
        get(url)
    assert sha256(content) in str(raised.value)
    assert sha256(other) in str(raised.value)
    assert names(folder) == [".net.pth.lock", "net.pth.json"]
    forced = get(url, force=True)
    assert forced.previous_sha256 == sha256(content)
    assert read_record(forced.path).sha256 == sha256(other)
    assert get(url, force=True).previous_sha256 is None


def test_a_forced_fetch_that_fails_leaves_the_file(server: BadServer, get: Get, content: bytes) -> None:
    path = get(server.serve("a.pth", content)).path
    with pytest.raises(WeightsError, match="404"):
        get(server.url + "none.pth", force=True)
    assert path.read_bytes() == content
    assert get().was_cached


def test_an_asked_for_hash_decides(server: BadServer, get: Get, folder: Path, content: bytes, other: bytes) -> None:
    bad, good = server.serve("bad.pth", other), server.serve("good.pth", content)
    with pytest.raises(WeightsError, match=f"found SHA-256 {sha256(other)}, expected {sha256(content)}"):
        get(bad, sha256=sha256(content))
    assert names(folder) == [".net.pth.lock"]
    assert get(bad, good, sha256=sha256(content)).record.url == good
    with pytest.raises(WeightsError, match=f"found SHA-256 {sha256(content)}, expected {sha256(other)}"):
        get(bad, sha256=sha256(other))
    assert get(good, bad, force=True, sha256=sha256(other)).record.url == bad


def test_sources_are_tried_in_order(server: BadServer, get: Get, content: bytes) -> None:
    page = server.serve("page.pth", b"<html>", type="text/html")
    last = server.serve("last.pth", content)
    assert get(server.url + "none.pth", page, last).record.url == last
    assert [asked.path for asked in server.asked] == ["/none.pth", "/page.pth", "/last.pth"]


def test_when_none_serves_all_reasons_are_told(server: BadServer, get: Get, folder: Path) -> None:
    page = server.serve("page.pth", b"<html>", type="text/html")
    with pytest.raises(WeightsError, match=r"net\.pth: not obtained: .*none\.pth.*404.*page\.pth.*web page.*--url"):
        get(server.url + "none.pth", page)
    assert names(folder) == [".net.pth.lock"]


def flipped(content: bytes) -> bytes:
    """One bit of a tensor's bytes is another."""
    place = content.index(torch.full((8,), 1.0).numpy().tobytes())
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "one bit": flipped,
    "truncated": lambda content: content[: len(content) // 2],
    "nothing": lambda content: b"",
    "text": lambda content: b"no such file, sorry",
    "json": lambda content: b'{"error": "gone"}',
    "code": lambda content: pickle.dumps({"params": print}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_never_enters_the_cache(
    server: BadServer, get: Get, folder: Path, content: bytes, damage: str
) -> None:
    url = server.serve("a.pth", DAMAGES[damage](content))
    with pytest.raises(WeightsError, match=r"a\.pth: damaged or not the file meant: .*net\.pth") as raised:
        get(url)
    assert ".part" not in str(raised.value)
    assert names(folder) == [".net.pth.lock"]


def test_a_length_that_lies_short_is_noticed_by_the_archive(
    server: BadServer, get: Get, folder: Path, content: bytes
) -> None:
    with pytest.raises(WeightsError, match="damaged or not the file meant"):
        get(server.serve("a.pth", content, announces=-1000))
    assert names(folder) == [".net.pth.lock"]


def test_a_part_of_one_address_survives_a_try_of_another(
    server: BadServer, get: Get, folder: Path, content: bytes
) -> None:
    first = server.serve("a.pth", content, drops_after=10_000, n_drops=2)
    with pytest.raises(WeightsError, match=r"a\.pth.*10000 bytes here.*b\.pth.*404"):
        get(first, server.url + "b.pth", patience=Patience(n_attempts=1))
    assert get(first).path.read_bytes() == content
    assert server.ranges[:3] == [None, None, "bytes=10000-"]
    assert names(folder) == KEPT


def test_offline_takes_what_is_here_and_local_paths_only(
    server: BadServer, get: Get, folder: Path, tmp_path: Path, content: bytes
) -> None:
    url = server.serve("a.pth", content)
    with pytest.raises(WeightsError, match=r"net: not in the cache .*offline"):
        get(url, offline=True)
    assert not folder.exists()
    assert get(url, str(tmp_path / "one.pth"), offline=True).record.url == str(tmp_path / "one.pth")
    assert get(url, offline=True).was_cached
    assert server.asked == []


def test_local_files_are_copied_in(get: Get, folder: Path, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.pth: no such file"):
        get(str(tmp_path / "nowhere.pth"))
    got = get(str(tmp_path / "one.pth"))
    assert got.path.read_bytes() == content
    assert (tmp_path / "one.pth").read_bytes() == content
    assert names(folder) == KEPT


def test_without_any_source_the_way_in_is_told(get: Get) -> None:
    with pytest.raises(WeightsError, match=r"no public link is known.*--url PATH"):
        get()


def test_two_at_once_fetch_once(server: BadServer, get: Get, content: bytes) -> None:
    url = server.serve("a.pth", content, pauses_s=0.1, n_pauses=2)
    got: list[Obtained] = []
    threads = [threading.Thread(target=lambda: got.append(get(url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(each.was_cached for each in got) == [False, True]
    assert len(server.asked) == 1


def test_a_cache_that_cannot_be_written_is_told(get: Get, folder: Path, tmp_path: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(OutputError, match=r"cache: cannot hold downloads.*SSR_CACHE"):
        get(str(tmp_path / "one.pth"))


def test_a_lost_record_asks_for_a_fresh_start(server: BadServer, get: Get, content: bytes) -> None:
    url = server.serve("a.pth", content)
    path = get(url).path
    path.with_name("net.pth.json").write_text("{")
    with pytest.raises(WeightsError, match="--force"):
        get(url)
    assert get(url, force=True).path.read_bytes() == content
    assert get(url).was_cached


@pytest.mark.parametrize("name", ["../net.pth", "/net.pth", "a/net.pth", "..", ".", "", "a\\net.pth"])
def test_names_lead_nowhere_else(folder: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="expected the plain name of a file"):
        obtain(name, ["/nowhere"], folder, check=read_whole)


def test_an_interrupted_check_keeps_the_part(server: BadServer, get: Get, folder: Path, content: bytes) -> None:
    def interrupt(_path: Path) -> None:
        raise KeyboardInterrupt

    url = server.serve("a.pth", content)
    with pytest.raises(KeyboardInterrupt):
        get(url, check=interrupt)
    assert "net.pth" not in names(folder)
    assert get(url).path.read_bytes() == content
    assert server.n_sent == len(content)
    assert names(folder) == KEPT
