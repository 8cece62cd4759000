"""Compiled steps: the numbers of plain ones, under the names of plain ones."""

import pytest
import torch

from ssr.training.compiling import check_compiler, compile_calls
from ssr.training.runfolder import RunFolder
from tests.unit.training import test_resuming as runs

COMPILED = 1e-4
"""Relative: fused operations round elsewhere, and two steps of AdamW carry that on."""


def keys_of(state, prefix=""):
    """Every name in a nested state."""
    if not isinstance(state, dict):
        return {prefix}
    return {key for name, value in state.items() for key in keys_of(value, f"{prefix}/{name}")}


def networks_of(step):
    networks = [(step.generator if hasattr(step, "generator") else step.descent).network]
    return [*networks, step.judge] if hasattr(step, "judge") else networks


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch looks, not we
@pytest.mark.parametrize("kind", ["regression", "adversarial", "diffusion"])
def test_compiled_steps_have_the_losses_and_the_names_of_plain_ones(kind, tmp_path):
    def without_dropout(step):
        """Compiled code draws other numbers."""
        for network in networks_of(step):
            for module in network.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
        return step

    check_compiler(torch.device("cpu"))
    plain, compiled = (without_dropout(runs.KINDS[kind](0)) for _ in range(2))
    for network in networks_of(compiled):
        compile_calls(network)
    for k in range(3):
        losses = [step(runs.Chips().batch(k), k) for step in (plain, compiled)]
        assert losses[0].keys() == losses[1].keys()
        for name, value in losses[0].items():
            assert losses[1][name].item() == pytest.approx(value.item(), rel=COMPILED, abs=1e-6), (k, name)
    assert keys_of(plain.state_dict()) == keys_of(compiled.state_dict())
    folder = RunFolder(tmp_path, "run")
    folder.write(3, compiled, is_last=True)
    fresh = runs.KINDS[kind](1)
    assert folder.resume(folder.newest_state(), fresh) == 3  # a plain run takes up a compiled one
    runs.assert_same(fresh.state_dict(), compiled.state_dict())
