"""Which training and test data may an option file name?"""

from pathlib import Path
from typing import Annotated, Literal, assert_never

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from ssr.config.options import Options
from ssr.sentinel2.bands import BAND_SETS, TRUE_COLOUR_CHANNELS, n_channels_of

BANDS = tuple(sorted(set().union(*BAND_SETS.values())))
ALL_BANDS = tuple(sorted({*BANDS, "b02", "b03", "b04", "b8a"}))


class ImageryFolder(Options):
    """High-resolution imagery to photograph from simulated orbits.

    include: patterns of names; GeoTIFF are read when they are asked for, such as `*.tif`.
    share: how often this folder is drawn relative to the others.
    bands: red, green and blue of a GeoTIFF.
    white_dn: the stored number of a GeoTIFF that means white; needed unless it holds 8 bits.
    gsd_m: metres on the ground of a pixel, for files that do not say where they lie.
    nir_folder: near infrared of PNG and JPEG, one band under the same names; pairs then have four channels.
    """

    folder: Path
    include: tuple[str, ...] = ("*.png", "*.jpg", "*.jpeg")
    exclude: tuple[str, ...] = ()
    share: PositiveFloat = 1.0
    bands: tuple[PositiveInt, PositiveInt, PositiveInt] = (1, 2, 3)
    white_dn: PositiveFloat | None = None
    gsd_m: PositiveFloat | None = None
    nir_folder: Path | None = None


class SimulatedData(Options):
    """Pairs simulated on the fly from high-resolution imagery (`data/simulate`).

    target_gsd_m: bring all imagery to so many metres a pixel, such as 2.5 for 10 m at scale 4; by default pixels are
        taken as they are, whatever they show.
    max_upsampling: how many times finer than it is imagery may be made for that.
    cloud_probability: of every date, that it has clouds; at most half of a series' dates get some.
    """

    type: Literal["simulated"] = "simulated"
    imagery: Annotated[tuple[ImageryFolder, ...], Field(min_length=1)]
    target_gsd_m: PositiveFloat | None = None
    max_upsampling: Annotated[float, Field(ge=1)] = 1.0
    n_revisits: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (8,)
    chip_px: PositiveInt = 28
    cloud_probability: Annotated[float, Field(ge=0, le=1)] = 0.2
    seed: int = 0

    @field_validator("imagery")
    @classmethod
    def _same_channels(cls, imagery: tuple[ImageryFolder, ...]) -> tuple[ImageryFolder, ...]:
        without = [str(folder.folder) for folder in imagery if folder.nir_folder is None]
        if 0 < len(without) < len(imagery):
            raise ValueError(f"expected nir_folder for every folder or for none, missing for {', '.join(without)}")
        return imagery


class Augmentation(Options):
    """Changes of a training pair that keep low and high resolution aligned, drawn anew at every step.

    flips, turns: mirror images and quarter turns.
    crop: `published` is the original's rand_crop: the top-left 24 to 32 pixels, enlarged back by repetition; `aligned`
        cuts `crop_px` low-resolution pixels out from anywhere, without enlarging them.
    """

    flips: bool = False
    turns: bool = False
    crop: Literal["none", "published", "aligned"] = "none"
    crop_px: PositiveInt = 24


def _known(bands: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(bands) - set(known))
    if unknown:
        raise ValueError(f"unknown band {', '.join(unknown)}; known are {', '.join(known)}")
    return bands


class _Pairs(Options):
    """What every data set on disk has.

    n_samples: draw from so many samples only, a seeded choice.
    exclude: a file with one sample name a line, such as `ssr data check` writes.
    """

    seed: int = 0
    n_samples: PositiveInt | None = None
    augmentation: Augmentation = Augmentation()
    exclude: Path | None = None


