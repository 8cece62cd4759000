"""Which native network is a `network_g` or `network_d`, and does it fit the data?"""

from dataclasses import dataclass
from typing import Any

from ssr.config.basicsr.keys import Keys
from ssr.sentinel2.bands import CHANNELS_OF_A_DATE, TRUE_COLOUR_CHANNELS, channels_per_date

GENERATORS = ("SSR_RRDBNet", "SRCNN", "HighResNet")
DISCRIMINATORS = ("SSR_UNetDiscriminatorSN", "OSMObjDiscriminator")

# (features, growth, blocks) of the public options larger1 and larger2, and the blocks that the paper's networks have.
WIDE_BUT_SHALLOW = {(128, 64, 23), (256, 128, 23)}
N_BLOCKS_OF_THE_PAPER = 30


@dataclass(frozen=True)
class Fit:
    """What the data ask of a network.

    n_channels, scale: None where the file has no data to tell.
    chip_px: side of the low-resolution image.
    """

    n_revisits: int
    n_channels: int | None = None
    scale: int | None = None
    chip_px: int = 32


def read_generator(keys: Keys, fit: Fit) -> dict[str, Any]:
    """The generator of an option file, corrected where it could not take the data."""
    name = keys.take_one_of("type", *GENERATORS)
    if name != "SSR_RRDBNet":
        return _worldstrat(keys, name, fit)
    n_in = keys.take_count("num_in_ch", least=1)
    n_revisits = fit.n_revisits
    # 36 is what the published files say for eight dates: left over from a model of twelve.
    n_channels = fit.n_channels or (
        n_in // n_revisits if n_in in [n_revisits * n for n in CHANNELS_OF_A_DATE] else TRUE_COLOUR_CHANNELS
    )
    if n_in != n_revisits * n_channels:
        keys.correct("num_in_ch", n_in, n_revisits * n_channels, f"{n_revisits} dates × {n_channels} channels")
    native = _esrgan(keys, n_revisits, n_channels)
    if fit.scale is not None:
        _correct_to(keys, native, "n_out_channels", "num_out_ch", TRUE_COLOUR_CHANNELS, "channels of the truth")
        _correct_to(keys, native, "scale", "scale", fit.scale, f"the truth is {fit.scale} times finer")
        if (native["n_features"], native["n_growth"], native["n_blocks"]) in WIDE_BUT_SHALLOW:
            keys.note(
                "num_block",
                f"{native['n_blocks']} as in the public options; the paper's network of this width has "
                f"{N_BLOCKS_OF_THE_PAPER}",
            )
    return native


def read_generator_alone(keys: Keys, name: str, *, n_revisits: int | None) -> dict[str, Any]:
    """A generator by itself, taken at its word."""
    if name != "SSR_RRDBNet":
        return _worldstrat(keys, name, None)
    n_in = keys.take_count("num_in_ch", least=1)
    if n_revisits is None:
        n_channels = channels_per_date(n_in)
        return _esrgan(keys, n_in // n_channels, n_channels)
    if n_revisits < 1 or n_in % n_revisits:
        raise keys.fail("num_in_ch", f"{n_in} channels cannot be {n_revisits} dates")
    return _esrgan(keys, n_revisits, n_in // n_revisits)


def read_discriminator(keys: Keys) -> dict[str, Any]:
    """What a `network_d` says beside its type."""
    return {
        "n_channels": keys.take_count("num_in_ch", least=1),
        "n_features": keys.take_count("num_feat", 64, least=1),
        "has_skips": keys.take_flag("skip_connection", True),
    }


def _esrgan(keys: Keys, n_revisits: int, n_channels: int) -> dict[str, Any]:
    return {
        "type": "esrgan",
        "n_revisits": n_revisits,
        "n_channels": n_channels,
        "n_out_channels": keys.take_count("num_out_ch", 3, least=1),
        "scale": keys.take_one_of("scale", 1, 2, 3, 4, 8, 16, default=4),
        "n_features": keys.take_count("num_feat", 64, least=1),
        "n_blocks": keys.take_count("num_block", 23, least=1),
        "n_growth": keys.take_count("num_grow_ch", 32, least=1),
    }


def _worldstrat(keys: Keys, name: str, fit: Fit | None) -> dict[str, Any]:
    keys.take_one_of("mask_channels", 0, default=0)  # no published model uses masks
    keys.ignore("it never had an effect", "skip_paddings")
    zoom = keys.take_count("zoom_factor", 4, least=1)
    native: dict[str, Any] = {
        "type": name.lower(),
        "n_revisits": keys.take_count("revisits", 8, least=1),
        "n_channels": keys.take_count("in_channels", 3, least=1),
        "n_out_channels": keys.take_count("out_channels", 3, least=1),
        "n_features": keys.take_count("hidden_channels", 128, least=1),
        "kernel_size": keys.take_count("kernel_size", 3, least=1),
        "shuffle_kernel_size": keys.take_count("sr_kernel_size", 1, least=1),
        "scale": zoom,
        "sees_reference": keys.take_flag("use_reference_frame", False),
    }
    n_blocks = keys.take_count("residual_layers", 1, least=1)
    if name == "SRCNN":
        native["n_residual_blocks"] = n_blocks
    elif n_blocks != 1:
        keys.note("residual_layers", f"{n_blocks} has no effect: HighResNet never runs them")
    if fit is None:
        keys.ignore("the output is always scale times the input", "output_size")
        return native
    _correct_to(keys, native, "n_revisits", "revisits", fit.n_revisits, "dates of the data")
    if fit.scale is None or fit.n_channels is None:
        keys.ignore("the output is always scale times the input", "output_size")
        return native
    _correct_to(keys, native, "n_channels", "in_channels", fit.n_channels, "channels of a date")
    _correct_to(keys, native, "n_out_channels", "out_channels", TRUE_COLOUR_CHANNELS, "channels of the truth")
    if zoom != fit.scale:
        native |= {"scale": fit.scale, "zoom": zoom}
        keys.note("zoom_factor", f"enlarges {zoom} times and is then resized to {fit.scale} times, as the truth is")
    output_px = fit.chip_px * fit.scale
    stated_px = keys.take_count("output_size", 128, least=1)
    if stated_px != output_px:
        keys.correct("output_size", stated_px, output_px, f"{fit.chip_px} pixels × {fit.scale}")
    return native


def _correct_to(keys: Keys, native: dict[str, Any], name: str, key: str, right: int, why: str) -> None:
    if native[name] != right:
        keys.correct(key, native[name], right, why)
        native[name] = right
