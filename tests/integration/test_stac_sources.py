"""Do dates of a STAC catalogue, over http and s3, become one image, and never a wrong one?"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from ssr.errors import ImageReadError
from ssr.raster.reader import RasterReader
from ssr.scenes.acquisition import Acquisition, in_order, merged
from ssr.scenes.aoi import parse_aoi
from ssr.scenes.inputs import find_acquisitions
from ssr.scenes.period import parse_period
from ssr.scenes.radiometry import Rules, layers_of
from ssr.scenes.stac import StacQuery, find_stac_acquisitions
from tests.integration.conftest import Run, files_below
from tests.support.s3_server import S3Server, s3_server
from tests.support.sentinel2 import ORIGIN_XY, ground
from tests.support.stac_series import FEW, copernicus_item, earth_search_item, planetary_item, write_bands, write_cog
from tests.support.stac_server import StacServer, stac_server
from tests.support.tolerances import FLOAT32

pytest.importorskip("pystac_client")
pytest.importorskip("odc.stac")

AREA = parse_aoi("15.001,45.150,15.004,45.153")
L2A = "sentinel-2-l2a"
REFLECTANCE = Rules(values="reflectance")
KEY = "?sv=2024&sig=hush%2Bhush%3D"
SIDE = 48


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StacServer]:
    with stac_server(tmp_path / "served") as server:
        yield server


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    pytest.importorskip("moto")
    with s3_server() as server:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def dates_of(server: StacServer, rules: Rules = REFLECTANCE, **query: Any) -> tuple[list[Acquisition], list[str]]:
    """As a series takes them up: in the order of time, overflights joined."""
    found, notes = find_stac_acquisitions(
        StacQuery(server.url, L2A, **query), area=AREA, period=parse_period("2020/2024"), rules=rules
    )
    dates, more = merged(in_order(found))
    return dates, [f"{note.label}: {note.text} {note.detail}" for note in (*notes, *more)]


def pixels_of(date: Acquisition, piece: int = 0, rules: Rules = REFLECTANCE) -> tuple[np.ndarray, list[str]]:
    """Every pixel of a piece of a date, as the network sees it, and what is said of it."""
    layers, notes = layers_of(date.pieces[piece], rules)
    with ExitStack() as opened:
        readers = [
            opened.enter_context(
                RasterReader(one.name, bands=one.bands, to_unit=one.to_unit, missing_dn=one.missing_dn, label=one.label)
            )
            for one in layers
        ]
        read = [reader.read(slice(0, reader.grid.shape_hw[0]), slice(0, reader.grid.shape_hw[1])) for reader in readers]
    return np.concatenate(read), [note.text for note in notes]


def truth(seed: int = 0) -> np.ndarray:
    """Reflectance of red, green and blue, from the recipe of the made-up ground."""
    return np.concatenate([ground(band, seed=seed) for band in ("B04", "B03", "B02")]) / np.float32(10000)


def day_of(server: StacServer, k: int, **changes: Any) -> dict[str, Any]:
    """An item and its files, of the k-th day; each day has a ground of its own."""
    seed, added = changes.pop("seed", k), changes.pop("added_dn", 0)
    write_bands(server.folder / "files" / f"day{k}", seed=seed, added_dn=added)
    told = {
        "moment": f"2020-06-{k:02d}T10:04:00Z",
        "datatake": f"GS2A_202006{k:02d}T100031_0258{k:02d}_N05.00",
    } | changes
    return earth_search_item(f"{server.files}day{k}/", f"S2A_33TWK_202006{k:02d}_0_L2A", **told)


def test_dates_are_found_in_order_and_hold_their_pixels(server: StacServer) -> None:
    server.behave(page_items=2)
    server.serve(*(day_of(server, k) for k in (3, 1, 2)))
    dates, notes = dates_of(server)
    assert [one.name for one in dates] == [f"S2A_33TWK_2020060{k}_0_L2A" for k in (1, 2, 3)]
    assert notes == []
    for k, date in enumerate(dates, start=1):
        found, said = pixels_of(date)
        np.testing.assert_allclose(found, truth(seed=k), rtol=FLOAT32)
        assert said == []


@pytest.mark.parametrize(
    ("added_dn", "taken_out", "said"),
    [(0, True, 0), (1000, False, 0), (1000, None, 0), (0, None, 1), (0, False, 1)],
)
def test_pixels_overrule_what_an_item_says_of_the_offset(
    server: StacServer, added_dn: int, taken_out: bool | None, said: int
) -> None:
    """`said`: how many notes; where the offset is told and not there, one. The ground is dark in places."""
    server.serve(day_of(server, 1, added_dn=added_dn, taken_out=taken_out))
    (date,), _ = dates_of(server)
    found, notes = pixels_of(date)
    np.testing.assert_allclose(found, truth(seed=1), rtol=FLOAT32)
    assert len(notes) == said


def test_tiles_of_one_overflight_are_one_date_newest_baseline_first(server: StacServer) -> None:
    one = day_of(server, 1)
    two = day_of(server, 2, baseline="05.10") | {"id": "S2A_33TXK_20200601_0_L2A"}
    two["properties"] |= {key: one["properties"][key] for key in ("datetime", "s2:datatake_id")}
    server.serve(one, two, day_of(server, 3))
    dates, notes = dates_of(server)
    assert [len(date.pieces) for date in dates] == [2, 1]
    assert [piece.label for piece in dates[0].pieces] == ["S2A_33TXK_20200601_0_L2A", "S2A_33TWK_20200601_0_L2A"]
    assert notes == [
        "S2A_33TXK_20200601_0_L2A, S2A_33TWK_20200601_0_L2A: 2 products of one overflight, read as one date "
    ]


def test_signed_addresses_are_read_and_never_told(server: StacServer) -> None:
    folder = server.folder / "files"
    write_bands(folder)
    write_cog(folder / "TCI.tif", np.full((3, SIDE, SIDE), 90, np.uint8), 10)
    write_cog(folder / "SCL.tif", np.full((1, SIDE // 2, SIDE // 2), 4, np.uint8), 20)
    server.behave(needs="sig=hush%2Bhush%3D")
    server.serve(planetary_item(server.files, query=KEY))
    (date,), notes = dates_of(server)
    found, more = pixels_of(date)
    np.testing.assert_allclose(found, truth(), rtol=FLOAT32)
    assert set(date.pieces[0].sources) >= {"tci", "scl"}  # type: ignore[union-attr]
    assert "hush" not in "".join([*notes, *more, date.name, date.pieces[0].label])
    server.serve(planetary_item(server.files, query=KEY + "&expired"))  # another address: GDAL remembers the first
    server.behave(statuses=[403] * 50)
    (date,), _ = dates_of(server)
    with pytest.raises(ImageReadError, match=r"B04.*403.*B04\.tif\?… is not there, not allowed") as caught:
        pixels_of(date)
    assert "hush" not in str(caught.value)


def test_a_signed_address_that_a_user_gives_is_read_and_never_told(server: StacServer) -> None:
    write_cog(server.folder / "files" / "2020-06-01.tif", np.full((3, SIDE, SIDE), 90, np.uint8), 10)
    (date,) = find_acquisitions([f"{server.files}2020-06-01.tif{KEY}"], rules=Rules(), opened=ExitStack())
    found, _ = pixels_of(date, rules=Rules())
    np.testing.assert_allclose(found, 90 / 255, rtol=FLOAT32)
    assert (date.name, date.pieces[0].label) == ("2020-06-01.tif", f"{server.files}2020-06-01.tif?…")
    assert date.sensed is not None


def test_only_the_windows_of_a_large_image_are_fetched(server: StacServer) -> None:
    """64×64 pixels lie in one to four blocks of 128×128, 36 kB each; the file has more than 2.5 MB."""
    numbers = np.random.default_rng(0).integers(300, 3000, (1, 1536, 1536)).astype(np.uint16)
    for band in FEW:
        write_cog(server.folder / "files" / f"{band}.tif", numbers if band != "B12" else numbers[:, ::2, ::2], 10)
    server.serve(earth_search_item(server.files, side_px=1536))
    (date,), _ = dates_of(server)
    server.behave()
    with RasterReader(date.pieces[0].sources["b04"].name, bands=(1,), to_unit=np.asarray) as reader:  # type: ignore[union-attr]
        found = reader.read(slice(700, 764), slice(800, 864))
    np.testing.assert_array_equal(found, numbers[:, 700:764, 800:864])
    size = (server.folder / "files" / "B04.tif").stat().st_size
    assert size > 2_500_000
    assert server.n_bytes() < size / 10


@pytest.mark.parametrize("dies_after", [0, 1, 2])
def test_a_catalogue_that_vanishes_is_an_error_and_never_pixels(server: StacServer, dies_after: int) -> None:
    server.serve(day_of(server, 1))
    (date,), _ = dates_of(server)
    server.behave(dies_after=dies_after)
    with pytest.raises(
        ImageReadError, match=r"S2A_33TWK_20200601_0_L2A B0\d: .*day1/B0\d\.tif is not there.*try again"
    ):
        pixels_of(date, rules=Rules(values="reflectance", offset_dn=0))


# ---- s3


def test_bands_of_a_bucket_are_read_and_only_their_windows(server: StacServer, store: S3Server, tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(300, 3000, (1, 1536, 1536)).astype(np.uint16)
    large = write_cog(tmp_path / "large.tif", numbers, 10)
    files = write_bands(tmp_path / "bands", added_dn=1000)
    sizes = {"B12": 20}
    store.upload(
        "eodata", {f"{band}_{sizes.get(band, 10)}m.tif": path for band, path in files.items()} | {"large.tif": large}
    )
    server.serve(copernicus_item())
    (date,), _ = dates_of(server)
    found, notes = pixels_of(date)
    np.testing.assert_allclose(found, truth(), rtol=FLOAT32)
    assert notes == []
    with RasterReader("s3://eodata/large.tif", bands=(1,), to_unit=np.asarray) as reader:
        np.testing.assert_array_equal(reader.read(slice(700, 764), slice(800, 864)), numbers[:, 700:764, 800:864])
    fetched = [one for one in store.asked() if one["method"] == "GET" and one["path"].endswith("large.tif")]
    assert 0 < sum(one["n_bytes"] for one in fetched) < large.stat().st_size / 10
    assert all(one["signed"] for one in fetched)


def test_a_public_bucket_is_read_without_a_key_and_a_private_one_is_not(
    store: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_cog(tmp_path / "a.tif", np.full((1, 32, 32), 7, np.uint8), 10)
    store.upload("public", {"a.tif": path}, access="public-read")
    store.upload("private", {"a.tif": path})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    with RasterReader("s3://public/a.tif", bands=(1,), to_unit=np.asarray) as reader:
        assert (reader.read(slice(0, 32), slice(0, 32)) == 7).all()
    with pytest.raises(ImageReadError, match=r"^s3://private/a\.tif: .*403.* not allowed"):
        RasterReader("s3://private/a.tif", bands=(1,), to_unit=np.asarray)
    assert not any(one["signed"] for one in store.asked())


def test_a_key_that_is_not_in_a_bucket_is_named(store: S3Server) -> None:
    store.upload("eodata", {})
    with pytest.raises(ImageReadError, match=r"^s3://eodata/none\.tif: cannot be opened.*it is not there") as caught:
        RasterReader("s3://eodata/none.tif", bands=(1,), to_unit=np.asarray)
    assert "hush" not in str(caught.value)


# ---- the command


def scene(run: Run, server: StacServer, *more: object) -> Any:
    return run(
        "scene", "--stac", server.url, "--collection", L2A, "--aoi", "15.001,45.150,15.004,45.153",
        "--date", "2020-06", "-o", "out.tif", "--model", "bicubic", *more,
    )  # fmt: skip


def test_a_query_becomes_an_image(run: Run, server: StacServer, tmp_path: Path) -> None:
    server.serve(*(day_of(server, k, seed=0) for k in (1, 2, 3)), day_of(server, 4, cloud=80.0))
    done = scene(run, server, "--cloud-cover", "20", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["n_dates_found"], len(told["choice"])) == (3, 3)
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.crs.to_epsg() == 32633
        assert dataset.transform.a == 2.5
        left, top = dataset.transform.c - ORIGIN_XY[0], ORIGIN_XY[1] - dataset.transform.f
        assert left % 10 == top % 10 == 0
        assert dataset.width % 4 == dataset.height % 4 == 0
        assert dataset.read().min() > 0


def test_a_query_beside_files_is_one_series(run: Run, server: StacServer, tmp_path: Path) -> None:
    server.serve(day_of(server, 1, seed=0))
    write_bands(tmp_path / "2020-06-09", seed=0)
    done = scene(run, server, "2020-06-09", "--level", "L2A", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["dates"]) | {one["name"] for one in told["choice"]} == {"S2A_33TWK_20200601_0_L2A", "2020-06-09"}


def test_secrets_of_addresses_are_in_no_word_and_no_file(run: Run, server: StacServer, tmp_path: Path) -> None:
    folder = server.folder / "files"
    write_bands(folder)
    write_cog(folder / "TCI.tif", np.full((3, SIDE, SIDE), 90, np.uint8), 10)
    write_cog(folder / "SCL.tif", np.full((1, SIDE // 2, SIDE // 2), 4, np.uint8), 20)
    server.behave(needs="sig=hush%2Bhush%3D")
    server.serve(planetary_item(server.files, query=KEY))
    done = scene(run, server, "--explain")
    assert done.returncode == 0, done.stderr
    assert "hush" not in done.stdout + done.stderr
    made = {tmp_path / name for name in files_below(tmp_path) if not name.startswith("served/")}
    assert tmp_path / "out.tif" in made
    assert not any(b"hush" in path.read_bytes() for path in made)


def test_a_source_that_vanishes_leaves_one_sentence_and_no_image(run: Run, server: StacServer, tmp_path: Path) -> None:
    server.serve(day_of(server, 1), day_of(server, 2))
    server.behave(dies_after=12)
    started = time.monotonic()
    done = scene(run, server)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: S2A_33TWK_2020060")
    assert "is not there, not allowed, damaged, or its server is gone: try again later" in line
    assert "out.tif" not in files_below(tmp_path)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stac", "http://127.0.0.1:9/stac", "--collection", L2A, "--aoi", "1,2,3,4"], "cannot be reached"),
        (["--stac", "http://127.0.0.1:9/stac", "--collection", L2A], "needs an area; pass --aoi"),
        (["--stac", "http://127.0.0.1:9/stac", "--aoi", "1,2,3,4"], "--collection"),
        (["--collection", L2A, "--aoi", "1,2,3,4"], "--stac"),
    ],
)
def test_half_a_query_is_refused_in_one_sentence(run: Run, arguments: list[str], said: str) -> None:
    done = run("scene", *arguments, "-o", "out.tif")
    assert done.returncode == 2
    assert said in done.stderr
