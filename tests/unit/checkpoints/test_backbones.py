import json
from dataclasses import replace

import pytest
import torch

from ssr.checkpoints.backbones import BACKBONES, load_backbone, load_image_encoder
from ssr.checkpoints.files import sha256_of
from ssr.errors import WeightsError
from ssr.losses.trunks import Trunk
from tests.support.shelf import HASTY
from tests.unit.losses.tiny_clip import CONFIG, SIDE_PX, tiny_clip


def trunk():
    return Trunk("squeezenet1_1", ("conv1", "fire2"))


def written(path, state):
    torch.save(state, path)
    return path


def test_files_are_those_that_torchvision_loads():
    torchvision = pytest.importorskip("torchvision")
    for name, entry in BACKBONES.items():
        assert entry.urls == (torchvision.models.get_model_weights(name).IMAGENET1K_V1.url,)
        assert entry.n_parameters == torchvision.models.get_model_weights(name).IMAGENET1K_V1.meta["num_params"]


def test_local_file_fills_the_trunk_and_its_classifier_is_left_out(tmp_path):
    expected = trunk().state_dict()
    path = written(tmp_path / "own.pth", expected | {"classifier.1.weight": torch.zeros(3)})
    filled = trunk()
    torch.nn.init.zeros_(filled.features["0"].weight)
    load_backbone(filled, "squeezenet1_1", path)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in filled.state_dict().items())


@pytest.mark.parametrize(
    ("change", "found"),
    [({"features.0.weight": torch.zeros(64, 1, 3, 3)}, r"\(64, 1, 3, 3\)"), ({"features.0.weight": None}, "nothing")],
    ids=["another shape", "missing"],
)
def test_file_of_another_network_is_refused(tmp_path, change, found):
    state = {name: tensor for name, tensor in (trunk().state_dict() | change).items() if tensor is not None}
    path = written(tmp_path / "own.pth", state)
    with pytest.raises(WeightsError, match=f"own.pth.*'features.0.weight' is {found}, expected \\(64, 3, 3, 3\\)"):
        load_backbone(trunk(), "squeezenet1_1", path)


def test_download_that_is_not_the_published_file_is_refused(tmp_path):
    path = written(tmp_path / "other.pth", trunk().state_dict())
    with pytest.raises(WeightsError, match=f"found SHA-256 {sha256_of(path)}, expected b8a52dc0"):
        load_backbone(trunk(), "squeezenet1_1", url=str(path), folder=tmp_path / "cache", patience=HASTY)
    assert not (tmp_path / "cache" / BACKBONES["squeezenet1_1"].file).exists()


def test_file_with_the_digits_of_its_name_is_taken_into_the_cache(tmp_path):
    path = written(tmp_path / "published.pth", trunk().state_dict())
    entry = replace(BACKBONES["squeezenet1_1"], name=f"squeezenet1_1-{sha256_of(path)[:8]}")
    settings = {"entries": {"squeezenet1_1": entry}, "folder": tmp_path / "cache", "patience": HASTY}
    filled, again = trunk(), trunk()
    load_backbone(filled, "squeezenet1_1", url=str(path), **settings)
    path.unlink()
    load_backbone(again, "squeezenet1_1", url=str(path), **settings)
    assert sha256_of(tmp_path / "cache" / entry.file).startswith(entry.name[-8:])
    assert torch.equal(again.features["0"].weight, filled.features["0"].weight)


@pytest.fixture
def open_clip(tmp_path, monkeypatch):
    """open_clip that knows a network `tiny`, whose published weights saw images as SigLIP does."""
    module = pytest.importorskip("open_clip")
    (tmp_path / "tiny.json").write_text(json.dumps(CONFIG))
    monkeypatch.setattr(module.factory, "_MODEL_CONFIG_PATHS", [tmp_path])
    monkeypatch.setattr(module.factory, "_MODEL_CONFIGS", {"tiny": CONFIG | {}})
    published = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "quick_gelu": True, "url": ""}
    monkeypatch.setitem(module.pretrained._PRETRAINED, "tiny", {"made_here": published})
    return module


def test_local_clip_is_loaded_and_sees_images_as_its_published_kin(tmp_path, open_clip):
    path = written(tmp_path / "tiny.pt", tiny_clip().state_dict())
    encoder = load_image_encoder("tiny", str(path))
    assert (encoder.side_px, encoder.mean, encoder.std) == (SIDE_PX, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    expected = tiny_clip().visual.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in encoder.network.state_dict().items())
    assert any("QuickGELU" in type(module).__name__ for module in encoder.network.modules())


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("tiny", "nowhere.pt", "tiny, nowhere.pt: not loaded by open_clip"),
        ("unheard-of", None, "unheard-of: open_clip has no published weights"),
        ("unheard-of", "nowhere.pt", "unheard-of, nowhere.pt: not loaded by open_clip"),
    ],
)
def test_clip_that_is_not_to_be_had_is_named(open_clip, name, weights, message):
    with pytest.raises(WeightsError, match=message):
        load_image_encoder(name, weights)
