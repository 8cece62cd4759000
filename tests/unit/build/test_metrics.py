import importlib.util
import json
import sys

import pytest
import torch
from pydantic import ValidationError

from ssr.build.judges import CLIP_NETWORKS, Judges, PublishedClip
from ssr.build.metrics import open_suite
from ssr.checkpoints.backbones import load_backbone, read_lpips_heads
from ssr.config.metrics import EVERY_MEASURE, MetricsOptions
from ssr.errors import WeightsError
from ssr.losses.trunks import Trunk
from ssr.metrics.displaced import cpsnr, cpsnr_original
from ssr.metrics.lpips import LAYERS, Lpips
from ssr.metrics.measure import Judged
from ssr.metrics.pixelwise import psnr, rounded_to_bytes
from ssr.metrics.spectral import ergas
from tests.unit.losses.tiny_clip import CONFIG, tiny_clip

CPU = torch.device("cpu")
PIXELWISE = ("psnr", "ssim", "cpsnr", "ms_ssim", "psnr_y", "ssim_y", "rmse", "mae", "spectral_angle", "ergas")
CONSISTENCY = ("reflectance", "spectral", "spatial", "synthesis", "hallucination_nd", "omission_nd", "improvement_nd")


@pytest.fixture(autouse=True)
def _empty_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def judged(b=2, side=64, scale=4):
    generator = torch.Generator().manual_seed(0)
    low_res = torch.rand(b, 2, 3, side // scale, side // scale, generator=generator)
    truth = low_res.mean(1).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    made = (truth + 0.1 * torch.rand(truth.shape, generator=generator)).clamp(0, 1)
    return Judged(made, truth, low_res)


def squeezenet_file(folder):
    path = folder / "squeezenet.pth"
    torch.save(Trunk("squeezenet1_1", LAYERS["squeezenet1_1"]).state_dict(), path)
    return path


def suite(*measures, **options):
    return open_suite(MetricsOptions(measures=measures, **options), device=CPU)


def test_every_measure_is_taken_or_missing_and_nothing_is_left_out():
    taken, missing = open_suite(MetricsOptions(), device=CPU)
    assert {m.name for m in taken.measures} | {m.name for m in missing} == set(EVERY_MEASURE)
    assert {m.name for m in taken.measures} == {*PIXELWISE, *CONSISTENCY}
    scores = taken(judged())
    assert set(scores) == {*PIXELWISE, *CONSISTENCY, "cpsnr@original"}
    assert all(column.shape == (2,) and column.isfinite().all() for column in scores.values())


@pytest.mark.parametrize(
    ("measure", "option", "file"),
    [
        ("lpips_vgg", "vgg16", "vgg16-397923af.pth (528 MB)"),
        ("lpips_alex", "alexnet", "alexnet-owt-7be5be79.pth (233 MB)"),
        ("lpips_squeeze", "squeezenet1_1", "squeezenet1_1-b8a52dc0.pth (5 MB)"),
        ("hallucination_lpips", "alexnet", "alexnet-owt-7be5be79.pth"),
        ("clipscore_openai", "openai", "huggingface.co/timm/vit_base_patch16_clip_224.openai"),
        ("clipscore_siglip", "siglip", "huggingface.co/timm/ViT-SO400M-14-SigLIP-384 (about 3.5 GB)"),
        ("clipscore_clipa", "clipa", "huggingface.co/UCSC-VLAA/ViT-bigG-14-CLIPA-336-datacomp1B (about 10.0 GB)"),
    ],
)
def test_missing_network_says_which_file_to_fetch_and_which_option_names_it(measure, option, file):
    taken, missing = suite(measure)
    assert not taken.measures
    assert [m.name for m in missing] == [measure]
    assert "cache" in missing[0].why
    assert file in missing[0].how_to_get
    assert f"metrics.weights.{option}" in missing[0].how_to_get
    assert "metrics.offline" in missing[0].how_to_get
    assert "\n" not in missing[0].why + missing[0].how_to_get


@pytest.mark.parametrize(
    ("measure", "package"), [("lpips_squeeze", "torchmetrics"), ("clipscore_openai", "open_clip_torch")]
)
def test_missing_package_says_what_to_install(measure, package, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "ssr.checkpoints.backbones.find_spec", lambda name: None if name == "torchmetrics" else found(name)
    )
    monkeypatch.setitem(sys.modules, "open_clip", None)
    taken, missing = suite(measure, "psnr")
    assert [m.name for m in taken.measures] == ["psnr"]
    assert package in missing[0].why
    assert missing[0].how_to_get == "pip install 'satlas-super-resolution[metrics]'"


def test_lpips_of_a_local_file_sees_whole_images_rounded_to_bytes(tmp_path):
    path = squeezenet_file(tmp_path)
    taken, missing = suite("lpips_squeeze", weights={"squeezenet1_1": path})
    assert not missing
    assert [m.key for m in taken.measures] == ["lpips_squeeze"]  # the original has none
    trunk = Trunk("squeezenet1_1", LAYERS["squeezenet1_1"])
    load_backbone(trunk, "squeezenet1_1", path)
    images = judged()
    ours = Lpips(trunk, dict(zip(trunk.layers, read_lpips_heads("squeeze"), strict=True)))
    expected = ours(rounded_to_bytes(images.super_res), rounded_to_bytes(images.truth))
    assert taken(images)["lpips_squeeze"].tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    floor, ceiling = taken.spans(images)["lpips_squeeze"]
    assert ceiling.tolist() == [0, 0]
    assert (floor > 0).all()


@pytest.mark.parametrize(
    ("content", "message"), [(b"not weights", "not readable|refused"), (None, "no such weight file")]
)
def test_file_that_was_named_and_is_of_no_use_is_an_error(tmp_path, content, message):
    path = tmp_path / "mine.pth"
    if content:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"mine.pth.*({message})"):
        suite("lpips_squeeze", weights={"squeezenet1_1": path})


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A network `tiny` of open_clip, and a file with its weights."""
    open_clip = pytest.importorskip("open_clip")
    (tmp_path / "tiny.json").write_text(json.dumps(CONFIG))
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIG_PATHS", [tmp_path])
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", {"tiny": CONFIG | {}})
    published = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "interpolation": "bilinear", "hf_hub": "made/tiny/"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", {"made_here": published})
    path = tmp_path / "tiny.pt"
    torch.save(tiny_clip().state_dict(), path)
    return path


def clip_suite(**options):
    config = MetricsOptions(measures=("clipscore_openai",), **options)
    networks = CLIP_NETWORKS | {"clipscore_openai": PublishedClip("openai", "tiny", "made_here", "made/tiny", 0.1)}
    judges = Judges(config.weights, offline=config.offline, device=CPU, clip_networks=networks)
    return open_suite(config, device=CPU, judges=judges)


def test_clipscore_of_a_local_file_stands_between_its_floor_and_ceiling(tiny):
    taken, missing = clip_suite(weights={"openai": tiny})
    assert not missing
    assert [m.key for m in taken.measures] == ["clipscore_openai", "clipscore_openai@original"]
    images = judged()
    scores, spans = taken(images), taken.spans(images)
    assert set(spans) == set(scores)
    for key, span in spans.items():
        assert span.identical.tolist() == pytest.approx([1, 1], abs=1e-5)
        assert (scores[key] <= 1).all()
    assert scores["clipscore_openai"].tolist() != scores["clipscore_openai@original"].tolist()


def test_offline_uses_what_the_hub_has_cached(tiny, tmp_path):
    assert "nothing is fetched offline" in clip_suite()[1][0].why
    snapshot = tmp_path / "hub" / "models--made--tiny" / "snapshots" / "0"
    snapshot.mkdir(parents=True)
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("0")
    tiny.rename(snapshot / "open_clip_pytorch_model.bin")
    taken, missing = clip_suite()
    assert not missing
    assert taken(judged())["clipscore_openai"].shape == (2,)


def test_protocols_are_kept_apart_and_can_be_chosen():
    images = judged()
    both, _ = suite("cpsnr", "psnr")
    assert [m.key for m in both.measures] == ["cpsnr", "cpsnr@original", "psnr"]
    a, b = rounded_to_bytes(images.super_res), rounded_to_bytes(images.truth)
    scores = both(images)
    assert scores["cpsnr"].tolist() == cpsnr(a, b, border_px=4).tolist()
    assert scores["cpsnr@original"].tolist() == cpsnr_original(a, b, border_px=4).tolist()
    assert [m.key for m in suite("cpsnr", "psnr", protocols=("original",))[0].measures] == ["cpsnr@original"]


def test_bytes_border_and_clear_pixels_reach_the_measures():
    images = judged()
    unrounded, _ = suite("psnr", "cpsnr", "ergas", rounds_to_bytes=False, border_px=8)
    scores = unrounded(images)
    assert scores["psnr"].tolist() == psnr(images.super_res, images.truth, border_px=8).tolist()
    assert scores["cpsnr@original"].tolist() == cpsnr_original(images.super_res, images.truth, border_px=8).tolist()
    assert scores["ergas"].tolist() == ergas(images.super_res, images.truth, scale=4, border_px=8).tolist()
    assert suite("psnr", border_px=8)[0](images)["psnr"].tolist() != scores["psnr"].tolist()
    clear = torch.ones(2, 1, 64, 64, dtype=torch.bool)
    clear[..., 20:40, 20:40] = False
    clouded = images._replace(clear=clear)
    expected = cpsnr(images.super_res, images.truth, clear=clear, border_px=8)
    assert unrounded(clouded)["cpsnr"].tolist() == expected.tolist()


def test_one_suite_serves_chips_of_any_scale():
    taken, _ = suite("ergas", "reflectance", "hallucination_nd")
    by_four, by_two = taken(judged(scale=4)), taken(judged(scale=2))
    assert set(by_four) == {"ergas", "reflectance", "hallucination_nd"}
    assert all(column.isfinite().all() for column in (*by_four.values(), *by_two.values()))


def test_network_sees_images_resized_as_its_published_weights_were_trained(tiny):
    networks = {"clipscore_openai": PublishedClip("openai", "tiny", "made_here", "made/tiny", 0.1)}
    clip = Judges({"openai": tiny}, offline=True, device=CPU, clip_networks=networks).clip("clipscore_openai")
    assert (clip.side_px, clip.interpolation) == (CONFIG["vision_cfg"]["image_size"], "bilinear")
    assert clip.mean.flatten().tolist() == [0.5] * 3
    assert clip.std.flatten().tolist() == [0.25] * 3


def test_networks_are_loaded_once(tmp_path):
    judges = Judges({"squeezenet1_1": squeezenet_file(tmp_path)}, offline=True, device=CPU)
    assert judges.lpips("lpips_squeeze") is judges.lpips("lpips_squeeze")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measures": ("sharpness",)}, "sharpness|Input should be"),
        ({"measures": ()}, "at least 1"),
        ({"measures": ("psnr", "psnr")}, "psnr is named more than once"),
        ({"border_px": -1}, "greater than or equal to 0"),
        ({"weights": {"resnet": "x.pth"}}, "Input should be"),
        ({"offlin": True}, "Extra inputs"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        MetricsOptions(**options)


def test_hallucination_by_lpips_shares_the_network_of_lpips(tmp_path):
    path = tmp_path / "alexnet.pth"
    torch.save(Trunk("alexnet", LAYERS["alexnet"]).state_dict(), path)
    taken, missing = suite("lpips_alex", "hallucination_lpips", "improvement_lpips", weights={"alexnet": path})
    assert not missing
    scores = taken(judged())
    assert list(scores) == ["lpips_alex", "lpips_alex@original", "hallucination_lpips", "improvement_lpips"]
    assert all(column.isfinite().all() for column in scores.values())
