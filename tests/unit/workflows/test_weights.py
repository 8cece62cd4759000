"""Listing, describing, getting and verifying, with tiny networks."""

import hashlib
from pathlib import Path

import pytest
import torch

from ssr.checkpoints.inspection import Reading
from ssr.errors import ConfigError, WeightsError
from ssr.workflows.shelf import Shelf
from ssr.workflows.weights import describe, get_weights, list_weights, verify
from tests.support.bad_server import BadServer
from tests.support.scenes import tiny_date_fusion, tiny_rrdbnet, write_weights
from tests.support.shelf import published, tiny_shelf


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return write_weights(tmp_path / "source.pth", tiny_rrdbnet()).read_bytes()


@pytest.fixture
def shelf(server: BadServer, tmp_path: Path, content: bytes) -> Shelf:
    return tiny_shelf(
        tmp_path / "cache",
        published("one", server.serve("one.pth", content), warnings=("mind the step",)),
        published("two", server.serve("two.pth", content)),
        published("own"),
        published("start", server.serve("start.pth", content), is_start_only=True, n_revisits=None, n_parameters=None),
    )


def test_the_list_says_what_is_where(shelf: Shelf, content: bytes) -> None:
    get_weights(["one"], shelf=shelf)
    *bundled, one, two, own, start = list_weights(shelf=shelf)
    assert [(listed.name, listed.bands) for listed in bundled] == [
        ("compact-8", ("tci",)),
        ("compact-8-rgbn", ("tci", "b08")),
    ]
    assert {(listed.where, listed.n_revisits, listed.architecture) for listed in bundled} == {
        ("bundled", None, "date_fusion")
    }
    assert (one.where, one.size_bytes, one.warnings) == ("cached", len(content), ("mind the step",))
    assert (two.where, two.size_bytes) == ("can be downloaded", 500_000)
    assert own.where == "local only"
    assert (start.n_revisits, start.n_parameters) == (None, None)


def test_the_real_list_has_what_is_bundled_and_what_was_published(tmp_path: Path) -> None:
    listed = list_weights(shelf=Shelf(folder=tmp_path))
    assert len(listed) == 2 + 15
    assert {weights.where for weights in listed} == {"bundled", "can be downloaded", "local only"}


def test_a_published_name_is_described_before_and_after_it_is_here(shelf: Shelf, server: BadServer) -> None:
    before = describe("one", shelf=shelf)
    assert before.file is None
    assert before.sources == (server.url + "one.pth",)
    assert "divided by 255" in before.normalisation
    got = get_weights(["one"], shelf=shelf)[0]
    after = describe("one", shelf=shelf)
    assert after.file.sha256 == got.sha256
    assert after.file.readings == (Reading(2, 3, 4),)
    got.path.write_bytes(b"changed")
    with pytest.raises(WeightsError, match="has changed"):
        describe("one", shelf=shelf)


def test_a_file_is_described_by_its_shapes(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "mine.pth", tiny_date_fusion())
    described = describe(path)
    assert (described.name, described.published) == ("mine.pth", None)
    assert (described.file.architecture, described.file.has_ema) == ("date_fusion", True)


def test_a_bundled_model_is_described() -> None:
    described = describe("compact-8")
    assert described.listed.where == "bundled"
    assert described.file.architecture == "date_fusion"


def test_something_unknown_is_not_described(shelf: Shelf) -> None:
    with pytest.raises(WeightsError, match="nothing: neither a weight file"):
        describe("nothing", shelf=shelf)


def test_several_are_gotten_and_say_where_they_are(shelf: Shelf, content: bytes, server: BadServer) -> None:
    one, two = get_weights(["one", "two"], shelf=shelf)
    assert one.sha256 == two.sha256 == hashlib.sha256(content).hexdigest()
    assert one.path == shelf.folder / "one.pth"
    assert one.notes == ("one: mind the step",)
    assert (two.url, two.notes, two.was_cached) == (server.url + "two.pth", (), False)
    assert get_weights(["two"], shelf=shelf)[0].was_cached


