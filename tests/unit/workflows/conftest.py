"""A web server that misbehaves."""

from collections.abc import Iterator

import pytest

from tests.support.bad_server import BadServer, bad_server


@pytest.fixture
def server() -> Iterator[BadServer]:
    with bad_server() as serving:
        yield serving


@pytest.fixture(autouse=True)
def _no_address_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSR_WEIGHTS_URL", raising=False)
