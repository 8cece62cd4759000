"""Does the program keep what it freed?"""

import subprocess
import sys

import pytest

from ssr.allocation import keep_freed_memory

FAULTS = """
import resource, sys, threading
import torch
from ssr.allocation import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def allocate():
    for _ in range(5):
        torch.empty(96 * 2**20, dtype=torch.uint8).fill_(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.empty(96 * 2**20, dtype=torch.uint8).fill_(1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
worker = threading.Thread(target=allocate)
worker.start()
worker.join()
"""


@pytest.mark.skipif(not keep_freed_memory(), reason="the C library is not glibc")
def test_large_tensors_of_any_thread_are_given_the_pages_of_the_last_one():
    faults = {
        kind: int(subprocess.run([sys.executable, "-c", FAULTS, kind], check=True, capture_output=True).stdout)
        for kind in ("kept", "as it comes")
    }
    assert faults["kept"] < faults["as it comes"] / 3
