"""What is kept is there once, whole, or not at all; what another plan did is never taken for one's own."""

import dataclasses
import os

import pytest

from ssr.errors import InputError, OutputError
from ssr.mapping.store import Failed, Store
from tests.support.map_refusing import refusing_store

GIVEN = "0123456789ab"


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / "store"), "recipe")


def test_a_cell_is_done_when_its_marker_is_there(store):
    assert store.list("p").done == {}
    done = store.keep("p", "a-1", GIVEN, {"image": b"pixels", "trust": b"more"}, {"dates": ["x"]})
    assert list(store.list("p").done) == [("a-1", GIVEN)]
    assert store.done("p", "a-1", GIVEN) == done
    assert [store.read("p", file) for file in done.files] == [b"pixels", b"more"]


def test_other_input_and_other_recipes_are_other_work(store):
    store.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})
    assert ("a-1", "f" * 12) not in store.list("p").done
    assert dataclasses.replace(store, recipe="other").list("p").done == {}


def test_equal_work_done_twice_is_there_once(store, tmp_path):
    for _ in range(2):
        store.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})
    assert len(list((tmp_path / "store" / "recipe" / "p").iterdir())) == 2


def test_unequal_work_on_one_cell_is_never_mixed(store):
    """As of two workers on a device that does not compute the same twice."""
    store.keep("p", "a-1", GIVEN, {"image": b"one", "trust": b"one"}, {})
    done = store.keep("p", "a-1", GIVEN, {"image": b"two", "trust": b"two"}, {})
    assert {store.read("p", file) for file in store.done("p", "a-1", GIVEN).files} == {b"two"}
    assert store.sweep("p", older_than_s=0) == 2  # what the first had written
    assert store.done("p", "a-1", GIVEN) == done


def test_without_its_marker_nothing_counts_and_is_swept(store, tmp_path):
    store.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})
    folder = tmp_path / "store" / "recipe" / "p"
    (folder / f"a-1.{GIVEN}.done.json").unlink()
    (folder / "a-1.half.part").write_bytes(b"p")
    assert store.list("p").done == {}
    assert store.sweep("p", older_than_s=3600) == 0  # somebody may be writing
    assert store.sweep("p", older_than_s=0) == 2
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"pixel", b"pixelz", b""])
def test_a_file_that_is_not_what_was_written_is_refused(store, tmp_path, content):
    done = store.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})
    (tmp_path / "store" / "recipe" / "p" / done.files[0].name).write_bytes(content)
    with pytest.raises(InputError, match="not what was written"):
        store.read("p", done.files[0])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cell": "a-1"}'])
def test_a_marker_that_is_not_whole_is_refused(store, tmp_path, content):
    store.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})
    (tmp_path / "store" / "recipe" / "p" / f"a-1.{GIVEN}.done.json").write_bytes(content)
    with pytest.raises(InputError, match="not whole"):
        store.done("p", "a-1", GIVEN)


def test_a_cell_set_aside_is_known_with_its_error_until_it_is_done(store):
    failed = Failed("a-1", GIVEN, "bad", 3)
    store.set_aside("p", failed)
    assert store.failed("p", "a-1", GIVEN) == failed
    assert list(store.list("p").failed) == [("a-1", GIVEN)]
    store.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})
    assert store.list("p").failed == {}
    store.take_up_again("p", "a-1", GIVEN)
    store.take_up_again("p", "a-1", GIVEN)  # nothing is left to forget
    assert list(store.list("p").done) == [("a-1", GIVEN)]


def test_nothing_in_the_store_tells_when_it_was_made(store, tmp_path):
    trees = []
    for name in ("one", "two"):
        other = dataclasses.replace(store, url=str(tmp_path / name))
        other.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {"dates": ["x"]})
        folder = tmp_path / name / "recipe" / "p"
        trees.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert trees[0] == trees[1]


def test_a_store_that_refuses_one_write_in_ten_is_asked_again():
    with refusing_store(every=10) as (store, told):
        for k in range(100):
            store.keep("p", f"c-{k}", GIVEN, {"image": b"%d" % k}, {})
        assert len(store.list("p").done) == 100
        assert told.n_refused >= 20


def test_a_store_that_refuses_always_is_an_error():
    with refusing_store(every=1) as (store, _), pytest.raises(OutputError, match="cannot be written"):
        store.keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})


@pytest.mark.skipif(os.name != "posix", reason="folders that cannot be written are made by mode")
def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(OutputError, match="cannot be written"):
        Store(str(tmp_path / "store"), "recipe").keep("p", "a-1", GIVEN, {"image": b"pixels"}, {})


@pytest.mark.parametrize("url", ["nothing://bucket/x", "s4://a"])
def test_an_address_of_no_known_kind_is_refused(url):
    with pytest.raises(InputError, match="no store can be opened"):
        Store(url, "recipe").list("p")
