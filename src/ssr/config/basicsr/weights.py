"""Which weights does an option file of the original start from?"""

from typing import Any, Literal

from ssr.config.basicsr.keys import Keys


def read_weights(path: Keys, network: Literal["g", "d"], *, default_key: str) -> dict[str, Any] | None:
    """The file, its entry and whether it must fit, for the generator or the discriminator."""
    file, key, strict = f"pretrain_network_{network}", f"param_key_{network}", f"strict_load_{network}"
    if path.take(file, None) is None:
        path.ignore(f"no {file} is named", key, strict)
        return None
    return {
        "path": path.take_text(file),
        "key": path.take_text(key, default_key),
        "strict": path.take_flag(strict, True),
    }
