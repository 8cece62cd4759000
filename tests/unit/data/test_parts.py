"""Are parts put in order, missing ones named, and several files read as one?"""

import io
from functools import partial

import pytest

from ssr.data.parts import JoinedParts, check_names, check_sizes, find_parts, part_of
from ssr.errors import InputError

JSON = '[{"path":"ssr-data/s/s.7z.002","size":5},{"path":"ssr-data/s/s.7z.001"},{"path":"ssr-data/s/other.7z.001"}]'
HTML = '<a href="s.7z.001">s.7z.001</a> <a href="/x/s.7z.002?download=true">s.7z.002</a> <a href="xs.7z.003">…</a>'
XML = "<Contents><Key>data/s.7z.001</Key></Contents><Contents><Key>data/s.7z.002</Key></Contents><Key>s.7z.json</Key>"


@pytest.mark.parametrize("text", [JSON, HTML, XML, "s.7z.002\ns.7z.001\n.s.7z.003.part"])
def test_parts_are_found_in_a_listing_of_any_kind(text):
    assert find_parts(text, "s") == ("s.7z.001", "s.7z.002")


def test_a_listing_without_parts_is_refused():
    with pytest.raises(InputError, match=r"no part of s .*--parts"):
        find_parts("<html>not here</html>", "s")


def test_a_whole_archive_in_a_listing_is_one_part():
    assert find_parts("a.tar s.tar b.tar", "s") == ("s.tar",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s.7z.001", ("s.7z", 1)),
        ("s.zip.010", ("s.zip", 10)),
        ("s.tar.gz.aa", ("s.tar.gz", 0)),
        ("s.tar.bc", ("s.tar", 28)),
        ("s.tar.gz", None),
        ("s.tar.xz", None),
        ("set_2024-01-09.tar", None),
        ("boxes.json", None),
    ],
)
def test_names_say_which_part_a_file_is(name, expected):
    assert part_of(name) == expected


@pytest.mark.parametrize(
    "names",
    [
        ["s.tar"],
        ["s.7z.001"],
        ["s.7z.000", "s.7z.001"],
        ["s.7z.001", "s.7z.002", "s.7z.003"],
        ["s.tar.gz.aa", "s.tar.gz.ab"],
    ],
)
def test_parts_in_order_are_taken(names):
    check_names(names)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["s.7z.001", "s.7z.003"], r"s\.7z\.003: expected part 2"),
        (["s.7z.002", "s.7z.001"], "before it are missing"),
        (["s.7z.002"], "before it are missing"),
        (["s.7z.001", "s.7z.003", "s.7z.002"], "out of order"),
        (["s.7z.001", "s.7z.001"], "expected part 2"),
        (["s.7z.001", "other.7z.002"], r"not a part of s\.7z"),
        (["s.7z.001", "s.tar"], r"not a part of s\.7z"),
        (["s.tar", "t.tar"], "expected the name of a part"),
        (["../s.7z.001"], "plain name"),
        (["a\\b.tar"], "plain name"),
        ([".."], "plain name"),
        (["s.z01", "s.z02", "s.zip"], "zip -s 0 NAME.zip"),
        (["s.Z01"], "--url NAME-whole.zip"),
    ],
)
def test_parts_that_cannot_be_joined_are_named(names, told):
    with pytest.raises(InputError, match=told):
        check_names(names)


@pytest.mark.parametrize("sizes", [(5,), (5, 5), (5, 5, 2), (5, 0)])
def test_all_but_the_last_part_have_one_size(sizes, tmp_path):
    check_sizes(write(tmp_path, sizes))


@pytest.mark.parametrize(("sizes", "bad"), [((5, 4, 5), 1), ((5, 6), 1), ((5, 5, 9), 2), ((5, 6, 5), 1)])
def test_a_truncated_part_is_named(sizes, bad, tmp_path):
    paths = write(tmp_path, sizes)
    with pytest.raises(InputError, match=paths[bad].name):
        check_sizes(paths)


def write(folder, sizes):
    paths = [folder / f"p.tar.{k:03}" for k in range(1, len(sizes) + 1)]
    start = 0
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(bytes(range(start, start + size)))
        start += size
    return paths


def test_several_files_read_as_one(tmp_path):
    whole = bytes(range(12))
    with JoinedParts(write(tmp_path, (5, 5, 2))) as joined:
        assert joined.size_bytes == 12
        assert joined.readall() == whole
        for start in range(13):
            for size in (1, 3, 12):
                joined.seek(start)
                assert b"".join(iter(partial(joined.read, size), b"")) == whole[start:]
        assert joined.seek(-2, io.SEEK_END) == 10
        assert joined.seek(-3, io.SEEK_CUR) == 7
        assert joined.seek(99) == 99
        assert joined.read(1) == b""
        with pytest.raises(OSError, match="negative"):
            joined.seek(-1)
        files = joined.files
    assert all(file.closed for file in files)
