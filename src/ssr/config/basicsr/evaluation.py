"""Which test does an option file of the original describe?"""

from collections.abc import Mapping
from typing import Any

from ssr.config.basicsr.data import read_data
from ssr.config.basicsr.keys import Keys
from ssr.config.basicsr.losses import ADVERSARIAL_KEYS
from ssr.config.basicsr.networks import Fit, read_generator
from ssr.config.basicsr.training import NO_EFFECT_HERE
from ssr.config.basicsr.weights import read_weights
from ssr.errors import ConfigError

LPIPS = {"vgg": "lpips_vgg", "alexnet": "lpips_alex"}
CLIP = {
    "clip-ViT-B/16": "clipscore_openai",
    "siglip-ViT-SO400M-14": "clipscore_siglip",
    "clipa-ViT-bigG-14": "clipscore_clipa",
}
DEFAULT_BORDER_PX = 4
FOR_TRAINING = "training reads it, testing does not"


def translate_test(
    options: Mapping[str, Any], *, source: str, strict: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Native options of a test and what there is to say, as `translate` gives them.

    Raises:
        ConfigError: a key that nothing reads, a missing key, a value of the wrong kind.
    """
    keys = Keys(options, source)
    native = _read_test(keys)
    keys.refuse_unread()
    if strict and keys.notes.corrections:
        raise ConfigError(f"{source}: refused, as --strict asks: {'; '.join(keys.notes.corrections)}")
    return native, keys.notes.as_lines()


def _read_test(keys: Keys) -> dict[str, Any]:
    kind = keys.take_one_of("model_type", "L2Model", "SSRESRGANModel", "OSMObjESRGANModel")
    for key, reason in NO_EFFECT_HERE.items():
        keys.ignore(reason, key)
    keys.ignore(FOR_TRAINING, "train", "logger", *ADVERSARIAL_KEYS)
    keys.ignore("inference reads it, testing does not", "data_dir", "n_lr_images", "save_path")
    name, seed = keys.take_text("name"), _seed(keys)
    data, fit, rules = _read_sets(keys)
    for each in data.values():
        each["seed"] = seed
    model = read_generator(keys.child("network_g"), fit)
    scale = keys.take_one_of("scale", 1, 2, 3, 4, 8, 16, default=fit.scale)
    if scale != fit.scale:
        keys.correct("scale", scale, fit.scale, f"the truth is {fit.scale} times finer")
    test, validation = keys.child("test", {}), keys.child("val", {})
    validation.ignore(FOR_TRAINING, "val_freq", "save_img", "pbar")
    test.ignore("progress is always shown", "pbar")
    saved = "results" if kind == "L2Model" else "results_and_truth"
    path = keys.child("path", {})
    native = {
        "name": name,
        "seed": seed,
        "models": [{"name": name, "architecture": model, "weights": _weights(path)}],
        "data": data,
        "metrics": _read_metrics(test, validation, rules),
        "save_images": saved if test.take_flag("save_img", True) else "none",
    }
    path.ignore("testing has no discriminator", "pretrain_network_d", "param_key_d", "strict_load_d")
    path.ignore("testing writes to results_root and takes nothing up", "experiments_root", "resume_state")
    if path.take("results_root", None) is not None:
        native["results_root"] = path.take_text("results_root")
    return native


def _seed(keys: Keys) -> int:
    if keys.take("manual_seed", None) is None:
        keys.note("manual_seed", "not given, so 0")
        return 0
    return keys.take_count("manual_seed")


def _weights(path: Keys) -> dict[str, Any]:
    weights = read_weights(path, "g", default_key="params_ema")
    if weights is None:
        raise path.fail("pretrain_network_g", "is missing: a network of random parameters tells nothing")
    return weights


def _read_sets(keys: Keys) -> tuple[dict[str, Any], Fit, set[str]]:
    """Data by name, what they ask of the network, and which of `test` and `val` say how they are measured."""
    data: dict[str, Any] = {}
    fits: dict[str, Fit] = {}
    rules = set()
    for key, options in _test_sets(keys):
        name = str(options.options.get("name") or key)
        if name in data:
            raise options.fail("name", f"two sets of test data are called '{name}'")
        data[name], fits[name] = read_data(options, "test")
        rules.add("test" if name == "test" else "val")
    first, fit = next(iter(fits.items()))
    for name, other in fits.items():
        if other != fit:
            raise keys.fail("test_datasets", f"'{name}' asks for another network than '{first}'; test them one by one")
    return data, fit, rules


def _test_sets(keys: Keys) -> list[tuple[str, Keys]]:
    tests = keys.child("test_datasets", {})
    if tests.options:
        keys.ignore(FOR_TRAINING, "datasets")
        return [(str(key), tests.child(key)) for key in tests.options]
    others = keys.child("datasets", {})
    if not others.has("test"):
        raise keys.fail("test_datasets", "is missing: it names the data to test on")
    others.note("test", "taken for test_datasets.test, where the original looks for it")
    others.ignore(FOR_TRAINING, *(key for key in others.options if key != "test"))
    return [("test", others.child("test"))]


def _read_metrics(test: Keys, validation: Keys, rules: set[str]) -> dict[str, Any]:
    """The original measures data of the name `test` by `test.metrics`, all others by `val.metrics`."""
    sections = {"test": test, "val": validation}
    read = {rule: _measures(section) for rule, section in sections.items()}
    for rule in sections.keys() - rules:
        if read[rule][0]:
            reason = "data of the name 'test' are measured by test.metrics, all others by val.metrics"
            test.notes.ignored.setdefault(reason, []).append(sections[rule].full("metrics"))
    chosen = [read[rule] for rule in sorted(rules)]
    if len(chosen) > 1 and chosen[0] != chosen[1]:
        test.note("metrics", "test.metrics and val.metrics together, for all data")
    measures = list(dict.fromkeys(name for names, _ in chosen for name in names))
    borders = sorted({border for _, found in chosen for border in found})
    if not measures:
        raise sections[min(rules)].fail("metrics", "names no measure to test by")
    if len(borders) > 1:
        raise test.fail(
            "metrics", f"expected one crop_border for all measures, found {' and '.join(map(str, borders))}"
        )
    border_px = borders[0] if borders else DEFAULT_BORDER_PX
    return {"measures": measures, "protocols": ["corrected", "original"], "border_px": border_px}


def _measures(section: Keys) -> tuple[list[str], set[int]]:
    metrics = section.child("metrics", {})
    measures, borders = [], set()
    for key in metrics.options:
        keys = metrics.child(key)
        kind = keys.take_one_of(
            "type", *(f"calculate_{name}" for name in ("psnr", "ssim", "cpsnr", "lpips", "clipscore"))
        ).removeprefix("calculate_")
        keys.ignore("every measure here knows its direction", "better")
        if kind == "lpips":
            measures.append(LPIPS[keys.take_one_of("lpips_model", *LPIPS)])
        elif kind == "clipscore":
            measures.append(CLIP[keys.take_one_of("clip_model", *CLIP)])
        else:
            is_luma = kind != "cpsnr" and keys.take_flag("test_y_channel", False)
            measures.append(f"{kind}_y" if is_luma else kind)
            borders.add(keys.take_count("crop_border"))
        if kind in ("lpips", "clipscore"):
            keys.ignore("networks see whole images", "crop_border", "test_y_channel")
        elif kind == "cpsnr":
            keys.ignore("cPSNR has no luma variant", "test_y_channel")
    return list(dict.fromkeys(measures)), borders
