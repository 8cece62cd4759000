import math

import pytest

from ssr.training.schedule import Schedule
from tests.support.tolerances import METRIC


def schedule(**arguments):
    defaults = {
        "kind": "cosine",
        "peak": 1.0,
        "final": 0.1,
        "n_steps": 100,
        "n_warmup_steps": 0,
        "milestones": (),
        "gamma": 1,
    }
    return Schedule(**(defaults | arguments))


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 1.0), (25, 0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2), (50, 0.55), (100, 0.1), (150, 0.1)],
)
def test_half_cosine_falls_from_peak_to_final(step, expected):
    assert schedule().rate(step) == pytest.approx(expected, abs=METRIC)


@pytest.mark.parametrize("kind", ["cosine", "multistep"])
def test_warm_up_rises_linearly_and_never_starts_at_zero(kind):
    rates = [schedule(kind=kind, n_warmup_steps=4).rate(step) for step in range(5)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0], abs=METRIC)


def test_cosine_begins_after_the_warm_up():
    assert schedule(n_warmup_steps=20).rate(60) == pytest.approx(0.55, abs=METRIC)


@pytest.mark.parametrize(("step", "expected"), [(0, 1.0), (9, 1.0), (10, 0.5), (19, 0.5), (20, 0.25), (99, 0.25)])
def test_milestones_multiply_by_gamma(step, expected):
    rates = schedule(kind="multistep", milestones=(10, 20), gamma=0.5)
    assert rates.rate(step) == pytest.approx(expected, abs=METRIC)


@pytest.mark.parametrize(("n_steps", "n_warmup_steps"), [(1, 0), (5, 5), (5, 9)])
def test_run_shorter_than_its_warm_up_has_a_rate_at_every_step(n_steps, n_warmup_steps):
    rates = schedule(n_steps=n_steps, n_warmup_steps=n_warmup_steps)
    assert all(0 < rates.rate(step) <= 1.0 for step in range(n_steps + 1))
