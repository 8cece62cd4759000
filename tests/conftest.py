"""Fixtures for all tests; no network, no accelerator and no real imagery unless a marker says so."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

SHARED = Path(__file__).resolve().parents[2] / "shared"


settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    torch.default_generator.manual_seed(0)  # for networks that test modules make when they are imported


@pytest.fixture(autouse=True)
def _same_numbers_every_time() -> None:
    """Networks in tests start from random parameters; those must not decide whether a test passes."""
    torch.default_generator.manual_seed(0)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # threads that wait for each other cost more than they bring on tiny images


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of shared imagery and weights is not beside this checkout")
    return SHARED
