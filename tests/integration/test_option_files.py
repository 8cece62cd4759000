"""Do the option files of the original, all 59, become runs here: translated, nothing dropped, and started?"""

import contextlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import ssr.train
from ssr.config import basicsr
from ssr.config.files import Changes, dump_config, kind_of, load_config
from ssr.config.presets import PRESETS
from ssr.config.schema import InferConfig, TrainConfig
from ssr.errors import ConfigError
from ssr.sentinel2.bands import BAND_SETS
from ssr.workflows.training import train
from tests.support.scenes import FP32, textured, write_yaml
from tests.unit.config.originals import L2, changed
from tests.unit.data.layouts import (
    save,
    write_oli2msi_scene,
    write_picture,
    write_probav_scene,
    write_s2naip_pair,
    write_worldstrat_tile,
)

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "options"
FILES = sorted(FOLDER.glob("*/*.yml"))
TRAINING = [path for path in FILES if "infer_" not in path.name]
N_OF_MAIN, N_OF_EXPERIMENTS = 12, 47

TO_24 = {"network_g.num_in_ch": (36, 24)}
CORRECTED = {
    **{
        f"{name}_s2naip_{kind}": {**TO_24, "network_d.num_in_ch": (3, 27)}
        for name, kind in (
            *((name, "urban") for name in ("esrgan", "cliploss_esrgan", "ssimloss_esrgan", "rand_crop_esrgan")),
            ("esrgan", "full"),
        )
    },
    "old-naip_esrgan_s2naip_urban": {**TO_24, "network_d.num_in_ch": (3, 30)},
    "allbands_esrgan_s2naip_urban": {"network_g.num_in_ch": (36, 96), "network_d.num_in_ch": (3, 99)},
    **{f"{data}_{network}": {"scale": (4, 3)} for data in ("oli2msi", "probav") for network in ("srcnn", "highresnet")},
    **{f"worldstrat_{network}": {"network_g.output_size": (640, 160)} for network in ("srcnn", "highresnet")},
}
"""Numbers that cannot work, and those that do."""
CHECKED_THOUGH_IGNORED = {"test_datasets", "test", "val.metrics"}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
each_training = pytest.mark.parametrize("path", TRAINING, ids=lambda path: f"{path.parent.name}/{path.stem}")


@pytest.mark.shared
def test_all_files_are_here(shared: Path) -> None:
    counts = [len(list((shared / "options" / branch).glob("*.yml"))) for branch in ("main", "experiments")]
    assert counts == [N_OF_MAIN, N_OF_EXPERIMENTS]
    assert set(CORRECTED) < {path.stem for path in FILES}


@pytest.mark.shared
@each_file
def test_every_file_translates_and_its_translation_reads_as_the_same(path: Path, tmp_path: Path) -> None:
    kind = kind_of(yaml.safe_load(path.read_text()))
    assert kind is (TrainConfig if path in TRAINING else InferConfig)
    config, notes = load_config(path, kind)
    (tmp_path / "native.yaml").write_text(dump_config(config))
    assert load_config(tmp_path / "native.yaml", kind) == (config, [])
    assert all("\n" not in note for note in notes)


NETWORKS = {
    **{f"esrgan_baseline_{n}S2": f"esrgan_{n}S2" for n in (1, 2, 4, 16)},
    **{f"esrgan_baseline_{name}": f"esrgan_{name}" for name in ("10m", "20m", "60m")},
    **{f"esrgan_smaller{k}{loss}": f"esrgan_small-{k}" for k in (1, 2, 3) for loss in ("", "_cliploss")},
    **{f"esrgan_larger{k}{of}": f"esrgan_larger{k}" for k in (1, 2) for of in ("", "_1perc", "_cliploss")},
    **{name: "esrgan_8S2" for name in ("esrgan_baseline", "esrgan_s2naip_urban", "osm_obj_esrgan", "india_finetune")},
    "srcnn_s2naip_urban": "srcnn_s2naip",
    "highresnet_s2naip_urban": "highresnet_s2naip",
    "worldstrat_srcnn": "srcnn_s2naip",
    "allbands_esrgan_s2naip_urban": "esrgan_60m",
    "infer_example": "esrgan_8S2",
    "infer_grid_example": "esrgan_8S2",
}
"""Files and the presets of their networks, which have parameter counts of their own tests."""


