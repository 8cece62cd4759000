"""Runs share a plan without doing anything twice, and take up only what is undone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ssr.cli.main import app
from ssr.errors import ConfigError
from ssr.mapping.plan import Plan
from ssr.mapping.store import Failed
from ssr.workflows.mapping import Part, Undone
from tests.unit.mapping.test_changes import planned
from tests.unit.mapping.test_plan import source


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Cells of four partitions, which meet at 15.47 degrees east and 47.04 north."""
    return planned(tmp_path / "p", [source("all", 14.0, 46.0, 17.0, 48.0)], box=(15.40, 47.00, 15.52, 47.08))


def test_parts_of_a_plan_are_all_of_it_and_share_nothing(plan: Plan) -> None:
    everything = [task.cell for task in plan.tasks()]
    assert len({task.partition for task in plan.tasks()}) == 4
    parts = [[task.cell for task in Undone(plan, None, False, Part(k, 3))] for k in (1, 2, 3)]
    assert all(parts)
    assert sorted(cell for part in parts for cell in part) == sorted(everything)


def test_what_is_done_is_counted_and_what_was_set_aside_left_unless_it_is_to_be_retried(plan: Plan) -> None:
    first, second, *others = plan.tasks()
    store = plan.store()
    store.keep(first.partition, first.cell, first.input, {"image": b"x"}, {})
    store.set_aside(second.partition, Failed(second.cell, second.input, "bad", 3))
    undone = Undone(plan, None, False)
    assert list(undone) == others
    assert undone.n_found == 1
    assert list(Undone(plan, None, True)) == [second, *others]
    assert store.list(second.partition).failed == {}


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", ""])
def test_what_names_no_part_is_refused(plan: Plan, text: str) -> None:
    result = CliRunner().invoke(app, ["map", "run", str(plan.folder), "--part", text])
    assert isinstance(result.exception, ConfigError)
    assert "--part" in str(result.exception)
