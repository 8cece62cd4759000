"""Do models fit the data and each other, and what do pictures of their trust show?"""

from pathlib import Path

import numpy as np
import pytest

from ssr.config.evaluation import ComparedModel, FolderPairs
from ssr.config.networks import Weights
from ssr.errors import ConfigError, WeightsError
from ssr.workflows.contestants import Contestant, check_channels, open_contestants
from ssr.workflows.trustpicture import DARK_TO_BRIGHT, UNKNOWN_COLOUR, TrustPicture, coloured, trust_picture
from tests.support.scenes import FP32, textured, tiny_date_fusion, tiny_rrdbnet, unit, write_weights


def opened(*configs: ComparedModel) -> list[Contestant]:
    return open_contestants(configs, offline=True, compute=FP32)


def learnt(tmp_path: Path, network=None, **options) -> ComparedModel:
    path = write_weights(tmp_path / "net.pth", network or tiny_date_fusion())
    return ComparedModel(name="mine", weights=Weights(path=path), **options)


BICUBIC = ComparedModel(name="bicubic", model="bicubic")


def test_models_that_enlarge_differently_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'bicubic' enlarges 4 times, 'mine' 2 times; test them apart"):
        opened(BICUBIC, learnt(tmp_path, tiny_date_fusion(scale=2)))


def test_a_model_that_takes_more_channels_than_there_are_is_refused(tmp_path: Path) -> None:
    contestants = opened(learnt(tmp_path, tiny_date_fusion(n_channels=4)))
    with pytest.raises(ConfigError, match="'mine' takes 4 channels a date, data 'pairs' offer 3"):
        check_channels(contestants, {"pairs": FolderPairs(folder=Path("f"))})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.pth"):
        opened(ComparedModel(name="a", weights=Weights(path=tmp_path / "absent.pth")))


def test_what_decides_results_is_in_the_settings_and_what_does_not_is_not(tmp_path: Path) -> None:
    one, held = opened(learnt(tmp_path), learnt(tmp_path, fidelity=0.5))
    assert one.settings() != held.settings()
    assert one.has_learnt
    (renamed,) = opened(learnt(tmp_path).model_copy(update={"name": "other"}))
    assert renamed.settings() == one.settings()
    bicubic, added = opened(BICUBIC, ComparedModel(name="b", model="shift_and_add"))
    assert bicubic.settings() != added.settings()
    assert not bicubic.has_learnt


def test_a_fixed_number_of_dates_is_known_from_the_weights(tmp_path: Path) -> None:
    (contestant,) = opened(learnt(tmp_path, tiny_rrdbnet()))
    assert contestant.candidate.n_wanted == 2


@pytest.mark.parametrize("fidelity", [0.0, 1.0])
def test_without_a_calibration_the_picture_shows_where_dates_disagree(tmp_path: Path, fidelity: float) -> None:
    (contestant,) = opened(learnt(tmp_path, fidelity=fidelity))
    found = trust_picture(contestant, unit(textured(4, 16, 16)), FP32)
    assert isinstance(found, TrustPicture)
    assert (found.kind, found.pixels.shape) == ("disagreement", (3, 64, 64))
    assert "no calibration for this model" in found.told


def test_equal_dates_agree_everywhere(tmp_path: Path) -> None:
    (contestant,) = opened(learnt(tmp_path))
    found = trust_picture(contestant, np.repeat(unit(textured(1, 16, 16)), 4, 0), FP32)
    dark = np.array(DARK_TO_BRIGHT[0]) / 255
    np.testing.assert_allclose(found.pixels, np.broadcast_to(dark[:, None, None], (3, 64, 64)), atol=0.02)


@pytest.mark.parametrize(("n_dates", "why"), [(1, "there is one date"), (3, "it learns nothing")])
def test_where_there_is_no_trust_the_reason_is_said(tmp_path: Path, n_dates: int, why: str) -> None:
    (contestant,) = opened(learnt(tmp_path) if n_dates == 1 else BICUBIC)
    found = trust_picture(contestant, unit(textured(n_dates, 16, 16)), FP32)
    assert isinstance(found, str)
    assert why in found


def test_colours_go_from_dark_to_bright_and_the_unknown_is_grey() -> None:
    pixels = coloured(np.array([[0.0, 0.5, 1.0, 7.0, 0.3]], np.float32), np.array([[False] * 4 + [True]]))
    shown = np.rint(pixels[:, 0].T * 255).astype(int).tolist()
    expected = [DARK_TO_BRIGHT[0], DARK_TO_BRIGHT[2], DARK_TO_BRIGHT[4], DARK_TO_BRIGHT[4], UNKNOWN_COLOUR]
    assert shown == [list(colour) for colour in expected]
    ramp = coloured(np.linspace(0, 1, 50, dtype=np.float32)[None], np.zeros((1, 50), bool))
    assert (np.diff(np.tensordot([0.299, 0.587, 0.114], ramp, 1)[0]) > 0).all()
