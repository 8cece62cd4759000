"""Does work that was broken off go on, and only its own?"""

import json
from pathlib import Path

import numpy as np
import pytest

from ssr.errors import OutputError
from ssr.raster.unfinished import JOB, UnfinishedWork, is_half_published

EDGE = np.arange(6, dtype=np.float32).reshape(1, 2, 3)


class StopError(Exception):
    """What ends the work early."""


def break_off_after(n: int, out: Path, *, job: str = "a", n_rows: int = 4) -> StopError:
    with pytest.raises(StopError) as stopped, UnfinishedWork(out, job=job, n_rows=n_rows) as work:  # noqa: PT012
        for row in range(n):
            work.finish(row, EDGE + row)
        raise StopError
    return stopped.value


def test_finished_rows_and_the_last_edge_are_found_again(tmp_path: Path) -> None:
    told = break_off_after(2, tmp_path / "a.tif")
    assert told.__notes__[0].startswith(f"2 of 4 rows are kept in {tmp_path / '.a.tif.unfinished'}")
    with UnfinishedWork(tmp_path / "a.tif", job="a", n_rows=4) as work:
        assert (work.n_found, work.was_other) == (2, False)
        np.testing.assert_array_equal(work.edge(), EDGE + 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"job": 3}', json.dumps({"job": "b"}).encode()])
def test_what_is_not_surely_of_the_same_job_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    break_off_after(2, tmp_path / "a.tif")
    (tmp_path / ".a.tif.unfinished" / JOB).write_bytes(damage)
    with UnfinishedWork(tmp_path / "a.tif", job="a", n_rows=4) as work:
        assert (work.n_found, work.was_other) == (0, True)


def test_a_row_after_a_gap_does_not_count(tmp_path: Path) -> None:
    break_off_after(3, tmp_path / "a.tif")
    (tmp_path / ".a.tif.unfinished" / "00001.npy").unlink()
    with UnfinishedWork(tmp_path / "a.tif", job="a", n_rows=4) as work:
        assert work.n_found == 1


@pytest.mark.parametrize(("n_finished", "n_rows"), [(0, 4), (1, 1)])
def test_what_is_soon_done_again_is_not_kept(tmp_path: Path, n_finished: int, n_rows: int) -> None:
    told = break_off_after(n_finished, tmp_path / "a.tif", n_rows=n_rows)
    assert not hasattr(told, "__notes__")
    assert list(tmp_path.iterdir()) == []


def publish_and_break_off(out: Path, *, after: bool) -> StopError:
    """after: all rasters have their names, not before."""
    with pytest.raises(StopError) as stopped, UnfinishedWork(out, job="a", n_rows=1) as work:  # noqa: PT012
        work.finish(0, EDGE)
        with work.publishing():
            out.touch()
            if not after:
                raise StopError
        raise StopError
    return stopped.value


@pytest.mark.parametrize("after", [False, True])
def test_a_publication_that_was_ended_is_kept_for_its_job_however_small(tmp_path: Path, after: bool) -> None:
    out = tmp_path / "a.tif"
    assert not is_half_published(out)
    told = publish_and_break_off(out, after=after)
    assert told.__notes__[0].startswith("1 of 1 rows are kept in")
    assert is_half_published(out)
    assert is_half_published(out, job="a")
    assert not is_half_published(out, job="b")
    with UnfinishedWork(out, job="a", n_rows=1) as work:
        assert (work.n_found, work.is_published([out])) == (1, after)
        assert not work.is_published([out, tmp_path / "a.trust.tif"])
    assert list(tmp_path.iterdir()) == [out]
    assert not is_half_published(out)


def test_another_job_takes_nothing_for_published(tmp_path: Path) -> None:
    out = tmp_path / "a.tif"
    publish_and_break_off(out, after=True)
    with UnfinishedWork(out, job="b", n_rows=1) as work:
        assert (work.n_found, work.was_other, work.is_published([out])) == (0, True, False)


def test_what_is_broken_off_before_its_publication_may_replace_nothing(tmp_path: Path) -> None:
    break_off_after(4, tmp_path / "a.tif")
    assert not is_half_published(tmp_path / "a.tif", job="a")


def test_one_run_at_a_time_writes_a_result(tmp_path: Path) -> None:
    out = tmp_path / "a.tif"
    with UnfinishedWork(out, job="", n_rows=2), pytest.raises(OutputError, match="another run is writing it"):
        UnfinishedWork(out, job="", n_rows=2).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"a\.tif: cannot be written"):
        UnfinishedWork(tmp_path / "file" / "a.tif", job="", n_rows=1).__enter__()
