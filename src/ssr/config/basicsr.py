"""How does an option file of the original system become a native config?

The only module that knows the original's dialect (`network_g`, `lq`, `num_in_ch`, …). Every key is renamed, derived,
corrected with both numbers shown, or ignored with a reason; a key that nothing reads is an error that names its path.
"""

from collections.abc import Mapping
from typing import Any, Literal

from ssr.errors import ConfigError
from ssr.sentinel2.bands import CHANNELS_OF_A_DATE, TRUE_COLOUR_CHANNELS, channels_per_date

MARKERS = ("network_g", "model_type", "n_lr_images")

NO_EFFECT_HERE = {
    "num_gpu": "the device is chosen by --device",
    "dist_params": "torchrun sets up communication",
    "find_unused_parameters": "no network here has unused parameters",
}
LOADER_KEYS = (
    "use_shuffle",
    "num_worker_per_gpu",
    "io_backend",
    "prefetch_mode",
    "num_prefetch_queue",
    "pin_memory",
    "persistent_workers",
    "dataset_enlarge_ratio",
    "phase",
    "scale",
    "name",
)
ESRGAN_DEFAULTS = {"num_feat": 64, "num_block": 23, "num_grow_ch": 32, "scale": 4, "num_out_ch": 3}


def is_original(options: Mapping[str, Any]) -> bool:
    """Whether an option file is written in the original's dialect."""
    return any(marker in options for marker in MARKERS)


def translate(options: Mapping[str, Any], *, for_training: bool, source: str) -> tuple[dict[str, Any], list[str]]:
    """Native options and one note per correction or ignored key.

    Raises:
        ConfigError: a key that nothing reads, a missing key, a value of the wrong kind.
    """
    keys = _Keys(options, source)
    native = _training(keys) if for_training else _inference(keys)
    keys.refuse_unread()
    return native, keys.notes


def translate_network(
    options: Mapping[str, Any], *, n_revisits: int | None, source: str
) -> tuple[Literal["generator", "discriminator"], dict[str, Any]]:
    """Native arguments, with their `type`, of a published `network_g` or `network_d` mapping."""
    keys = _Keys(options, source)
    kind: Literal["generator", "discriminator"] = "generator"
    name = str(keys.take("type")).strip()
    if name in ("SSR_UNetDiscriminatorSN", "OSMObjDiscriminator"):
        kind, native = "discriminator", _discriminator(keys, judges_objects=name == "OSMObjDiscriminator")
    else:
        native = _generator(keys, name, n_revisits=n_revisits, corrects=False)
    keys.refuse_unread()
    return kind, native


