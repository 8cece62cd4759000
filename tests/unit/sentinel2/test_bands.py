import pytest

from ssr.sentinel2.bands import BANDS, GSD_M, bands_of_channels, channels_per_date


@pytest.mark.parametrize(("n_stacked", "expected"), [(3, 3), (24, 3), (48, 3), (32, 4), (72, 9), (96, 12), (5, 5)])
def test_channels_of_a_date_are_those_of_the_published_models(n_stacked, expected):
    assert channels_per_date(n_stacked) == expected


def test_metadata_count_thirteen_bands_with_b8a_after_b08():
    assert len(BANDS) == len(GSD_M) == 13
    assert BANDS[7:10] == ("b08", "b8a", "b09")


def test_pixel_sizes_are_those_of_the_instrument():
    by_size = {gsd: {band for band in BANDS if GSD_M[band] == gsd} for gsd in (10, 20, 60)}
    assert by_size[10] == {"b02", "b03", "b04", "b08"}
    assert by_size[60] == {"b01", "b09", "b10"}
    assert len(by_size[20]) == 6


@pytest.mark.parametrize(("n_channels", "n_bands"), [(3, 1), (4, 2), (9, 7), (12, 10)])
def test_the_number_of_channels_tells_the_bands(n_channels, n_bands):
    assert len(bands_of_channels(n_channels)) == n_bands
    assert bands_of_channels(n_channels)[0] == "tci"


def test_other_numbers_of_channels_tell_nothing():
    assert bands_of_channels(5) is None