@pytest.mark.shared
@pytest.mark.parametrize("path", [path for path in FILES if path.stem in NETWORKS], ids=lambda path: path.stem)
def test_the_networks_are_those_that_were_published(path: Path) -> None:
    config, _ = load_config(path, kind_of(yaml.safe_load(path.read_text())))
    assert config.model == PRESETS[NETWORKS[path.stem]]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "dotted", "expected"),
    [
        *((f"experiments/esrgan_baseline_{k}perc", "train_data.n_samples", 11_000 * k) for k in (1, 3, 10, 30)),
        ("main/rand_crop_esrgan_s2naip_urban", "train_data.augmentation.crop", "published"),
        ("main/old-naip_esrgan_s2naip_urban", "adversarial.sees_old_high_res", True),
        ("main/cliploss_esrgan_s2naip_urban", "loss.clip.network", "ViT-B-16-SigLIP-256"),
        ("main/cliploss_esrgan_s2naip_urban", "loss.clip.weight", 1),
        ("experiments/esrgan_baseline_cliploss", "loss.clip.network", "RN50"),
        ("main/ssimloss_esrgan_s2naip_urban", "loss.ssim", 0.1),
        ("experiments/esrgan_cliploss", "loss.ssim", 0.01),
        ("experiments/esrgan_cliploss", "loss.sharpened_targets", ("l1", "clip", "perceptual", "ssim")),
        ("main/esrgan_s2naip_urban", "loss.sharpened_targets", ("l1", "perceptual")),
        ("main/esrgan_s2naip_urban", "adversarial.weight", 0.1),
        ("main/esrgan_s2naip_urban", "adversarial.sees_low_res", True),
        ("main/esrgan_s2naip_urban", "training.milestones", (400_000,)),
        ("main/esrgan_s2naip_urban", "training.ema_decay", 0.999),
        ("main/esrgan_s2naip_urban", "training.ema_warms_up", False),
        ("main/osm_obj_esrgan", "adversarial.objects.weight", 0.3),
        ("main/osm_obj_esrgan", "train_data.n_objects", 1),
        ("experiments/esrgan_baseline", "training.batch_size", 256),
        (
            "experiments/india_finetune",
            "adversarial.pretrained.path.name",
            "net_d_1285000.pth",
        ),
        ("experiments/probav_srcnn", "model.zoom", 4),
        ("experiments/probav_esrgan", "model.scale", 3),
        ("main/srcnn_s2naip_urban", "loss.mse", 0.3),
    ],
)
def test_what_makes_each_experiment_is_kept(name: str, dotted: str, expected: object, shared: Path) -> None:
    found: object = load_config(shared / "options" / f"{name}.yml", TrainConfig)[0]
    for part in dotted.split("."):
        found = getattr(found, part)
    assert found == expected


@pytest.mark.shared
@each_file
def test_wrong_numbers_are_corrected_with_both_shown_and_refused_when_strict(path: Path) -> None:
    kind = kind_of(yaml.safe_load(path.read_text()))
    _, notes = load_config(path, kind)
    pattern = re.compile(r"(\S+): corrected from (\d+) to (\d+) \(.+\)$")
    said = {m[1]: (int(m[2]), int(m[3])) for note in notes if (m := pattern.match(note))}
    expected = CORRECTED.get(path.stem, {}) if kind is TrainConfig else {}
    assert said == expected
    if not expected:
        load_config(path, kind, Changes(strict=True))
        return
    with pytest.raises(ConfigError, match="--strict") as raised:
        load_config(path, kind, Changes(strict=True))
    assert all(f"{key}: corrected from" in str(raised.value) for key in expected)


