"""How do the files of a date become the channels that a network sees?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from ssr.errors import InputError, SeriesError
from ssr.raster.reader import ToUnit, describe
from ssr.scenes.acquisition import Bands, BandSource, Picture
from ssr.scenes.darkness import TELLING_BANDS, dark_pixels
from ssr.scenes.notes import Note
from ssr.sentinel2.atmosphere import USUAL_SUN_ZENITH_DEG, top_of_atmosphere
from ssr.sentinel2.bands import CIRRUS_BAND, TRUE_COLOUR_BANDS, TRUE_COLOUR_CHANNELS, n_channels_of
from ssr.sentinel2.offsets import judge_offset
from ssr.sentinel2.radiometry import (
    BAND_STEP_DN,
    BAND_WHITE_DN,
    NO_DATA_DN,
    TCI_PEAK_DN,
    Floats,
    Level,
    other_band,
    reflectance,
    reflectance_of_tci,
    true_colour,
)

Values = Literal["original", "reflectance"]

DARKEST_REFLECTANCE = np.float32(1e-4)
"""Zero means no data, so ground is never darker than one step of reflectance."""

RAW_WHITE_DN = 2000.0
"""A white of so much or more says that numbers are reflectance × 10000."""


PLAIN_COLOURS = "rgb"
"""A source of `Bands`: red, green and blue of a plain raster that names its bands, whose numbers are no reflectance."""


@dataclass(frozen=True)
class Rules:
    """What a user says of the numbers.

    channels: what the network sees of a date: `tci` (red, green, blue) and names of other bands.
    values: as the published models were trained, or reflectance.
    level: of images that do not tell theirs.
    offset_dn: overrules metadata and pixels.
    l2a_look: what becomes of L2A true colour: an approximate `l1c` look, or `ground` as it is.
    picture_bands: which bands of a plain raster are the channels, from 1; None: the first ones.
    white_dn: the number that means white in the red, green and blue of a plain raster.
    also: other bands that a cube keeps at hand, such as those of a cloud mask.
    """

    channels: tuple[str, ...] = ("tci",)
    values: Values = "original"
    level: Level | None = None
    offset_dn: float | None = None
    l2a_look: Literal["l1c", "ground"] = "l1c"
    picture_bands: tuple[int, ...] | None = None
    white_dn: float | None = None
    also: tuple[str, ...] = ()

    @property
    def n_channels(self) -> int:
        return n_channels_of(self.channels)


@dataclass(frozen=True)
class Layer:
    """One file's share of the channels, ready to be opened on any grid."""

    label: str
    name: str
    bands: tuple[int, ...]
    to_unit: ToUnit | None
    white_dn: float | None = None
    missing_dn: float | None = None


def layers_of(piece: Bands | Picture, rules: Rules) -> tuple[list[Layer], list[Note]]:
    """The layers whose channels, one after the other, are those of the rules; and what a user should know.

    Raises:
        InputError: a band is not there, or the level is not known.
    """
    if isinstance(piece, Picture):
        return _of_picture(piece, rules)
    if PLAIN_COLOURS in piece.sources:
        return _of_named_picture(piece, rules)
    level = piece.level or rules.level
    if level is None:
        raise InputError(
            f"{piece.label}: does not tell whether it is L1C or L2A; say so with --level L1C or --level L2A"
        )
    wanted = [
        band
        for name in rules.channels
        for band in (_true_colour_sources(piece, level, rules) if name == "tci" else [name])
    ]
    absent = [band for band in wanted if band not in piece.sources]
    if absent:
        raise InputError(_absent(piece, absent, level))
    told = _notes_on_options(piece, wanted, rules)
    if wanted == ["tci"] and level == "L1C":
        return [_tci_layer(piece, level, rules)], told
    offsets, notes = _offsets(piece, rules) if set(wanted) != {"tci"} else ({}, [])
    layers = []
    for name in rules.channels:
        if name != "tci":
            layers.append(_band_layer(piece, name, _band_rule(piece, name, offsets, rules)))
        elif "tci" in wanted:
            layers.append(_tci_layer(piece, level, rules))
        else:
            rule = partial(_true_colour_band, piece, offsets=offsets, level=level, rules=rules)
            layers += [_band_layer(piece, band, partial(rule, band=band)) for band in TRUE_COLOUR_BANDS]
    return _joined(layers), told + notes + _notes_on_level(piece, level, wanted, rules)