def test_a_replaced_file_is_noted(shelf: Shelf, server: BadServer, tmp_path: Path, content: bytes) -> None:
    get_weights(["two"], shelf=shelf)
    newer = write_weights(tmp_path / "newer.pth", tiny_rrdbnet().double()).read_bytes()
    server.serve("two.pth", newer)
    assert get_weights(["two"], shelf=shelf)[0].was_cached
    notes = get_weights(["two"], force=True, shelf=shelf)[0].notes
    assert notes == (f"two: replaces a file with SHA-256 {hashlib.sha256(content).hexdigest()}",)


def test_a_file_of_one_s_own_is_taken_in(shelf: Shelf, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WeightsError, match=r"own: not in the cache.*no public link"):
        get_weights(["own"], shelf=shelf)
    got = get_weights(["own"], url=str(tmp_path / "source.pth"), offline=True, shelf=shelf)[0]
    assert got.path.read_bytes() == content
    assert {listed.name: listed.where for listed in list_weights(shelf=shelf)}["own"] == "cached"


def test_a_start_for_training_need_only_be_of_its_architecture(shelf: Shelf, server: BadServer, tmp_path: Path) -> None:
    server.serve("start.pth", write_weights(tmp_path / "a.pth", tiny_rrdbnet(n_revisits=7)).read_bytes())
    assert get_weights(["start"], shelf=shelf)
    server.serve("start.pth", write_weights(tmp_path / "a.pth", tiny_date_fusion()).read_bytes(), etag='"b"')
    with pytest.raises(WeightsError, match="expected tensors of esrgan, found date_fusion"):
        get_weights(["start"], force=True, shelf=shelf)
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    server.serve("start.pth", (tmp_path / "a.pth").read_bytes(), etag='"c"')
    with pytest.raises(WeightsError, match="found an unknown network"):
        get_weights(["start"], force=True, shelf=shelf)


@pytest.mark.parametrize(
    ("names", "options", "told"),
    [
        (["one"], {"sha256": "abc"}, "--sha256: expected 64 hexadecimal digits, found 'abc'"),
        (["one", "two"], {"sha256": "a" * 64}, "--sha256: is the hash of one file, found 2"),
        (["one", "two"], {"url": "http://me:pw@a.example/x.pth"}, "--url: http://a.example/x.pth is one file, found 2"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(
    shelf: Shelf, server: BadServer, names: list[str], options: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        get_weights(names, shelf=shelf, **options)
    assert server.asked == []


def test_an_unknown_name_stops_before_anything_is_fetched(shelf: Shelf, server: BadServer) -> None:
    with pytest.raises(WeightsError, match=r"onne.*did you mean one"):
        get_weights(["two", "onne"], shelf=shelf)
    assert server.asked == []


def test_a_hash_may_be_written_large(shelf: Shelf, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    assert get_weights(["one"], sha256=digest.upper(), shelf=shelf)[0].sha256 == digest


def test_verifying_covers_all_that_is_cached(shelf: Shelf, content: bytes) -> None:
    assert verify(shelf=shelf) == ()
    get_weights(["one", "two"], shelf=shelf)
    assert [(v.name, v.is_good) for v in verify(shelf=shelf)] == [("one", True), ("two", True)]
    (shelf.folder / "two.pth").write_bytes(content[:-1] + b"x")
    one, two = verify(shelf=shelf)
    assert one.told.startswith("as downloaded on ")
    assert not two.is_good
    assert "has changed since its download" in two.told


def test_verifying_reads_files_of_one_s_own_through(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "source.pth"
    whole = path.read_bytes()
    assert [v.is_good for v in verify([path, "compact-8"], shelf=shelf)] == [True, True]
    path.write_bytes(whole[: len(whole) // 2])
    (verdict,) = verify([path], shelf=shelf)
    assert not verdict.is_good
    assert "source.pth" in verdict.told


def test_verifying_what_is_not_here_says_how_to_get_it(shelf: Shelf) -> None:
    (verdict,) = verify(["one"], shelf=shelf)
    assert not verdict.is_good
    assert "ssr weights get one" in verdict.told
    with pytest.raises(WeightsError, match="neither a weight file"):
        verify(["nothing"], shelf=shelf)
