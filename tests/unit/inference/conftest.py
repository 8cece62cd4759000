"""Networks that any size of input must pass."""

from collections.abc import Callable
from typing import Any

import pytest

from ssr.models.bicubic import Bicubic
from ssr.models.highresnet import HighResNet
from ssr.models.srcnn import SRCNN
from tests.support.scenes import tiny_date_fusion, tiny_rrdbnet, with_seed

NETWORKS: dict[str, Callable[[], Any]] = {
    "date_fusion": tiny_date_fusion,
    "rrdbnet_x1": lambda: tiny_rrdbnet(scale=1),
    "rrdbnet_x2": lambda: tiny_rrdbnet(scale=2),
    "rrdbnet_x4": lambda: tiny_rrdbnet(scale=4),
    "srcnn": lambda: with_seed(SRCNN(n_revisits=2, n_features=16)),
    "srcnn_reference": lambda: with_seed(SRCNN(n_revisits=2, n_features=16, sees_reference=True)),
    "highresnet": lambda: with_seed(HighResNet(n_revisits=2, n_features=16)),
    "bicubic": Bicubic,
}


@pytest.fixture(params=list(NETWORKS))
def network(request: pytest.FixtureRequest) -> Any:
    """A tiny network with seeded parameters that takes two dates."""
    return NETWORKS[request.param]()
