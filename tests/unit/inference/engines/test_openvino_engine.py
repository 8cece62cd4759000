"""Does OpenVINO give what PyTorch gives, and keep what it compiled?"""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssr.inference.engines.compiled import MOST_FILES, forget_old, network_key
from ssr.inference.engines.graphs import NotAGraphError, check_graph, openvino_graph, probe
from ssr.inference.engines.openvino_engine import OpenVinoRunner
from tests.support.networks import FAMILIES, from_seed
from tests.support.scenes import BF16, FP32, tiny_rrdbnet
from tests.support.tolerances import FLOAT32

pytest.importorskip("openvino")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of the package itself


def windows(n: int, height: int, width: int) -> Tensor:
    return probe((n, 2, 3, height, width), 5)


@pytest.mark.parametrize("family", ["rrdbnet_x1", "rrdbnet_x2", "rrdbnet_x4"])
def test_esrgan_gives_what_it_gives_in_torch(family: str, engines_cache: Path) -> None:
    network = FAMILIES[family]()
    run = OpenVinoRunner(network, FP32, keeps=False)
    run.prepare()
    low_res = windows(3, 24, 32)
    with torch.inference_mode():
        torch.testing.assert_close(run(low_res), network(low_res), atol=FLOAT32, rtol=0)
    assert not engines_cache.exists()


def test_sixteen_bits_cost_no_more_than_in_torch() -> None:
    network = tiny_rrdbnet()
    low_res = windows(2, 40, 32)
    with torch.inference_mode():
        exact = network(low_res)
        with BF16.autocast():
            in_torch = (network(low_res).float() - exact).square().mean().sqrt()
        found = (OpenVinoRunner(network, BF16, keeps=False)(low_res) - exact).square().mean().sqrt()
    assert FLOAT32 < found <= in_torch


def test_a_window_gives_the_same_bytes_in_any_company() -> None:
    run = OpenVinoRunner(tiny_rrdbnet(), BF16, keeps=False)
    low_res = windows(5, 48, 48)
    together = run(low_res)
    alone = torch.cat([run(one) for one in low_res.split(1)])
    assert torch.equal(together, alone)


def test_small_windows_share_requests_and_the_last_is_filled_up() -> None:
    network = tiny_rrdbnet()
    run = OpenVinoRunner(network, FP32, keeps=False)
    low_res = windows(11, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(run(low_res), network(low_res), atol=FLOAT32, rtol=0)


def test_a_kept_graph_is_read_again_and_a_damaged_one_made_anew(
    engines_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low_res = windows(1, 16, 16)
    first = OpenVinoRunner(tiny_rrdbnet(), FP32)(low_res)
    (blob,) = engines_cache.glob("*.blob")
    with monkeypatch.context() as patched:
        patched.setattr("ssr.inference.engines.openvino_engine.openvino_graph", pytest.fail)
        assert torch.equal(OpenVinoRunner(tiny_rrdbnet(), FP32)(low_res), first)
    blob.write_bytes(b"cut off")
    assert torch.equal(OpenVinoRunner(tiny_rrdbnet(), FP32)(low_res), first)
    assert blob.stat().st_size > 1000


def test_a_comparison_that_was_made_is_not_made_again(engines_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    OpenVinoRunner(tiny_rrdbnet(), FP32).prepare()
    assert len(list(engines_cache.glob("*.checked"))) == 1
    monkeypatch.setattr("ssr.inference.engines.openvino_engine.check_graph", pytest.fail)
    OpenVinoRunner(tiny_rrdbnet(), FP32).prepare()


def test_a_cache_that_cannot_be_written_costs_no_result(engines_cache: Path) -> None:
    engines_cache.parent.mkdir(parents=True)
    engines_cache.write_text("a file where the folder should be")
    assert OpenVinoRunner(tiny_rrdbnet(), FP32)(windows(1, 16, 16)).shape == (1, 3, 64, 64)


def test_every_weight_setting_and_class_counts_in_the_key() -> None:
    keys = {network_key(FAMILIES[name]()) for name in ("rrdbnet_x1", "rrdbnet_x2", "rrdbnet_x4", "srcnn")}
    assert len(keys) == 4
    network = tiny_rrdbnet()
    assert network_key(network) == network_key(tiny_rrdbnet())
    before = network_key(network)
    with torch.no_grad():
        network.conv_last.bias[0] += 1e-3
    assert network_key(network) != before


def test_a_graph_that_gives_other_results_is_not_used() -> None:
    class Judging(nn.Module):
        """Decides by what it sees, of which tracing keeps the side it saw."""

        n_revisits, n_channels, scale, halo_px, size_multiple, sees_place = 2, 3, 1, 0, 1, False

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 3, 1)

        def forward(self, low_res: Tensor) -> Tensor:
            seen = self.layer(low_res.mean(1))
            return seen if (low_res[:, 0, 0, 4, 0] == 0).all() else seen + 0.5

    network: Any = from_seed(Judging).eval()

    def run_other(shape: Any) -> Any:
        import openvino

        graph = openvino_graph(network, shape)
        compiled = openvino.Core().compile_model(graph, "CPU")
        return lambda low_res: torch.from_numpy(compiled([low_res.numpy()])[0])

    with pytest.raises(NotAGraphError, match=r"differs from Judging in PyTorch by 5\.\de-01"):
        check_graph(network, run_other)


def test_the_folder_keeps_what_was_used_last(tmp_path: Path) -> None:
    for k in range(MOST_FILES + 3):
        path = tmp_path / f"{k:032x}.blob"
        path.write_bytes(b"")
        os.utime(path, (k, k))
    (tmp_path / "README").write_text("not ours")
    forget_old(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.blob")) == [f"{k:032x}.blob" for k in range(3, MOST_FILES + 3)]
    assert (tmp_path / "README").exists()
