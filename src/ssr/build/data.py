"""How does a config become a source of training pairs?"""

from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from ssr.config.data import Augmentation as AugmentationOptions
from ssr.config.data import (
    Data,
    ImageryFolder,
    OLI2MSIData,
    PROBAVData,
    S2NaipData,
    S2NaipTiffData,
    SimulatedData,
    WorldStratData,
)
from ssr.data.augment import Augmentation
from ssr.data.catalogue import Catalogue
from ssr.data.chipfiles import ChipFiles
from ssr.data.drawn import DrawnPairs, choose_kept
from ssr.data.imagery import Folder, Reading, read_folder
from ssr.data.index import open_index, scan
from ssr.data.oli2msi import OLI2MSIPairs
from ssr.data.pack import PackedImages
from ssr.data.pairs import BatchSource
from ssr.data.probav import PROBAVPairs
from ssr.data.s2naip import TRUTH_PX, S2NaipImages, S2NaipPairs
from ssr.data.s2naip_tiff import S2NaipTiffPairs
from ssr.data.samples import PairSet
from ssr.data.sidefiles import Objects, read_objects, read_weights
from ssr.data.simulate import Degradation
from ssr.data.simulated import SimulatedPairs, ground_side_px
from ssr.data.worldstrat import WorldStratPairs, read_splits
from ssr.errors import ConfigError
from ssr.scenes.chips import CHIP_PX

PairsOnDisk = S2NaipData | S2NaipTiffData | WorldStratData | OLI2MSIData | PROBAVData


@dataclass(frozen=True)
class BuiltPairs:
    """A data set on disk.

    among: the numbers of the samples that come into question; None for all.
    """

    samples: PairSet
    weights: NDArray[np.float64] | None = None
    among: NDArray[np.int64] | None = None


def build_data(config: Data, *, batch_size: int, scale: int) -> BatchSource:
    """A source of training pairs."""
    if isinstance(config, SimulatedData):
        return _simulated(config, batch_size=batch_size, scale=scale)
    _refuse_crop_that_does_not_fit(config)
    built = build_pairs(config)
    kept = choose_kept(
        built.samples, exclude=config.exclude, n_samples=config.n_samples, seed=config.seed, among=built.among
    )
    return DrawnPairs(
        built.samples,
        batch_size=batch_size,
        seed=config.seed,
        kept=kept,
        weights=built.weights,
        augmentation=build_augmentation(config.augmentation),
    )


def build_pairs(config: PairsOnDisk) -> BuiltPairs:
    """A data set on disk, exclusions not yet applied."""
    match config:
        case S2NaipData():
            return _s2naip(config)
        case S2NaipTiffData():
            return BuiltPairs(
                S2NaipTiffPairs(
                    config.sentinel2,
                    config.naip,
                    bands=config.bands,
                    n_revisits=config.n_revisits,
                    chip_px=config.chip_px,
                    scale=config.scale,
                )
            )
        case WorldStratData():
            tiles = read_splits(config.splits, config.split)
            return BuiltPairs(
                WorldStratPairs(
                    config.low_res,
                    config.high_res,
                    tiles=tiles,
                    n_revisits=config.n_revisits,
                    chip_px=config.chip_px,
                )
            )
        case OLI2MSIData():
            return BuiltPairs(OLI2MSIPairs(config.root, config.split, chip_px=config.chip_px))
        case PROBAVData():
            return BuiltPairs(
                PROBAVPairs(
                    config.root, config.split, band=config.band, n_revisits=config.n_revisits, chip_px=config.chip_px
                )
            )
        case _:
            assert_never(config)


def build_augmentation(config: AugmentationOptions) -> Augmentation:
    """The changes of a training pair."""
    return Augmentation(flips=config.flips, turns=config.turns, crop=config.crop, crop_px=config.crop_px)


