import pytest
import torch

from ssr.training.ema import MovingAverage
from tests.support.tolerances import FLOAT32


def network(value: float) -> torch.nn.Linear:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, value)
    return layer


def test_average_is_the_closed_form_of_its_decay():
    average = MovingAverage(network(0.0), 0.9, warms_up=False)
    for _ in range(5):
        average.update(network(1.0))
    assert average.network.weight.item() == pytest.approx(1 - 0.9**5, abs=FLOAT32)


@pytest.mark.parametrize(("decay", "expected"), [(0.999, 2 / 11), (0.1, 0.1)])
def test_early_decay_is_shorter(decay, expected):
    average = MovingAverage(network(1.0), decay)
    average.update(network(0.0))
    assert average.network.weight.item() == pytest.approx(expected, abs=FLOAT32)


def test_published_decay_holds_from_the_first_update():
    average = MovingAverage(network(1.0), 0.999, warms_up=False)
    average.update(network(0.0))
    assert average.network.weight.item() == pytest.approx(0.999, abs=FLOAT32)


def test_without_decay_the_average_is_the_network():
    average = MovingAverage(network(0.0), 0.0)
    average.update(network(0.7))
    assert torch.equal(average.network.weight, network(0.7).weight)


def test_average_is_a_copy_for_evaluation():
    trained = torch.nn.Sequential(network(1.0), torch.nn.Dropout()).train()
    average = MovingAverage(trained, 0.5)
    assert not average.network.training
    assert not any(p.requires_grad for p in average.network.parameters())
    torch.nn.init.zeros_(trained[0].weight)
    assert average.network[0].weight.item() == 1.0
    assert trained.training
    assert trained[0].weight.requires_grad


def test_buffers_are_copied_not_averaged():
    trained = torch.nn.BatchNorm1d(2)
    average = MovingAverage(trained, 0.9)
    trained(torch.randn(8, 2) + 5)
    average.update(trained)
    assert torch.equal(average.network.running_mean, trained.running_mean)
    assert torch.equal(average.network.num_batches_tracked, trained.num_batches_tracked)