@pytest.mark.shared
@each_file
def test_no_key_of_a_file_is_dropped_in_silence(path: Path) -> None:
    """Each value, changed to what no key expects, changes the result, is refused, or is said to be ignored."""
    options = yaml.safe_load(path.read_text())
    for_training = kind_of(options) is TrainConfig
    native, notes = basicsr.translate(options, for_training=for_training, source="file")
    ignored = ignored_keys(notes)
    silent = []
    for place, key, dotted in leaves(options):
        if any(dotted == known or dotted.startswith(f"{known}.") for known in ignored):
            continue
        before, place[key] = place[key], "7"
        with contextlib.suppress(ConfigError):
            if basicsr.translate(options, for_training=for_training, source="file") == (native, notes):
                silent.append(dotted)
        place[key] = before
    assert silent == []


@pytest.mark.shared
@each_file
def test_a_key_that_nobody_knows_is_refused_at_every_place_of_a_file(path: Path) -> None:
    options = yaml.safe_load(path.read_text())
    for_training = kind_of(options) is TrainConfig
    ignored = ignored_keys(basicsr.translate(options, for_training=for_training, source="file")[1])
    for place, dotted in mappings(options):
        if dotted in ignored - CHECKED_THOUGH_IGNORED or dotted.endswith(".io_backend"):
            continue
        place["zzz"] = 1
        with pytest.raises(ConfigError, match=re.escape(f"option '{dotted}.zzz'".replace("'.", "'"))):
            basicsr.translate(options, for_training=for_training, source="file")
        del place["zzz"]


def ignored_keys(notes: list[str]) -> set[str]:
    """Paths that a note says are ignored."""
    return {key for note in notes if ": ignored, " in note for key in note.partition(": ignored, ")[0].split(", ")}


def leaves(options: dict[str, Any], above: str = "") -> list[tuple[dict[str, Any], str, str]]:
    """Every value that is no mapping: the mapping that holds it, its key, its dotted path."""
    found = []
    for key, value in options.items():
        dotted = f"{above}.{key}" if above else str(key)
        found += leaves(value, dotted) if isinstance(value, dict) else [(options, key, dotted)]
    return found


