"""Who tells where ground is hidden, and does every mask that is asked for have its say or an error its reason?"""

import builtins
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssr.errors import ImageReadError, InputError, MissingExtraError
from ssr.scenes.classification import with_classes
from ssr.scenes.clouds import obstruction
from ssr.scenes.learnedclouds import S2CLOUDLESS_BANDS, cloud_of_bands
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from ssr.scenes.sight import bands_needed, find_hidden
from tests.support.scenes import textured, truncate, unit, write_series
from tests.support.sentinel2 import BANDS, SIDE_PX, write_jp2, write_safe

VEGETATION, SHADOW, UNCLASSIFIED, CLOUD, CIRRUS, SNOW = 4, 3, 7, 9, 10, 11
COLOURS = np.linspace(0, 1, 41 * 41, dtype=np.float32).reshape(41, 41)


class Scene:
    """In memory, with a classification of some dates."""

    names = ("a", "b", "c")

    def __init__(self, classes: dict[int, np.ndarray], bands: np.ndarray | None = None) -> None:
        self._classes, self._bands = classes, bands

    def classes(self, date: int) -> np.ndarray | None:
        return self._classes.get(date)

    def reflectance(self, date: int, bands: Sequence[str]) -> np.ndarray:
        assert self._bands is not None
        assert tuple(bands) == S2CLOUDLESS_BANDS
        return self._bands[date]


def everywhere(value: int) -> np.ndarray:
    return np.full(COLOURS.shape, value, np.uint8)


@pytest.mark.parametrize(
    ("value", "lowest", "highest"),
    [(CLOUD, 1, 1), (8, 1, 1), (SHADOW, 0.6, 1), (CIRRUS, 0.1, 0.4), (VEGETATION, 0, 0.8), (6, 0, 0.8)],
)
def test_cloud_is_hidden_whatever_colours_say_and_ground_never_wholly(
    value: int, lowest: float, highest: float
) -> None:
    found = with_classes(COLOURS, everywhere(value))
    assert (float(found.min()), float(found.max())) == pytest.approx((lowest, highest))


@pytest.mark.parametrize("value", [0, 1, 2, UNCLASSIFIED, SNOW])
def test_where_the_classification_does_not_know_colours_decide(value: int) -> None:
    assert np.array_equal(with_classes(COLOURS, everywhere(value)), COLOURS)


def test_clouds_are_wider_than_what_is_classified() -> None:
    classes = everywhere(VEGETATION)
    classes[18:23, 18:23] = CLOUD
    found = with_classes(np.zeros_like(COLOURS), classes)
    assert found[16:25, 16:25].min() > 0.3
    assert found[:12].max() == 0


def test_a_date_is_told_by_the_classification_it_has_and_others_by_colours() -> None:
    view = unit(textured(3, 41, 41))
    found = find_hidden(Scene({1: everywhere(CLOUD)}), view)
    assert found.told_by == ("colours", "colours and scene classification", "colours")
    assert found.hidden[1].min() == 1
    assert np.array_equal(found.hidden[[0, 2]], obstruction(view)[[0, 2]])
    assert np.array_equal(find_hidden(Scene({1: everywhere(CLOUD)}), view, "colours").hidden, obstruction(view))


def test_what_has_no_data_stays_hidden_where_the_classification_sees_ground() -> None:
    view = unit(textured(3, 41, 41))
    view[1, :, :, :9] = 0
    assert (find_hidden(Scene({1: everywhere(VEGETATION)}), view).hidden[1, :, :9] == 1).all()


def test_a_classification_that_is_asked_for_must_be_there() -> None:
    with pytest.raises(InputError, match=r"^b: has no scene classification \(SCL\).*--clouds auto"):
        find_hidden(Scene({0: everywhere(4), 2: everywhere(4)}), unit(textured(3, 41, 41)), "scl")
    with pytest.raises(InputError, match="--clouds scl"):
        find_hidden(object(), unit(textured(3, 41, 41)), "scl")
    assert find_hidden(object(), unit(textured(3, 41, 41))).told_by == ("colours",) * 3


def with_scl(safe: Path, classes: np.ndarray) -> Path:
    folder = next(safe.rglob("R10m"))
    name = next(folder.glob("*_B04_10m.jp2")).name.replace("B04_10m", "SCL_20m")
    return write_jp2(folder.parent / "R20m" / name, classes[None], 20)


