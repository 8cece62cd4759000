"""Which dates do the files, folders and addresses hold that a user gives?"""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ssr.errors import InputError
from ssr.raster.gdal import is_web_address, without_secrets
from ssr.raster.reader import describe
from ssr.raster.results import is_result
from ssr.scenes.acquisition import Acquisition, Bands, BandSource, Picture, of_product
from ssr.scenes.arrays import Given, by_kind, dates_of_arrays, name_of_input
from ssr.scenes.cubes import CUBE_SUFFIXES, open_cubes
from ssr.scenes.damage import Damage
from ssr.scenes.notes import Note
from ssr.scenes.period import Period
from ssr.scenes.products import find_products, is_product_folder
from ssr.scenes.radiometry import PLAIN_COLOURS, Rules
from ssr.scenes.rasters import IMAGE_SUFFIXES, find_images
from ssr.sentinel2.bands import BANDS, CIRRUS_BAND, TRUE_COLOUR_BANDS, TRUE_COLOUR_CHANNELS
from ssr.sentinel2.names import band_of, level_of, time_of
from ssr.sentinel2.radiometry import Level

PRODUCT_HEADS = re.compile(r"^(MTD_(MSIL\w+|TL)|S2\w_OPER_MTD_\w+)\.xml$|^tileInfo\.json$")
_BAND_NAME = re.compile(r"^B0?(\d{1,2}A?)$", re.IGNORECASE)
_MOST_TOLD_BY_POSITION = 4
"""Bands: red, green, blue and one more. Of files with more the first is most often B01."""
_MOST_LISTED = 8


def find_acquisitions(
    inputs: Sequence[Given],
    *,
    rules: Rules,
    opened: ExitStack,
    period: Period | None = None,
    band_names: tuple[str, ...] | None = None,
    leave_out: Sequence[Path] = (),
    damage: Damage | None = None,
) -> list[Acquisition]:
    """Every date of products, images, cubes, folders of them, addresses and what is in memory.

    Args:
        inputs: what a user gives.
        rules: which bands are wanted of cubes, and whether plain rasters are read by position.
        opened: what keeps dates in memory until the series is closed.
        period: cubes are read for these dates only.
        band_names: the bands of plain rasters, in their order.
        leave_out: files of a folder that are no dates, and of which nothing is said.
        damage: what remembers the files that are left out, and why.

    Raises:
        InputError: an input does not exist or holds no date, or what is said of plain rasters cannot be obeyed.
        ImageReadError: nothing that can be decoded is left.
    """
    check_names(band_names, rules.picture_bands)
    damage = damage or Damage()
    paths, cubes, arrays = by_kind(inputs)
    found = dates_of_arrays(arrays, opened)
    images: list[Path] = []
    passed_over: list[Note] = []
    n_plain = 0
    for given in paths:
        if isinstance(given, str) and is_web_address(given):
            shown = without_secrets(given).removesuffix("?…")
            found.append(_raster(given, shown.rpartition("/")[2] or shown, rules, band_names))
            n_plain += 1
            continue
        path = Path(given)
        if not path.exists():
            raise _not_there(path)
        entries, notes = _entries(path, leave_out)
        passed_over += notes
        for entry in entries:
            with damage.leaves_out(entry.name):
                if entry.suffix.lower() in CUBE_SUFFIXES:
                    cubes.append(entry)
                elif entry.is_dir() or entry.suffix.lower() == ".zip":
                    found += [of_product(product) for product in find_products(entry)]
                else:
                    images.append(entry)
    found += open_cubes(cubes, rules=rules, opened=opened, damage=damage, period=period)
    if images:
        loose, plain = _loose_bands(find_images(images))
        found += loose
        n_plain += len(plain)
        for path in plain:
            with damage.leaves_out(path.name):
                found.append(_raster(str(path), path.name, rules, band_names))
    damage.refuse_if_nothing_is_left(found)
    damage.notes += passed_over
    listed = ", ".join(map(name_of_input, inputs))
    if not found:
        raise InputError(
            f"{listed}: no images; expected one file per date ({', '.join(IMAGE_SUFFIXES)}), Sentinel-2 products "
            f"(.SAFE, .zip) or cubes ({', '.join(CUBE_SUFFIXES)})"
            f"{''.join(f'; {note.text}' for note in passed_over)}"
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
            f"products, cubes, arrays and files of one band each tell it themselves, so leave it out"
        )


def _not_there(path: Path) -> InputError:
    hint = ""
    if any(sign in path.name for sign in "*?["):
        hint = (
            "; the shell did not put names of files in place of this pattern: leave out the quotes around it, or, if "
            "there are none, see whether any file has such a name"
        )
    return InputError(f"{path}: no such file or folder{hint}")


def _entries(path: Path, leave_out: Sequence[Path]) -> tuple[list[Path], list[Note]]:
    """What an input stands for: itself, the product whose metadata it is, or what lies directly in a folder.

    Raises:
        InputError: a result of this program is named itself.
    """
    if path.is_file() or path.suffix.lower() in CUBE_SUFFIXES or is_product_folder(path):
        if is_result(path):
            raise InputError(
                f"{path}: is a result of this program, expected an image as the instrument saw it; give those that it "
                f"was made of, or leave it out"
            )
        return [path.parent if path.is_file() and PRODUCT_HEADS.match(path.name) else path], []
    inside = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    readable = [
        child
        for child in inside
        if child.suffix.lower() in (".zip", *CUBE_SUFFIXES)
        or is_product_folder(child)
        or (child.is_file() and child.suffix.lower() in IMAGE_SUFFIXES)
    ]
    unsaid = {left.resolve() for left in leave_out}
    offered = [child for child in readable if child.resolve() not in unsaid]
    results = [child for child in offered if is_result(child)]
    notes = []
    if results:
        notes.append(Note("", f"{path}: results of this program are no dates and left out: {_listed(results)}"))
    if folders := [child for child in inside if child.is_dir() and child not in readable]:
        notes.append(
            Note(
                "",
                f"{path}: only what lies directly in a folder is read, not what its subfolders hold "
                f"({_listed(folders)}); name those that hold dates, such as {folders[0]}",
            )
        )
    return [child for child in offered if child not in results], notes


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _MOST_LISTED} more" if len(paths) > _MOST_LISTED else ""
    return ", ".join(path.name for path in paths[:_MOST_LISTED]) + more


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
    described, dtype = describe(name)
    _refuse_too_few(shown, len(described), rules)
    if rules.picture_bands is None:
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
        elif len(described) > _MOST_TOLD_BY_POSITION:
            raise InputError(
                f"{shown}: has {len(described)} bands and does not tell which are red, green and blue, expected "
                f"names; give those of all bands with --band-names, such as B01,B02,B03,B04,…, or the places of red, "
                f"green and blue with --bands, such as 4,3,2"
            )
    return Acquisition(label, time_of(label), (piece,), level=level_of(label))


def _refuse_too_few(shown: str, n_bands: int, rules: Rules) -> None:
    """Colours need three bands, unless a user says to see one of them more than once."""
    if n_bands < TRUE_COLOUR_CHANNELS and len(rules.picture_bands or ()) < TRUE_COLOUR_CHANNELS:
        raise InputError(
            f"{shown}: has {n_bands} band(s), which alone are no true colour, expected red, green and blue in one "
            f"file, or a file for each band whose name ends in it, such as 2021-06-01_B02.tif, 2021-06-01_B03.tif and "
            f"2021-06-01_B04.tif, given together"
        )


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
