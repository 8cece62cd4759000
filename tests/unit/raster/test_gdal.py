"""Are files on the web read a window at a time, failures told, and secrets kept?"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from ssr.errors import ImageReadError
from ssr.raster.gdal import gdal_environment, without_secrets
from ssr.raster.reader import RasterReader
from tests.support.stac_series import write_cog
from tests.support.stac_server import StacServer, stac_server

SIDE = 768
KEY = "?sv=2024&sig=hush%2Bhush%3D&se=2026"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StacServer]:
    folder = tmp_path_factory.mktemp("web")
    with stac_server(folder) as server:
        write_cog(folder / "files" / "big.tif", noise(), 10)
        yield server


@pytest.fixture
def server(running: StacServer) -> StacServer:
    """GDAL remembers what it has fetched by address, so every test has a query of its own."""
    running.behave()
    return running


def noise() -> np.ndarray:
    """Numbers that no compression makes small: about 3.5 MB."""
    return np.random.default_rng(0).integers(1, 60_000, (3, SIDE, SIDE)).astype(np.uint16)


def read(address: str, rows: slice = slice(300, 400), columns: slice = slice(500, 580)) -> np.ndarray:
    with RasterReader(address, to_unit=np.asarray) as reader:
        return reader.read(rows, columns)


def refusal(address: str) -> str:
    with pytest.raises(ImageReadError) as caught:
        read(address)
    told = str(caught.value)
    assert "\n" not in told
    assert "hush" not in told
    return told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.org/b.tif", "https://a.org/b.tif"),
        ("https://a.org/b.tif?sig=hush", "https://a.org/b.tif?…"),
        ("https://user:hush@a.org:8080/b.tif", "https://a.org:8080/b.tif"),
        ("s3://bucket/key.jp2", "s3://bucket/key.jp2"),
        ("'/vsicurl/http://a.org/b.tif?sig=hush' not recognised", "'/vsicurl/http://a.org/b.tif?…' not recognised"),
        ("b.tif?mode=1&sig=hush, band 1: IReadBlock failed", "b.tif?…, band 1: IReadBlock failed"),
        ("from http://a.org?x=hush to ftp://u:hush@b.org/c", "from http://a.org?… to ftp://b.org/c"),
        ("https://a.org/b.tif?…: no", "https://a.org/b.tif?…: no"),
        ("(https://a.org/b.tif?a=1,sig=hush).", "(https://a.org/b.tif?…)."),
        ("rows 1…2 of /home/me/what?.tif: no?", "rows 1…2 of /home/me/what?.tif: no?"),
    ],
)
def test_addresses_are_shown_without_what_can_be_a_secret(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_errors_that_leave_the_environment_hold_no_secrets_down_to_their_causes() -> None:
    def open_badly() -> None:
        with gdal_environment(online=True):
            try:
                rasterio.open("/vsicurl/http://127.0.0.1:9/a.tif?sig=hush")
            except rasterio.RasterioIOError as error:
                raise ImageReadError(f"http://127.0.0.1:9/a.tif?sig=hush: {error}") from error

    with pytest.raises(ImageReadError, match=r"a\.tif\?…: ") as caught:
        open_badly()
    error: BaseException | None = caught.value
    while error is not None:
        assert "hush" not in str(error)
        assert "hush" not in repr(error.args)
        error = error.__cause__


def test_a_signed_address_is_read_and_only_a_window_of_it(server: StacServer) -> None:
    server.behave(needs="sig=hush%2Bhush%3D")
    size = (server.folder / "files" / "big.tif").stat().st_size
    assert size > 3_000_000
    np.testing.assert_array_equal(read(f"{server.files}big.tif{KEY}&a"), noise()[:, 300:400, 500:580])
    assert 0 < server.n_bytes() < size / 8


@pytest.mark.parametrize(("status", "said"), [(403, "403"), (404, "404"), (401, "401"), (410, "410")])
def test_an_address_that_is_refused_says_so_and_what_to_do(server: StacServer, status: int, said: str) -> None:
    server.behave(statuses=[status] * 9)
    told = refusal(f"{server.files}big.tif{KEY}&{status}")
    assert f"{server.files}big.tif?…: cannot be opened as an image" in told
    assert said in told
    assert "try again later, or download the file and give its path" in told


@pytest.mark.parametrize("statuses", [[500], [503], [502], [429], [504]])
def test_a_server_that_fails_once_is_asked_again(server: StacServer, statuses: list[int]) -> None:
    server.behave(statuses=statuses)
    np.testing.assert_array_equal(read(f"{server.files}big.tif?once={statuses}"), noise()[:, 300:400, 500:580])


def test_a_server_that_fails_in_the_middle_is_asked_again(server: StacServer) -> None:
    address = f"{server.files}big.tif?middle"
    with RasterReader(address, to_unit=np.asarray) as reader:
        server.behave(statuses=[503, 500])
        found = reader.read(slice(0, 700), slice(0, 700))
    np.testing.assert_array_equal(found, noise()[:, :700, :700])


@pytest.mark.parametrize("spoiled", ["truncated", "garbage", "page", "short"])
def test_spoiled_answers_are_errors_and_never_pixels(server: StacServer, spoiled: str) -> None:
    address = f"{server.files}big.tif?{spoiled}&sig=hush"
    with RasterReader(address, to_unit=np.asarray, label="S2A B04") as reader:
        server.behave(spoiled=spoiled)
        with pytest.raises(ImageReadError) as caught:
            reader.read(slice(600, 700), slice(600, 700))
    told = str(caught.value)
    assert "S2A B04: cannot be decoded at rows 600…700, columns 600…700" in told
    assert f"{server.files}big.tif?… is not there, not allowed, damaged, or its server is gone" in told
    assert "hush" not in told


@pytest.mark.parametrize("view", ["read", "read_thinned"])
def test_a_server_that_is_gone_is_an_error_and_never_zeros(tmp_path: Path, view: str) -> None:
    with stac_server(tmp_path) as server:
        write_cog(tmp_path / "files" / "big.tif", noise(), 10)
        server.behave(dies_after=3)
        with RasterReader(f"{server.files}big.tif?sig=hush", to_unit=np.asarray) as reader:

            def read_all() -> None:
                for first in range(0, SIDE, 128):
                    if view == "read":
                        found = reader.read(slice(first, first + 128), slice(0, SIDE))
                        np.testing.assert_array_equal(found, noise()[:, first : first + 128])
                    else:
                        assert reader.read_thinned(1 + first // 128).all()

            with pytest.raises(ImageReadError, match=r"big\.tif\?…: .*; it is not there.*try again later") as caught:
                read_all()
            assert "hush" not in str(caught.value)


def test_a_file_of_this_machine_cannot_send_for_others_on_the_web(server: StacServer, tmp_path: Path) -> None:
    path = tmp_path / "sly.vrt"
    source = f"<SourceFilename>/vsicurl/{server.files}big.tif?sly</SourceFilename><SourceBand>1</SourceBand>"
    path.write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"{source}</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(ImageReadError, match=r"sly\.vrt"), RasterReader(path, bands=(1,), to_unit=np.asarray) as reader:
        reader.read(slice(0, 9), slice(0, 9))
    assert server.n_bytes() == 0
