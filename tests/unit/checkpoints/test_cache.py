"""Where downloaded weights live, and whether a changed file is noticed."""

import hashlib
import json
from pathlib import Path

import platformdirs
import pytest

from ssr.checkpoints.cache import (
    Record,
    cache_folder,
    cached_files,
    check_unchanged,
    read_record,
    record_path,
    write_record,
)
from ssr.errors import OutputError, WeightsError

CONTENT = b"weights"
RECORD = Record(hashlib.sha256(CONTENT).hexdigest(), 7, "https://a.example/net.pth", "2024-05-01T00:00:00+00:00")


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    path = tmp_path / "net.pth"
    path.write_bytes(CONTENT)
    write_record(path, RECORD)
    return path


def test_the_folder_is_the_platform_s_or_the_user_s() -> None:
    assert cache_folder({}) == Path(platformdirs.user_cache_dir("ssr", appauthor=False)) / "weights"
    assert cache_folder({"SSR_CACHE": ""}) == cache_folder({})
    assert cache_folder({"SSR_CACHE": "/mnt/fast"}) == Path("/mnt/fast/weights")
    assert cache_folder({"SSR_CACHE": "~/here"}) == Path.home() / "here" / "weights"


def test_a_record_comes_back_as_it_was(cached: Path) -> None:
    assert read_record(cached) == RECORD
    assert json.loads((cached.parent / "net.pth.json").read_text())["sha256"] == RECORD.sha256
    assert sorted(path.name for path in cached.parent.iterdir()) == ["net.pth", "net.pth.json"]


def test_an_unchanged_file_gives_its_record(cached: Path) -> None:
    assert check_unchanged(cached) == RECORD


@pytest.mark.parametrize("content", [b"weightS", b"", b"weights and more"])
def test_a_changed_file_is_an_error_with_both_hashes(cached: Path, content: bytes) -> None:
    cached.write_bytes(content)
    with pytest.raises(WeightsError) as raised:
        check_unchanged(cached)
    told = str(raised.value)
    assert str(cached) in told
    assert hashlib.sha256(content).hexdigest() in told
    assert RECORD.sha256 in told
    assert "ssr weights get net" in told
    assert "2024-05-01" in told


def test_a_file_without_a_record_is_not_trusted(cached: Path) -> None:
    record_path(cached).unlink()
    assert read_record(cached) is None
    with pytest.raises(WeightsError, match=r"net\.pth: lies in the cache, but no hash.*--force"):
        check_unchanged(cached)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 3, "size_bytes": 1, "url": "", "date": ""}', "3"])
def test_a_damaged_record_is_named(cached: Path, text: str) -> None:
    record_path(cached).write_text(text)
    with pytest.raises(WeightsError, match=r"net\.pth\.json.*--force"):
        check_unchanged(cached)


def test_a_file_that_cannot_be_read_is_named(cached: Path) -> None:
    cached.unlink()
    cached.mkdir()
    with pytest.raises(WeightsError, match=r"net\.pth: cannot be read"):
        check_unchanged(cached)


def test_a_record_that_cannot_be_written_is_an_output_error(cached: Path) -> None:
    with pytest.raises(OutputError, match=r"net\.pth"):
        write_record(cached / "below.pth", RECORD)


def test_cached_files_are_those_without_records_parts_and_locks(cached: Path) -> None:
    for name in (".net.0123.part.pth", ".net.pth.lock", ".net.0123.part.pth.json", "notes.txt"):
        (cached.parent / name).touch()
    (cached.parent / "folder.pth").mkdir()
    assert cached_files(cached.parent) == [cached]
    assert cached_files(cached.parent / "absent") == []