class _Keys:
    """A mapping of which every key must be taken once; nested mappings are followed by their path."""

    def __init__(self, options: Any, source: str, path: str = "", notes: list[str] | None = None) -> None:
        if not isinstance(options, Mapping):
            raise ConfigError(f"{source}: option '{path}': expected a mapping, found {options!r}")
        self.options = dict(options)
        self.source = source
        self.path = path
        self.notes = notes if notes is not None else []
        self.unread = set(self.options)
        self.children: list[_Keys] = []

    def take(self, key: str, default: Any = ...) -> Any:
        self.unread.discard(key)
        value = self.options.get(key, default)
        if value is ...:
            raise ConfigError(f"{self.source}: option '{self._full(key)}' is missing")
        return value

    def take_count(self, key: str, default: Any = ..., *, least: int = 0) -> int:
        value = self.take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.fail(key, f"expected a whole number from {least}, found {value!r}")
        return value

    def take_steps(self, key: str, default: Any = ...) -> int:
        """A number of steps; files write `5e3`, which YAML reads as text, or `!!float 5e3`."""
        value = self.take_number(key, default)
        if value != int(value) or value < 1:
            raise self.fail(key, f"expected a number of steps, found {value!r}")
        return int(value)

    def take_number(self, key: str, default: Any = ...) -> float:
        value = self.take(key, default)
        refusal = self.fail(key, f"expected a number, found {value!r}")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise refusal
        try:
            return float(value)
        except ValueError as error:
            raise refusal from error

    def take_one_of(self, key: str, *known: str) -> str:
        value = str(self.take(key)).strip()
        if value not in known:
            raise self.fail(key, f"expected {' or '.join(known)}, found {value!r}")
        return value

    def child(self, key: str, default: Any = ...) -> "_Keys":
        nested = _Keys(self.take(key, default), self.source, self._full(key), self.notes)
        self.children.append(nested)
        return nested

    def ignore(self, key: str, reason: str) -> None:
        if key in self.unread:
            self.unread.discard(key)
            self.notes.append(f"{self._full(key)}: ignored, {reason}")

    def note(self, key: str, text: str) -> None:
        self.notes.append(f"{self._full(key)}: {text}")

    def fail(self, key: str, text: str) -> ConfigError:
        return ConfigError(f"{self.source}: option '{self._full(key)}': {text}")

    def refuse_unread(self) -> None:
        if self.unread:
            raise ConfigError(f"{self.source}: unknown option '{self._full(sorted(map(str, self.unread))[0])}'")
        for child in self.children:
            child.refuse_unread()

    def _full(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def _inference(keys: _Keys) -> dict[str, Any]:
    n_revisits = keys.take_count("n_lr_images", least=1)
    _shared_ignored(keys)
    for key in ("name", "model_type"):
        keys.ignore(key, "inference needs only the network")
    keys.ignore("manual_seed", "nothing is left to chance: the best dates are taken")
    network = keys.child("network_g")
    model = _generator(network, str(network.take("type")).strip(), n_revisits=n_revisits, corrects=True)
    _check_scale(keys, model)
    return {
        "data_dir": keys.take("data_dir"),
        "save_path": keys.take("save_path"),
        "n_revisits": n_revisits,
        "model": model,
        "weights": _weights(keys),
    }


def _training(keys: _Keys) -> dict[str, Any]:
    kind = keys.take_one_of("model_type", "L2Model", "SSRESRGANModel")
    _shared_ignored(keys)
    datasets = keys.child("datasets")
    train_keys = datasets.child("train")
    train_data = _s2naip(train_keys)
    n_revisits = train_data["n_revisits"]
    batch_size = train_keys.take_count("batch_size_per_gpu", 32, least=1)
    validation = [_s2naip(datasets.child(key)) for key in sorted(datasets.options) if key.startswith("val")]
    if len(validation) > 1:
        datasets.note("val", f"only the first of {len(validation)} validation sets is used")
    keys.ignore("test_datasets", "testing reads it, training does not")
    keys.ignore("test", "testing reads it, training does not")
    network = keys.child("network_g")
    model = _generator(network, str(network.take("type")).strip(), n_revisits=n_revisits, corrects=True)
    if model["n_channels"] != TRUE_COLOUR_CHANNELS:
        n_in = n_revisits * model["n_channels"]
        raise network.fail("num_in_ch", f"{n_in} channels are more than the true colour that this version trains on")
    _check_scale(keys, model)
    loss, training = _optimisation(keys, is_l2=kind == "L2Model")
    seed = keys.take_count("manual_seed", 0)
    return {
        "name": keys.take("name"),
        "seed": seed,
        "model": model,
        "train_data": train_data | {"seed": seed},
        "validation_data": validation[0] if validation else None,
        "pretrained": _weights(keys),
        "loss": loss,
        "training": training | {"batch_size": batch_size, **_frequencies(keys)},
    }


def _shared_ignored(keys: _Keys) -> None:
    for key, reason in NO_EFFECT_HERE.items():
        keys.ignore(key, reason)


def _generator(keys: _Keys, name: str, *, n_revisits: int | None, corrects: bool) -> dict[str, Any]:
    if name == "SSR_RRDBNet":
        return _esrgan(keys, n_revisits=n_revisits, corrects=corrects)
    if name in ("SRCNN", "HighResNet"):
        return _worldstrat(keys, name, n_revisits=n_revisits, corrects=corrects)
    raise keys.fail(
        "type",
        f"expected SSR_RRDBNet, SRCNN, HighResNet, SSR_UNetDiscriminatorSN or OSMObjDiscriminator, found {name!r}",
    )


def _esrgan(keys: _Keys, *, n_revisits: int | None, corrects: bool) -> dict[str, Any]:
    n_in = keys.take_count("num_in_ch")
    values = {key: keys.take_count(key, default) for key, default in ESRGAN_DEFAULTS.items()}
    if n_revisits is None:
        n_channels = channels_per_date(n_in)
        n_revisits = n_in // n_channels
    elif corrects and n_in not in [n_revisits * n for n in CHANNELS_OF_A_DATE]:
        # 36 is what the published files say for eight dates: left over from a model of twelve.
        n_channels = TRUE_COLOUR_CHANNELS
        correct = f"{n_revisits * n_channels} ({n_revisits} dates × {n_channels} channels)"
        keys.note("num_in_ch", f"corrected from {n_in} to {correct}")
    elif n_revisits < 1 or n_in % n_revisits:
        raise keys.fail("num_in_ch", f"{n_in} channels cannot be {n_revisits} dates")
    else:
        n_channels = n_in // n_revisits
    return {
        "type": "esrgan",
        "n_revisits": n_revisits,
        "n_channels": n_channels,
        "n_out_channels": values["num_out_ch"],
        "scale": values["scale"],
        "n_features": values["num_feat"],
        "n_blocks": values["num_block"],
        "n_growth": values["num_grow_ch"],
    }


def _worldstrat(keys: _Keys, name: str, *, n_revisits: int | None, corrects: bool) -> dict[str, Any]:
    n_mask = keys.take_count("mask_channels", 0)
    if n_mask:
        raise keys.fail("mask_channels", f"expected 0 (no published model uses masks), found {n_mask}")
    keys.ignore("output_size", "the output is always scale times the input")
    keys.ignore("skip_paddings", "it never had an effect")
    n_stated = keys.take_count("revisits", 8, least=1)
    if corrects and n_revisits is not None and n_stated != n_revisits:
        keys.note("revisits", f"corrected from {n_stated} to {n_revisits}, the number of dates of the data")
    native: dict[str, Any] = {
        "type": name.lower(),
        "n_revisits": n_revisits if corrects and n_revisits is not None else n_stated,
        "n_channels": keys.take_count("in_channels", 3),
        "n_out_channels": keys.take_count("out_channels", 3),
        "n_features": keys.take_count("hidden_channels", 128),
        "kernel_size": keys.take_count("kernel_size", 3),
        "shuffle_kernel_size": keys.take_count("sr_kernel_size", 1),
        "scale": keys.take_count("zoom_factor", 4),
        "sees_reference": bool(keys.take("use_reference_frame", False)),
    }
    n_blocks = keys.take_count("residual_layers", 1)
    return native | {"n_residual_blocks": n_blocks} if name == "SRCNN" else native


def _discriminator(keys: _Keys, *, judges_objects: bool) -> dict[str, Any]:
    return {
        "n_channels": keys.take_count("num_in_ch"),
        "n_features": keys.take_count("num_feat", 64),
        "has_skips": bool(keys.take("skip_connection", True)),
        "judges_objects": judges_objects,
    }


def _check_scale(keys: _Keys, model: Mapping[str, Any]) -> None:
    scale = keys.take("scale", model["scale"])
    if scale != model["scale"]:
        keys.note("scale", f"the network enlarges {model['scale']} times, so {scale} is not used")


def _weights(keys: _Keys) -> dict[str, Any] | None:
    path = keys.child("path", {})
    for key in ("pretrain_network_d", "param_key_d", "strict_load_d"):
        path.ignore(key, "this run has no discriminator")
    for key in ("resume_state", "experiments_root", "results_root"):
        path.ignore(key, "given on the command line")
    key, strict = path.take("param_key_g", "params_ema"), path.take("strict_load_g", True)
    file = path.take("pretrain_network_g", None)
    return {"path": file, "key": key, "strict": strict} if file else None


def _s2naip(keys: _Keys) -> dict[str, Any]:
    keys.take_one_of("type", "S2NAIPDataset", "SSRDataset")
    for key in LOADER_KEYS:
        keys.ignore(key, "reading is arranged by this program")
    keys.ignore("use_3d", "every network here takes dates on an axis of their own")
    bands = keys.take("s2_bands", ["tci"])
    if bands != ["tci"]:
        raise keys.fail("s2_bands", f"expected [tci], the only bands this version trains on, found {bands!r}")
    for key in ("tile_weights", "old_naip_path", "osm_objs_path", "n_osm_objs", "rand_crop", "train_samples"):
        value = keys.take(key, None)
        if value:
            keys.note(key, "NOT APPLIED in this version: every sample is drawn alike and whole")
    if "batch_size_per_gpu" in keys.options and not keys.path.endswith("train"):
        keys.ignore("batch_size_per_gpu", "validation batches are of one size")
    return {
        "type": "s2naip",
        "sentinel2": keys.take("sentinel2_path"),
        "naip": keys.take("naip_path"),
        "n_revisits": keys.take_count("n_s2_images", least=1),
    }


def _optimisation(keys: _Keys, *, is_l2: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    train = keys.child("train")
    if is_l2:
        train.ignore("pixel_opt", "the L2 models minimise 0.3·MSE + 0.4·L1 + 0.3·SSIM, as published")
        loss: dict[str, Any] = {"mse": 0.3, "l1": 0.4, "ssim": 0.3}
    else:
        pixel = train.child("pixel_opt")
        measure = {"L1Loss": "l1", "MSELoss": "mse"}[pixel.take_one_of("type", "L1Loss", "MSELoss")]
        pixel.ignore("reduction", "the mean is taken")
        loss = {"l1": 0.0, measure: pixel.take_number("loss_weight", 1.0)}
        for key in ("perceptual_opt", "gan_opt", "ssim_opt", "clip_opt", "ldl_opt"):
            if train.take(key, None):
                raise train.fail(key, "this loss is not in this version; remove it to train with the pixel loss alone")
        for key in ("net_d_iters", "net_d_init_iters", "optim_d"):
            train.ignore(key, "this run has no discriminator")
        for key in ("l1_gt_usm", "percep_gt_usm", "gan_gt_usm", "feed_disc_lr", "network_d"):
            keys.ignore(key, "targets are not sharpened and no discriminator is trained in this version")
    optimiser = train.child("optim_g")
    optimiser.take_one_of("type", "Adam", "AdamW")
    decay = optimiser.take_number("weight_decay", 0.0)
    if decay and optimiser.options["type"] == "Adam":
        optimiser.note("weight_decay", f"{decay} is applied apart from the gradient (AdamW)")
    scheduler = train.child("scheduler", {"type": "MultiStepLR", "milestones": [], "gamma": 1.0})
    scheduler.take_one_of("type", "MultiStepLR", "MultiStepRestartLR")
    n_warmup = train.take_number("warmup_iter", -1)
    return loss, {
        "n_steps": train.take_steps("total_iter"),
        "n_warmup_steps": max(0, int(n_warmup)),
        "ema_decay": train.take_number("ema_decay", 0.0),
        "learning_rate": optimiser.take_number("lr"),
        "weight_decay": decay,
        "betas": optimiser.take("betas", [0.9, 0.99]),
        "schedule": "multistep",
        "milestones": scheduler.take("milestones"),
        "gamma": scheduler.take_number("gamma", 0.5),
    }


def _frequencies(keys: _Keys) -> dict[str, Any]:
    validation, logger = keys.child("val", {}), keys.child("logger", {})
    for key in ("save_img", "metrics", "pbar"):
        validation.ignore(key, "validation reports PSNR, SSIM and cPSNR")
    for key in ("use_tb_logger", "wandb"):
        logger.ignore(key, "the log is log.jsonl in the run's folder")
    return {
        "validate_every": validation.take_steps("val_freq", 5000),
        "log_every": logger.take_steps("print_freq", 100),
        "checkpoint_every": logger.take_steps("save_checkpoint_freq", 5000),
    }
