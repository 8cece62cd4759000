"""Is every input that cannot be used refused in one line that names it, without a trace on disk?"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.integration.conftest import Run, files_below
from tests.support.scenes import (
    rrdbnet_options,
    textured,
    tiny_rrdbnet,
    truncate,
    write_chip,
    write_image,
    write_series,
    write_tiff,
    write_weights,
    write_yaml,
)

Case = tuple[list[str], str]


def dates(folder: Path) -> list[Path]:
    return write_series(folder / "dates", textured(2, 12, 14))


def no_images(folder: Path) -> Case:
    (folder / "empty").mkdir()
    return ["scene", "empty", "-o", "out.tif"], "empty"


def missing_folder(folder: Path) -> Case:
    return ["scene", "nowhere", "-o", "out.tif"], "nowhere"


def truncated_tiffs(folder: Path) -> Case:
    for path in dates(folder):
        truncate(path)
    return ["scene", "dates", "-o", "out.tif"], "date_0.tif"


def truncated_png(folder: Path) -> Case:
    truncate(write_image(folder / "dates" / "1.png", textured(1, 40, 40)[0]))
    return ["scene", "dates", "-o", "out.tif"], "1.png"


def no_images_at_all(folder: Path) -> Case:
    for path in dates(folder):
        path.write_bytes(b"no image")
    return ["scene", "dates", "-o", "out.tif"], "date_0.tif"


def dates_without_common_ground(folder: Path) -> Case:
    write_tiff(dates(folder)[1], textured(1, 12, 14)[0], crs="EPSG:32634")
    return ["scene", "dates", "-o", "out.tif"], "date_1.tif"


def one_band(folder: Path) -> Case:
    write_tiff(folder / "grey.tif", textured(1, 12, 14)[0, :1])
    return ["scene", "grey.tif", "-o", "out.tif"], "grey.tif"


def sixteen_bits(folder: Path) -> Case:
    write_tiff(folder / "deep.tif", textured(1, 12, 14)[0].astype(np.uint16))
    return ["scene", "deep.tif", "-o", "out.tif"], "deep.tif"


def reflectance_of_unknown_numbers(folder: Path) -> Case:
    write_tiff(folder / "deep.tif", textured(1, 12, 14)[0].astype(np.uint16))
    return ["scene", "deep.tif", "-o", "out.tif", "--white-dn", "4000", "--dtype", "uint16"], "--white-dn"


def folder_that_is_no_zarr_store(folder: Path) -> Case:
    dates(folder)
    (folder / "out.zarr").mkdir()
    return ["scene", "dates", "-o", "out.zarr", "--overwrite"], "no Zarr store"


def output_exists(folder: Path) -> Case:
    dates(folder)
    (folder / "out.tif").touch()
    return ["scene", "dates", "-o", "out.tif"], "out.tif"


def output_below_a_file(folder: Path) -> Case:
    dates(folder)
    (folder / "file").touch()
    return ["scene", "dates", "-o", "file/out.tif"], "file/out.tif"


def output_is_a_folder(folder: Path) -> Case:
    dates(folder)
    (folder / "out.tif").mkdir()
    return ["scene", "dates", "-o", "out.tif", "--overwrite"], "out.tif"


def missing_model(folder: Path) -> Case:
    dates(folder)
    return ["scene", "dates", "-o", "out.tif", "--model", "nothing.pth"], "nothing.pth"


def damaged_model(folder: Path) -> Case:
    dates(folder)
    truncate(write_weights(folder / "cut.pth", tiny_rrdbnet()))
    return ["scene", "dates", "-o", "out.tif", "--model", "cut.pth"], "cut.pth"


def model_of_four_bands(folder: Path) -> Case:
    dates(folder)
    write_weights(folder / "bands.pth", tiny_rrdbnet(n_revisits=8, n_channels=4))
    return ["scene", "dates", "-o", "out.tif", "--model", "bands.pth"], "has 3 band(s), expected"


def model_with_one_output_channel(folder: Path) -> Case:
    dates(folder)
    write_weights(folder / "grey.pth", tiny_rrdbnet(n_out_channels=1))
    return ["scene", "dates", "-o", "out.tif", "--model", "grey.pth"], "grey.pth"


def white_of_zero(folder: Path) -> Case:
    dates(folder)
    return ["scene", "dates", "-o", "out.tif", "--white-dn", "0"], "white"


def unknown_device(folder: Path) -> Case:
    dates(folder)
    return ["scene", "dates", "-o", "out.tif", "--device", "meta"], "meta"


def wrong_bands(folder: Path) -> Case:
    dates(folder)
    return ["scene", "dates", "-o", "out.tif", "--bands", "1,2"], "--bands"


def band_that_is_not_there(folder: Path) -> Case:
    dates(folder)
    return ["scene", "dates", "-o", "out.tif", "--bands", "1,2,9"], "date_0.tif"


def bands_by_number_and_by_name(folder: Path) -> Case:
    dates(folder)
    return ["scene", "dates", "-o", "out.tif", "--bands", "3,2,1", "--band-names", "B02,B03,B04"], "leave out the other"


def names_of_no_bands(folder: Path) -> Case:
    dates(folder)
    return ["scene", "dates", "-o", "out.tif", "--band-names", "R,G,B"], "lacks B04, B03, B02"


def white_of_a_catalogue(folder: Path) -> Case:
    catalogue = ["--stac", "http://127.0.0.1:9", "--collection", "x"]
    return ["scene", "-o", "out.tif", *catalogue, "--white-dn", "3558"], "only --stac is given"


def white_of_the_demo(folder: Path) -> Case:
    return ["demo", "-o", "demo", "--white-dn", "3558"], "--input, which is not given"


def infrared_of_unknown_numbers(folder: Path) -> Case:
    write_tiff(folder / "deep.tif", np.full((4, 12, 14), 90, np.uint16), photometric="MINISBLACK")
    return ["scene", "deep.tif", "-o", "out.tif", "--model", "compact-8-rgbn", "--white-dn", "255"], "numbers of B08"


def chip_of_odd_height(folder: Path) -> Case:
    write_image(folder / "chips" / "bad.png", textured(1, 33, 32)[0])
    return ["infer", "chips", "-o", "results"], "bad.png"


def truncated_chip(folder: Path) -> Case:
    truncate(write_chip(folder / "chips" / "cut.png", textured(2, 32, 32)))
    return ["infer", "chips", "-o", "results"], "cut.png"


def grid_without_chips(folder: Path) -> Case:
    write_chip(folder / "chips" / "a.png", textured(2, 32, 32))
    return ["infer-grid", "chips", "-o", "results"], "chips"


def options(folder: Path, **changes: object) -> Case:
    write_chip(folder / "chips" / "a.png", textured(2, 32, 32))
    write_weights(folder / "net.pth", tiny_rrdbnet())
    content = {
        "n_lr_images": 2,
        "data_dir": "chips",
        "save_path": "results",
        "network_g": rrdbnet_options(2),
        "path": {"pretrain_network_g": "net.pth"},
    }
    write_yaml(folder / "options.yml", content | changes)
    return ["ssr.infer", "-opt", "options.yml"], "options.yml"


def weights_of_other_channels(folder: Path) -> Case:
    case = options(folder)
    write_weights(folder / "net.pth", tiny_rrdbnet(n_revisits=3))
    return case[0], "net.pth"


def weights_of_four_bands_for_true_colour(folder: Path) -> Case:
    case = options(folder, network_g=rrdbnet_options(2, num_in_ch=8))
    write_weights(folder / "net.pth", tiny_rrdbnet(n_channels=4))
    return case[0], "net.pth"


def unknown_option(folder: Path) -> Case:
    return options(folder, n_lr_imagess=2)


def missing_option_file(folder: Path) -> Case:
    return ["ssr.infer", "-opt", "absent.yml"], "absent.yml"


def option_file_of_no_yaml(folder: Path) -> Case:
    (folder / "options.yml").write_text("a: [", encoding="utf-8")
    return ["train", "options.yml"], "options.yml"


def no_training_imagery(folder: Path) -> Case:
    config = {
        "name": "run",
        "model": {"type": "date_fusion"},
        "train_data": {"type": "simulated", "imagery": [{"folder": "absent"}]},
        "training": {"n_steps": 1},
    }
    write_yaml(folder / "train.yml", config)
    return ["train", "train.yml"], "absent"


CASES: list[Callable[[Path], Case]] = [
    reflectance_of_unknown_numbers,
    folder_that_is_no_zarr_store,
    no_images,
    missing_folder,
    truncated_tiffs,
    truncated_png,
    no_images_at_all,
    dates_without_common_ground,
    one_band,
    sixteen_bits,
    output_exists,
    output_below_a_file,
    output_is_a_folder,
    missing_model,
    damaged_model,
    model_of_four_bands,
    model_with_one_output_channel,
    white_of_zero,
    unknown_device,
    wrong_bands,
    band_that_is_not_there,
    bands_by_number_and_by_name,
    names_of_no_bands,
    white_of_a_catalogue,
    white_of_the_demo,
    infrared_of_unknown_numbers,
    chip_of_odd_height,
    truncated_chip,
    grid_without_chips,
    weights_of_other_channels,
    weights_of_four_bands_for_true_colour,
    unknown_option,
    missing_option_file,
    option_file_of_no_yaml,
    no_training_imagery,
]


@pytest.mark.parametrize("make", CASES, ids=[case.__name__ for case in CASES])
def test_one_line_names_what_is_wrong_and_nothing_is_left(
    run: Run, tmp_path: Path, make: Callable[[Path], Case]
) -> None:
    arguments, named = make(tmp_path)
    before = files_below(tmp_path)
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    (line,) = [text for text in done.stderr.splitlines() if not text.startswith("note: ")]
    assert line.startswith("error: ")
    assert named in line
    assert done.stdout == ""
    assert files_below(tmp_path) == before


def test_a_damaged_date_among_others_is_left_out_and_said(run: Run, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "dates", textured(3, 12, 14))
    truncate(paths[1])
    done = run("scene", "dates", "-o", "out.tif", "--model", "bicubic")
    assert done.returncode == 0, done.stderr
    assert "date_1.tif: left out (" in done.stderr + done.stdout
    assert "used date_0.tif, date_2.tif" in done.stdout
    assert (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(
    "arguments", [["scene"], ["scene", "x"], ["polish"], ["scene", "x", "-o", "y", "--max-dates", "0"], ["ssr.infer"]]
)
def test_wrong_usage_exits_with_two(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
