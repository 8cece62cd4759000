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

TRUE_COLOUR_BANDS = ("b04", "b03", "b02")
"""Red, green and blue."""

BANDS = ("b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b09", "b10", "b11", "b12")
"""In the order in which metadata count them (`bandId`, `band_id`)."""

GSD_M = (
    dict.fromkeys(BANDS, 20)
    | dict.fromkeys(("b02", "b03", "b04", "b08"), 10)
    | dict.fromkeys(("b01", "b09", "b10"), 60)
)
"""The pixel of a band at full size."""

WAVELENGTH_UM = {"b02": 0.4927, "b03": 0.5598, "b04": 0.6646}
"""Centres of the true-colour bands of Sentinel-2A, from product metadata."""

CIRRUS_BAND = "b10"
"""Sees next to nothing of the ground, and is not in L2A products."""

MTF_AT_NYQUIST = {"B02": 0.26, "B03": 0.28, "B04": 0.24, "B08": 0.26}
"""Contrast that is left at half a cycle per 10 m pixel: the calibrated values that S2Sharp (Ulfarsson et al. 2019)
uses, within the 0.15 to 0.30 that ESA requires of the instrument."""


def bands_of_channels(n_channels: int) -> tuple[str, ...] | None:
    """Which bands a published model with so many channels a date sees; None where no such model was published."""
    found = (bands for bands in BAND_SETS.values() if n_channels_of(bands) == n_channels)
    return next(found, None)


def channels_per_date(n_stacked: int) -> int:
    """How many of a network's stacked input channels are one date's: those of a band model, or true colour."""
    for n_channels in CHANNELS_OF_A_DATE[1:]:
        if n_stacked == n_channels * N_DATES_OF_BAND_MODELS:
            return n_channels
    return TRUE_COLOUR_CHANNELS if n_stacked % TRUE_COLOUR_CHANNELS == 0 else n_stacked
