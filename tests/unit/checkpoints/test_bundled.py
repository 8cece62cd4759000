import pytest

from ssr.checkpoints.bundled import DEFAULT, bundled_names, bundled_weights
from ssr.checkpoints.files import read_weights
from ssr.checkpoints.published import recognise
from ssr.errors import WeightsError


def test_default_model_is_there():
    assert DEFAULT in bundled_names()
    assert bundled_weights() == bundled_weights(DEFAULT)


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_weights_fit_a_network_known_here(name):
    assert recognise(read_weights(bundled_weights(name))) is not None


@pytest.mark.parametrize("name", ["", "compact-9", "../compact-8", "compact-8.safetensors"])
def test_other_names_are_refused_with_those_there_are(name):
    with pytest.raises(WeightsError, match=DEFAULT):
        bundled_weights(name)
