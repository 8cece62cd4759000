"""Which dates do the files, folders and addresses hold that a user gives?"""

import re
from collections.abc import Mapping, Sequence
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
from ssr.scenes.radiometry import PLAIN_COLOURS, Rules
from ssr.scenes.rasters import IMAGE_SUFFIXES, find_images
from ssr.sentinel2.bands import BANDS, CIRRUS_BAND, TRUE_COLOUR_BANDS
from ssr.sentinel2.names import band_of, level_of, time_of
from ssr.sentinel2.radiometry import Level

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
        InputError: an input does not exist or holds no date, or what is said of plain rasters cannot be obeyed.
        ImageReadError: nothing that can be decoded is left.
    """
    check_names(band_names, rules.picture_bands)
    damage = damage or Damage()
    found: list[Acquisition] = []
    images: list[Path] = []
    n_plain = 0
    for given in inputs:
        if isinstance(given, str) and is_web_address(given):
            shown = without_secrets(given).removesuffix("?…")
            found.append(_raster(given, shown.rpartition("/")[2] or shown, rules, band_names))
            n_plain += 1
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
        loose, plain = _loose_bands(find_images(images))
        found += loose
        n_plain += len(plain)
        for path in plain:
            with damage.leaves_out(path.name):
                found.append(_raster(str(path), path.name, rules, band_names))
    damage.refuse_if_nothing_is_left(found)
    listed = ", ".join(without_secrets(str(given)) for given in inputs)
    if not found:
        raise InputError(
            f"{listed}: no images; expected one file per date ({', '.join(IMAGE_SUFFIXES)}), Sentinel-2 products "
            f"(.SAFE, .zip) or cubes ({', '.join(CUBE_SUFFIXES)})"
        )
    _refuse_what_is_of_plain_images(listed, rules, band_names, n_plain=n_plain)
    return found


def check_names(band_names: Sequence[str] | None, picture_bands: Sequence[int] | None) -> None:
    """Names of bands tell what the channels are, and nothing else tells it too.

    Raises:
        InputError: they do not.
    """
    if band_names is None:
        return
    given = ",".join(band_names)
    if picture_bands is not None:
        raise InputError(
            f"--bands {','.join(map(str, picture_bands))} and --band-names {given} both say which band is which, "
            f"expected one of them; leave out the other"
        )
    known = [band for band in map(_band_called, band_names) if band]
    if twice := sorted({band.upper() for band in known if known.count(band) > 1}):
        raise InputError(f"--band-names {given}: names {', '.join(twice)} more than once, expected every band once")
    if absent := [band.upper() for band in TRUE_COLOUR_BANDS if band not in known]:
        raise InputError(
            f"--band-names {given}: lacks {', '.join(absent)}, expected names such as B02,B03,B04,B08; name all bands "
            f"of the images in their order"
        )


def _refuse_what_is_of_plain_images(
    listed: str, rules: Rules, band_names: tuple[str, ...] | None, *, n_plain: int
) -> None:
    said = {"--bands": rules.picture_bands, "--band-names": band_names, "--white-dn": rules.white_dn}
    given = [option for option, value in said.items() if value is not None]
    if given and not n_plain:
        raise InputError(
            f"{listed}: holds no plain image, and {' and '.join(given)} can say something of plain images only; "
            f"products, cubes and files of one band each tell it themselves, so leave it out"
        )


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


def _loose_bands(paths: Sequence[Path]) -> tuple[list[Acquisition], list[Path]]:
    """Files of one band each that belong together by name as one date; and the other files."""
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
    return found, [path for path in paths if path not in taken]


def _raster(name: str, label: str, rules: Rules, band_names: tuple[str, ...] | None) -> Acquisition:
    """A raster by the names of its bands if it has them and no positions are given, otherwise by position."""
    shown = without_secrets(name)
    piece: Bands | Picture = Picture(shown, name)
    if rules.picture_bands is None:
        described, dtype = describe(name)
        if band_names and len(band_names) != len(described):
            raise InputError(
                f"{shown}: has {len(described)} band(s), {len(band_names)} are named with --band-names; name every one"
            )
        places = _named_bands(band_names or described)
        if all(band in places for band in TRUE_COLOUR_BANDS):
            if dtype == np.uint8 or rules.white_dn is not None:
                piece = Bands(shown, _as_true_colour(name, places))
            else:
                piece = Bands(
                    label, {b: BandSource(name, (k,)) for b, k in places.items()}, _level(label, places, rules)
                )
    return Acquisition(label, time_of(label), (piece,), level=level_of(label))


def _level(label: str, places: Mapping[str, int], rules: Rules) -> Level | None:
    return level_of(label) or rules.level or ("L1C" if CIRRUS_BAND in places else None)


def _as_true_colour(name: str, places: Mapping[str, int]) -> dict[str, BandSource]:
    """Red, green and blue of a raster as a true-colour image, which is no reflectance; other bands by their names."""
    others = {band: BandSource(name, (place,)) for band, place in places.items() if band not in TRUE_COLOUR_BANDS}
    return {PLAIN_COLOURS: BandSource(name, tuple(places[band] for band in TRUE_COLOUR_BANDS))} | others


def _named_bands(names: Sequence[str | None]) -> dict[str, int]:
    """By band such as b02, its place from 1; names that are of no band are left out."""
    found: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if band := _band_called(name):
            found.setdefault(band, place)
    return found


def _band_called(name: str | None) -> str | None:
    match = _BAND_NAME.match(name or "")
    band = f"b{match[1].lower().rjust(2, '0')}" if match else ""
    return band if band in BANDS else None
