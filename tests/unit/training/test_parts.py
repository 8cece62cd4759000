import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssr.data.pairs import Batch
from ssr.training.descent import Descent
from ssr.training.diffusion import DiffusionStep
from ssr.training.parts import gather, parts_of, slices_of
from tests.support.networks import tiny_sr3
from tests.support.tolerances import FLOAT32
from tests.unit.training.runs import CPU
from tests.unit.training.test_descent import SCHEDULE


def batch_of(n):
    numbers = torch.arange(float(n)).view(n, 1, 1, 1)
    names = tuple(f"chip-{k}" for k in range(n))
    objects = tuple(((k, 0, k + 1, 1),) for k in range(n))
    return Batch(numbers[:, None].expand(n, 2, 3, 4, 4), numbers.expand(n, 3, 16, 16), names, numbers, objects)


@given(n_chips=st.integers(1, 40), n_parts=st.integers(1, 50))
def test_parts_cover_every_chip_once_and_none_is_empty(n_chips, n_parts):
    parts = slices_of(n_chips, n_parts)
    assert [k for part in parts for k in range(part.start, part.stop)] == list(range(n_chips))
    sizes = [part.stop - part.start for part in parts]
    assert len(parts) == min(n_parts, n_chips)
    assert max(sizes) - min(sizes) <= 1


def test_everything_of_a_chip_stays_together():
    parts = parts_of(batch_of(5), 2)
    assert [share for _, share in parts] == [2 / 5, 3 / 5]
    second = parts[1][0]
    assert second.names == ("chip-2", "chip-3", "chip-4")
    assert second.objects == (((2, 0, 3, 1),), ((3, 0, 4, 1),), ((4, 0, 5, 1),))
    for tensor in (second.low_res[:, 0, 0, 0, 0], second.high_res[:, 0, 0, 0], second.old_high_res[:, 0, 0, 0]):
        assert tensor.tolist() == [2.0, 3.0, 4.0]


def test_what_a_data_set_does_not_have_stays_away():
    batch = batch_of(2)._replace(old_high_res=None, objects=None)
    assert all(part.old_high_res is None and part.objects is None for part, _ in parts_of(batch, 2))


def test_figures_of_parts_are_their_mean_by_share():
    figures = {}
    for value, share in ((1.0, 0.25), (3.0, 0.75)):
        gather(figures, {"loss": torch.tensor(value, requires_grad=True)}, share)
    assert figures["loss"].item() == 2.5
    assert not figures["loss"].requires_grad


def test_diffusion_in_parts_has_the_gradients_of_the_whole():
    pytest.importorskip("diffusers")
    steps = []
    for n_parts in (1, 3):
        descent = Descent(
            tiny_sr3(is_tame=False), compute=CPU, schedule=SCHEDULE, betas=(0.9, 0.99), weight_decay=0.0, ema_decay=0.9,
            max_gradient_norm=None,
        )  # fmt: skip
        steps.append(DiffusionStep(descent, compute=CPU, p_no_condition=0.5, seed=0, n_parts=n_parts))
    batch = batch_of(5)._replace(high_res=torch.rand(5, 3, 16, 16))
    whole, parted = (step(batch, 0)["loss"].item() for step in steps)
    assert parted == pytest.approx(whole, rel=FLOAT32)
    for p, q in zip(*(step.network.parameters() for step in steps), strict=True):
        torch.testing.assert_close(q.grad, p.grad, atol=1e-6, rtol=1e-3)
