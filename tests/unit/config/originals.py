"""Option files in the original's dialect, one of each kind, made for these tests."""

from typing import Any

import yaml

from ssr.config.files import Changes, load_config
from ssr.config.schema import InferConfig, TrainConfig

RRDB = {"type": "SSR_RRDBNet", "num_in_ch": 24, "num_out_ch": 3, "num_feat": 64, "num_block": 23, "num_grow_ch": 32}
LOADER = {"use_shuffle": False, "num_worker_per_gpu": 2, "io_backend": {"type": "disk"}}
FIRST_MOMENTS = {"type": "Adam", "lr": 2e-4, "weight_decay": 0, "betas": [0.9, 0.98]}
PSNR = {"psnr": {"type": "calculate_psnr", "crop_border": 4, "test_y_channel": False, "better": "higher"}}

INFER: dict[str, Any] = {
    "name": "apply",
    "model_type": "SSRESRGANModel",
    "scale": 4,
    "num_gpu": "auto",
    "manual_seed": 3,
    "data_dir": "chips/",
    "n_lr_images": 8,
    "save_path": "out/",
    "network_g": RRDB,
    "path": {"pretrain_network_g": "net_g.pth", "param_key_g": "params_ema", "strict_load_g": True},
}


def _run(model_type: str, data: dict[str, Any], network: dict[str, Any]) -> dict[str, Any]:
    held_out = {key: value for key, value in data.items() if key != "batch_size_per_gpu"} | {"name": "validation"}
    return {
        "name": "run-1",
        "model_type": model_type,
        "scale": 4,
        "num_gpu": "auto",
        "manual_seed": 0,
        "datasets": {"train": {"name": "train", **data, **LOADER}, "val": {**held_out, **LOADER}},
        "test_datasets": {"test": {**held_out, "name": "test", "phase": "test", "scale": 4}},
        "network_g": network,
        "path": {"param_key_g": "params_ema", "strict_load_g": True, "resume_state": None},
        "train": {
            "optim_g": FIRST_MOMENTS,
            "scheduler": {"type": "MultiStepLR", "milestones": [400], "gamma": 0.25},
            "total_iter": 1000,
            "warmup_iter": -1,
            "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0, "reduction": "mean"},
        },
        "val": {"val_freq": 5e1, "save_img": True, "metrics": PSNR},
        "test": {"save_img": True, "metrics": PSNR},
        "logger": {
            "print_freq": 10,
            "save_checkpoint_freq": 2e2,
            "use_tb_logger": True,
            "wandb": {"project": None, "resume_id": None},
        },
        "dist_params": {"backend": "nccl", "port": 29500},
    }


def _adversarial(run: dict[str, Any], n_in: int) -> dict[str, Any]:
    return {
        **run,
        "l1_gt_usm": True,
        "percep_gt_usm": True,
        "gan_gt_usm": False,
        "feed_disc_lr": True,
        "network_d": {
            "type": "SSR_UNetDiscriminatorSN",
            "num_in_ch": n_in,
            "num_feat": 32,
            "skip_connection": True,
        },
        "path": {**run["path"], "param_key_d": "params", "strict_load_d": True},
        "train": {
            **run["train"],
            "ema_decay": 0.99,
            "optim_d": {**FIRST_MOMENTS, "lr": 5e-5},
            "perceptual_opt": {
                "type": "PerceptualLoss",
                "layer_weights": {"conv1_2": 0.5, "conv3_4": 1},
                "vgg_type": "vgg19",
                "use_input_norm": True,
                "perceptual_weight": 0.7,
                "style_weight": 0,
                "range_norm": False,
                "criterion": "l1",
            },
            "gan_opt": {
                "type": "GANLoss",
                "gan_type": "hinge",
                "real_label_val": 1.0,
                "fake_label_val": 0.0,
                "loss_weight": 0.05,
            },
            "net_d_iters": 2,
            "net_d_init_iters": 30,
        },
    }