def _true_colour_sources(piece: Bands, level: Level, rules: Rules) -> list[str]:
    """What red, green and blue come from: ESA's image where the models saw it, else the bands if they are there."""
    has_bands = all(band in piece.sources for band in TRUE_COLOUR_BANDS)
    prefers_bands = level == "L2A" or rules.values == "reflectance"
    if rules.values == "reflectance" or (has_bands and (prefers_bands or "tci" not in piece.sources)):
        return list(TRUE_COLOUR_BANDS)
    return ["tci"]


def _tci_layer(piece: Bands, level: Level, rules: Rules) -> Layer:
    source = piece.sources["tci"]
    to_unit: ToUnit = _over_255 if level == "L1C" else partial(_l2a_tci, piece, rules=rules)
    return Layer(f"{piece.label} TCI", source.name, source.indexes, to_unit, missing_dn=NO_DATA_DN)


def _band_layer(piece: Bands, band: str, to_unit: ToUnit) -> Layer:
    source = piece.sources[band]
    return Layer(f"{piece.label} {band.upper()}", source.name, source.indexes, to_unit, missing_dn=piece.no_data_dn)


def _joined(layers: Sequence[Layer]) -> list[Layer]:
    """Neighbours that lie in one file as one layer, so that the file is decoded once."""
    joined: list[list[Layer]] = []
    for layer in layers:
        if joined and (joined[-1][0].name, joined[-1][0].missing_dn) == (layer.name, layer.missing_dn):
            joined[-1].append(layer)
        else:
            joined.append([layer])
    return [group[0] if len(group) == 1 else _as_one(group) for group in joined]


def _as_one(group: Sequence[Layer]) -> Layer:
    rules = tuple((layer.to_unit, len(layer.bands)) for layer in group if layer.to_unit is not None)
    bands = tuple(band for layer in group for band in layer.bands)
    return Layer(group[0].name, group[0].name, bands, partial(_each, rules=rules), missing_dn=group[0].missing_dn)


def _each(stored: Floats, *, rules: Sequence[tuple[ToUnit, int]]) -> Floats:
    """Every band by its own rule."""
    parts, first = [], 0
    for rule, n_bands in rules:
        parts.append(rule(stored[first : first + n_bands]))
        first += n_bands
    return np.concatenate(parts)


def _over_255(stored: Floats) -> Floats:
    return np.asarray(stored / np.float32(TCI_PEAK_DN))


def _l2a_tci(piece: Bands, stored: Floats, rules: Rules) -> Floats:
    """L2A's own true-colour image, whose stretch ends at a reflectance of 0.2."""
    ground = reflectance_of_tci(stored, "L2A")
    seen = [_lit(piece, colour, band, rules) for colour, band in zip(ground, TRUE_COLOUR_BANDS, strict=True)]
    return true_colour(np.stack(seen))


def _true_colour_band(
    piece: Bands, stored: Floats, *, band: str, offsets: Mapping[str, float], level: Level, rules: Rules
) -> Floats:
    found = reflectance(stored, offset_dn=offsets.get(band, 0.0), quantification=piece.quantification)
    if rules.values == "reflectance":
        return np.asarray(found.clip(DARKEST_REFLECTANCE, 1))
    return true_colour(_lit(piece, found, band, rules) if level == "L2A" else found)


def _lit(piece: Bands, ground: Floats, band: str, rules: Rules) -> Floats:
    if rules.l2a_look == "ground":
        return ground
    sun = USUAL_SUN_ZENITH_DEG if piece.sun_zenith_deg is None else piece.sun_zenith_deg
    return top_of_atmosphere(ground, band, sun)


def _band_rule(piece: Bands, band: str, offsets: Mapping[str, float], rules: Rules) -> ToUnit:
    offset = offsets.get(band, 0.0)
    if rules.values == "reflectance":
        return partial(_clipped_reflectance, offset_dn=offset, quantification=piece.quantification)
    return partial(other_band, offset_dn=offset, quantification=piece.quantification)


def _clipped_reflectance(stored: Floats, *, offset_dn: float, quantification: float) -> Floats:
    found = reflectance(stored, offset_dn=offset_dn, quantification=quantification)
    return np.asarray(found.clip(DARKEST_REFLECTANCE, 1))


