"""May a test say this, natively and as the original said it?"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ssr.config.evaluation import is_made_up, n_channels_offered
from ssr.config.files import Changes, load_config
from ssr.config.schema import TestConfig
from ssr.errors import ConfigError
from tests.support.scenes import write_yaml
from tests.unit.config.originals import ESRGAN, L2, changed

NATIVE: dict[str, Any] = {
    "name": "compared",
    "models": [{"name": "bicubic", "model": "bicubic"}],
    "data": {"city": {"type": "pairs", "folder": "pairs"}},
}
IMAGERY = [{"folder": "imagery"}]
S2NAIP = {"type": "s2naip", "sentinel2": "a", "naip": "b"}


def load(tmp_path: Path, options: Mapping[str, Any], changes: Changes = Changes()) -> Any:  # noqa: B008
    return load_config(write_yaml(tmp_path / "test.yml", options), TestConfig, changes)


def with_value(path: str, value: Any) -> dict[str, Any]:
    options = copy.deepcopy(NATIVE)
    place: Any = options
    *parents, last = (int(key) if key.isdecimal() else key for key in path.split("."))
    for key in parents:
        place = place[key]
    place[last] = value
    return options


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    config, notes = load(tmp_path, NATIVE)
    assert notes == []
    assert (config.n_dates, config.results_root, config.save_images) == (None, Path("results"), "none")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("nmae", "x", "unknown option 'nmae'; did you mean 'name'"),
        ("name", "../up", "option 'name'"),
        ("models", [], "option 'models'"),
        ("models.0.modle", "bicubic", "unknown option 'models.0.modle'; did you mean 'model'"),
        ("models.0", {"name": "a"}, "expected either model or weights"),
        ("models.0.weights", {"path": "w"}, "expected either model or weights"),
        ("models.0.architecture", {"type": "srcnn"}, "remove architecture"),
        ("models.0.fidelity", 1.5, "option 'models.0.fidelity'"),
        ("models", [{"name": "a", "model": "bicubic"}] * 2, "two models are called a"),
        ("data", {}, "option 'data'"),
        ("data.city.type", "none", "option 'data.city'"),
        ("data.city.low_res", "all.png", "expected {name} once in high_res and also in low_res"),
        ("data.city", {"type": "simulated_tiles", "imagery": []}, "imagery"),
        ("data.city", {"type": "simulated", "imagery": IMAGERY, "n_revisits": [1, 8]}, "one number of n_revisits"),
        ("data.city", {**S2NAIP, "tile_weights": "w.json"}, "remove tile_weights"),
        ("data.city", {**S2NAIP, "augmentation": {"flips": True}}, "remove augmentation"),
        ("n_dates", [], "option 'n_dates'"),
        ("n_dates", [0], "option 'n_dates.0'"),
        ("site", "abc", "the expression has no group"),
        ("site", "(", "not a regular expression"),
        ("examples", {"of": "nobody"}, "examples.of is 'nobody', the models are bicubic"),
    ],
)
def test_what_no_test_may_say_is_named(tmp_path: Path, path: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, with_value(path, value))
    assert told in str(refused.value)


def test_only_data_that_were_simulated_are_made_up(tmp_path: Path) -> None:
    data = {
        "real": {**S2NAIP, "bands": ["tci", "b08"]},
        "cut": {"type": "simulated_tiles", "imagery": IMAGERY},
        "drawn": {"type": "simulated", "imagery": IMAGERY},
        "folder": {"type": "pairs", "folder": "f"},
    }
    config, _ = load(tmp_path, NATIVE | {"data": data})
    assert {name: is_made_up(one) for name, one in config.data.items()} == {
        "real": False,
        "cut": True,
        "drawn": True,
        "folder": False,
    }
    assert {n_channels_offered(one) for name, one in config.data.items() if name != "real"} == {3}
    assert n_channels_offered(config.data["real"]) == 4


def test_settings_of_the_command_line_change_options(tmp_path: Path) -> None:
    config, _ = load(tmp_path, NATIVE, Changes(settings=("n_dates=[1, 8]", "models.0.n_revisits=4"), debugs=True))
    assert (config.n_dates, config.models[0].n_revisits, config.name) == ((1, 8), 4, "debug_compared")
    with pytest.raises(ConfigError, match="this file is native, use --set"):
        load(tmp_path, NATIVE, Changes(forced=("a:b=1",)))


# --- the original's


def original(of: dict[str, Any] = ESRGAN, **changes: Any) -> dict[str, Any]:
    options = changed(of, "path.pretrain_network_g", "net_g.pth")
    for path, value in changes.items():
        options = changed(options, path.replace("__", "."), value)
    return options


def test_an_original_file_names_model_data_and_measures(tmp_path: Path) -> None:
    config, notes = load(tmp_path, original())
    (model,) = config.models
    assert model.name == config.name
    assert (model.weights.path, model.weights.key, model.architecture.type) == (
        Path("net_g.pth"),
        "params_ema",
        "esrgan",
    )
    assert list(config.data) == ["test"]
    assert config.data["test"].n_revisits == 8
    assert config.metrics.measures == ("psnr",)
    assert set(config.metrics.protocols) == {"corrected", "original"}
    assert config.save_images == "results_and_truth"
    assert any("training reads it, testing does not" in note for note in notes)


def test_l2_models_have_no_truth_beside_their_results(tmp_path: Path) -> None:
    assert load(tmp_path, original(L2))[0].save_images == "results"
    assert load(tmp_path, original(L2, test__save_img=False))[0].save_images == "none"


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        ({"type": "calculate_psnr", "crop_border": 4, "test_y_channel": True}, "psnr_y"),
        ({"type": "calculate_ssim", "crop_border": 4}, "ssim"),
        ({"type": "calculate_cpsnr", "crop_border": 4, "test_y_channel": False}, "cpsnr"),
        ({"type": "calculate_lpips", "lpips_model": "vgg"}, "lpips_vgg"),
        ({"type": "calculate_lpips", "lpips_model": "alexnet"}, "lpips_alex"),
        ({"type": "calculate_clipscore", "clip_model": "clip-ViT-B/16"}, "clipscore_openai"),
        ({"type": "calculate_clipscore", "clip_model": "siglip-ViT-SO400M-14"}, "clipscore_siglip"),
        ({"type": "calculate_clipscore", "clip_model": "clipa-ViT-bigG-14"}, "clipscore_clipa"),
    ],
)
def test_every_metric_of_the_original_has_a_measure(tmp_path: Path, metric: dict[str, Any], measure: str) -> None:
    config, _ = load(tmp_path, original(test__metrics={"any": metric}))
    assert config.metrics.measures == (measure,)
    assert config.metrics.border_px == 4


def test_data_of_another_name_are_measured_by_val_as_the_original_does(tmp_path: Path) -> None:
    ssim = {"ssim": {"type": "calculate_ssim", "crop_border": 2}}
    options = original(val__metrics=ssim, test_datasets__test__name="fields")
    config, _ = load(tmp_path, options)
    assert (list(config.data), config.metrics.measures, config.metrics.border_px) == (["fields"], ("ssim",), 2)


def test_data_under_datasets_are_found_where_the_readme_looks_for_them(tmp_path: Path) -> None:
    options = original()
    options["datasets"]["test"] = options.pop("test_datasets")["test"]
    config, notes = load(tmp_path, options)
    assert list(config.data) == ["test"]
    assert any("datasets.test: taken for test_datasets.test" in note for note in notes)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("path.pretrain_network_g", None, "path.pretrain_network_g': is missing: a network of random parameters"),
        ("test_datasets", None, "test_datasets': is missing"),
        ("test_datasets.test.n_s2_image", 8, "unknown option 'test_datasets.test.n_s2_image'"),
        ("test.save_images", True, "unknown option 'test.save_images'"),
        ("test.metrics", {}, "names no measure to test by"),
        ("test.metrics.psnr.crop", 1, "unknown option 'test.metrics.psnr.crop'"),
        ("test.metrics.psnr.type", "calculate_niqe", "test.metrics.psnr.type"),
        ("typo", 1, "unknown option 'typo'"),
    ],
)
def test_what_nothing_reads_and_what_is_lacking_is_named(tmp_path: Path, path: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, changed(original(), path, value))
    assert told in str(refused.value)


def test_two_borders_cannot_be_one(tmp_path: Path) -> None:
    metrics = {n: {"type": f"calculate_{n}", "crop_border": k} for k, n in ((4, "psnr"), (2, "ssim"))}
    with pytest.raises(ConfigError, match="expected one crop_border for all measures, found 2 and 4"):
        load(tmp_path, original(test__metrics=metrics))


def test_options_are_forced_before_they_are_translated(tmp_path: Path) -> None:
    config, _ = load(tmp_path, original(), Changes(forced=("path:param_key_g=params", "name=forced")))
    assert (config.models[0].weights.key, config.name) == ("params", "forced")


def test_corrections_are_refused_when_strict(tmp_path: Path) -> None:
    options = original(network_g__num_in_ch=36)
    config, notes = load(tmp_path, options)
    assert config.models[0].architecture.n_channels == 3
    assert notes[0] == "network_g.num_in_ch: corrected from 36 to 24 (8 dates × 3 channels)"
    with pytest.raises(ConfigError, match="refused, as --strict asks"):
        load(tmp_path, options, Changes(strict=True))


@pytest.mark.shared
def test_every_published_file_that_names_test_data_is_understood(shared: Path) -> None:
    forced = Changes(forced=("path:pretrain_network_g=net_g.pth",))
    understood = 0
    for path in sorted((shared / "options").rglob("*.yml")):
        try:
            config, _ = load_config(path, TestConfig, forced)
        except ConfigError as error:
            assert "test_datasets': is missing" in str(error)  # noqa: PT017  the others name none
            continue
        understood += 1
        assert config.metrics.measures[:3] == ("psnr", "ssim", "cpsnr")
    assert understood >= 40
