"""Does the page work for somebody with a browser? In a real one, without a screen."""

import json
import math
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.warp import transform

from ssr.viewer.notebook import show
from ssr.viewer.opening import open_paths
from ssr.viewer.page import write_page
from ssr.viewer.serving import address_of, listen, make_server
from tests.support.scenes import TEN_METRES, write_image, write_tiff
from tests.support.tile_server import colour_of, tile_server
from tests.unit.viewer.conftest import write_trust

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]

FINE = TEN_METRES @ Affine.scale(0.25)
RESULT, DATES = (200, 40, 40), ((40, 200, 40), (40, 40, 200))
"""Colours that nobody mistakes for each other."""
HW = (400, 600)


def plain(colour: tuple[int, int, int], shape_hw: tuple[int, int]) -> np.ndarray:
    return np.array(colour, np.uint8)[:, None, None].repeat(shape_hw[0], 1).repeat(shape_hw[1], 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("browser")
    for k, colour in enumerate(DATES, start=1):
        write_tiff(root / "dates" / f"2021-0{k}-01.tif", plain(colour, (100, 150)))
    out = write_tiff(root / "out.tif", plain(RESULT, HW), transform=FINE)
    with rasterio.open(out, "r+") as dataset:
        dataset.update_tags(SSR_MODEL="compact-8")
    write_trust(root / "out.trust.tif", HW)
    dates = [{"number": k, "name": f"2021-0{k}-01.tif", "time": None, "why": "best" if k == 2 else ""} for k in (1, 2)]
    (root / "out.dates.json").write_text(json.dumps({"dates": dates}))
    served = np.array([[[1]], [[2]]], np.uint8)
    write_tiff(root / "out.dates.tif", served, transform=TEN_METRES @ Affine.scale(150, 100))
    for k in range(3):
        for name, side in (("lr", 8), ("sr", 32)):
            write_image(root / "chips" / str(k) / f"{name}.png", plain((60 * k, 90, 90), (side, side)))
    return root


@contextmanager
def serving(*paths: Path, basemap: str | None = None) -> Iterator[str]:
    """A real server, in a thread of its own."""
    with listen("127.0.0.1", None) as sock:
        ready = threading.Event()
        collection = open_paths([str(path) for path in paths])
        server = make_server(collection, host="127.0.0.1", basemap=basemap, ready=ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        assert ready.wait(60)
        yield address_of(sock)
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(folder / "out.tif", folder / "dates") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page whose scripts may say nothing on the console."""
    context = browser.new_context(viewport={"width": 1000, "height": 700}, color_scheme="light")
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert said == []


def settled(page: Any) -> None:
    page.wait_for_selector("#map[data-settled=true]", timeout=30_000)


def colour_at(page: Any, x_share: float, y_share: float) -> tuple[int, ...]:
    """What is on the canvas, at shares of its width and height."""
    settled(page)
    read = """(canvas, [x, y]) => {
        const pen = new OffscreenCanvas(1, 1).getContext("2d");
        pen.drawImage(canvas, -Math.floor(canvas.width * x), -Math.floor(canvas.height * y));
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }"""
    return tuple(page.locator("#map").evaluate(read, [x_share, y_share]))


def test_left_is_the_best_date_and_right_the_result(page: Any, address: str) -> None:
    page.goto(address)
    assert (colour_at(page, 0.3, 0.5), colour_at(page, 0.7, 0.5)) == (DATES[1], RESULT)
    assert page.locator("#name-left").text_content() == "Low-res 2021-02-01"
    assert page.locator("#name-right").text_content() == "Super-resolved: out"


def test_the_line_moves_by_mouse_and_by_keys(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)
    box = page.locator("#swipe").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, 200)
    page.mouse.down()
    page.mouse.move(150, 200, steps=4)
    page.mouse.up()
    assert colour_at(page, 0.3, 0.5) == RESULT
    page.locator("#swipe").focus()
    page.keyboard.press("End")
    assert colour_at(page, 0.7, 0.5) == DATES[1]
    assert page.locator("#swipe").get_attribute("aria-valuenow") == "100"


def test_keys_choose_layers_dates_and_swipe(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)
    page.locator("#map").focus()
    page.keyboard.press("Shift+Digit1")
    assert colour_at(page, 0.3, 0.5) == RESULT
    page.keyboard.press("Digit2")
    assert colour_at(page, 0.7, 0.5) == DATES[1]
    page.keyboard.press(",")
    assert colour_at(page, 0.7, 0.5) == DATES[0]
    page.keyboard.press("Digit3")  # bicubic of a plain colour is that colour
    assert colour_at(page, 0.7, 0.5) == DATES[0]
    assert page.locator("#name-right").text_content() == "Bicubic 2021-01-01"
    page.keyboard.press("s")
    assert page.locator("#swipe").is_hidden()
    assert colour_at(page, 0.3, 0.5) == DATES[0]
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()


def test_arrows_and_plus_move_the_map(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)
    page.locator("#map").focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    assert colour_at(page, 0.3, 0.5) == DATES[1]
    assert colour_at(page, 0.7, 0.5) == (0, 0, 0)  # beyond the edge there is nothing
    page.keyboard.press("0")
    assert colour_at(page, 0.7, 0.5) == RESULT


def test_controls_do_what_keys_do(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)
    page.select_option("#right", "date")
    assert colour_at(page, 0.7, 0.5) == DATES[1]
    page.locator("#date").fill("0")
    assert colour_at(page, 0.7, 0.5) == DATES[0]
    page.click("#swap")
    page.uncheck("#swiping")
    page.click("#zoom [data-act=in]")
    assert page.locator("#right").input_value() == "date"


def test_trust_lies_over_the_picture_with_a_legend(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)
    page.select_option("#overlay", "o1")
    page.locator("#opacity").fill("100")
    blended = colour_at(page, 0.7, 0.5)
    assert blended != RESULT
    assert page.locator("#legend .ends").text_content() == "01"
    assert "share of pixels that were right" in page.locator("#legend").text_content()
    page.locator("#opacity").fill("0")
    assert colour_at(page, 0.7, 0.5) == RESULT


def test_a_click_tells_values_dates_and_trust(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)
    page.locator("#map").click(position={"x": 500, "y": 300})
    page.wait_for_selector("#values table")
    text = page.locator("#values").inner_text()
    assert "200 40 40" in text
    assert "40 200 40" in text
    assert "2 of 2 dates used here: 2021-01-01, 2021-02-01" in text
    column = int(re.search(r"column (\d+)", text)[1])
    assert f"{column % 101 / 100:.2f}" in text


def test_a_link_restores_the_view(page: Any, address: str) -> None:
    page.goto(f"{address}#x=123.5&y=200&z=4&a=bicubic&b=l0&s=0.25&d=0&o=o2&t=0.3&p=200,120")
    settled(page)
    page.wait_for_selector("#values table")
    assert page.locator("#left").input_value() == "bicubic"
    assert page.locator("#overlay").input_value() == "o2"
    assert page.locator("#opacity").input_value() == "30"
    assert page.locator("#swipe").get_attribute("aria-valuenow") == "25"
    assert "row 200, column 120" in page.locator("#values").inner_text()
    page.keyboard.press("t")
    page.wait_for_timeout(300)
    assert "x=123.5&y=200.0&z=4&a=bicubic&b=l0&s=0.25" in page.url.replace("200.00", "200.0").replace("123.50", "123.5")
    assert "o=" not in page.url.split("#")[1].split("&p=")[0]


@pytest.mark.parametrize(
    "link", ["#x=a&y=&z=-1", "#a=__proto__&b=constructor&o=zzz&d=99&s=7", "#n=99", "#" + "x=1&" * 500]
)
def test_a_link_that_makes_no_sense_shows_the_place_all_the_same(page: Any, address: str, link: str) -> None:
    page.goto(address + link)
    assert colour_at(page, 0.5, 0.5) in (RESULT, *DATES)


def test_the_view_is_saved_as_a_picture(page: Any, address: str, tmp_path: Path) -> None:
    page.goto(address)
    settled(page)
    with page.expect_download() as waiting:
        page.click("#png")
    waiting.value.save_as(tmp_path / "a.png")
    assert waiting.value.suggested_filename == "out.png"
    with Image.open(tmp_path / "a.png") as image:
        width, height = image.size
        assert image.getpixel((int(width * 0.7), height // 2))[:3] == RESULT
        assert image.getpixel((int(width * 0.3), height // 2))[:3] == DATES[1]


def test_a_basemap_lies_below_and_in_its_place(page: Any, folder: Path) -> None:
    with tile_server() as (template, asked), serving(folder / "out.tif", basemap=template) as address:
        page.goto(f"{address}#x=0&y=200&z=1&w=0")  # the result begins in the middle of the window
        for _ in range(100):
            page.wait_for_timeout(100)
            if len(asked) >= 6:
                break
        page.wait_for_timeout(500)
        found = colour_at(page, 0.25, 0.5)
        with rasterio.open(folder / "out.tif") as dataset:
            east, north = dataset.transform @ (-page.locator("#map").bounding_box()["width"] / 4, 200)
            (longitude,), (latitude,) = transform(dataset.crs, "EPSG:4326", [east], [north])
        zoom = found[2] // 10
        x = int((longitude + 180) / 360 * 2**zoom)
        y = int((1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * 2**zoom)
        assert found == colour_of(zoom, x, y)
        page.locator("#map").focus()
        page.keyboard.press("0")
        assert colour_at(page, 0.5, 0.5) == RESULT, "the result hides the basemap"


def test_a_phone_shows_the_map_above_its_controls(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    assert colour_at(page, 0.8, 0.5) == RESULT
    wide = page.locator("html").evaluate("root => root.scrollWidth")
    assert wide <= 360
    stage, panel = (page.locator(name).bounding_box() for name in ("#stage", "#panel"))
    assert stage["height"] >= 250
    assert panel["y"] >= stage["y"] + stage["height"] - 1
    page.tap("#open-panel")
    assert page.locator("#panel").is_hidden()
    page.touchscreen.tap(270, 300)
    page.tap("#open-panel")
    page.wait_for_selector("#values table")
    context.close()


def test_the_gallery_opens_chips(page: Any, folder: Path) -> None:
    with serving(folder / "chips") as address:
        page.goto(address)
        page.wait_for_selector(".card canvas")
        assert page.locator(".card").count() == 3
        page.locator("#find").fill("2")
        assert page.locator(".card").count() == 1
        page.locator(".card").click()
        page.wait_for_selector("#title:text-is('2')")
        assert colour_at(page, 0.7, 0.5) == (120, 90, 90)


def test_a_frame_that_was_hidden_when_it_opened_shows_everything_once_it_is_seen(
    page: Any, folder: Path, tmp_path: Path
) -> None:
    frame = show(folder / "out.tif", low_res=folder / "dates")._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!doctype html><div id=cell hidden>{frame}</div>", "utf-8")
    page.goto((tmp_path / "notebook.html").as_uri())
    held = page.frames[1]
    held.wait_for_selector("#title:text-is('out')", state="attached")
    page.wait_for_timeout(500)
    page.evaluate("document.querySelector('#cell').hidden = false")
    page.wait_for_timeout(500)
    assert (colour_at(held, 0.03, 0.5), colour_at(held, 0.97, 0.5)) == (DATES[1], RESULT)


def test_what_is_shown_whole_stays_whole_in_a_window_of_another_size(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)
    page.set_viewport_size({"width": 1600, "height": 1400})
    page.wait_for_timeout(300)
    assert (colour_at(page, 0.03, 0.5), colour_at(page, 0.97, 0.5)) == (DATES[1], RESULT)


def test_a_page_of_its_own_needs_no_network(page: Any, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    collection = open_paths([str(folder / "out.tif"), str(folder / "dates")])
    write_page(collection, file, area=None, overwrite=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert (colour_at(page, 0.3, 0.5), colour_at(page, 0.7, 0.5)) == (DATES[1], RESULT)
    page.locator("#swipe").focus()
    page.keyboard.press("Home")
    assert colour_at(page, 0.3, 0.5) == RESULT
    page.locator("#map").click(position={"x": 500, "y": 300})
    page.wait_for_selector("#values table")
    assert "200 40 40" in page.locator("#values").inner_text()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
