"""Which channels did the published models see of each date?

True colour alone (3), or with the other 10 m (4), 20 m (9) or 60 m (12) bands, eight dates stacked.
"""

TRUE_COLOUR_CHANNELS = 3
CHANNELS_OF_A_DATE = (3, 4, 9, 12)
N_DATES_OF_BAND_MODELS = 8


def channels_per_date(n_stacked: int) -> int:
    """How many of a network's stacked input channels are one date's: those of a band model, or true colour."""
    for n_channels in CHANNELS_OF_A_DATE[1:]:
        if n_stacked == n_channels * N_DATES_OF_BAND_MODELS:
            return n_channels
    return TRUE_COLOUR_CHANNELS if n_stacked % TRUE_COLOUR_CHANNELS == 0 else n_stacked
