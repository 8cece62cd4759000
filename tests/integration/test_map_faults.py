"""Whatever befalls a run on this machine, going on gives the same bytes as a run that nothing disturbed."""

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssr.errors import OutputError
from ssr.mapping.ledger import Ledger
from ssr.mapping.run_local import run_locally
from ssr.mapping.store import Store
from ssr.mapping.work import Job, Task
from tests.support.map_refusing import REFUSALS, prepare_refusing, register_refusing_disk
from tests.support.map_stages import hashes_in, prepare_toy, tasks_of

N_CELLS = 120
PARTITIONS = ("part-0000", "part-0001")
ROOT = Path(__file__).parents[2]
DRIVER = """
import sys
from ssr.mapping.ledger import Ledger
from ssr.mapping.run_local import run_locally
from ssr.mapping.store import Store
from ssr.mapping.work import Job
from tests.integration.test_map_faults import undone
from tests.support.map_stages import prepare_toy

if __name__ == "__main__":
    store = Store(sys.argv[1], "r")
    ledger = Ledger(undone(store), store, n_tries=8)
    run_locally(ledger, Job(prepare_toy, {"sleeping_s": 0.05}, store), n_workers=2)
    print(ledger.n_done, ledger.n_failed)
"""


def undone(store: Store, n: int = N_CELLS) -> Iterator[Task]:
    done = {key for partition in PARTITIONS for key in store.list(partition).done}
    return (task for task in tasks_of(n) if (task.cell, task.input) not in done)


def run(store: Store, n: int = N_CELLS) -> Ledger:
    ledger = Ledger(undone(store, n), store)
    run_locally(ledger, Job(prepare_toy, {}, store), n_workers=2)
    return ledger


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("whole")
    assert run(Store(str(folder), "r")).n_done == N_CELLS
    return hashes_in(folder)


def swept(folder: Path) -> dict[str, str]:
    store = Store(str(folder), "r")
    for partition in PARTITIONS:
        store.sweep(partition, older_than_s=0)
    return hashes_in(folder)


def test_a_store_that_refuses_one_write_in_ten_gets_the_same_bytes(
    undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REFUSALS, str(tmp_path / "refused"))
    register_refusing_disk()
    store = Store(f"refusing-disk://{tmp_path}/store", "r")
    ledger = Ledger(tasks_of(N_CELLS), store)
    run_locally(ledger, Job(prepare_refusing, {}, store), n_workers=2)
    assert (ledger.n_done, ledger.n_failed) == (N_CELLS, 0)
    n_refused = len((tmp_path / "refused").read_text().splitlines())
    assert n_refused >= 3 * N_CELLS // 10  # three files a cell
    assert hashes_in(tmp_path / "store") == undisturbed


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 640 KiB: room for some fifty cells of three files, a page and more each."""
    folder = tmp_path / "disk"
    folder.mkdir()
    how = ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(how, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here to make a small disk with")
    if mounted.returncode:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_run_and_with_room_it_goes_on(undisturbed: dict[str, str], tiny_disk: Path) -> None:
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(400 * 1024))
    store = Store(str(tiny_disk / "store"), "r")
    with pytest.raises(OutputError, match=r"No space left.*it goes on"):
        run(store, 40)
    n_done = len(store.list("part-0000").done)
    assert 0 < n_done < 40
    assert store.list("part-0000").failed == {}
    assert not list(tiny_disk.rglob("*.part"))  # no half file
    ballast.unlink()
    assert run(store, 40).n_done == 40 - n_done
    expected = {name: sha for name, sha in undisturbed.items() if int(name.split("cell-")[1][:6]) < 40}
    assert hashes_in(tiny_disk / "store") == expected


def _limited(folder: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = Store(folder, "r")
    try:
        store.keep("p", "a-1", "0123456789ab", {"image": bytes(5000)}, {})
    except OutputError as error:
        sys.exit(0 if "cannot be written" in str(error) else 3)
    sys.exit(4)


def test_a_file_that_the_system_cuts_off_leaves_nothing_behind(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_limited, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert hashes_in(tmp_path) == {}


# ---- killed at random


def start(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def wait_for_cells(folder: Path, n: int, driver: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 120
    while len(list(folder.rglob("*.done.json"))) < n and driver.poll() is None and time.monotonic() < until:
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """Workers that a driver has started; not the process of Python that counts its semaphores."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = path.read_text().rpartition(")")[2].split()
            is_worker = b"spawn_main" in path.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if int(told[1]) == pid and is_worker:
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are found in /proc")
def test_twenty_kills_of_workers_and_drivers_change_nothing(undisturbed: dict[str, str], tmp_path: Path) -> None:
    rng = random.Random(7)
    n_killed = {"worker": 0, "driver": 0}
    driver = start(tmp_path)
    for n in sorted(rng.sample(range(2, N_CELLS - 4), 20)):
        wait_for_cells(tmp_path, n, driver)
        time.sleep(rng.uniform(0, 0.05))
        assert driver.poll() is None
        workers = children(driver.pid)
        if workers and n_killed["worker"] < 14:
            os.kill(rng.choice(workers), signal.SIGKILL)
            n_killed["worker"] += 1
        else:
            driver.kill()
            driver.communicate()
            n_killed["driver"] += 1
            driver = start(tmp_path)
    out, told = driver.communicate(timeout=120)
    assert driver.returncode == 0, told
    assert out.split()[1] == "0"
    assert n_killed == {"worker": 14, "driver": 6}
    assert swept(tmp_path) == undisturbed
