from pathlib import Path

import pytest
from pydantic import ValidationError

from ssr.config.data import ImageryFolder, SimulatedData, n_channels_of_data

PLAIN = ImageryFolder(folder=Path("rgb"))
WITH_NIR = ImageryFolder(folder=Path("rgb"), nir_folder=Path("nir"))


@pytest.mark.parametrize(("imagery", "n_channels"), [((PLAIN,), 3), ((WITH_NIR, WITH_NIR), 4)])
def test_simulated_pairs_have_near_infrared_where_it_is_named(imagery, n_channels):
    assert n_channels_of_data(SimulatedData(imagery=imagery)) == n_channels


def test_near_infrared_for_some_folders_only_is_refused():
    other = ImageryFolder(folder=Path("elsewhere"))
    with pytest.raises(ValidationError, match="for every folder or for none, missing for elsewhere"):
        SimulatedData(imagery=(WITH_NIR, other))