def _of_picture(piece: Picture, rules: Rules) -> tuple[list[Layer], list[Note]]:
    if piece.is_unit:
        return [Layer(piece.label, piece.name, tuple(range(1, rules.n_channels + 1)), None, white_dn=1.0)], []
    bands = rules.picture_bands or tuple(range(1, rules.n_channels + 1))
    if len(bands) != rules.n_channels:
        raise InputError(
            f"{piece.label}: {len(bands)} band(s) are named for the {rules.n_channels} channels of "
            f"{', '.join(rules.channels)}; name as many with --bands"
        )
    return _of_plain_raster(piece.label, piece.name, bands, rules)


def _of_named_picture(piece: Bands, rules: Rules) -> tuple[list[Layer], list[Note]]:
    wanted = [PLAIN_COLOURS if band == "tci" else band for band in rules.channels]
    absent = ", ".join(band.upper() for band in wanted if band not in piece.sources)
    if absent:
        has = ", ".join(sorted(band.upper() for band in piece.sources))
        raise InputError(f"{piece.label}: has no {absent} among its named bands, expected it; it has {has}")
    bands = tuple(place for band in wanted for place in piece.sources[band].indexes)
    layers, notes = _of_plain_raster(piece.label, piece.sources[PLAIN_COLOURS].name, bands, rules)
    if rules.white_dn is None:
        notes.append(Note(piece.label, "bytes of B04, B03 and B02 are taken for true colour as ESA renders L1C"))
    return layers, notes


def _of_plain_raster(label: str, name: str, bands: tuple[int, ...], rules: Rules) -> tuple[list[Layer], list[Note]]:
    """Colours by white; every other band by its own scale, as white says only how bright colours shall look."""
    white, offset = rules.white_dn, rules.offset_dn
    is_raw = white is not None and white >= RAW_WHITE_DN
    others = [band for band in rules.channels if band != "tci"]
    holds_bytes = (white is not None or bool(others)) and describe(name)[1] == np.uint8
    if holds_bytes and white is not None and white > TCI_PEAK_DN:
        raise InputError(
            f"{label}: holds 8-bit numbers, which end at {TCI_PEAK_DN}, and --white-dn says {white:g}; leave it out, "
            f"or give a number of at most {TCI_PEAK_DN}"
        )
    notes = _notes_on_white(label, rules, is_raw=is_raw)
    by_white = Layer(label, name, bands, None, white_dn=white)
    if white is not None and is_raw and offset is not None:
        rule: ToUnit = partial(_over_white, white_dn=white, offset_dn=offset)
        by_white = Layer(label, name, bands, rule, missing_dn=NO_DATA_DN)
    if is_raw and offset is None:
        notes += _notes_on_darkness(label, name, bands)
    if not others or not (holds_bytes or white):
        return [by_white], notes  # numbers that nothing tells the meaning of are refused when the file is opened
    by_own_scale, note = _scale_of_others(label, others, rules, is_raw=is_raw, holds_bytes=holds_bytes)
    colours = by_white.to_unit or partial(_up_to_white, white_dn=white or TCI_PEAK_DN)
    each = tuple((colours, TRUE_COLOUR_CHANNELS) if band == "tci" else (by_own_scale, 1) for band in rules.channels)
    layer = Layer(label, name, bands, partial(_each, rules=each), missing_dn=by_white.missing_dn)
    return [layer], [*notes, note]


def _scale_of_others(
    label: str, others: Sequence[str], rules: Rules, *, is_raw: bool, holds_bytes: bool
) -> tuple[ToUnit, Note]:
    names = ", ".join(map(str.upper, others))
    if holds_bytes:
        text = (
            f"bytes of {names} are taken for reflectance × 10000 / {BAND_STEP_DN}, as the models' training images "
            f"hold them (255 is {BAND_WHITE_DN})"
        )
        return _over_255, Note(label, text)
    if not is_raw:
        raise InputError(
            f"{label}: nothing tells what the numbers of {names} mean where --white-dn is {rules.white_dn:g}, expected "
            f"reflectance × 10000 (its white is {RAW_WHITE_DN:g} or more), or 8-bit images; bring the numbers to it, "
            f"or use a model of red, green and blue"
        )
    text = f"--white-dn is of red, green and blue; {names} is read as reflectance × 10000, where {BAND_WHITE_DN} is 1"
    return partial(other_band, offset_dn=rules.offset_dn or 0.0), Note(label, text)


def _notes_on_white(label: str, rules: Rules, *, is_raw: bool) -> list[Note]:
    """Options that have no effect on a raster whose numbers are no reflectance."""
    notes = []
    if rules.level is not None:
        notes.append(Note(label, "read as true colour of L1C, whose numbers no level changes; --level is not used"))
    if rules.offset_dn and not is_raw:
        notes.append(Note(label, "--offset-dn is not added to true colour"))
    return notes


