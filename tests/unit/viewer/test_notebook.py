"""Do results show themselves?"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from ssr.errors import InputError
from ssr.viewer.figures import comparison_sheet, training_curves
from ssr.viewer.notebook import show
from ssr.workflows.scene import super_resolve_scene


@dataclass
class Result:
    output: Path


def test_a_result_becomes_a_closed_frame(scene: Path) -> None:
    view = show(Result(scene), low_res=scene.parent / "dates", side_px=100)
    frame = view._repr_html_()
    assert frame.startswith('<iframe title="out" srcdoc="&lt;!doctype html&gt;')
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    assert view.note == "Shown: 100×100 px from column 150, row 110."
    assert repr(view) == "View of out: out, date_0, date_1, date_2"


def test_what_a_scene_became_shows_itself(scene: Path, tmp_path: Path) -> None:
    result = super_resolve_scene([scene.parent / "dates"], tmp_path / "sharp.tif", model="bicubic")
    assert result._repr_html_() == show(tmp_path / "sharp.tif")._repr_html_()


def test_a_store_that_the_viewer_does_not_read_leaves_a_cell_its_text(scene: Path, tmp_path: Path) -> None:
    result = super_resolve_scene([scene.parent / "dates"], tmp_path / "sharp.tif", model="bicubic")
    assert replace(result, output=tmp_path / "sharp.zarr")._repr_html_() is None


def test_pictures_of_a_figure_are_the_layers(scene: Path, pixels) -> None:
    found = show(scene, low_res=scene.parent / "dates", area=(8, 12, 108, 92)).pictures()
    assert list(found) == ["low-res 2021-06-01", "bicubic 2021-06-01", "out"]
    np.testing.assert_array_equal(np.moveaxis(found["out"], -1, 0), pixels(scene)[:, 12:92, 8:108])
    low = pixels(scene.parent / "dates" / "date_0.tif")[:, 3:23, 2:27]
    np.testing.assert_array_equal(np.moveaxis(found["low-res 2021-06-01"], -1, 0), low.repeat(4, 1).repeat(4, 2))


def test_arrays_show_themselves_too() -> None:
    rng = np.random.default_rng(0)
    result = rng.random((3, 32, 48), dtype=np.float32)
    view = show(result, low_res=rng.random((2, 3, 8, 12)), truth=rng.random((3, 32, 48)))
    assert [layer.kind for layer in view.place.layers] == ["super_res", "date", "date", "truth"]
    np.testing.assert_array_equal(view.pictures()["result"], np.rint(result.transpose(1, 2, 0) * 255))
    assert len(view.figure().axes) == 4


@pytest.mark.parametrize("shape", [(3,), (7, 4, 4), (0, 4, 4), (3, 0, 4)])
def test_an_array_that_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="has the shape"):
        show(np.zeros(shape))


def test_an_area_elsewhere_is_refused(scene: Path) -> None:
    with pytest.raises(InputError, match="lies outside of out"):
        show(scene, area=(900, 900, 950, 950))


def test_a_sheet_has_a_panel_for_each_picture(tmp_path: Path) -> None:
    sheet = comparison_sheet({name: np.random.default_rng(0).random((3, 8, 8)) for name in "abcde"}, title="five")
    assert [axes.get_title() for axes in sheet.axes] == list("abcde")
    sheet.savefig(tmp_path / "a.png", dpi=30)


@pytest.mark.parametrize("pictures", [{}, {"a": np.zeros(3)}, {"a": np.zeros((2, 5, 5))}])
def test_a_sheet_of_something_else_is_refused(pictures: dict) -> None:
    with pytest.raises(InputError):
        comparison_sheet(pictures)


def test_curves_are_those_of_the_log(tmp_path: Path) -> None:
    lines = [{"event": "train", "step": k, "loss": 1 / (k + 1)} for k in range(5)]
    lines.append({"event": "validation", "step": 4, "psnr": 30.0})
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    figure = training_curves(tmp_path)
    assert [axes.get_title() for axes in figure.axes] == ["training: loss", "validation: psnr"]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    with pytest.raises(InputError, match="holds no figures called"):
        training_curves(tmp_path, names=["other"])


def test_a_run_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="log of a training run"):
        training_curves(tmp_path)
