"""Which training run does an option file of the original describe?"""

from typing import Any

from ssr.config.basicsr.data import read_data
from ssr.config.basicsr.keys import Keys, Notes
from ssr.config.basicsr.losses import ignore_discriminator, read_adversarial, read_l2_loss, read_loss
from ssr.config.basicsr.networks import Fit, read_generator
from ssr.config.basicsr.optimisers import read_optimiser, read_schedule
from ssr.config.basicsr.weights import read_weights

NO_EFFECT_HERE = {
    "num_gpu": "the device is chosen by --device, the number of processes by torchrun",
    "dist_params": "torchrun sets up communication",
    "find_unused_parameters": "no network here has unused parameters",
}
NO_SCHEDULE = {"type": "MultiStepLR", "milestones": [], "gamma": 1.0}


def read_training(keys: Keys, n_processes: int) -> dict[str, Any]:
    """A native training run: model, data, losses, optimiser and time."""
    kind = keys.take_one_of("model_type", "L2Model", "SSRESRGANModel", "OSMObjESRGANModel")
    _ignore_what_has_no_effect(keys)
    datasets = keys.child("datasets")
    train_keys = datasets.child("train")
    train_data, fit = read_data(train_keys, "train")
    model = read_generator(keys.child("network_g"), fit)
    _correct_scale(keys, fit)
    train = keys.child("train")
    path = keys.child("path", {})
    n_steps = train.take_steps("total_iter")
    native: dict[str, Any] = {
        "name": keys.take_text("name"),
        "seed": _seed(keys),
        "model": model,
        "train_data": train_data,
    }
    if validation := _validation(datasets):
        native["validation_data"] = validation
    pretrained = read_weights(path, "g", default_key="params_ema")
    if pretrained:
        native["pretrained"] = pretrained
    has_adversary = kind != "L2Model" and train.take("gan_opt", None) is not None
    native["loss"] = read_l2_loss(keys, train) if kind == "L2Model" else read_loss(keys, train)
    if has_adversary:
        native["adversarial"] = read_adversarial(
            keys, train, train_data, fit, judges_objects=kind == "OSMObjESRGANModel"
        )
        if start := read_weights(path, "d", default_key="params"):
            native["adversarial"]["pretrained"] = start
    else:
        ignore_discriminator(keys, train)
        path.ignore("this run has no discriminator", "pretrain_network_d", "param_key_d", "strict_load_d")
    native["training"] = {
        "n_steps": n_steps,
        "batch_size": _batch_size(train_keys, n_processes),
        "n_warmup_steps": max(0, int(train.take_number("warmup_iter", -1))),
        "ema_decay": train.take_number("ema_decay", 0.0),
        "ema_warms_up": False,
        **read_optimiser(train.child("optim_g")),
        **read_schedule(train.child("scheduler", NO_SCHEDULE), n_steps),
        **_frequencies(keys),
    }
    native["train_data"]["seed"] = native["seed"]
    return native | _where(path)


def _ignore_what_has_no_effect(keys: Keys) -> None:
    for key, reason in NO_EFFECT_HERE.items():
        keys.ignore(reason, key)
    keys.ignore("inference reads it, training does not", "data_dir", "n_lr_images", "save_path")
    _read_tests(keys)


def _read_tests(keys: Keys) -> None:
    """Test data are read, so that a wrong key is found, and then left to the command that tests."""
    unsaid = Notes()
    tests = keys.child("test_datasets", {}, notes=unsaid)
    for key in tests.options:
        read_data(tests.child(key, notes=unsaid), "test")
    settings = keys.child("test", {}, notes=unsaid)
    settings.ignore("", "save_img", "pbar")
    read_metrics(settings)
    for key in ("test_datasets", "test"):
        if key in keys.options:
            keys.notes.ignored.setdefault("testing reads it, training does not", []).append(key)


def read_metrics(keys: Keys) -> None:
    """Settings of metrics, of which none changes what training reports."""
    metrics = keys.child("metrics", {}, notes=Notes())
    for name in metrics.options:
        metric = metrics.child(name)
        metric.take_text("type")
        metric.ignore("", "crop_border", "test_y_channel", "better", "lpips_model", "clip_model")
    if "metrics" in keys.options:
        keys.notes.ignored.setdefault("validation reports PSNR, SSIM and cPSNR", []).append(keys.full("metrics"))


def _validation(datasets: Keys) -> dict[str, Any] | None:
    sets = [read_data(datasets.child(key), "val")[0] for key in datasets.options if str(key).startswith("val")]
    if len(sets) > 1:
        datasets.note("val", f"only the first of {len(sets)} validation sets is used")
    return sets[0] if sets else None


def _correct_scale(keys: Keys, fit: Fit) -> None:
    scale = keys.take_one_of("scale", 1, 2, 3, 4, 8, 16, default=fit.scale)
    if scale != fit.scale:
        keys.correct("scale", scale, fit.scale, f"the truth is {fit.scale} times finer")


def _seed(keys: Keys) -> int:
    if keys.take("manual_seed", None) is None:
        keys.note("manual_seed", "not given, so 0")
        return 0
    return keys.take_count("manual_seed")


def _batch_size(train_keys: Keys, n_processes: int) -> int:
    n_each = train_keys.take_count("batch_size_per_gpu", least=1)
    if n_processes > 1:
        train_keys.note(
            "batch_size_per_gpu", f"{n_each} in each of {n_processes} processes, {n_each * n_processes} together"
        )
    return n_each * n_processes


def _frequencies(keys: Keys) -> dict[str, Any]:
    validation, logger = keys.child("val", {}), keys.child("logger", {})
    read_metrics(validation)
    validation.ignore("validation reports PSNR, SSIM and cPSNR", "save_img", "pbar")
    return {
        **_logging(keys, logger),
        "validate_every": validation.take_steps("val_freq", 5000),
        "log_every": logger.take_steps("print_freq", 100),
        "checkpoint_every": logger.take_steps("save_checkpoint_freq", 5000),
    }


def _logging(keys: Keys, logger: Keys) -> dict[str, Any]:
    """TensorBoard and Weights & Biases; as in the original, neither for a run whose name says debug."""
    has_tensorboard = logger.take_flag("use_tb_logger", False)
    wandb = logger.child("wandb", {})
    named = {key: wandb.take_text(key) for key in ("project", "resume_id") if wandb.take(key, None) is not None}
    logging: dict[str, Any] = {"tensorboard": True} if has_tensorboard else {}
    if "project" in named:
        logging["wandb"] = named
    elif "resume_id" in named:
        wandb.note("resume_id", "nothing is told of the run without logger.wandb.project")
    if logging and "debug" in keys.take_text("name"):
        logger.note("use_tb_logger", "neither TensorBoard nor Weights & Biases is told of a run named debug")
        return {}
    return {"logging": logging} if logging else {}


def _where(path: Keys) -> dict[str, Any]:
    path.ignore("testing writes there, training does not", "results_root")
    if path.take("resume_state", None) is not None:
        raise path.fail(
            "resume_state", "remove it; --resume (or --auto_resume) continues from the newest state of the run"
        )
    if path.take("experiments_root", None) is None:
        return {}
    return {"experiments_root": path.take_text("experiments_root")}