def _notes_on_darkness(label: str, name: str, bands: Sequence[int]) -> list[Note]:
    names = [f"band {band}" for band in bands]
    dark, _ = dark_pixels({called: BandSource(name, (band,)) for called, band in zip(names, bands, strict=True)})
    verdict = judge_offset(0.0, dark, told=False)
    return [Note(label, verdict.note, verdict.evidence)] if verdict.note else []


def _up_to_white(stored: Floats, *, white_dn: float) -> Floats:
    return np.asarray((stored / np.float32(white_dn)).clip(0, 1))


def _over_white(stored: Floats, *, white_dn: float, offset_dn: float) -> Floats:
    unit = (stored + np.float32(offset_dn)) / np.float32(white_dn)
    return np.asarray(unit.clip(1 / TCI_PEAK_DN, 1))


def _offsets(piece: Bands, rules: Rules) -> tuple[Mapping[str, float], list[Note]]:
    """What is added to the numbers of each band, and why if that is not plainly what the metadata say."""
    if rules.offset_dn is not None:
        return dict.fromkeys(piece.sources, rules.offset_dn), []
    claimed = piece.offsets_dn or {}
    dark, unread = dark_pixels({band: piece.sources[band] for band in TELLING_BANDS if band in piece.sources})
    notes = [Note(piece.label, "not looked at for the offset", error) for error in unread]
    strongest = min(claimed.values(), default=0.0)
    verdict = judge_offset(strongest, dark, told=piece.offsets_dn is not None)
    if verdict.note:
        notes.append(Note(piece.label, verdict.note, verdict.evidence))
    if verdict.offset_dn == strongest:
        return claimed, notes
    return dict.fromkeys(piece.sources, verdict.offset_dn), notes


def _absent(piece: Bands, absent: Sequence[str], level: Level) -> str:
    has = ", ".join(band.upper() for band in sorted(piece.sources)) or "none"
    names = ", ".join(band.upper() for band in absent)
    if level == "L2A" and CIRRUS_BAND in absent:
        return f"{piece.label}: is L2A, which has no B10; a model that sees B10 needs the L1C product"
    expected = "TCI, or B04, B03 and B02" if set(absent) & {"tci", *TRUE_COLOUR_BANDS} else names
    return f"{piece.label}: has no {names}, expected {expected}; it has {has}"


def _notes_on_options(piece: Bands, wanted: Sequence[str], rules: Rules) -> list[Note]:
    """Options that have no effect on what a product, cube or file tells itself."""
    notes = []
    if rules.level is not None and piece.level not in (None, rules.level):
        notes.append(Note(piece.label, f"is {piece.level} as it tells itself; --level {rules.level} is not used"))
    if rules.offset_dn and "tci" in wanted:
        notes.append(Note(piece.label, "--offset-dn is not added to ESA's 8-bit true colour"))
    return notes


def _notes_on_level(piece: Bands, level: Level, wanted: Sequence[str], rules: Rules) -> list[Note]:
    if level == "L1C" or rules.values == "reflectance":
        return []
    texts = []
    if rules.l2a_look == "l1c" and "tci" in rules.channels:
        texts.append("L2A, but the models saw L1C: the light of a clean atmosphere is added (an approximation)")
    if "tci" in wanted:
        texts.append("only L2A's true-colour image is there; all ground brighter than 0.2 is white in it")
    if any(name != "tci" for name in rules.channels):
        texts.append("bands other than true colour are L2A, but the models saw L1C")
    return [Note(piece.label, text) for text in texts]


def check_bands(pieces: Sequence[Bands | Picture], bands: Sequence[str]) -> None:
    """Every piece has all of some bands by name.

    Raises:
        InputError: one has not.
    """
    for piece in pieces:
        has = piece.sources if isinstance(piece, Bands) else {}
        absent = ", ".join(band.upper() for band in bands if band not in has)
        if absent:
            wanted = ", ".join(map(str.upper, bands))
            raise InputError(
                f"{piece.label}: has no {absent}; the cloud mask needs {wanted}, which L1C products have; use "
                f"--clouds auto"
            )


def check_same_count(counts: Sequence[int]) -> None:
    """Every date gives as many channels."""
    if len(set(counts)) > 1:
        raise SeriesError(f"the dates give {sorted(set(counts))} channels, expected the same of each")