def build_images(config: S2NaipData) -> tuple[Catalogue, S2NaipImages]:
    """The samples of S2-NAIP and their pixels: of a pack, else of the files that the index or a search finds.

    Raises:
        ConfigError: index or pack know nothing of the older images that are wanted, or the pack lacks a band.
    """
    if config.packed is not None:
        packed = PackedImages(config.packed)
        lacking = sorted(set(config.bands) - set(packed.bands))
        if lacking:
            raise ConfigError(f"{config.packed}: was packed without {', '.join(lacking)}; pack it anew: ssr data pack")
        return _with_old(packed.catalogue, config, config.packed), packed
    if config.index is not None:
        catalogue = _with_old(open_index(config.index), config, config.index)
    else:
        catalogue = scan(config.sentinel2, config.naip, layout=config.layout, old_naip=config.old_naip)
    return catalogue, ChipFiles(config.sentinel2, config.naip, catalogue=catalogue, old_naip=config.old_naip)


def _with_old(catalogue: Catalogue, config: S2NaipData, path: Path) -> Catalogue:
    if config.old_naip and catalogue.old_high_res is None:
        raise ConfigError(f"{path}: was built without old_naip; build it anew: ssr data index, or ssr data pack")
    return catalogue


def _s2naip(config: S2NaipData) -> BuiltPairs:
    catalogue, images = build_images(config)
    objects = read_objects(config.objects, catalogue, side_px=TRUTH_PX) if config.objects else None
    samples = S2NaipPairs(
        images,
        catalogue=catalogue,
        n_revisits=config.n_revisits,
        bands=config.bands,
        objects=objects,
        sees_old=config.old_naip is not None,
    )
    weights = read_weights(config.tile_weights, catalogue) if config.tile_weights else None
    return BuiltPairs(samples, weights, _in_question(catalogue, config, objects))


def _in_question(catalogue: Catalogue, config: S2NaipData, objects: Objects | None) -> NDArray[np.int64] | None:
    """Samples that have what is asked for: enough objects, an older image."""
    if objects is None and config.old_naip is None:
        return None
    has_all = np.ones(len(catalogue), np.bool_)
    if objects is not None:
        has_all &= np.fromiter((len(objects.get(t, ())) >= config.n_objects for t in catalogue.tiles()), np.bool_)
    if config.old_naip is not None and catalogue.old_high_res is not None:
        has_all &= np.fromiter(map(bool, catalogue.old_high_res), np.bool_)
    return np.flatnonzero(has_all)


def build_folder(
    config: ImageryFolder, *, min_side_px: int, target_gsd_m: float | None = None, max_upsampling: float = 1.0
) -> Folder:
    """The pictures of one folder that are large enough, at the wanted ground distance."""
    return read_folder(
        config.folder,
        include=config.include,
        exclude=config.exclude,
        share=config.share,
        min_side_px=min_side_px,
        reading=Reading(config.bands, config.white_dn, config.gsd_m, target_gsd_m, max_upsampling, config.nir_folder),
    )


def _simulated(config: SimulatedData, *, batch_size: int, scale: int) -> SimulatedPairs:
    side_px = ground_side_px(config.chip_px, scale)
    folders = [
        build_folder(f, min_side_px=side_px, target_gsd_m=config.target_gsd_m, max_upsampling=config.max_upsampling)
        for f in config.imagery
    ]
    return SimulatedPairs(
        folders,
        n_revisits=config.n_revisits,
        chip_px=config.chip_px,
        batch_size=batch_size,
        seed=config.seed,
        ranges=Degradation(scale=scale, cloud_probability=config.cloud_probability),
    )


def _refuse_crop_that_does_not_fit(config: PairsOnDisk) -> None:
    side_px = CHIP_PX if isinstance(config, S2NaipData) else config.chip_px
    if config.augmentation.crop == "aligned" and config.augmentation.crop_px > side_px:
        raise ConfigError(f"augmentation.crop_px is {config.augmentation.crop_px}, but chips have {side_px} px")
