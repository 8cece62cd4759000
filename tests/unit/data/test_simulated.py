import pytest
import torch

from ssr.data.imagery import read_folder
from ssr.data.simulate import Degradation
from ssr.data.simulated import SimulatedPairs, ground_side_px
from tests.unit.data.layouts import write_picture


@pytest.fixture
def folder(tmp_path):
    write_picture(tmp_path / "a.png", side_px=64)
    return read_folder(tmp_path, include=("*.png",), exclude=(), share=1.0, min_side_px=48)


def source(folder, *, seed=0, n_revisits=(1, 2, 3), **arguments):
    return SimulatedPairs([folder], n_revisits=n_revisits, chip_px=8, batch_size=2, seed=seed, **arguments)


def same(a, b):
    return torch.equal(a.low_res, b.low_res) and torch.equal(a.high_res, b.high_res) and a.names == b.names


def test_the_step_alone_decides_the_batch(folder):
    forwards, backwards = source(folder), source(folder)
    expected = {k: forwards.batch(k) for k in range(4)}
    assert all(same(backwards.batch(k), expected[k]) for k in (3, 1, 0, 2))
    assert not same(expected[0], expected[1])


def test_other_seeds_give_other_batches(folder):
    assert not same(source(folder, seed=0).batch(5), source(folder, seed=1).batch(5))


def test_numbers_of_dates_are_drawn_per_batch(folder):
    pairs = source(folder)
    assert {pairs.batch(k).low_res.shape[1] for k in range(20)} == {1, 2, 3}


@pytest.mark.parametrize("scale", [2, 4])
def test_chips_have_the_size_that_was_asked_for(folder, scale):
    batch = source(folder, ranges=Degradation(scale=scale)).batch(0)
    assert batch.low_res.shape[-3:] == (3, 8, 8)
    assert batch.high_res.shape == (2, 3, 8 * scale, 8 * scale)
    assert len(batch.names) == 2


def test_ground_has_room_for_blur_and_displacement():
    assert ground_side_px(28, 4) == (2 + 28 + 2) * 4
