"""Which samples does a source draw, and are its batches the same for any number of processes?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssr.data.augment import Augmentation
from ssr.data.drawn import DrawnPairs, choose_kept, read_exclusions
from ssr.data.pairs import Shard
from ssr.data.samples import Flaw, Sample
from ssr.errors import InputError


class Counted:
    """Samples that hold their number, and noise of their generator; some are flawed."""

    scale = 2

    def __init__(self, n, flawed=()):
        self.n = n
        self.flawed = flawed

    def __len__(self):
        return self.n

    def name(self, index):
        return f"sample {index}"

    def draw(self, index, generator):
        if index in self.flawed:
            return Flaw("black", "is black")
        dates = np.full((1, 3, 4, 4), index, np.uint8)
        truth = torch.randint(256, (3, 8, 8), generator=generator, dtype=torch.uint8).numpy()
        return Sample(dates, truth)

    def inspect(self, index):
        return None


def numbers(batch) -> list[int]:
    return (batch.low_res[:, 0, 0, 0, 0] * 255).round().int().tolist()


@settings(max_examples=30)
@given(
    n=st.integers(1, 20),
    batch_size=st.integers(1, 8),
    step=st.integers(0, 50),
    n_ranks=st.integers(1, 8),
    is_weighted=st.booleans(),
    seed=st.integers(0, 9),
)
def test_shards_are_the_parts_of_one_batch(n, batch_size, step, n_ranks, is_weighted, seed):
    source = DrawnPairs(
        Counted(n),
        batch_size=batch_size,
        seed=seed,
        weights=np.arange(1.0, n + 1) if is_weighted else None,
        augmentation=Augmentation(flips=True, turns=True),
    )
    whole = source.batch(step)
    shards = [Shard(rank, n_ranks) for rank in range(n_ranks)]
    parts = [source.batch(step, shard) for shard in shards if len(shard.of(batch_size))]
    assert torch.equal(torch.cat([part.low_res for part in parts]), whole.low_res)
    assert torch.equal(torch.cat([part.high_res for part in parts]), whole.high_res)
    assert tuple(name for part in parts for name in part.names) == whole.names


def test_a_sample_is_drawn_anew_each_time():
    source = DrawnPairs(Counted(1), batch_size=1, seed=0)
    assert not torch.equal(source.batch(0).high_res, source.batch(1).high_res)


def test_weights_decide_how_often_and_belong_to_their_samples():
    weights = np.array([5.0, 0.0, 1.0, 3.0])
    source = DrawnPairs(Counted(4), batch_size=4000, seed=0, weights=weights, kept=np.array([1, 2, 3]))
    counts = np.bincount(numbers(source.batch(0)), minlength=4) / 4000
    assert counts[:2].tolist() == [0, 0]
    assert counts[2] == pytest.approx(0.25, abs=0.03)  # four standard deviations


def test_a_flawed_sample_leaves_its_batch_smaller_and_the_others_as_they_were(caplog):
    sound, flawed = (DrawnPairs(Counted(3, bad), batch_size=3, seed=1) for bad in ((), (1,)))
    kept = [k for k, number in enumerate(numbers(sound.batch(0))) if number != 1]
    assert numbers(flawed.batch(0)) == [numbers(sound.batch(0))[k] for k in kept]
    assert torch.equal(flawed.batch(0).high_res, sound.batch(0).high_res[kept])
    flawed.batch(1)
    assert caplog.messages == ["left out of its batch: sample 1, is black"]


def test_excluded_samples_are_never_drawn(tmp_path):
    (tmp_path / "exclude.txt").write_text("sample 1\nsample 3\nof another set\n")
    kept = choose_kept(Counted(5), exclude=tmp_path / "exclude.txt", n_samples=None, seed=0)
    assert kept.tolist() == [0, 2, 4]
    source = DrawnPairs(Counted(5), batch_size=3, seed=0, kept=kept)
    assert {tuple(sorted(numbers(source.batch(k)))) for k in range(4)} == {(0, 2, 4)}


def test_exclusions_of_another_data_set_are_refused(tmp_path):
    (tmp_path / "exclude.txt").write_text("1_1\n")
    with pytest.raises(InputError, match=r"exclude\.txt.*none of them"):
        choose_kept(Counted(5), exclude=tmp_path / "exclude.txt", n_samples=None, seed=0)
    with pytest.raises(InputError, match=r"absent\.txt"):
        read_exclusions(tmp_path / "absent.txt")


def test_nothing_is_excluded_by_an_empty_file(tmp_path):
    (tmp_path / "exclude.txt").touch()
    assert len(choose_kept(Counted(5), exclude=tmp_path / "exclude.txt", n_samples=None, seed=0)) == 5


def test_so_many_samples_are_chosen_among_those_that_are_left(tmp_path):
    (tmp_path / "exclude.txt").write_text("sample 2\n")
    options = {"exclude": tmp_path / "exclude.txt", "among": np.array([1, 2, 3, 4])}
    chosen = [tuple(choose_kept(Counted(5), n_samples=2, seed=seed, **options)) for seed in range(20)]
    assert {number for pair in chosen for number in pair} == {1, 3, 4}
    with pytest.raises(InputError, match="only 3"):
        choose_kept(Counted(5), n_samples=4, seed=0, **options)


def test_nothing_to_draw_from_is_refused():
    with pytest.raises(InputError, match="no sample"):
        DrawnPairs(Counted(3), batch_size=1, seed=0, kept=np.array([], np.int64))