def test_the_classification_of_a_product_is_found_at_its_own_size(tmp_path: Path) -> None:
    classes = np.random.default_rng(0).integers(1, 12, (SIDE_PX // 2, SIDE_PX // 2), dtype=np.uint8)
    safe = write_safe(tmp_path, level="L2A", bands=("B02", "B03", "B04"))
    with_scl(safe, classes)
    with open_series([safe]) as series:
        found = series.classes(0)
        assert np.array_equal(found, classes.repeat(2, 0).repeat(2, 1))
        assert find_hidden(series, series.preview()).told_by == ("colours and scene classification",)


def test_a_damaged_classification_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    safe = write_safe(tmp_path, level="L2A", bands=("B02", "B03", "B04"))
    truncate(with_scl(safe, np.full((SIDE_PX // 2, SIDE_PX // 2), CLOUD, np.uint8)))
    with open_series([safe]) as series:
        view = series.preview()
        found = find_hidden(series, view)
        assert found.told_by == ("colours",)
        assert "SCL: cannot be" in found.notes[0]
        assert "colours tell" in found.notes[0]
        with pytest.raises(ImageReadError, match="SCL: cannot be"):
            find_hidden(series, view, "scl")


def test_l1c_has_no_classification(tmp_path: Path) -> None:
    with open_series(write_series(tmp_path, textured(2, 20, 20))) as series:
        assert series.classes(0) is None


def clear_and_cloudy() -> np.ndarray:
    """Reflectance of ten bands: vegetation, and cloud on the right of the second date."""
    ground = np.array([0.12, 0.09, 0.05, 0.10, 0.30, 0.32, 0.10, 0.001, 0.15, 0.08], np.float32)
    cloud = np.array([0.65, 0.60, 0.60, 0.62, 0.65, 0.65, 0.35, 0.03, 0.45, 0.35], np.float32)
    dates = np.tile(ground[None, :, None, None], (3, 1, 8, 8))
    dates[1, :, :, 4:] = cloud[:, None, None]
    return dates


def test_s2cloudless_tells_cloud_and_colours_tell_shadow() -> None:
    pytest.importorskip("s2cloudless")
    view = np.full((3, 3, 40, 40), 0.3, np.float32)
    view[0, :, :, :10] *= 0.3
    view[0, :, 38:] = 0
    found = find_hidden(Scene({}, clear_and_cloudy()), view, "s2cloudless")
    assert found.told_by == ("colours and s2cloudless",) * 3
    assert found.hidden[1, :, 24:].min() > 0.9
    assert found.hidden[1, :, :14].max() < 0.1
    assert found.hidden[0, :, :8].min() > 0.5
    assert (found.hidden[0, 38:] == 1).all()
    assert found.hidden[0, :34, 16:].max() < 0.1


def test_s2cloudless_reads_reflectance_whatever_the_model_sees(tmp_path: Path) -> None:
    from tests.support.sentinel2 import ground

    safe = write_safe(tmp_path, baseline="04.00", offset_dn=-1000, added_dn=1000)
    with open_series([safe]) as series:
        bands = series.reflectance(0, ("b02", "b10"))
    expected = ground("B02")[0].reshape(8, 6, 8, 6).mean((1, 3)) / 1e4
    assert bands.shape == (2, 8, 8)
    np.testing.assert_allclose(bands[0], expected, atol=0.03)  # thinned by the nearest or by a mean
    assert 0 < bands[1].max() < 0.003


def test_bands_that_are_not_there_are_named(tmp_path: Path) -> None:
    safe = write_safe(tmp_path, level="L2A", bands=tuple(band for band in BANDS if band != "B10"))
    with (
        open_series([safe]) as series,
        pytest.raises(InputError, match=r"has no B10; the cloud mask needs B01, .*--clouds auto"),
    ):
        find_hidden(series, series.preview(), "s2cloudless")
    with (
        open_series(write_series(tmp_path / "plain", textured(1, 20, 20))) as series,
        pytest.raises(InputError, match="has no B01, B02"),
    ):
        find_hidden(series, series.preview(), "s2cloudless")


def test_without_s2cloudless_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("s2cloudless"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"s2cloudless.*pip install 'satlas-super-resolution\[clouds\]'"):
        cloud_of_bands(clear_and_cloudy()[0])


def test_only_a_learned_mask_needs_more_bands() -> None:
    assert bands_needed("s2cloudless") == S2CLOUDLESS_BANDS
    assert bands_needed("auto") == bands_needed("scl") == bands_needed("colours") == ()


@pytest.mark.shared
def test_s2cloudless_finds_the_clouds_of_a_real_series(shared: Path) -> None:
    """Two dates are cloudy to the eye; the masks that came with the series have such dates and clear ones."""
    pytest.importorskip("s2cloudless")
    kept = np.load(shared / "imagery" / "scenes" / "slovenia_l1c" / "reference_scenes.npz")
    ten = kept["REFERENCE_SCENES"][:, ::4, ::4, [0, 1, 3, 4, 7, 8, 9, 10, 11, 12]].transpose(0, 3, 1, 2)
    shares = np.array([cloud_of_bands(date).mean() for date in ten])
    assert (shares[:2] > 0.7).all()
    assert (shares[2:] < 0.01).all()


@pytest.mark.shared
def test_s2cloudless_runs_on_a_real_product(shared: Path) -> None:
    """Its metadata say that it is free of cloud."""
    pytest.importorskip("s2cloudless")
    name = "S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042.zip"
    with open_series([shared / "imagery" / "safe" / name], rules=Rules()) as series:
        assert series.acquisitions[0].cloud_percent == 0
        bands = series.reflectance(0, S2CLOUDLESS_BANDS)
    has_data = bands.any(0)
    assert cloud_of_bands(bands)[has_data].mean() < 0.02
