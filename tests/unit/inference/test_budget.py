"""Do windows fit the memory, and keep what they can?"""

from typing import Any

import pytest

from ssr.errors import ConfigError
from ssr.inference.budget import PROGRAM_BYTES, default_memory, parse_memory, plan_within
from ssr.inference.job import prepare
from ssr.inference.windows import kept_share, plan_rows, plan_windows
from ssr.models.esrgan import RRDBNet
from ssr.models.fidelity import Fidelity
from tests.support.scenes import BF16, FP32, tiny_date_fusion, tiny_rrdbnet

ESRGAN = RRDBNet(n_revisits=8)


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("2GB", 2 * 10**9), ("1500MB", 1_500_000_000), ("1.5 g", 1_500_000_000), ("3e9", 3 * 10**9), ("4GiB", 4 * 10**9)],
)
def test_sizes_as_people_write_them(text: str, n_bytes: int) -> None:
    assert parse_memory(text) == n_bytes


@pytest.mark.parametrize("text", ["", "much", "-2GB", "0", "2XB", "2 GB 3", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--memory"):
        parse_memory(text)


@pytest.mark.parametrize("memory", [10**9, 2 * 10**9, 8 * 10**9])
@pytest.mark.parametrize("side", [40, 700, 10_980])
def test_what_is_chosen_fits_or_is_the_smallest(memory: int, side: int) -> None:
    for network in (ESRGAN, tiny_date_fusion()):
        budget = plan_within(network, (side, side), BF16, n_dates=8, memory_bytes=memory, may_stream=True)
        assert budget.n_bytes <= memory or budget.core_px == 64
        assert budget.plan.rows[-1].core_stop == side


def test_more_memory_never_keeps_less() -> None:
    kept = [
        plan_within(ESRGAN, (3000, 3000), BF16, n_dates=8, memory_bytes=PROGRAM_BYTES + mega * 10**6).kept
        for mega in (100, 300, 1000, 3000)
    ]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


def test_a_scene_goes_row_by_row_where_that_fits_and_nothing_is_around_the_network() -> None:
    scene: Any = {"n_dates": 8, "memory_bytes": 8 * 10**9}
    budget = plan_within(ESRGAN, (2000, 2000), BF16, may_stream=True, **scene)
    assert (budget.plan.by_rows, budget.kept) == (True, 1.0)
    assert "row by row" in str(budget)
    assert not plan_within(ESRGAN, (2000, 2000), BF16, may_stream=False, **scene).plan.by_rows
    assert not plan_within(ESRGAN, (2000, 2000), BF16, may_stream=True, n_dates=8, memory_bytes=10**9).plan.by_rows
    assert not plan_within(ESRGAN, (200, 200), BF16, may_stream=True, **scene).plan.by_rows, "one window is all of it"
    assert not plan_within(tiny_date_fusion(), (2000, 2000), BF16, may_stream=True, **scene).plan.by_rows


def test_kept_is_cores_over_read_windows() -> None:
    plan = plan_windows((1000, 1000), core_px=256, halo_px=64, overlap_px=8)
    assert kept_share(plan) == pytest.approx(1000**2 / (16 * 360**2))  # 4 × 358 = 1,000 + 3 × 144, in whole fours
    assert kept_share(plan_windows((300, 300), core_px=256, halo_px=64, overlap_px=8)) == 1
    assert kept_share(plan_rows((1000, 1000), core_px=256)) == 1


def test_what_is_put_around_a_network_may_look_farther_than_its_windows_were_chosen_for() -> None:
    network = tiny_date_fusion()
    job = prepare(network, (900, 900), FP32, "torch", n_dates=2, memory_bytes=2 * 10**9, is_plain=False)
    held = Fidelity(network)
    plan = job.plan_for(held, (900, 900))
    row = plan.rows[1]
    assert row.core_start - row.read_start >= held.halo_px
    assert job.plan_for(network, (900, 900)) == job.budget.plan


def test_asking_for_openvino_is_asking_for_windows(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setenv("SSR_CACHE", str(tmp_path))
    network = tiny_rrdbnet()
    scene: Any = {"n_dates": 2, "memory_bytes": 8 * 10**9, "is_plain": True}
    assert not prepare(network, (3000, 3000), FP32, "openvino", **scene).budget.plan.by_rows


def test_half_of_the_machine_is_allowed() -> None:
    assert 10**8 < default_memory() < 10**14
