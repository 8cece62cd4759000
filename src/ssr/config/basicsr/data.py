"""Which native data is a data set of the original?"""

from typing import Any, Literal

from ssr.config.basicsr.keys import Keys
from ssr.config.basicsr.networks import Fit
from ssr.config.data import OLI2MSIData, PROBAVData, WorldStratData
from ssr.sentinel2.bands import TRUE_COLOUR_CHANNELS, n_channels_of

Phase = Literal["train", "val", "test"]

S2NAIP_CHIP_PX = 32
LOADER_KEYS = (
    "name",
    "phase",
    "use_shuffle",
    "num_worker_per_gpu",
    "io_backend",
    "prefetch_mode",
    "num_prefetch_queue",
    "pin_memory",
    "persistent_workers",
    "dataset_enlarge_ratio",
)
LOADER = "reading, mixing and naming of samples is arranged by this program"
FOR_TRAINING_ALONE = "training alone uses it"


def read_data(keys: Keys, phase: Phase) -> tuple[dict[str, Any], Fit]:
    """Native data, and what they ask of a network."""
    kind = keys.take_one_of(
        "type", "S2NAIPDataset", "SSRDataset", "WorldStratDataset", "OLI2MSIDataset", "PROBAVDataset"
    )
    keys.ignore(LOADER, *LOADER_KEYS)
    keys.ignore("every network here takes dates on an axis of their own", "use_3d")
    if phase != "train":
        keys.ignore("validation and test batches are of one size", "batch_size_per_gpu")
    match kind:
        case "WorldStratDataset":
            native, fit = _worldstrat(keys, phase)
        case "OLI2MSIDataset":
            native, fit = _oli2msi(keys, phase)
        case "PROBAVDataset":
            native, fit = _proba_v(keys, phase)
        case _:
            native, fit = _s2naip(keys, phase)
    if keys.has("scale") and keys.take_number("scale") != fit.scale:
        keys.correct("scale", keys.take("scale"), fit.scale, f"the truth is {fit.scale} times finer")
    keys.take("scale", None)
    return native, fit


def _s2naip(keys: Keys, phase: Phase) -> tuple[dict[str, Any], Fit]:
    bands = keys.take_list("s2_bands", ["tci"], of=str)
    if "tci" not in bands:
        raise keys.fail("s2_bands", f"expected tci among the bands, found {bands!r}")
    if bands[0] != "tci":
        keys.note("s2_bands", "tci moved to the front, as the original does")
        bands = ["tci", *(band for band in bands if band != "tci")]
    n_revisits = keys.take_count("n_s2_images", least=1)
    native: dict[str, Any] = {
        "type": "s2naip",
        "sentinel2": keys.take_text("sentinel2_path"),
        "naip": keys.take_text("naip_path"),
        "bands": bands,
        "n_revisits": n_revisits,
    }
    if phase == "train":
        native |= _sampling(keys)
    else:
        keys.ignore(
            FOR_TRAINING_ALONE,
            *("rand_crop", "train_samples", "tile_weights", "old_naip_path", "osm_objs_path", "n_osm_objs"),
        )
    return native, Fit(n_revisits, n_channels_of(tuple(bands)), scale=4, chip_px=S2NAIP_CHIP_PX)


def _sampling(keys: Keys) -> dict[str, Any]:
    native: dict[str, Any] = {}
    for key, name in (("old_naip_path", "old_naip"), ("osm_objs_path", "objects"), ("tile_weights", "tile_weights")):
        if keys.take(key, None) is not None:
            native[name] = keys.take_text(key)
    if "tile_weights" in native:
        keys.note("tile_weights", "applied, as in the paper; the original has passed over it since 2023-12-04")
    if "objects" in native:
        native["n_objects"] = keys.take_count("n_osm_objs", 1, least=1)
    else:
        keys.ignore("there is no osm_objs_path", "n_osm_objs")
    if keys.take("train_samples", None) is not None:
        native["n_samples"] = keys.take_count("train_samples", least=1)
    if keys.take_flag("rand_crop", False):
        native["augmentation"] = {"crop": "published"}
    return native


def _worldstrat(keys: Keys, phase: Phase) -> tuple[dict[str, Any], Fit]:
    n_revisits = keys.take_count("n_s2_images", least=1)
    native = {
        "type": "worldstrat",
        "low_res": keys.take_text("lr_path"),
        "high_res": keys.take_text("hr_path"),
        "splits": keys.take_text("splits_csv"),
        "split": phase,
        "n_revisits": n_revisits,
    }
    return native, Fit(n_revisits, TRUE_COLOUR_CHANNELS, 4, WorldStratData.model_fields["chip_px"].default)


def _oli2msi(keys: Keys, phase: Phase) -> tuple[dict[str, Any], Fit]:
    n_stated = keys.take_count("n_s2_images", 1, least=1)
    if n_stated != 1:
        keys.correct("n_s2_images", n_stated, 1, "OLI2MSI has one date")
    split = "train" if phase == "train" else "test"
    native = {"type": "oli2msi", "root": keys.take_text("data_root"), "split": split}
    return native, Fit(1, TRUE_COLOUR_CHANNELS, 3, OLI2MSIData.model_fields["chip_px"].default)


def _proba_v(keys: Keys, phase: Phase) -> tuple[dict[str, Any], Fit]:
    n_revisits = keys.take_count("n_lr_images", 9, least=1)
    split = "train" if phase == "train" else "val"
    native = {"type": "proba_v", "root": keys.take_text("data_root"), "split": split, "n_revisits": n_revisits}
    return native, Fit(n_revisits, TRUE_COLOUR_CHANNELS, 3, PROBAVData.model_fields["chip_px"].default)
