"""Do archives become folders, and hostile or broken ones nothing outside of them?"""

import shutil
import sys
import tarfile
from collections import namedtuple

import pytest

from ssr.data.extraction import extract
from ssr.errors import InputError, MissingExtraError, OutputError
from tests.unit.data.archives import (
    FILES,
    assert_holds_all,
    cut,
    tar_entry,
    write_7z,
    write_archive,
    write_tar,
    write_zip,
)

ENDINGS = {
    "s.7z": (".001", ".002", ".003"),
    "s.zip": (".001", ".002", ".003"),
    "s.tar": (".aa", ".ab", ".ac"),
    "s.tar.gz": (".aa", ".ab", ".ac"),
    "s.tar.xz": (".01", ".02", ".03"),
    "s.tar.bz2": (".00", ".01", ".02"),
}
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def target(tmp_path):
    """A folder in another one, so that whatever leaves it is seen."""
    folder = tmp_path / "below" / "target"
    folder.mkdir(parents=True)
    return folder


def assert_nothing_beside(target):
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert not any(path.is_symlink() for path in target.rglob("*"))


@pytest.mark.parametrize("name", ENDINGS)
def test_an_archive_becomes_a_folder_whole_or_in_parts(name, tmp_path, target):
    data = write_archive(tmp_path / name)
    seen = []
    whole = extract([tmp_path / name], target, progress=lambda done, total: seen.append((done, total)))
    assert_holds_all(target)
    assert whole == (len(FILES), sum(FILES.values()))
    assert seen[-1][0] == sum(FILES.values())
    again = target.with_name("again")
    again.mkdir()
    assert extract(cut(tmp_path / name, data, 3, ENDINGS[name]), again) == whole
    assert_holds_all(again)