def _frames(kind: str, n_revisits: int, output_px: int) -> dict[str, Any]:
    return {
        "type": kind,
        "in_channels": 3,
        "mask_channels": 0,
        "hidden_channels": 64,
        "out_channels": 3,
        "kernel_size": 3,
        "residual_layers": 2 if kind == "SRCNN" else 1,
        "output_size": output_px,
        "revisits": n_revisits,
        "zoom_factor": 4,
        "sr_kernel_size": 1,
    }


S2NAIP = {
    "type": "S2NAIPDataset",
    "sentinel2_path": "set/sentinel2",
    "naip_path": "set/naip",
    "batch_size_per_gpu": 32,
    "n_s2_images": 8,
    "use_3d": True,
}
WORLDSTRAT = {
    "type": "WorldStratDataset",
    "lr_path": "ws/lr",
    "hr_path": "ws/hr",
    "splits_csv": "ws/splits.csv",
    "batch_size_per_gpu": 2,
    "n_s2_images": 8,
}
OLI2MSI = {"type": "OLI2MSIDataset", "data_root": "oli/", "batch_size_per_gpu": 2, "n_s2_images": 1}
PROBA_V = {"type": "PROBAVDataset", "data_root": "probav/", "batch_size_per_gpu": 2, "n_lr_images": 9}

L2 = _run("L2Model", S2NAIP, _frames("SRCNN", 8, 128))
ESRGAN = _adversarial(_run("SSRESRGANModel", S2NAIP, RRDB), 27)
OBJECTS = {
    **ESRGAN,
    "model_type": "OSMObjESRGANModel",
    "osm_obj_weight": 0.2,
    "network_d": {**ESRGAN["network_d"], "type": "OSMObjDiscriminator"},
    "datasets": {
        **ESRGAN["datasets"],
        "train": {**ESRGAN["datasets"]["train"], "osm_objs_path": "boxes.json", "n_osm_objs": 2},
    },
}


def _thrice(run: dict[str, Any]) -> dict[str, Any]:
    """The same at scale 3; option files of these data sets test on nothing."""
    network = {**run["network_g"], "scale": 3} if run["network_g"]["type"] == "SSR_RRDBNet" else run["network_g"]
    return {**run, "scale": 3, "network_g": network, "test_datasets": {}}


KINDS: dict[str, dict[str, Any]] = {
    "l2": L2,
    "highresnet": _run("L2Model", S2NAIP, _frames("HighResNet", 8, 128)),
    "esrgan": ESRGAN,
    "objects": OBJECTS,
    "worldstrat l2": _run("L2Model", WORLDSTRAT, _frames("SRCNN", 8, 160)),
    "worldstrat esrgan": _adversarial(_run("SSRESRGANModel", WORLDSTRAT, RRDB), 27),
    "oli2msi l2": _thrice(_run("L2Model", OLI2MSI, _frames("HighResNet", 1, 120))),
    "oli2msi esrgan": _thrice(_adversarial(_run("SSRESRGANModel", OLI2MSI, {**RRDB, "num_in_ch": 3}), 6)),
    "proba-v l2": _thrice(_run("L2Model", PROBA_V, _frames("SRCNN", 9, 120))),
    "proba-v esrgan": _thrice(_adversarial(_run("SSRESRGANModel", PROBA_V, {**RRDB, "num_in_ch": 27}), 30)),
}
"""Right in every number: none of these needs correction."""


def changed(options, dotted, value):
    """A copy in which one option, by its dotted path, has another value."""
    options = _unshared(options)
    *parents, last = dotted.split(".")
    place = options
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return options


def _unshared(value):
    """A copy in which no mapping stands at two places, as `copy.deepcopy` would leave them."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def without(options, dotted):
    options = changed(options, dotted, None)
    *parents, last = dotted.split(".")
    place = options
    for key in parents:
        place = place[key]
    place.pop(last, None)
    return options


def loaded(tmp_path, options, kind=None, **changes):
    """Written to a file and read: the config and the notes."""
    path = tmp_path / "original.yml"
    path.write_text(yaml.safe_dump(options))
    return load_config(path, kind or (InferConfig if "n_lr_images" in options else TrainConfig), Changes(**changes))
