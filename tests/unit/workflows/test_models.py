"""Which network a name or a path opens, and what happens when it is not what its name says."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ssr.checkpoints.bundled import DEFAULT, bundled_weights
from ssr.checkpoints.files import sha256_of, write_torch
from ssr.config.networks import ESRGANModel
from ssr.errors import ConfigError, WeightsError
from ssr.models.esrgan import RRDBNet
from ssr.workflows.exchange import convert, save_pretrained
from ssr.workflows.foreign import export_network
from ssr.workflows.models import open_model
from ssr.workflows.shelf import Shelf
from tests.support.bad_server import BadServer
from tests.support.scenes import tiny_rrdbnet, write_weights, write_yaml
from tests.support.shelf import published, tiny_shelf
from tests.unit.workflows.test_foreign import nearest_file


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return write_weights(tmp_path / "source.pth", tiny_rrdbnet()).read_bytes()


@pytest.fixture
def shelf(server: BadServer, tmp_path: Path, content: bytes) -> Shelf:
    return tiny_shelf(tmp_path / "cache", published("tiny_2S2", server.serve("tiny_2S2.pth", content)))


def test_a_bundled_name_opens_the_bundled_file() -> None:
    opened = open_model()
    assert (opened.name, opened.sha256) == (DEFAULT, sha256_of(bundled_weights()))


def test_a_path_opens_the_file(tmp_path: Path, content: bytes, shelf: Shelf, server: BadServer) -> None:
    opened = open_model(tmp_path / "source.pth", shelf=shelf)
    assert (opened.name, opened.network.n_revisits) == ("source", 2)
    assert opened.sha256 == sha256_of(tmp_path / "source.pth")
    assert server.asked == []


def test_a_published_name_is_fetched_once(shelf: Shelf, server: BadServer) -> None:
    for _ in range(2):
        opened = open_model("tiny_2S2", shelf=shelf)
        assert opened.name == "tiny_2S2"
        low_res = torch.rand(1, 2, 3, 8, 8)
        assert torch.equal(opened.network(low_res), tiny_rrdbnet()(low_res))
    assert len(server.asked) == 1
    assert open_model("tiny_2S2", offline=True, shelf=shelf).sha256 == opened.sha256


def test_a_file_of_that_name_goes_before_the_published_one(
    shelf: Shelf, server: BadServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_weights(tmp_path / "tiny_2S2", tiny_rrdbnet(n_revisits=3))
    assert open_model("tiny_2S2", shelf=shelf).network.n_revisits == 3
    assert server.asked == []


def test_progress_is_told_in_bytes(shelf: Shelf, content: bytes) -> None:
    seen: list[tuple[int, int | None]] = []
    open_model("tiny_2S2", shelf=shelf, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(content), len(content))


def test_offline_without_the_file_is_an_error(shelf: Shelf, server: BadServer) -> None:
    with pytest.raises(WeightsError, match="tiny_2S2: not in the cache"):
        open_model("tiny_2S2", offline=True, shelf=shelf)
    assert server.asked == []


@pytest.mark.parametrize("where", ["flag", "environment", "local folder"])
def test_another_address_is_used_instead(
    shelf: Shelf, server: BadServer, tmp_path: Path, content: bytes, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("mirror/tiny_2S2.pth", content)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "tiny_2S2.pth").write_bytes(content)
    url = {"flag": server.url + "mirror/", "environment": None, "local folder": f"{tmp_path}/mirror/"}[where]
    monkeypatch.setenv("SSR_WEIGHTS_URL", server.url + ("mirror" if where == "environment" else "nowhere"))
    open_model("tiny_2S2", url=url, shelf=shelf)
    expected = [] if where == "local folder" else ["/mirror/tiny_2S2.pth"]
    assert [asked.path for asked in server.asked] == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"n_revisits": 3}, r"conv_first\.weight.*\(8, 9, 3, 3\), expected \(8, 6, 3, 3\)"),
        ({"n_blocks": 2}, "'body.1.*is not part of it"),
        ({"scale": 8}, "'conv_up3.*is not part of it"),
    ],
)
def test_a_network_that_is_not_the_named_one_is_refused(
    shelf: Shelf, server: BadServer, tmp_path: Path, change: dict[str, int], told: str
) -> None:
    wrong = write_weights(tmp_path / "wrong.pth", tiny_rrdbnet(**change)).read_bytes()
    server.serve("tiny_2S2.pth", wrong)
    with pytest.raises(WeightsError, match=rf"tiny_2S2\.pth: does not fit the RRDBNet asked for: .*{told}"):
        open_model("tiny_2S2", shelf=shelf)
    assert not list((tmp_path / "cache").glob("*.pth"))


def test_scale_is_that_of_the_preset_where_shapes_cannot_tell(server: BadServer, tmp_path: Path) -> None:
    network = RRDBNet(n_revisits=1, n_features=8, n_blocks=1, n_growth=4, scale=2)
    content = write_weights(tmp_path / "x2.pth", network).read_bytes()
    shelf = tiny_shelf(tmp_path / "cache", published("x2", server.serve("x2.pth", content)))
    model = shelf.networks["x2"].model_copy(update={"n_revisits": 1, "scale": 2})
    shelf = Shelf(shelf.entries, {"x2": model}, shelf.folder)
    assert open_model(tmp_path / "x2.pth").network.scale == 4
    assert open_model("x2", shelf=shelf).network.scale == 2


def test_a_start_for_training_is_not_a_model(tmp_path: Path) -> None:
    shelf = tiny_shelf(tmp_path, published("start", warnings=("a start for training",), is_start_only=True))
    with pytest.raises(WeightsError, match="start: a start for training"):
        open_model("start", shelf=shelf)


@pytest.mark.parametrize("name", ["tiny_2s2", "tiny_2S2.pth", "no/such/tiny_2S2.pth", "tiny2S2"])
def test_a_near_miss_is_told_what_was_meant(shelf: Shelf, name: str) -> None:
    with pytest.raises(
        WeightsError, match=r"did you mean tiny_2S2\? Bundled: compact-8, compact-8-rgbn; published: tiny_2S2"
    ) as told:
        open_model(name, shelf=shelf)
    assert str(told.value).startswith(f"{name}: neither a weight file nor a known model")


def test_something_else_entirely_gets_the_names(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"Bundled: compact-8, compact-8-rgbn; published: esrgan_1S2, .*esrgan_orig_18S2"
    ) as told:
        open_model("swin")
    assert "did you mean" not in str(told.value)


@pytest.mark.parametrize("name", ["bicubic", "shift_and_add"])
def test_models_that_learnt_nothing_are_named_like_others(name: str) -> None:
    opened = open_model(name)
    assert (opened.name, opened.sha256, opened.network.n_revisits) == (name, "none", None)
    assert opened.network(torch.full((1, 2, 3, 8, 8), 0.5)).allclose(torch.full((1, 3, 32, 32), 0.5))


def test_a_folder_opens_its_model(tmp_path: Path) -> None:
    network, low_res = tiny_rrdbnet(scale=2), torch.rand(1, 2, 3, 8, 8)
    config = ESRGANModel(n_revisits=2, n_features=8, n_blocks=1, n_growth=4, scale=2)
    save_pretrained(network, config, tmp_path / "mine")
    opened = open_model(tmp_path / "mine")
    assert (opened.name, opened.sha256) == ("mine", sha256_of(tmp_path / "mine" / "model.safetensors"))
    assert torch.equal(opened.network(low_res), network(low_res))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"config\.json is missing"):
        open_model(tmp_path)


def test_a_safetensors_file_says_what_its_shapes_cannot(tmp_path: Path) -> None:
    network = tiny_rrdbnet(scale=2)
    model = ESRGANModel(n_revisits=2, n_features=8, n_blocks=1, n_growth=4, scale=2)
    convert(write_weights(tmp_path / "a.pth", network), tmp_path / "a.safetensors", model=model)
    assert open_model(tmp_path / "a.pth").network.scale == 4  # the tensors alone fit both
    assert open_model(tmp_path / "a.safetensors").network.scale == 2


def test_an_onnx_file_of_ours_opens_by_itself_and_another_by_what_is_declared(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra 'export' is not installed")
    ours = tmp_path / "ours.onnx"
    export_network(tiny_rrdbnet(), ours)
    assert open_model(ours).network.n_revisits == 2
    theirs = nearest_file(tmp_path / "theirs.onnx", ("b", 3, "h", "w"))
    with pytest.raises(ConfigError, match="does not say its scale, n_channels, halo_px"):
        open_model(theirs)
    declared = write_yaml(tmp_path / "theirs.yaml", {"onnx": "theirs.onnx", "scale": 4, "halo_px": 0})
    low_res = torch.rand(1, 1, 3, 8, 8)
    fine = low_res[:, 0].repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.equal(open_model(declared).network(low_res), fine)
    write_yaml(declared, {"onnx": "theirs.onnx", "scale": 4, "halo": 0})
    with pytest.raises(ConfigError, match=r"theirs\.yaml: .*halo"):
        open_model(declared)


def test_tensors_of_nobody_are_said_to_fit_nothing(tmp_path: Path) -> None:
    pytest.importorskip("spandrel", reason="the extra 'community' is not installed")
    write_torch(tmp_path / "odd.pth", {"params": {"layer.weight": torch.zeros(2)}})
    with pytest.raises(WeightsError, match=r"odd\.pth: spandrel knows no network with these tensors"):
        open_model(tmp_path / "odd.pth")


def test_without_spandrel_it_is_named_as_what_might_know_them(tmp_path: Path) -> None:
    write_torch(tmp_path / "odd.pth", {"params": {"layer.weight": torch.zeros(2)}})
    program = (
        "import sys; sys.modules['spandrel'] = None\n"
        "from ssr.workflows.models import open_model\n"
        f"open_model({str(tmp_path / 'odd.pth')!r})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "fit no network known here" in done.stderr
    assert "satlas-super-resolution[community]" in done.stderr