class S2NaipData(_Pairs):
    """The S2-NAIP data set in its current layout or the one before 2023-12-08.

    bands: files of one date, in the order in which they are stacked; `tci` first.
    index: the file of `ssr data index`, which saves looking for the samples at every start.
    packed: the folder of `ssr data pack`, which is read instead of the PNG files.
    old_naip: older high-resolution images, any tree with `<X_Y>.png`; samples without one are not drawn.
    objects: the file of object boxes; samples with fewer than `n_objects` boxes are not drawn.
    tile_weights: the file of weights; samples are drawn in proportion, with replacement.
    """

    type: Literal["s2naip"] = "s2naip"
    sentinel2: Path
    naip: Path
    layout: Literal["auto", "current", "old"] = "auto"
    bands: Annotated[tuple[str, ...], Field(min_length=1)] = ("tci",)
    n_revisits: PositiveInt = 8
    index: Path | None = None
    packed: Path | None = None
    old_naip: Path | None = None
    objects: Path | None = None
    n_objects: PositiveInt = 1
    tile_weights: Path | None = None

    @field_validator("bands")
    @classmethod
    def _true_colour_first(cls, bands: tuple[str, ...]) -> tuple[str, ...]:
        if bands[0] != "tci" or len(set(bands)) != len(bands):
            raise ValueError(f"expected tci first and every band once, found {', '.join(bands)}")
        return _known(bands, BANDS)


class S2NaipTiffData(_Pairs):
    """The later S2-NAIP, `allenai/s2-naip` of Hugging Face: GeoTIFF of 16 bits and NAIP at 1.25 m.

    sentinel2: the folder with `<tile>_8.tif`, `_16.tif` and `_32.tif`, at any depth.
    naip: the folder with `<tile>.png`, at any depth.
    bands: in the order in which they are stacked; `tci` is B04, B03 and B02 as bright as ESA's true-colour image.
    scale: how many times finer than 10 m the truth is; the files hold 8, the others are means of it.
    """

    type: Literal["s2naip_tiff"] = "s2naip_tiff"
    sentinel2: Path
    naip: Path
    bands: Annotated[tuple[str, ...], Field(min_length=1)] = ("tci",)
    n_revisits: PositiveInt = 8
    chip_px: Annotated[int, Field(ge=1, le=64)] = 32
    scale: Literal[2, 4, 8] = 4

    @field_validator("bands")
    @classmethod
    def _every_band_once(cls, bands: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(bands)) != len(bands):
            raise ValueError(f"expected every band once, found {', '.join(bands)}")
        return _known(bands, ALL_BANDS)


class WorldStratData(_Pairs):
    """WorldStrat: Sentinel-2 L1C revisits (B02, B03, B04 of 12) and SPOT at 2.5 m after resizing to 640."""

    type: Literal["worldstrat"] = "worldstrat"
    low_res: Path
    high_res: Path
    splits: Path
    split: Literal["train", "val", "test"] = "train"
    n_revisits: PositiveInt = 8
    chip_px: PositiveInt = 40


class OLI2MSIData(_Pairs):
    """OLI2MSI: Landsat-8 at 30 m and Sentinel-2 at 10 m, three bands of reflectance, scale 3, one date."""

    type: Literal["oli2msi"] = "oli2msi"
    root: Path
    split: Literal["train", "test"] = "train"
    chip_px: PositiveInt = 40


class PROBAVData(_Pairs):
    """PROBA-V: 300 m and 100 m, one band of 14 bits repeated to three channels, scale 3, with quality masks."""

    type: Literal["proba_v"] = "proba_v"
    root: Path
    split: Literal["train", "val"] = "train"
    band: Literal["NIR", "RED"] = "NIR"
    n_revisits: PositiveInt = 9
    chip_px: PositiveInt = 40


Data = Annotated[
    SimulatedData | S2NaipData | S2NaipTiffData | WorldStratData | OLI2MSIData | PROBAVData,
    Field(discriminator="type"),
]


def n_channels_of_data(data: Data) -> int:
    """Channels of one date."""
    match data:
        case S2NaipData() | S2NaipTiffData():
            return n_channels_of(data.bands)
        case SimulatedData():
            return TRUE_COLOUR_CHANNELS + (data.imagery[0].nir_folder is not None)
        case _:
            return TRUE_COLOUR_CHANNELS


def scale_of_data(data: Data) -> int | None:
    """How many times finer the truth is; None where it is simulated to fit the network."""
    match data:
        case SimulatedData():
            return None
        case S2NaipData() | WorldStratData():
            return 4
        case S2NaipTiffData():
            return data.scale
        case OLI2MSIData() | PROBAVData():
            return 3
        case _:
            assert_never(data)


def n_revisits_of_data(data: Data) -> set[int]:
    """Numbers of dates that samples have."""
    match data:
        case SimulatedData():
            return set(data.n_revisits)
        case S2NaipData() | S2NaipTiffData() | WorldStratData() | PROBAVData():
            return {data.n_revisits}
        case OLI2MSIData():
            return {1}
        case _:
            assert_never(data)
