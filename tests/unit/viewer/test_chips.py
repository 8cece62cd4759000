"""Which chips does a folder hold?"""

import json
from pathlib import Path

import pytest

from ssr.errors import InputError
from ssr.viewer.chips import entries_of_chips
from tests.support.scenes import textured, write_image, write_tiff


def write_chip_pictures(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        fine = not name.startswith(("lr", "dates"))
        write_image(folder / f"{name}.png", textured(1, *((32, 32) if fine else (8, 8)))[0])


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    folder = tmp_path / "results" / "mine"
    files = {
        "dates": {"00": "dates_00.png"},
        "models": {"bicubic": "m_b.png", "compact-8": "m_c.png"},
        "truth": {"truth": "t.png"},
    }
    write_chip_pictures(folder / "examples" / "city" / "0_best", ("dates_00", "m_b", "m_c", "t"))
    example = {"dataset": "city", "which": "best", "sample": "s1", "by": "cpsnr", "of": "compact-8", "folder": "0_best"}
    (folder / "test.json").write_text(json.dumps({"examples": [example | files]}))
    (folder / "samples.csv").write_text(
        "sample,dataset,model,number,n_dates,cloud_share,psnr,cpsnr\n"
        "s1,city,compact-8,0,1,,20,21\ns1,city,compact-8,0,8,,30,31.5\ns1,city,bicubic,0,8,,25,\n"
    )
    return folder


def test_results_of_a_test_come_with_their_scores(tested: Path) -> None:
    (entry,) = entries_of_chips(tested)
    assert (entry.title, entry.group, entry.told) == ("s1", "city", "best, by cpsnr of compact-8")
    assert entry.figures == {"compact-8": {"cpsnr": 31.5, "psnr": 30.0}, "bicubic": {"cpsnr": None, "psnr": 25.0}}
    place = entry.open()
    assert [(layer.kind, layer.name) for layer in place.layers] == [
        ("super_res", "compact-8"),
        ("super_res", "bicubic"),
        ("date", "date 00"),
        ("truth", "truth"),
    ]
    assert place.scores == entry.figures


def test_a_folder_of_tests_shows_all_of_them(tested: Path) -> None:
    assert len(entries_of_chips(tested.parent)) == 1


def test_results_of_infer_are_chips_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for k in (10, 2, 0):
        write_chip_pictures(tmp_path / str(k), ("lr", "sr"))
    entries = entries_of_chips(tmp_path)
    assert [entry.title for entry in entries] == ["0", "2", "10"]
    assert [layer.kind for layer in entries[0].open().layers] == ["date", "super_res"]


def test_pairs_in_one_folder_are_chips(tmp_path: Path) -> None:
    for name in ("a_lr", "a_hr", "b_lr", "alone_hr"):
        write_image(tmp_path / f"{name}.png", textured(1, *((8, 8) if "lr" in name else (32, 32)))[0])
    assert [entry.title for entry in entries_of_chips(tmp_path)] == ["a"]


def test_a_folder_of_rasters_is_no_folder_of_chips(scene: Path) -> None:
    assert entries_of_chips(scene.parent / "dates") is None


def test_pictures_of_different_shapes_are_refused_when_opened(tmp_path: Path) -> None:
    write_image(tmp_path / "0" / "lr.png", textured(1, 8, 9)[0])
    write_image(tmp_path / "0" / "sr.png", textured(1, 32, 32)[0])
    with pytest.raises(InputError, match="not the shape of"):
        entries_of_chips(tmp_path)[0].open()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"examples": [{}]}', '{"examples": 3}'])
def test_a_record_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "test.json").write_text(content)
    with pytest.raises(InputError, match=r"test\.json"):
        entries_of_chips(tmp_path)


def test_a_record_cannot_name_files_outside_of_its_folder(tested: Path, tmp_path: Path) -> None:
    write_tiff(tmp_path / "secret.tif", textured(1, 32, 32)[0])
    record = json.loads((tested / "test.json").read_text())
    record["examples"][0]["truth"] = {"up": "../../../../../secret.tif", "absolute": str(tmp_path / "secret.tif")}
    (tested / "test.json").write_text(json.dumps(record))
    (entry,) = entries_of_chips(tested)
    assert {layer.name for layer in entry.open().layers} == {"compact-8", "bicubic", "date 00"}
