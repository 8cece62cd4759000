"""Do published archives get here whole, over a line that fails, and never over what is there?"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ssr.data.published import DATA, Source, sources_of
from ssr.errors import ConfigError, InputError, OutputError
from ssr.workflows import archives
from ssr.workflows.archives import Signals, Wish, get_data, list_data
from tests.support.bad_server import BadServer
from tests.unit.data.archives import FILES, assert_holds_all, cut, tar_entry, write_archive, write_tar

NAME = "train_urban_set"
NUMBERS = (".001", ".002", ".003")
N_BYTES = sum(FILES.values())


@pytest.fixture(autouse=True)
def _no_address_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSR_DATA_URL", raising=False)
    monkeypatch.setattr(archives, "PATIENCE", replace(archives.PATIENCE, pause_s=0.0))


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """A zip in three parts."""
    return cut(tmp_path / f"{NAME}.zip", write_archive(tmp_path / f"{NAME}.zip"), 3, NUMBERS)


@pytest.fixture
def url(server: BadServer, parts: list[Path]) -> str:
    """A folder of the server with the parts and a page that names them."""
    for part in parts:
        server.serve(f"data/{part.name}", part.read_bytes())
    page = "".join(f'<a href="{part.name}">{part.name}</a>' for part in reversed(parts))
    return server.serve("data/", f"<html>{page}</html>".encode(), type="text/html")


def asked_for(server: BadServer) -> list[str]:
    return [asked.path.removeprefix("/data/") for asked in server.asked]


def test_parts_found_in_a_listing_become_a_folder(url: str, server: BadServer, tmp_path: Path) -> None:
    told: list[str] = []
    gotten = get_data(NAME, tmp_path / "out", Wish(url), signals=Signals(tell=told.append))
    assert_holds_all(tmp_path / "out" / NAME)
    assert (gotten.n_fetched, gotten.n_files, gotten.n_bytes, gotten.was_here) == (3, len(FILES), N_BYTES, False)
    assert gotten.options == {
        "naip": str(tmp_path / "out" / NAME / "set" / "naip"),
        "sentinel2": str(tmp_path / "out" / NAME / "set" / "sentinel2"),
    }
    assert asked_for(server) == ["", *(f"{NAME}.zip{number}" for number in NUMBERS)]
    assert told == [f"part {k} of 3: {NAME}.zip.00{k}" for k in (1, 2, 3)] + ["extracting 3 part(s)"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f".{NAME}.json", f".{NAME}.lock", NAME]


def test_what_is_in_place_is_not_fetched_again(url: str, server: BadServer, tmp_path: Path) -> None:
    first = get_data(NAME, tmp_path / "out", Wish(url))
    n_asked = len(server.asked)
    again = get_data(NAME, tmp_path / "out", Wish(url))
    assert again.was_here
    assert (again.path, again.n_files, again.n_bytes) == (first.path, first.n_files, first.n_bytes)
    assert len(server.asked) == n_asked


def test_a_broken_line_goes_on_and_finished_parts_are_kept(
    url: str, server: BadServer, parts: list[Path], tmp_path: Path
) -> None:
    server.files[f"/data/{parts[1].name}"].drops_after = 500
    server.files[f"/data/{parts[1].name}"].n_drops = 1
    last = server.files.pop(f"/data/{parts[2].name}")
    with pytest.raises(InputError, match=r"404.*what has arrived is kept"):
        get_data(NAME, tmp_path / "out", Wish(url))
    assert [asked.range for asked in server.asked if parts[1].name in asked.path] == [None, "bytes=500-"]
    assert not (tmp_path / "out" / NAME).exists()
    server.files[f"/data/{parts[2].name}"] = last
    server.asked.clear()
    gotten = get_data(NAME, tmp_path / "out", Wish(url))
    assert asked_for(server) == ["", parts[2].name]
    assert gotten.n_fetched == 1
    assert_holds_all(tmp_path / "out" / NAME)


def test_parts_are_left_alone_or_kept_as_asked_for(url: str, server: BadServer, tmp_path: Path) -> None:
    only_parts = get_data(NAME, tmp_path / "out", Wish(url, extract=False))
    assert (only_parts.path, only_parts.n_fetched) == (None, 3)
    assert only_parts.parts is not None
    fetched = sorted(path.name for path in only_parts.parts.iterdir())
    assert fetched == sorted([f"{NAME}.zip{n}" for n in NUMBERS] + [f"{NAME}.zip{n}.json" for n in NUMBERS])
    kept = get_data(NAME, tmp_path / "out", Wish(url, keep_archives=True))
    assert (kept.n_fetched, kept.parts) == (0, only_parts.parts)
    assert sorted(path.name for path in only_parts.parts.iterdir()) == fetched


def test_a_part_that_changed_on_disk_is_named(url: str, tmp_path: Path) -> None:
    kept = get_data(NAME, tmp_path / "out", Wish(url, extract=False)).parts
    assert kept is not None
    second = kept / f"{NAME}.zip.002"
    second.write_bytes(bytes(len(second.read_bytes())))
    with pytest.raises(InputError, match=rf"delete {second.name} in .*same command again"):
        get_data(NAME, tmp_path / "out", Wish(url))
    assert not (tmp_path / "out" / NAME).exists()
    second.unlink()
    get_data(NAME, tmp_path / "out", Wish(url))
    assert_holds_all(tmp_path / "out" / NAME)


def test_what_others_put_there_is_not_touched_unless_asked_for(parts: list[Path], tmp_path: Path) -> None:
    mine = tmp_path / "out" / NAME / "set" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    wish = Wish(f"{tmp_path}/")
    with pytest.raises(OutputError, match="--overwrite"):
        get_data(NAME, tmp_path / "out", wish)
    assert mine.read_text() == "mine"
    get_data(NAME, tmp_path / "out", Wish(f"{tmp_path}/", overwrite=True))
    assert_holds_all(tmp_path / "out" / NAME)
    assert all(part.is_file() for part in parts)


def test_a_hostile_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    write_tar(tmp_path / "val_set.tar", tar_entry("a", size=1), tar_entry("../out-of-it", size=1))
    with pytest.raises(InputError, match="leads out"):
        get_data("val_set", tmp_path / "out", Wish(str(tmp_path / "val_set.tar")))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".val_set.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "val_set.tar"]


def test_leftovers_of_a_killed_extraction_are_removed(parts: list[Path], tmp_path: Path) -> None:
    leftover = tmp_path / "out" / f".{NAME}.extracting" / "set" / "half"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("half")
    get_data(NAME, tmp_path / "out", Wish(str(tmp_path)))
    assert_holds_all(tmp_path / "out" / NAME)
    assert not leftover.parent.parent.exists()


def test_a_folder_of_the_archives_own_name_is_not_there_twice(tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar", tar_entry("val_set/naip/rgb.png", size=3))
    gotten = get_data("val_set", tmp_path / "out", Wish(str(tmp_path / "x.tar")))
    assert (tmp_path / "out" / "val_set" / "naip" / "rgb.png").is_file()
    assert gotten.options == {"naip": str(tmp_path / "out" / "val_set" / "naip")}


def test_side_files_say_which_option_they_are(server: BadServer, tmp_path: Path) -> None:
    url = server.serve("osm_chips_to_masks.json", b"{}")
    gotten = get_data("osm_boxes", tmp_path / "out", Wish(url))
    assert gotten.options == {"objects": str(tmp_path / "out" / "osm_chips_to_masks.json")}
    write_tar(tmp_path / "w.tar", tar_entry("train_tile_weights/urban_set_weights.json", size=2))
    gotten = get_data("tile_weights", tmp_path / "out", Wish(str(tmp_path / "w.tar")))
    assert gotten.options["tile_weights"].endswith("urban_set_weights.json")


def test_the_next_source_is_tried_unless_something_has_arrived(server: BadServer, url: str, tmp_path: Path) -> None:
    absent = Source(server.url + "absent/", (f"{NAME}.zip",))
    gotten = get_data(NAME, tmp_path / "out", sources=[absent, Source(url, (), url)])
    assert gotten.n_fetched == 3
    with pytest.raises(InputError, match=r"404.*--url"):
        get_data("val_set", tmp_path / "out", sources=[absent])


@pytest.mark.parametrize("served", [b"<html>log in</html>", b""])
def test_a_page_or_nothing_instead_of_the_archive_is_refused(served: bytes, server: BadServer, tmp_path: Path) -> None:
    url = server.serve("val_set.tar", served)
    with pytest.raises(InputError, match=r"web page|not an archive"):
        get_data("val_set", tmp_path / "out", Wish(url))
    assert not (tmp_path / "out" / "val_set").exists()


def test_without_a_listing_parts_must_be_named(server: BadServer, url: str, tmp_path: Path) -> None:
    del server.files["/data/"]
    with pytest.raises(InputError, match="--parts"):
        get_data(NAME, tmp_path / "out", Wish(url))
    names = tuple(f"{NAME}.zip{number}" for number in NUMBERS)
    with pytest.raises(InputError, match="part is missing or out of order"):
        get_data(NAME, tmp_path / "out", Wish(url, (names[0], names[2])))
    get_data(NAME, tmp_path / "out", Wish(url, names))
    assert_holds_all(tmp_path / "out" / NAME)


def test_a_wrong_name_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match=r"did you mean val_set\? there are train_urban_set"):
        get_data("valset", Path("out"))


def test_addresses_follow_the_wish_then_the_environment_then_what_was_published() -> None:
    entry = DATA["val_set"]
    file = "super_resolution_val_set_2024-01-09.tar"
    assert sources_of(entry, environment={}) == list(entry.sources)
    mirror = {"SSR_DATA_URL": "https://mirror.example/data?key=1"}
    assert sources_of(entry, environment=mirror) == [Source("https://mirror.example/data/?key=1", (file,))]
    single = sources_of(entry, url="https://x.example/a/b.tar?key=1", environment=mirror)
    assert single == [Source("https://x.example/a/?key=1", ("b.tar",))]
    assert sources_of(entry, url="b.tar", environment={}) == [Source("./", ("b.tar",))]
    (urban,) = sources_of(DATA[NAME], url="https://x.example/", environment={})
    assert urban == Source("https://x.example/", (), "https://x.example/")


def test_the_list_holds_every_archive_and_says_that_links_were_not_checked() -> None:
    listed = list_data()
    assert [data.name for data in listed] == list(DATA)
    assert all("not checked" in data.provenance and data.addresses for data in listed)
    assert json.dumps([vars(data) for data in listed])
