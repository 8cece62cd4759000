"""Fixtures for all tests; no network, no accelerator and no real imagery unless a marker says so."""

from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # threads that wait for each other cost more than they bring on tiny images


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of shared imagery and weights is not beside this checkout")
    return SHARED