def mappings(options: dict[str, Any], above: str = "") -> list[tuple[dict[str, Any], str]]:
    """Every mapping and its dotted path."""
    found = [(options, above)]
    for key, value in options.items():
        if isinstance(value, dict):
            found += mappings(value, f"{above}.{key}" if above else str(key))
    return found


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few samples of each data set, with the side files that the options name, and a random VGG19."""
    root = tmp_path_factory.mktemp("sets")
    tiles = [f"10_{k}" for k in range(3)]
    for tile in tiles:
        write_s2naip_pair(root, tile, n_dates=16)
        for band in BAND_SETS["60m"][1:]:
            save(root / "sentinel2" / tile / f"{band}.png", textured(16, 32, 32)[:, 0].reshape(16 * 32, 32))
        write_picture(root / "older" / f"{tile}.png", side_px=128)
    (root / "weights.json").write_text(json.dumps({tile: 1.5 for tile in tiles}))
    (root / "boxes.json").write_text(
        json.dumps({tile: {"road": [[8, 8, 40, 60], [60, 20, 100, 90]]} for tile in tiles})
    )
    for tile in ("first", "second"):
        write_worldstrat_tile(root, tile, n_dates=8)
    (root / "splits.csv").write_text("tile,split\nfirst,train\nsecond,val\n")
    for split in ("train", "test"):
        write_oli2msi_scene(root / "oli2msi", "a.TIF", split=split)
    for scene in ("imgset0001", "val/imgset0002"):
        write_probav_scene(root / "probav" / "train" / "NIR" / scene, n_dates=9)
    torchvision = pytest.importorskip("torchvision", reason="the extra 'community' is not installed")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        torch.save(torchvision.models.vgg19(weights=None).state_dict(), root / "vgg19.pth")
    return root


def on_small_data(data: dict[str, Any], root: Path) -> dict[str, Any]:
    """The same options with paths below `root`."""
    paths = {
        "s2naip": {"sentinel2": "sentinel2", "naip": "naip"},
        "worldstrat": {"low_res": "lr", "high_res": "hr", "splits": "splits.csv"},
        "oli2msi": {"root": "oli2msi"},
        "proba_v": {"root": "probav"},
    }[data["type"]]
    sides = {"tile_weights": "weights.json", "objects": "boxes.json", "old_naip": "older"}
    paths |= {key: value for key, value in sides.items() if key in data}
    return (
        data
        | {key: str(root / value) for key, value in paths.items()}
        | ({"n_samples": 2} if "n_samples" in data else {})
    )


def made_small(config: TrainConfig, root: Path, out: Path) -> TrainConfig:
    """Every part of the run that a file asks for, in two steps of a small network on small data."""
    options = yaml.safe_load(dump_config(config))
    sizes = (
        {"n_features": 8, "n_blocks": 1, "n_growth": 4} if options["model"]["type"] == "esrgan" else {"n_features": 16}
    )
    options["model"] |= sizes
    for key in ("train_data", "validation_data"):
        options[key] = on_small_data(options[key], root)
    options.pop("pretrained", None)
    # A CLIP network is too large to make for a test; its loss has tests of its own.
    options["loss"].pop("clip", None)
    options["loss"]["sharpened_targets"] = [t for t in options["loss"].get("sharpened_targets", []) if t != "clip"]
    if "perceptual" in options["loss"]:
        options["loss"]["perceptual"]["weights"] = str(root / "vgg19.pth")
    if "adversarial" in options:
        options["adversarial"] |= {"n_features": 8}
        options["adversarial"].pop("pretrained", None)
    options["training"] |= {"n_steps": 2, "batch_size": 1, "log_every": 1, "checkpoint_every": 2, "validate_every": 2}
    return TrainConfig.model_validate(options | {"n_validation_batches": 1, "experiments_root": str(out)})


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.shared
@each_training
def test_every_file_starts_training_on_small_data_of_its_kind(
    path: Path, data_sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")  # many name a project of the service, which wants a login
    config = made_small(load_config(path, TrainConfig)[0], data_sets, tmp_path)
    told: list[str] = []
    losses: list[dict[str, float]] = []
    result = train(config, compute=FP32, progress=lambda _done, now: losses.append(now), tell=told.append)
    assert (result.n_steps, result.stopped_by) == (2, None)
    figures = [value for now in losses for value in now.values()]
    assert figures
    assert all(map(math.isfinite, figures))
    assert np.isfinite(result.figures["psnr"])
    models = {file.name for file in (tmp_path / config.name / "models").iterdir()}
    assert "net_g_latest.pth" in models
    assert ("net_d_latest.pth" in models) is (config.adversarial is not None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "launch",
    [
        ["torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "ssr.train"],
        ["torch.distributed.launch", "--standalone", "--nproc_per_node=2", str(Path(ssr.train.__file__))],
    ],
    ids=["torchrun", "launch"],
)
def test_two_processes_train_one_run_and_one_of_them_speaks(launch: list[str], tmp_path: Path) -> None:
    for tile in ("10_0", "10_1", "10_2", "10_3"):
        write_s2naip_pair(tmp_path, tile, n_dates=2)
    options = changed(changed(L2, "network_g.hidden_channels", 16), "network_g.revisits", 2)
    data = {"type": "S2NAIPDataset", "sentinel2_path": "sentinel2", "naip_path": "naip", "n_s2_images": 2}
    options = changed(options, "datasets", {"train": data | {"batch_size_per_gpu": 1}}) | {"test_datasets": {}}
    write_yaml(tmp_path / "two.yml", options)
    flags = ["-opt", "two.yml", "--launcher", "pytorch", "--debug", "--force_yml", "train:total_iter=2"]
    done = subprocess.run(
        [sys.executable, "-m", *launch, *flags], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    words = [line.split()[:2] for line in done.stdout.splitlines()]
    assert words == [["step", "1/2"], ["step", "2/2"], ["wrote", "experiments/debug_run-1/models/net_g_latest.pth"]]
    assert done.stderr.count("batch_size_per_gpu: 1 in each of 2 processes, 2 together") == 1
    steps = (tmp_path / "experiments" / "debug_run-1" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in steps] == [1, 2]
