"""Which networks have a name of their own?

Published weights keep the stem of their file (`esrgan_8S2.pth`); sizes of the paper that only exist as option files
have the names below. Presets are architectures, not weights.
"""

from difflib import get_close_matches

from ssr.config.networks import ESRGANModel, HighResNetModel, Model, SR3Model, SRCNNModel
from ssr.errors import ConfigError
from ssr.sentinel2.bands import BAND_SETS, N_DATES_OF_BAND_MODELS, n_channels_of

DATES_OF_TRUE_COLOUR_MODELS = (1, 2, 4, 8, 16)
DATES_OF_OLDER_MODELS = (2, 6, 12, 18)

SIZES = {
    "esrgan_small-1": {"n_features": 32, "n_growth": 16, "n_blocks": 23},
    "esrgan_small-2": {"n_features": 32, "n_growth": 16, "n_blocks": 10},
    "esrgan_small-3": {"n_features": 16, "n_growth": 8, "n_blocks": 10},
    # The paper's "87 M" and "347 M" have 30 blocks; the public option files larger1 and larger2 say 23.
    "esrgan_medium": {"n_features": 128, "n_growth": 64, "n_blocks": 30},
    "esrgan_large": {"n_features": 256, "n_growth": 128, "n_blocks": 30},
    "esrgan_larger1": {"n_features": 128, "n_growth": 64, "n_blocks": 23},
    "esrgan_larger2": {"n_features": 256, "n_growth": 128, "n_blocks": 23},
}

PRESETS: dict[str, Model] = {
    **{f"esrgan_{n}S2": ESRGANModel(n_revisits=n) for n in DATES_OF_TRUE_COLOUR_MODELS},
    **{
        f"esrgan_{name}": ESRGANModel(n_revisits=N_DATES_OF_BAND_MODELS, n_channels=n_channels_of(bands))
        for name, bands in BAND_SETS.items()
        if name != "tci"
    },
    **{f"esrgan_orig_{n}S2": ESRGANModel(n_revisits=n) for n in DATES_OF_OLDER_MODELS},
    **{name: ESRGANModel.model_validate(size) for name, size in SIZES.items()},
    "srcnn_s2naip": SRCNNModel(),
    "highresnet_s2naip": HighResNetModel(n_revisits=8),
    "sr3_s2naip": SR3Model(),
}


def preset(name: str, *, source: str) -> Model:
    """The architecture of that name.

    Raises:
        ConfigError: no preset of that name.
    """
    if name not in PRESETS:
        near = get_close_matches(name, PRESETS, n=1)
        raise ConfigError(
            f"{source}: option 'model': no preset {name!r}"
            + (f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(PRESETS)}")
        )
    return PRESETS[name]
