"""How does an option file of the original system become a native config?

The only package that knows the original's dialect (`network_g`, `lq`, `num_in_ch`, …). Every key is renamed, derived,
corrected with both numbers shown, or ignored with a reason; a key that nothing reads is an error that names its path.
"""

from collections.abc import Mapping
from typing import Any, Literal

from ssr.config.basicsr.inference import read_inference
from ssr.config.basicsr.keys import Keys
from ssr.config.basicsr.networks import DISCRIMINATORS, GENERATORS, read_discriminator, read_generator_alone
from ssr.config.basicsr.training import read_training
from ssr.errors import ConfigError

MARKERS = ("network_g", "model_type", "n_lr_images")


def is_original(options: Mapping[str, Any]) -> bool:
    """Whether an option file is written in the original's dialect."""
    return any(marker in options for marker in MARKERS)


def translate(
    options: Mapping[str, Any], *, for_training: bool, source: str, n_processes: int = 1, strict: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Native options and what there is to say: corrections first, then remarks, then ignored keys by reason.

    Args:
        n_processes: of the run; the original counts a batch for each, this program one for all.
        strict: refuse what would be corrected.

    Raises:
        ConfigError: a key that nothing reads, a missing key, a value of the wrong kind.
    """
    keys = Keys(options, source)
    native = read_training(keys, n_processes) if for_training else read_inference(keys)
    keys.refuse_unread()
    if strict and keys.notes.corrections:
        raise ConfigError(f"{source}: refused, as --strict asks: {'; '.join(keys.notes.corrections)}")
    return native, keys.notes.as_lines()


def translate_network(
    options: Mapping[str, Any], *, n_revisits: int | None, source: str
) -> tuple[Literal["generator", "discriminator"], dict[str, Any]]:
    """Native arguments, with their `type`, of a published `network_g` or `network_d` mapping taken at its word."""
    keys = Keys(options, source)
    kind: Literal["generator", "discriminator"] = "generator"
    name = keys.take_one_of("type", *GENERATORS, *DISCRIMINATORS)
    if name in DISCRIMINATORS:
        kind, native = "discriminator", read_discriminator(keys) | {"judges_objects": name == "OSMObjDiscriminator"}
    else:
        native = read_generator_alone(keys, name, n_revisits=n_revisits)
    keys.refuse_unread()
    return kind, native


__all__ = ["is_original", "translate", "translate_network"]
