"""Which channels did the published models see of each date, and how sharply does the instrument see each band?"""

TRUE_COLOUR_CHANNELS = 3
N_DATES_OF_BAND_MODELS = 8

BAND_SETS: dict[str, tuple[str, ...]] = {
    "tci": ("tci",),
    "10m": ("tci", "b08"),
    "20m": ("tci", "b08", "b05", "b06", "b07", "b11", "b12"),
    "60m": ("tci", "b01", "b08", "b09", "b10", "b05", "b06", "b07", "b11", "b12"),
}
"""Files of one date in the order in which the published models stack them; `tci` holds red, green and blue."""


def n_channels_of(bands: tuple[str, ...]) -> int:
    """Channels of one date: three for the true-colour image, one for any other band."""
    return sum(TRUE_COLOUR_CHANNELS if band == "tci" else 1 for band in bands)


CHANNELS_OF_A_DATE = tuple(n_channels_of(bands) for bands in BAND_SETS.values())
"""3, 4, 9 and 12."""

MTF_AT_NYQUIST = {"B02": 0.26, "B03": 0.28, "B04": 0.24, "B08": 0.26}
"""Contrast that is left at half a cycle per 10 m pixel: the calibrated values that S2Sharp (Ulfarsson et al. 2019)
uses, within the 0.15 to 0.30 that ESA requires of the instrument."""


def channels_per_date(n_stacked: int) -> int:
    """How many of a network's stacked input channels are one date's: those of a band model, or true colour."""
    for n_channels in CHANNELS_OF_A_DATE[1:]:
        if n_stacked == n_channels * N_DATES_OF_BAND_MODELS:
            return n_channels
    return TRUE_COLOUR_CHANNELS if n_stacked % TRUE_COLOUR_CHANNELS == 0 else n_stacked
