"""What is one date of a series, before it is opened?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ssr.scenes.notes import Note
from ssr.scenes.products import Product
from ssr.sentinel2.radiometry import NO_DATA_DN, QUANTIFICATION, Level


@dataclass(frozen=True)
class BandSource:
    """Where the numbers of a band lie: what GDAL calls the file, and its bands from 1."""

    name: str
    indexes: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Bands:
    """Ground of which bands are known by name: a granule, or a raster or cube that names its bands.

    sources: by band; `tci` has three indexes.
    offsets_dn: what is said to be added to a stored number; None where nothing is said.
    full_size_px: columns at 10 m that the metadata promise.
    """

    label: str
    sources: Mapping[str, BandSource]
    level: Level | None = None
    quantification: float = QUANTIFICATION
    offsets_dn: Mapping[str, float] | None = None
    no_data_dn: float = NO_DATA_DN
    sun_zenith_deg: float | None = None
    full_size_px: int | None = None


@dataclass(frozen=True)
class Picture:
    """A raster whose bands are red, green and blue by their position.

    is_unit: its numbers are those of the channels, in unit range; all of them zero is no data.
    """

    label: str
    name: str
    is_unit: bool = False


@dataclass(frozen=True)
class Acquisition:
    """One date: what was seen in one overflight, perhaps of several granules.

    name: what results and messages call it.
    cloud_percent: as the metadata say.
    """

    name: str
    sensed: datetime | None
    pieces: tuple[Bands | Picture, ...]
    satellite: str | None = None
    level: Level | None = None
    baseline: str | None = None
    cloud_percent: float | None = None
    datatake: str | None = field(default=None, repr=False)


def of_product(product: Product) -> Acquisition:
    """A product as a date."""
    pieces = tuple(
        Bands(
            label=f"{product.name}" if len(product.granules) == 1 else f"{product.name}/{granule.name}",
            sources={
                band: BandSource(name, (1, 2, 3) if band == "tci" else (1,)) for band, name in granule.images.items()
            },
            level=product.level,
            quantification=product.quantification,
            offsets_dn=product.offsets_dn if product.offsets_told else None,
            no_data_dn=product.no_data_dn,
            sun_zenith_deg=granule.sun_zenith_deg,
            full_size_px=granule.grids[10].shape_hw[1] if 10 in granule.grids else None,
        )
        for granule in product.granules
    )
    return Acquisition(
        name=product.name,
        sensed=product.sensed,
        pieces=pieces,
        satellite=product.satellite,
        level=product.level,
        baseline=product.baseline,
        cloud_percent=product.cloud_percent,
        datatake=_overflight(product),
    )


def _overflight(product: Product) -> str | None:
    """The same for all products of one overflight and level, whichever baseline made them; None when not known."""
    if product.datatake is None:
        return None
    return f"{product.level} {product.datatake.partition('_N')[0]}"


def merged(acquisitions: Sequence[Acquisition]) -> tuple[list[Acquisition], list[Note]]:
    """Products of one overflight as one date, and notes on it; those of the newest baseline come first."""
    groups: dict[str, list[Acquisition]] = {}
    for number, acquisition in enumerate(acquisitions):
        groups.setdefault(acquisition.datatake or f"alone {number}", []).append(acquisition)
    dates: list[Acquisition] = []
    notes: list[Note] = []
    for group in groups.values():
        ordered = sorted(group, key=lambda one: one.baseline or "", reverse=True)
        first = ordered[0]
        if len(ordered) > 1:
            pieces = tuple(piece for one in ordered for piece in one.pieces)
            shares = [one.cloud_percent for one in ordered if one.cloud_percent is not None]
            first = replace(first, pieces=pieces, cloud_percent=sum(shares) / len(shares) if shares else None)
            names = ", ".join(one.name for one in ordered)
            notes.append(Note(names, f"{len(ordered)} products of one overflight, read as one date"))
        dates.append(first)
    return dates, notes


def in_order(acquisitions: Sequence[Acquisition]) -> list[Acquisition]:
    """By time where all have one, otherwise by name; the order in which they were given never matters."""
    if all(one.sensed is not None for one in acquisitions):
        return sorted(acquisitions, key=lambda one: (one.sensed or datetime.min, one.name))
    return sorted(acquisitions, key=lambda one: (one.name, [piece.label for piece in one.pieces]))
