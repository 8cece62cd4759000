"""A map on a real Ray cluster of three nodes: workers, nodes and drivers are killed, and nothing is lost or doubled."""

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ssr.mapping.ledger import Ledger
from ssr.mapping.run_local import run_locally
from ssr.mapping.store import Store
from ssr.mapping.work import Job
from tests.support.map_stages import hashes_in, prepare_toy, tasks_of

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own sockets and processes
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
]

N_CELLS = 120
ROOT = Path(__file__).parents[2]
DRIVER = """
import sys
from ssr.mapping.ledger import Ledger
from ssr.mapping.run_ray import Actors, run_on_ray
from ssr.mapping.store import Store
from ssr.mapping.work import Job
from tests.support.map_stages import prepare_toy, tasks_of
store = Store(sys.argv[1], "r")
done = {key for part in ("part-0000", "part-0001") for key in store.list(part).done}
tasks = (task for task in tasks_of(int(sys.argv[3])) if (task.cell, task.input) not in done)
ledger = Ledger(tasks, store, n_tries=8)
run_on_ray(ledger, Job(prepare_toy, {"sleeping_s": 0.05}, store), address=sys.argv[2], actors=Actors(2, 2, 2, cpus=0.5))
print(ledger.n_done, ledger.n_failed)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        small = {"num_cpus": 2, "object_store_memory": 100 * 2**20}
        started = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
        for _ in range(2):
            started.add_node(**small)
        yield started
        started.shutdown()
    if before is None:
        os.environ.pop("PYTHONPATH")
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("whole")
    store = Store(str(folder), "r")
    run_locally(Ledger(tasks_of(N_CELLS), store), Job(prepare_toy, {}, store), n_workers=2)
    return hashes_in(folder)


def start(folder: Path, cluster: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), cluster.address, str(N_CELLS)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_cells(folder: Path, n: int, driver: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 90
    while len(list(folder.rglob("*.done.json"))) < n and driver.poll() is None and time.monotonic() < until:
        time.sleep(0.02)


def actors_at_work() -> list[int]:
    """Processes of actors that this test started: Ray names them by their class."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            name = path.read_bytes().split(b"\0")[0]
        except OSError:
            continue
        if name.startswith((b"ray::_Reader", b"ray::_Predictor", b"ray::_Writer")):
            found.append(int(path.parent.name))
    return found


def check(folder: Path, undisturbed: dict[str, str]) -> None:
    store = Store(str(folder), "r")
    for partition in ("part-0000", "part-0001"):
        store.sweep(partition, older_than_s=0)
    assert hashes_in(folder) == undisturbed


def test_workers_that_are_killed(cluster: Any, undisturbed: dict[str, str], tmp_path: Path) -> None:
    rng = random.Random(0)
    driver = start(tmp_path, cluster)
    n_killed = 0
    for at in range(8, N_CELLS - 8, 13):
        wait_for_cells(tmp_path, at, driver)
        if (found := actors_at_work()) and driver.poll() is None:
            os.kill(rng.choice(found), signal.SIGKILL)
            n_killed += 1
    out, told = driver.communicate(timeout=120)
    assert driver.returncode == 0, told
    assert out.splitlines()[-1].split() == [str(N_CELLS), "0"]  # Ray itself prints above
    assert n_killed >= 8
    check(tmp_path, undisturbed)


def test_nodes_that_are_killed(cluster: Any, undisturbed: dict[str, str], tmp_path: Path) -> None:
    driver = start(tmp_path, cluster)
    n_removed = 0
    for at in (10, 25, 40, 55):
        wait_for_cells(tmp_path, at, driver)
        if driver.poll() is not None:
            break  # a fast machine: it was done before all were removed
        n_removed += 1
        node = next(node for node in cluster.worker_nodes)
        cluster.remove_node(node, allow_graceful=False)
        cluster.add_node(num_cpus=2, object_store_memory=100 * 2**20)
    out, told = driver.communicate(timeout=150)
    assert driver.returncode == 0, told
    assert out.splitlines()[-1].split() == [str(N_CELLS), "0"]  # Ray itself prints above
    assert n_removed >= 2
    check(tmp_path, undisturbed)


def test_drivers_that_are_killed(cluster: Any, undisturbed: dict[str, str], tmp_path: Path) -> None:
    for at in (5, 20, 35, 50, 65, 80, 95, 110):
        driver = start(tmp_path, cluster)
        wait_for_cells(tmp_path, at, driver)
        driver.kill()
        driver.communicate()
    driver = start(tmp_path, cluster)
    _, told = driver.communicate(timeout=120)
    assert driver.returncode == 0, told
    check(tmp_path, undisturbed)
