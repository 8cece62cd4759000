"""How a run looks on a terminal and in a file."""

import io
import re

import pytest
from rich.console import Console

from ssr.cli.trainview import Lines, LiveTable, Pace, Silence, training_view


class Clock:
    """Shows what it is set to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def pace_of(n_steps=10, batch_size=4):
    clock = Clock()
    return Pace(n_steps=n_steps, batch_size=batch_size, clock=clock), clock


def test_rate_and_time_left_are_those_of_the_clock():
    pace, clock = pace_of()
    assert pace.in_words() == []
    for done in (1, 2, 3):
        clock.now += 0.5 if done > 1 else 60.0  # loading and the first step are no measure of the others
        pace.advance(done)
    assert pace.steps_per_s == pytest.approx(2.0)
    assert pace.in_words() == ["2 steps/s", "8 chips/s", "0:00:04 left"]
    assert pace.elapsed() == "0:01:01"


def test_a_resumed_run_counts_its_own_steps_alone():
    pace, clock = pace_of(n_steps=1000)
    for done in (901, 902):
        clock.now += 2.0
        pace.advance(done)
    assert pace.in_words()[0] == "0.5 steps/s"
    assert pace.in_words()[2] == "0:03:16 left"


def test_a_step_that_is_told_twice_counts_once_and_the_rate_is_that_of_the_last_hundred():
    pace, clock = pace_of(n_steps=10_000)
    for done in range(1, 301):
        clock.now += 1.0 if done < 150 else 0.1
        pace.advance(done)
        clock.now += 0.0
        pace.advance(done)
    assert pace.steps_per_s == pytest.approx(10.0)


def test_a_clock_that_stands_still_gives_no_rate():
    pace, _ = pace_of()
    pace.advance(1)
    pace.advance(2)
    assert pace.in_words() == []


def test_a_file_gets_a_line_for_every_record(capsys):
    pace, clock = pace_of()
    lines = Lines(pace)
    for done in (1, 2):
        clock.now += 0.25
        if done == 2:
            lines.record("train", done, {"loss": 0.125, "learning_rate": 1e-6})
        lines.advance(done, {})
    lines.record("validation", 2, {"psnr": 30.0})
    lines.close()
    assert capsys.readouterr().out.splitlines() == [
        "step 2/10  loss 0.12500  learning_rate 1e-06  4 steps/s  16 chips/s  0:00:02 left",
        "validation at step 2  psnr 30.00000",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00000"),
        (0.25, "0.25000"),
        (-0.5, "-0.50000"),
        (3e-5, "3e-05"),
        (1.5e9, "1.5e+09"),
        (float("inf"), "inf"),
    ],
)
def test_figures_are_shown_with_digits_that_say_something(value, shown, capsys):
    Lines(pace_of()[0]).record("train", 1, {"x": value})
    assert capsys.readouterr().out == f"step 1/10  x {shown}\n"


def test_a_machine_sees_nothing(capsys):
    with training_view("run", n_steps=3, batch_size=1, is_quiet=True) as view:
        assert isinstance(view, Silence)
        view.advance(1, {})
        view.record("train", 1, {"loss": 1.0})
    assert capsys.readouterr() == ("", "")


def test_a_pipe_gets_lines():
    with training_view("run", n_steps=3, batch_size=1, is_quiet=False) as view:
        assert isinstance(view, Lines)


def test_the_table_has_the_last_figures_of_each_kind():
    pace, clock = pace_of()
    table = LiveTable("my run", pace)
    for done in (1, 2, 3):
        clock.now += 0.5
        table.record("train", done, {"loss": done / 8, "l1": 0.5})
        pace.advance(done)
    table.record("validation", 3, {"psnr": 30.25})
    out = io.StringIO()
    Console(file=out, width=100).print(table._drawn())
    shown = out.getvalue()
    assert shown.startswith("my run\nstep 3/10  2 steps/s  8 chips/s  0:00:04 left  0:00:02 elapsed\n")
    assert re.search(r"^ +train, step 3 +validation, step 3 *$", shown, re.MULTILINE)
    assert re.search(r"loss +0\.37500 *\n", shown)
    assert re.search(r"l1 +0\.50000 *\n", shown)
    assert re.search(r"psnr +30\.25000", shown)


def test_the_table_can_be_drawn_before_there_is_anything():
    out = io.StringIO()
    Console(file=out, width=100).print(LiveTable("my run", pace_of()[0])._drawn())
    assert "step 0/10  0:00:00 elapsed" in out.getvalue()
