"""Are the images of a series found, in order?"""

from pathlib import Path

import pytest

from ssr.errors import InputError
from ssr.scenes.rasters import find_images


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_images_of_a_folder_are_found_by_name(tmp_path: Path) -> None:
    images = ["a.TIF", "b.tiff", "c.png", "d.jp2", "e.vrt", "f.jpg", "g.JPEG"]
    touch(tmp_path, *reversed(images), "notes.txt", "a.tif.aux.xml", ".hidden.tif", "weights.pth")
    touch(tmp_path / "deeper", "z.tif")
    assert [path.name for path in find_images([tmp_path])] == images


def test_a_folder_with_an_image_suffix_is_no_image(tmp_path: Path) -> None:
    touch(tmp_path / "folder.tif", "inside.png")
    touch(tmp_path, "a.png")
    assert [path.name for path in find_images([tmp_path])] == ["a.png"]


def test_dates_stand_in_the_order_of_their_names_however_they_were_given(tmp_path: Path) -> None:
    touch(tmp_path / "folder", "b.tif", "a.tif")
    touch(tmp_path, "z.tif", "odd.dat")
    given = [tmp_path / "z.tif", tmp_path / "folder", tmp_path / "odd.dat"]
    assert [path.name for path in find_images(given)] == ["a.tif", "b.tif", "odd.dat", "z.tif"]


def test_no_images_and_no_such_folder_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "empty", "notes.txt")
    with pytest.raises(InputError, match=r"empty: no images.*\.jp2"):
        find_images([tmp_path / "empty"])
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        find_images([tmp_path / "nowhere"])
