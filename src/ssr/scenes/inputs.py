"""Which dates do the files, folders and addresses hold that a user gives?"""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ssr.errors import InputError
from ssr.raster.gdal import is_web_address, without_secrets
from ssr.raster.reader import describe
from ssr.scenes.acquisition import Acquisition, Bands, BandSource, Picture, of_product
from ssr.scenes.cubes import CUBE_SUFFIXES, open_cube
from ssr.scenes.damage import Damage
from ssr.scenes.period import Period
from ssr.scenes.products import find_products, is_product_folder
from ssr.scenes.radiometry import Rules
from ssr.scenes.rasters import IMAGE_SUFFIXES, find_images
from ssr.sentinel2.bands import BANDS, TRUE_COLOUR_BANDS
from ssr.sentinel2.names import band_of, level_of, time_of

PRODUCT_HEADS = re.compile(r"^(MTD_(MSIL\w+|TL)|S2\w_OPER_MTD_\w+)\.xml$|^tileInfo\.json$")
_BAND_NAME = re.compile(r"^B0?(\d{1,2}A?)$", re.IGNORECASE)


def find_acquisitions(
    inputs: Sequence[str | Path],
    *,
    rules: Rules,
    opened: ExitStack,
    period: Period | None = None,
    band_names: tuple[str, ...] | None = None,
    leave_out: Sequence[Path] = (),
    damage: Damage | None = None,
) -> list[Acquisition]:
    """Every date of products, images, cubes, folders of them and addresses.

    Args:
        inputs: what a user gives.
        rules: which bands are wanted of cubes, and whether plain rasters are read by position.
        opened: what keeps dates in memory until the series is closed.
        period: cubes are read for these dates only.
        band_names: the bands of plain rasters, in their order.
        leave_out: files of a folder that are no dates, such as results of an earlier run.
        damage: what remembers the files that cannot be decoded and are left out.

    Raises:
        InputError: an input does not exist or holds no date.
        ImageReadError: nothing that can be decoded is left.
    """
    damage = damage or Damage()
    found: list[Acquisition] = []
    images: list[Path] = []
    for given in inputs:
        if isinstance(given, str) and is_web_address(given):
            shown = without_secrets(given).removesuffix("?…")
            found.append(_raster(given, shown.rpartition("/")[2] or shown, rules, band_names))
            continue
        path = Path(given)
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        for entry in _entries(path, leave_out):
            with damage.leaves_out(entry.name):
                if entry.suffix.lower() in CUBE_SUFFIXES:
                    found += open_cube(entry, rules=rules, opened=opened, period=period)
                elif entry.is_dir() or entry.suffix.lower() == ".zip":
                    found += [of_product(product) for product in find_products(entry)]
                else:
                    images.append(entry)
    if images:
        found += _images(find_images(images), rules, band_names, damage)
    damage.refuse_if_nothing_is_left(found)
    if not found:
        listed = ", ".join(without_secrets(str(given)) for given in inputs)
        raise InputError(
            f"{listed}: no images; expected one file per date ({', '.join(IMAGE_SUFFIXES)}), Sentinel-2 products "
            f"(.SAFE, .zip) or cubes ({', '.join(CUBE_SUFFIXES)})"
        )
    return found


def _entries(path: Path, leave_out: Sequence[Path]) -> list[Path]:
    """What an input stands for: itself, the product whose metadata it is, or what lies directly in a folder."""
    if path.is_file():
        return [path.parent if PRODUCT_HEADS.match(path.name) else path]
    if path.suffix.lower() in CUBE_SUFFIXES or is_product_folder(path):
        return [path]
    inside = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    kept = [
        child
        for child in inside
        if child.suffix.lower() in (".zip", *CUBE_SUFFIXES)
        or is_product_folder(child)
        or (child.is_file() and child.suffix.lower() in IMAGE_SUFFIXES)
    ]
    results = {result.resolve() for result in leave_out}
    return [child for child in kept if child.resolve() not in results]


def _images(
    paths: Sequence[Path], rules: Rules, band_names: tuple[str, ...] | None, damage: Damage
) -> list[Acquisition]:
    """Files of one band each that belong together by name as one date, every other file as one."""
    groups: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in paths:
        band = band_of(path.name)
        if band is not None:
            stem = re.sub(r"_?(B\w\w|TCI|SCL)(_\d\dm)?$", "", path.stem, flags=re.IGNORECASE)
            groups.setdefault((path.parent, stem), {}).setdefault(band[0], path)
    found: list[Acquisition] = []
    taken: set[Path] = set()
    for (folder, stem), files in groups.items():
        if "tci" in files or all(band in files for band in TRUE_COLOUR_BANDS):
            taken.update(files.values())
            name = stem or folder.resolve().name
            if list(files) == ["tci"]:
                name = files["tci"].name
            at_ten_metres = any((band_of(path.name) or ("", None))[1] for path in files.values())
            level = level_of(name) or ("L2A" if at_ten_metres else "L1C")  # only L2A names its pixel size
            sources = {b: BandSource(str(p), (1, 2, 3) if b == "tci" else (1,)) for b, p in files.items()}
            found.append(Acquisition(name, time_of(name), (Bands(name, sources, level=level),), level=level))
    for path in paths:
        if path not in taken:
            with damage.leaves_out(path.name):
                found.append(_raster(str(path), path.name, rules, band_names))
    return found


def _raster(name: str, label: str, rules: Rules, band_names: tuple[str, ...] | None) -> Acquisition:
    """A raster by the names of its bands if it has them and nothing else is said, otherwise by position."""
    by_position = rules.picture_bands is not None or rules.white_dn is not None
    shown = without_secrets(name)
    piece: Bands | Picture = Picture(shown, name)
    if not by_position:
        named, dtype = describe(name)
        bands = _named_bands(band_names or named)
        if band_names and len(band_names) != len(named):
            raise InputError(f"{shown}: has {len(named)} band(s), {len(band_names)} are named with --band-names")
        if dtype != np.uint8 and all(band in bands for band in TRUE_COLOUR_BANDS):
            level = level_of(label) or rules.level or ("L1C" if "b10" in bands else None)
            piece = Bands(label, {b: BandSource(name, (k,)) for b, k in bands.items()}, level=level)
    return Acquisition(label, time_of(label), (piece,), level=level_of(label))


def _named_bands(names: Sequence[str | None]) -> dict[str, int]:
    """By band such as b02, its place from 1; names that are of no band are left out."""
    found: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        match = _BAND_NAME.match(name or "")
        if match:
            band = f"b{match[1].lower().rjust(2, '0')}"
            if band in BANDS:
                found.setdefault(band, place)
    return found
