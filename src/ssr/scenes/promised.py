"""Are the images of a product as fine as its metadata promise, and if not, may they be enlarged?"""

from ssr.errors import InputError, SeriesError
from ssr.raster.grid import Grid
from ssr.raster.gsd import ground_distance_m
from ssr.scenes.acquisition import Bands, Picture
from ssr.scenes.notes import Note

LARGEST_ENLARGEMENT = 1.5
"""Products are brought to another grid of about their own pixels; images that were shrunken before would be made up."""


def shrunken(piece: Bands | Picture, own: Grid) -> Note | None:
    """A note on images that are smaller than promised."""
    full = _promised(piece)
    if full is None or own.shape_hw[1] >= full:
        return None
    text = f"images are smaller than the {full} columns of 10 m that the metadata promise; read as they are"
    return Note(piece.label, text, f"{own.shape_hw[1]} columns of {own.pixel_size:.5g} m")


def refuse_enlargement(piece: Bands | Picture, own: Grid, target: Grid) -> None:
    """Refuse to bring shrunken images to pixels that are much finer than theirs.

    Raises:
        SeriesError: they are.
    """
    full = _promised(piece)
    if full is None or full <= LARGEST_ENLARGEMENT * own.shape_hw[1]:
        return
    try:
        (own_m, _), (target_m, _) = ground_distance_m(own), ground_distance_m(target)
    except InputError:  # no place on Earth, or rotated: read as it is or refused by others
        return
    if own_m > LARGEST_ENLARGEMENT * target_m:
        raise SeriesError(
            f"{piece.label}: its images have {own.shape_hw[1]} columns of {own_m:.5g} m, not the {full} of 10 m that "
            f"its metadata promise, and would be enlarged {own_m / target_m:.3g} times for pixels of {target_m:.3g} m; "
            f"get the whole product or leave it out; alone it can be read in its own pixels, with --grid native"
        )


def _promised(piece: Bands | Picture) -> int | None:
    return piece.full_size_px if isinstance(piece, Bands) else None
