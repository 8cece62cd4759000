"""Which small files has a reader at hand who tries the commands of the pages? Their names are the pages' names."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from affine import Affine

from ssr.data.ground import draw_ground
from tests.support.map_areas import NEAR, write_area, write_dates
from tests.support.map_scenes import Light
from tests.support.scenes import (
    TEN_METRES,
    rrdbnet_options,
    textured,
    tiny_rrdbnet,
    write_chip,
    write_image,
    write_series,
    write_tiff,
    write_weights,
    write_yaml,
)
from tests.support.sentinel2 import write_safe, zipped
from tests.unit.data.layouts import write_s2naip_pair

SIDE_PX = 24
VENICE_XY = (288_000.0, 5_037_000.0)
"""A corner within the area of interest that the pages speak of, in UTM zone 33."""
SRCNN = {"type": "srcnn", "n_features": 16, "n_residual_blocks": 1, "n_revisits": 2}


def lay_out(desk: Path) -> Path:
    """Write everything; a few seconds."""
    _rasters(desk)
    _products(desk)
    _chips_and_grids(desk)
    _weights(desk)
    _pairs(desk)
    _imagery(desk)
    _option_files(desk)
    _map(desk)
    return desk


def _rasters(desk: Path) -> None:
    frames = textured(3, SIDE_PX, SIDE_PX + 7)
    for folder in ("dates", "my_dates"):
        write_series(desk / folder, frames)
    finer = TEN_METRES @ Affine.scale(0.25)
    write_tiff(desk / "layers" / "venice.tif", textured(1, 4 * SIDE_PX, 4 * (SIDE_PX + 7))[0], transform=finer)
    for folder in ("bands", "l2a-rasters"):
        for k in range(3):
            write_tiff(desk / folder / f"{k}.tif", np.concatenate([frames[k], frames[k, :1]]).astype(np.uint16) * 10)


def _products(desk: Path) -> None:
    few = ("B02", "B03", "B04")
    first = date(2017, 6, 3)
    for k in range(4):
        write_safe(desk / "products", sensed=f"{first + timedelta(days=10 * k)}T10:00:31.024Z", bands=few, seed=k)
        write_safe(desk / "l2a-products", sensed=f"2021-07-0{k + 1}T10:00:31.024Z", level="L2A", bands=few, seed=k)
    venice = {"bands": (*few, "B08"), "origin_xy": VENICE_XY, "tile": "33TUL"}
    zipped(write_safe(desk, sensed="2021-07-13T10:00:31.024Z", **venice))
    write_safe(desk, sensed="2021-06-13T10:00:31.024Z", **venice)
    zipped(write_safe(desk, sensed="2021-06-18T10:00:31.024Z", satellite="Sentinel-2B", **venice))
    write_safe(desk / "more", sensed="2021-06-23T10:00:31.024Z", **venice)


def _chips_and_grids(desk: Path) -> None:
    for k, n_dates in enumerate((8, 3)):
        write_chip(desk / "chips" / f"{k}.png", textured(n_dates, 32, 32, seed=k))
    for row in range(16):
        for column in range(16):
            if row < 2 and column < 2:  # absent chips are left black, and that is said
                write_chip(desk / "grids" / "one" / f"{row}_{column}.png", textured(8, 32, 32, seed=row + column))


def _weights(desk: Path) -> None:
    for name in ("net_g.pth", "net_g_latest.pth", "experiments/run-1/models/net_g_best.pth"):
        path = desk / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_weights(path, tiny_rrdbnet(n_revisits=8))
    write_weights(desk / "two_dates.pth", tiny_rrdbnet(n_revisits=2))


def _pairs(desk: Path) -> None:
    for root in (desk / "data", desk / "held-out", desk / "val", desk / "train", desk):
        for k in range(4):
            write_s2naip_pair(root, f"10_{k}", n_dates=8, bands=("b08", "b05") if root.name == "train" else ())
    (desk / "train_tile_weights.json").write_text('{"10_0": 2}')
    for k in range(2):
        fine = textured(1, 128, 128, seed=k)[0]
        write_image(desk / "opensr_test" / f"place{k}_hr.png", fine)
        coarse = fine.reshape(3, 32, 4, 32, 4).mean((2, 4)).clip(1, 255).astype(np.uint8)
        write_image(desk / "opensr_test" / f"place{k}_lr.png", coarse)
    (desk / "land_cover.csv").write_text("sample,land_cover\n10_0,forest\n10_1,town\n")


def _imagery(desk: Path) -> None:
    for k, name in enumerate(("city-0", "city-1", "held-out-0")):
        ground = draw_ground(k, 320).transpose(2, 0, 1).astype(np.uint16) * 12
        one_metre = Affine(1, 0, 500_000, 0, -1, 5_000_000)
        write_tiff(desk / "ortho" / f"{name}.tif", ground[::-1].copy(), transform=one_metre)
    write_image(desk / "naip" / "claremont_2020_1.png", draw_ground(5, 128).transpose(2, 0, 1))


def _option_files(desk: Path) -> None:
    pairs = {"type": "s2naip", "sentinel2": "data/sentinel2", "naip": "data/naip", "n_revisits": 2}
    training = {"n_steps": 2, "batch_size": 4, "log_every": 1, "checkpoint_every": 2}
    native = {"name": "my-run", "model": SRCNN, "train_data": pairs, "n_validation_batches": 1, "training": training}
    write_yaml(desk / "train.yml", native)
    compared = {"type": "pairs", "folder": "opensr_test"}
    test = {"name": "compared", "models": [{"name": "bicubic", "model": "bicubic"}], "data": {"opensr": compared}}
    for name in ("test", "compared"):
        write_yaml(desk / f"{name}.yml", test | {"metrics": {"measures": ["psnr", "cpsnr"]}})
    write_yaml(desk / "X.yml", _original_training("x"))
    write_yaml(desk / "srcnn_s2naip_urban.yml", _original_training("srcnn_s2naip_urban"))
    write_yaml(desk / "esrgan_s2naip_urban.yml", _original_test())
    inference = {"name": "infer", "n_lr_images": 2, "network_g": rrdbnet_options(2)}
    weights = {"path": {"pretrain_network_g": "two_dates.pth", "param_key_g": "params_ema", "strict_load_g": True}}
    for kind, folder in (("infer", "chips"), ("infer_grid", "grids")):
        options = _original("infer") | inference | weights | {"data_dir": folder, "save_path": f"{kind}-results"}
        write_yaml(desk / f"{kind}_example.yml", options)


def _map(desk: Path) -> None:
    write_dates(desk / "map-dates", (NEAR,), (Light(), Light((1.1, 1.0, 0.9))))
    write_area(desk / "map-area.geojson", (NEAR,))


def _original(name: str) -> dict[str, object]:
    return {"name": name, "model_type": "SSRESRGANModel", "scale": 4, "num_gpu": 1, "manual_seed": 0}


def _data_of_the_original() -> dict[str, object]:
    return {"type": "S2NAIPDataset", "sentinel2_path": "sentinel2", "naip_path": "naip", "n_s2_images": 2}


def _original_training(name: str) -> dict[str, object]:
    """The published L2 recipe, small."""
    return _original(name) | {
        "model_type": "L2Model",
        "datasets": {"train": _data_of_the_original() | {"name": "train", "batch_size_per_gpu": 2}},
        "network_g": {"type": "SRCNN", "in_channels": 3, "out_channels": 3, "hidden_channels": 16, "revisits": 2},
        "path": {"pretrain_network_g": None, "strict_load_g": True, "resume_state": None},
        "train": {
            "ema_decay": 0.999,
            "optim_g": {"type": "Adam", "lr": 1e-4, "weight_decay": 0, "betas": [0.9, 0.99]},
            "scheduler": {"type": "MultiStepLR", "milestones": [400], "gamma": 0.5},
            "total_iter": 2,
            "warmup_iter": -1,
        },
        "val": {"val_freq": 5000, "save_img": False},
        "logger": {"print_freq": 1, "save_checkpoint_freq": 5000},
    }


def _original_test() -> dict[str, object]:
    metrics = {
        name: {"type": f"calculate_{name}", "crop_border": 4, "test_y_channel": False} for name in ("psnr", "ssim")
    }
    return _original("published") | {
        "test_datasets": {"any": _data_of_the_original() | {"name": "small", "phase": "test", "scale": 4}},
        "network_g": rrdbnet_options(2),
        "path": {"pretrain_network_g": "two_dates.pth", "param_key_g": "params_ema", "strict_load_g": True},
        "val": {"metrics": metrics},
        "test": {"save_img": True, "metrics": metrics},
    }