@pytest.mark.parametrize("name", ENDINGS)
def test_without_its_last_part_an_archive_is_refused(name, tmp_path, target):
    parts = cut(tmp_path / name, write_archive(tmp_path / name), 3, ENDINGS[name])
    with pytest.raises(InputError, match=r"missing|ends within"):
        extract(parts[:2], target)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_cut_file_is_refused_wherever_it_is_cut(name, tmp_path, target):
    data = write_archive(tmp_path / name)
    for k, size in enumerate((1, 30, 100, len(data) // 2, len(data) - 1)):
        if name == "s.tar" and size == len(data) - 1:
            continue  # only the last of the zeros that fill up the file is gone
        (tmp_path / name).write_bytes(data[:size])
        folder = target / str(k)
        folder.mkdir()
        with pytest.raises(InputError, match=name):
            extract([tmp_path / name], folder)


@pytest.mark.parametrize("name", [name for name in ENDINGS if name != "s.tar"])
def test_a_changed_byte_is_found_by_the_checksum(name, tmp_path, target):
    data = bytearray(write_archive(tmp_path / name))
    data[len(data) // 2] ^= 0x55
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"{name}: .*(damaged|declares)"):
        extract([tmp_path / name], target)


def test_a_damaged_header_of_a_tar_is_no_quiet_end(tmp_path, target):
    data = bytearray(write_archive(tmp_path / "s.tar"))
    second = data.index(b"set/sentinel2")
    data[second] ^= 0x55
    (tmp_path / "s.tar").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        extract([tmp_path / "s.tar"], target)


@pytest.mark.parametrize("content", [b"", b"x", b"<html>" * 100, b"7z\xbc\xaf\x27\x1c", b"PK\x03\x04", b"\x1f\x8b"])
def test_what_is_no_archive_is_named(content, tmp_path, target):
    if content.startswith(b"7z"):
        pytest.importorskip("py7zr", reason="the extra 'train' is not installed")
    (tmp_path / "s.7z").write_bytes(content)
    with pytest.raises(InputError, match=r"s\.7z"):
        extract([tmp_path / "s.7z"], target)


LEADING_OUT = ["../x", "a/../../x", "/tmp/ssr-was-here", "..\\x", "C:/x", "a/b/../../../x", ".."]


@pytest.mark.parametrize("name", LEADING_OUT)
@pytest.mark.parametrize("write", [write_zip, write_7z, lambda path, name: write_tar(path, tar_entry(name, size=1))])
def test_paths_that_lead_out_are_refused(write, name, tmp_path, target):
    write(tmp_path / "hostile", name)
    with pytest.raises(InputError, match=r"hostile: .*(leads out|not to be read)"):
        extract([tmp_path / "hostile"], target)
    assert_nothing_beside(target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "../.."),
        (tarfile.SYMTYPE, "/etc"),
        (tarfile.SYMTYPE, "inside"),
        (tarfile.LNKTYPE, "../../outside"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_in_a_tar_are_refused_before_anything_goes_through_them(kind, link, tmp_path, target):
    write_tar(tmp_path / "hostile", tar_entry("door", kind, link=link), tar_entry("door/x", size=1))
    with pytest.raises(InputError, match=r"'door', a (link|device)"):
        extract([tmp_path / "hostile"], target)
    assert_nothing_beside(target)
    assert list(target.iterdir()) == []


def test_without_py7zr_a_7z_says_what_to_install(tmp_path, target, monkeypatch):
    (tmp_path / "s.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(99))
    monkeypatch.setitem(sys.modules, "ssr.data.sevenzip", None)
    with pytest.raises(MissingExtraError, match=r"py7zr.*satlas-super-resolution\[train\]"):
        extract([tmp_path / "s.7z"], target)


def test_links_in_a_zip_are_refused(tmp_path, target):
    write_zip(tmp_path / "hostile", "door", "door/x", link="../..")
    with pytest.raises(InputError, match="'door', a link"):
        extract([tmp_path / "hostile"], target)
    assert list(target.iterdir()) == []


def test_links_in_a_7z_are_refused(tmp_path, target):
    py7zr = pytest.importorskip("py7zr", reason="the extra 'train' is not installed")
    (tmp_path / "door").symlink_to("..")
    with py7zr.SevenZipFile(tmp_path / "hostile", "w") as archive:
        archive.write(tmp_path / "door", "door")
    with pytest.raises(InputError, match="'door', a link"):
        extract([tmp_path / "hostile"], target)
    assert list(target.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b")])
def test_a_name_may_be_there_once(names, tmp_path, target):
    write_zip(tmp_path / "s.zip", *names)
    write_tar(tmp_path / "s.tar", *(tar_entry(name, size=1) for name in names))
    for k, path in enumerate((tmp_path / "s.zip", tmp_path / "s.tar")):
        folder = target / str(k)
        folder.mkdir()
        with pytest.raises(InputError, match="twice, or as a file and as a folder"):
            extract([path], folder)


def test_a_7z_with_a_name_twice_is_refused(tmp_path, target):
    write_7z(tmp_path / "s.7z", "ab", "ab")
    with pytest.raises(InputError, match="twice"):
        extract([tmp_path / "s.7z"], target)


def test_a_zip_that_declares_less_than_it_holds_is_refused(tmp_path, target):
    """The size of the central table made smaller, as a bomb would."""
    write_zip(tmp_path / "s.zip", "a")
    data = bytearray((tmp_path / "s.zip").read_bytes())
    table = data.rindex(b"PK\x01\x02")
    data[table + 24 : table + 28] = (0).to_bytes(4, "little")
    (tmp_path / "s.zip").write_bytes(data)
    with pytest.raises(InputError):
        extract([tmp_path / "s.zip"], target)


@pytest.mark.parametrize("name", ["s.7z", "s.zip", "s.tar"])
def test_room_on_the_disk_is_looked_for_before_anything_is_written(name, tmp_path, target, monkeypatch):
    write_archive(tmp_path / name)
    needed = sum(FILES.values()) + (64 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, needed - 1))
    with pytest.raises(OutputError, match=r"needs 0\.0.* GB, the disk has"):
        extract([tmp_path / name], target)
    assert list(target.iterdir()) == []


def test_a_compressed_tar_stops_at_the_room_of_the_disk(tmp_path, target, monkeypatch):
    write_archive(tmp_path / "s.tar.gz")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, (64 << 20) + 3001))
    with pytest.raises(OutputError, match="no room"):
        extract([tmp_path / "s.tar.gz"], target)
