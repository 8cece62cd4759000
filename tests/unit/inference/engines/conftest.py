"""A cache of compiled graphs that is this test's own."""

from pathlib import Path

import pytest


@pytest.fixture
def engines_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which graphs will be kept; it is not made yet."""
    monkeypatch.setenv("SSR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"
