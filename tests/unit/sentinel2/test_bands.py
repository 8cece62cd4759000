import pytest

from ssr.sentinel2.bands import channels_per_date


@pytest.mark.parametrize(("n_stacked", "expected"), [(3, 3), (24, 3), (48, 3), (32, 4), (72, 9), (96, 12), (5, 5)])
def test_channels_of_a_date_are_those_of_the_published_models(n_stacked, expected):
    assert channels_per_date(n_stacked) == expected
