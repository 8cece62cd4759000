"""Which inference run does an option file of the original describe?"""

from typing import Any

from ssr.config.basicsr.keys import Keys
from ssr.config.basicsr.losses import ADVERSARIAL_KEYS
from ssr.config.basicsr.networks import Fit, read_generator
from ssr.config.basicsr.training import NO_EFFECT_HERE
from ssr.config.basicsr.weights import read_weights

OF_OTHER_COMMANDS = ("datasets", "test_datasets", "train", "val", "test", "logger", *ADVERSARIAL_KEYS)


def read_inference(keys: Keys) -> dict[str, Any]:
    """A native inference run: chips, network and weights."""
    n_revisits = keys.take_count("n_lr_images", least=1)
    for key, reason in NO_EFFECT_HERE.items():
        keys.ignore(reason, key)
    keys.ignore("inference needs only the network", "name", "model_type")
    keys.ignore("training and testing read it, inference does not", *OF_OTHER_COMMANDS)
    keys.ignore("nothing is left to chance: the best dates are taken", "manual_seed")
    model = read_generator(keys.child("network_g"), Fit(n_revisits))
    scale = keys.take("scale", model["scale"])
    if scale != model["scale"]:
        keys.note("scale", f"the network enlarges {model['scale']} times, so {scale} is not used")
    path = keys.child("path", {})
    path.ignore("inference has no discriminator", "pretrain_network_d", "param_key_d", "strict_load_d")
    path.ignore("inference writes to save_path", "experiments_root", "results_root", "resume_state")
    return {
        "data_dir": keys.take_text("data_dir"),
        "save_path": keys.take_text("save_path"),
        "n_revisits": n_revisits,
        "model": model,
        "weights": read_weights(path, "g", default_key="params_ema"),
    }
