"""What does a map cost beside its network: a cell, the driver's memory, and how far do two workers go?

    python benchmarks/mapping.py [--cells 10000] [--no-ray] [--schedule]

Workers are toys whose work follows from the names of cells, so what is measured is handing out, hashing, keeping and
waiting. `--schedule` plays all land through on 1,000 GPUs.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for toy workers of `tests.support`

from tests.support.map_stages import prepare_toy, tasks_of  # noqa: E402

from ssr.mapping.ledger import Ledger  # noqa: E402
from ssr.mapping.run_local import run_locally  # noqa: E402
from ssr.mapping.run_ray import run_on_ray  # noqa: E402
from ssr.mapping.schedule import Schedule, simulate  # noqa: E402
from ssr.mapping.store import Store  # noqa: E402
from ssr.mapping.work import Job  # noqa: E402

N_CELLS, N_BUSY, BUSY_S = 10_000, 200, 0.05
LAND_CELLS = 14_326_180
"""Of `ssr map plan --area land`."""
MEGABYTE = 2**20


def main(n_cells: int = N_CELLS, *, with_ray: bool = True) -> dict[str, Any]:
    """All rows; each in a process of its own, so that memory is that of one run."""
    hows = ["1", "2", *(["ray"] if with_ray else [])]
    rows: dict[str, Any] = {f"overhead, {how}": _apart(how, n_cells, {}) for how in hows}
    busy = {how: _apart(how, N_BUSY, {"busy_s": BUSY_S}) for how in ("1", "2")}
    rows |= {f"cells of {1000 * BUSY_S:.0f} ms, {how}": row for how, row in busy.items()}
    rows["times as fast with two"] = round(busy["1"]["ms_a_cell"] / busy["2"]["ms_a_cell"], 2)
    rows["land on 1,000 GPUs"] = land_on(1000)
    return rows


def land_on(n_workers: int) -> dict[str, Any]:
    """All land, the full ESRGAN at 53 T operations a second and GPU.

    Each reads 8 dates of 0.46 M numbers around a cell at 0.7 bytes and writes 9.4 MB; the store moves 100 GB/s, one
    worker 1 GB/s. A worker fails every 500 hours; one in fifty is three times slower.
    """
    from ssr.mapping.estimate import window_factor  # with torch, which a driver does without
    from ssr.mapping.predicting import Windows
    from ssr.models.esrgan import RRDBNet

    plan = Schedule(
        n_cells=LAND_CELLS,
        n_workers=n_workers,
        predict_s=window_factor(Windows.of(RRDBNet(n_revisits=8)), 512) * 512**2 * 35.9e6 / 5.31e13,
        read_bytes=8 * 0.46e6 * 3 * 0.7,
        write_bytes=9.4e6,
        read_bytes_per_s=1e11,
        write_bytes_per_s=1e11,
        worker_bytes_per_s=1e9,
        dispatch_s=0.002,
        mean_hours_to_failure=500,
        slow_share=0.02,
    )
    return vars(simulate(plan, np.random.default_rng(0)))


def _apart(how: str, n_cells: int, settings: Mapping[str, Any]) -> dict[str, float]:
    words = [sys.executable, __file__, "--one", how, "--cells", str(n_cells), "--settings", json.dumps(settings)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return row


def _one(how: str, n_cells: int, settings: Mapping[str, Any]) -> dict[str, float]:
    """Once all workers are there: milliseconds a cell, those in which the driver computes, and its memory.

    Other work on the machine lengthens the first, hardly the second.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder, "r")
        marks: list[tuple[int, float, float, float]] = []

        def progress(n_done: int, n_failed: int) -> None:
            if n_done in (n_cells // 10, n_cells):
                marks.append((n_done, time.perf_counter(), time.process_time(), _memory()))

        ledger = Ledger(tasks_of(n_cells), store, progress=progress)
        job = Job(prepare_toy, settings, store)
        if how == "ray":
            run_on_ray(ledger, job, address="local")
        else:
            run_locally(ledger, job, n_workers=int(how))
        assert (ledger.n_done, ledger.n_failed) == (n_cells, 0)
    (n_first, began, core_began, before), (n_last, ended, core_ended, after) = marks
    n = n_last - n_first
    return {
        "ms_a_cell": round(1000 * (ended - began) / n, 3),
        "driver_core_ms_a_cell": round(1000 * (core_ended - core_began) / n, 3),
        "driver_mib_after_a_tenth": round(before, 1),
        "driver_mib_in_the_end": round(after, 1),
    }


def _memory() -> float:
    """Of this process, the most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=N_CELLS)
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--schedule", action="store_true", help="nothing but the schedule")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--settings", default="{}", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(_one(given.one, given.cells, json.loads(given.settings))))
    elif given.schedule:
        print(json.dumps(land_on(1000), indent=2))
    else:
        print(json.dumps(main(given.cells, with_ray=not given.no_ray), indent=2))
