from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator

from ssr.data.imagery import Folder, Picture
from ssr.data.pairs import Batch
from ssr.data.samples import Flaw, Sample
from ssr.errors import ImageReadError, InputError, SeriesError
from ssr.evaluation.clouds import cloud_share
from ssr.evaluation.cutimagery import CutSamples
from ssr.evaluation.folderpairs import PairsInFolder
from ssr.evaluation.samples import EndlessSamples, LeftOut, Pair, SamplesOnDisk
from tests.support.scenes import textured, truncate, write_image


class Given:
    """A data set that hands out or raises what it was given."""

    scale = 4

    def __init__(self, *drawn: object) -> None:
        self.drawn = drawn

    def __len__(self) -> int:
        return len(self.drawn)

    def name(self, index: int) -> str:
        return f"s{index}"

    def draw(self, index: int, generator: Generator) -> Sample | Flaw:
        given = self.drawn[index]
        if isinstance(given, Exception):
            raise given
        return given(generator) if callable(given) else given

    def inspect(self, index: int) -> Flaw | None:
        return None


def sample(truth_px: int = 8, fill: float = 0.5) -> Sample:
    return Sample(np.full((2, 3, 2, 2), 51, np.uint8), np.full((3, truth_px, truth_px), fill, np.float32))


def missing() -> ImageReadError:
    error = ImageReadError("a.png: cannot be read")
    error.__cause__ = FileNotFoundError("a.png")
    return error


@pytest.mark.parametrize(
    ("drawn", "kind"),
    [
        (Flaw("short", "two dates"), "short"),
        (missing(), "missing"),
        (ImageReadError("a.png: truncated"), "corrupt"),
        (SeriesError("sizes differ"), "misaligned"),
        (sample(truth_px=7), "misaligned"),
        (sample(fill=float("nan")), "invalid"),
        (sample(fill=float("inf")), "invalid"),
    ],
)
def test_what_cannot_be_compared_is_left_out_with_the_reason(drawn: object, kind: str) -> None:
    read = SamplesOnDisk(Given(drawn), seed=0).read(0)
    assert isinstance(read, LeftOut)
    assert (read.name, read.kind) == ("s0", kind)
    assert read.told


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        SamplesOnDisk(Given(ZeroDivisionError()), seed=0).read(0)


def test_bytes_and_floats_come_in_unit_range() -> None:
    read = SamplesOnDisk(Given(sample()), seed=0).read(0)
    assert isinstance(read, Pair)
    assert read.low_res.dtype == read.truth.dtype == np.float32
    assert float(read.low_res[0, 0, 0, 0]) == np.float32(0.2)
    assert (read.truth == 0.5).all()


def test_a_sample_is_the_same_whatever_was_read_before_and_whichever_others_count() -> None:
    def by_chance(generator: Generator) -> Sample:
        return Sample(torch.rand(1, 3, 2, 2, generator=generator).numpy(), np.full((3, 8, 8), 0.5, np.float32))

    whole = SamplesOnDisk(Given(by_chance, by_chance, by_chance), seed=1)
    some = SamplesOnDisk(Given(by_chance, by_chance, by_chance), seed=1, kept=np.array([2]))
    first = [whole.read(k) for k in (0, 1, 2)][2]
    assert len(some) == 1
    assert np.array_equal(some.read(0).low_res, first.low_res)
    assert not np.array_equal(whole.read(0).low_res, first.low_res)


def test_endless_samples_end_and_have_names_of_their_own() -> None:
    class Source:
        def batch(self, step: int, shard: object = None) -> Batch:
            return Batch(torch.full((1, 1, 3, 2, 2), step / 10), torch.full((1, 3, 8, 8), 0.5), ("same.png@0,0",))

    samples = EndlessSamples(Source(), 3, scale=4)
    read = [samples.read(k) for k in range(len(samples))]
    assert len({one.name for one in read}) == 3
    assert [float(one.low_res.max()) for one in read] == [np.float32(k / 10) for k in range(3)]


# --- pairs in a folder


def test_a_place_s_dates_are_those_of_its_name_in_order(tmp_path: Path) -> None:
    for k in range(12):
        write_image(tmp_path / f"a_lr{k:02d}.png", np.full((3, 4, 4), k + 1, np.uint8))
    write_image(tmp_path / "a_hr.png", np.full((3, 16, 16), 100, np.uint8))
    write_image(tmp_path / "ab_hr.png", np.full((3, 16, 16), 101, np.uint8))
    write_image(tmp_path / "ab_lr.png", np.full((3, 4, 4), 50, np.uint8))
    pairs = PairsInFolder(tmp_path, high_res="{name}_hr.png", low_res="{name}_lr*.png")
    assert [pairs.name(k) for k in range(len(pairs))] == ["a", "ab"]
    assert pairs.scale == 4
    drawn = pairs.draw(0, Generator())
    assert isinstance(drawn, Sample)
    assert drawn.low_res[:, 0, 0, 0].tolist() == list(range(1, 13))


def test_a_folder_without_names_is_one_sample(tmp_path: Path) -> None:
    for k in range(3):
        write_image(tmp_path / "place" / f"s2_{k}.png", textured(1, 4, 4)[0])
    write_image(tmp_path / "place" / "naip.png", textured(1, 16, 16)[0])
    pairs = PairsInFolder(tmp_path / "place", high_res="naip.png", low_res="s2_*.png")
    assert [pairs.name(0)] == ["place"]
    assert pairs.draw(0, Generator()).low_res.shape == (3, 3, 4, 4)


def test_signs_of_expressions_in_patterns_mean_themselves(tmp_path: Path) -> None:
    write_image(tmp_path / "a+(1)_hr.png", textured(1, 8, 8)[0])
    write_image(tmp_path / "a+(1)_lr.png", textured(1, 4, 4)[0])
    pairs = PairsInFolder(tmp_path, high_res="{name}_hr.png", low_res="{name}_lr*.png")
    assert pairs.draw(0, Generator()).low_res.shape == (1, 3, 4, 4)


def test_folders_of_no_use_are_refused(tmp_path: Path) -> None:
    patterns = {"high_res": "{name}_hr.png", "low_res": "{name}_lr*.png"}
    with pytest.raises(InputError, match="no such folder of pairs"):
        PairsInFolder(tmp_path / "absent", **patterns)
    with pytest.raises(InputError, match="no picture is called"):
        PairsInFolder(tmp_path, **patterns)
    write_image(tmp_path / "a_hr.png", textured(1, 9, 9)[0])
    write_image(tmp_path / "a_lr.png", textured(1, 4, 4)[0])
    with pytest.raises(InputError, match="a whole number of times finer"):
        PairsInFolder(tmp_path, **patterns)


def test_the_scale_is_that_of_the_first_pair_that_can_be_read(tmp_path: Path) -> None:
    write_image(tmp_path / "a_hr.png", textured(1, 8, 8)[0])
    for name in ("b", "c"):
        write_image(tmp_path / f"{name}_hr.png", textured(1, 8, 8)[0])
        write_image(tmp_path / f"{name}_lr.png", textured(1, 4, 4)[0])
    truncate(tmp_path / "b_lr.png")
    assert PairsInFolder(tmp_path, high_res="{name}_hr.png", low_res="{name}_lr*.png").scale == 2


def test_two_truths_of_one_name_are_refused(tmp_path: Path) -> None:
    for end in ("png", "jpg"):
        write_image(tmp_path / f"a_hr.{end}", textured(1, 8, 8)[0])
    with pytest.raises(InputError, match="would both be the truth of 'a'"):
        PairsInFolder(tmp_path, high_res="{name}_hr.*", low_res="{name}_lr*.png")


# --- imagery cut into chips


def cut(n_samples: int | None = None, seed: int = 0) -> CutSamples:
    picture = Picture("p.png", textured(1, 70, 110)[0].transpose(1, 2, 0))
    return CutSamples([Folder((picture,), 1.0)], n_revisits=2, chip_px=4, scale=4, seed=seed, n_samples=n_samples)


def test_chips_do_not_overlap_and_cover_what_fits() -> None:
    samples = cut()
    names = {samples.read(k).name for k in range(len(samples))}
    assert names == {f"p.png@{x},{y}" for x in (0, 32, 64) for y in (0, 32)}
    read = samples.read(0)
    assert (read.low_res.shape, read.truth.shape) == ((2, 3, 4, 4), (3, 16, 16))


def test_a_photograph_depends_on_seed_and_number_alone() -> None:
    one, other = cut(), cut()
    other.read(3)
    assert np.array_equal(one.read(1).low_res, other.read(1).low_res)
    assert not np.array_equal(one.read(1).low_res, cut(seed=1).read(1).low_res)


def test_a_choice_of_chips_has_no_chip_twice_and_cannot_exceed_them() -> None:
    samples = cut(n_samples=4)
    assert len({samples.read(k).name for k in range(len(samples))}) == 4
    with pytest.raises(InputError, match="hold only 6 chips"):
        cut(n_samples=7)


# --- clouds


def series(*brightness: float) -> np.ndarray:
    return np.stack([np.full((3, 4, 4), value, np.float32) for value in brightness])


@pytest.mark.parametrize(
    ("dates", "share"),
    [
        (series(0.2, 0.21, 0.2), 0.0),
        (series(0.2, 0.2, 0.9), 1 / 3),
        (series(0.2, 0.2, 0.2, 0.2, 0.0), 1 / 5),
        (series(0.2, 0.9), None),
        (series(0.2), None),
        (series(0.0, 0.0, 0.0), 1.0),
    ],
)
def test_cloud_is_what_is_brighter_than_the_series_or_has_no_data(dates: np.ndarray, share: float | None) -> None:
    assert cloud_share(dates) == (share if share is None else pytest.approx(share))


def test_a_bright_roof_on_every_date_is_no_cloud_and_half_a_cloud_counts_half() -> None:
    dates = series(0.9, 0.9, 0.9)
    assert cloud_share(dates) == 0.0
    dates = np.full((3, 3, 80, 4), 0.2, np.float32)
    dates[1, :, :40] = 0.8
    assert 1 / 6 <= cloud_share(dates) <= 1 / 6 + 3 / 240  # clouds are taken to be a few pixels wider
