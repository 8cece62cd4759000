"""Who tells where the ground of each date is hidden: colours, the product's own classification, a learned mask?

Colours always have a say: they are there for every date, and they alone compare dates with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ssr.errors import ImageReadError, InputError
from ssr.scenes.classification import with_classes
from ssr.scenes.clouds import find_obstacles, spread
from ssr.scenes.learnedclouds import S2CLOUDLESS_BANDS, cloud_of_bands
from ssr.scenes.notes import Note, in_words
from ssr.scenes.thinning import at_pixels

Clouds = Literal["auto", "colours", "scl", "s2cloudless"]
"""`auto`: the scene classification of every date that has one, colours for the others."""

COLOURS, CLASSES, LEARNED = "colours", "colours and scene classification", "colours and s2cloudless"


@runtime_checkable
class Evidence(Protocol):
    """A scene that knows more of its dates than the channels of the network."""

    @property
    def names(self) -> Sequence[str]: ...
    def classes(self, date: int) -> NDArray[np.uint8] | None:
        """The scene classification in the pixels of the preview; None where the date has none."""
        ...

    def reflectance(self, date: int, bands: Sequence[str]) -> NDArray[np.float32]:
        """Named bands of a date, thinned, `c h w`."""
        ...


@dataclass(frozen=True)
class Sight:
    """How far ground is hidden, `t h w` from 0 to 1 in the pixels of the preview, and who told, by date."""

    hidden: NDArray[np.float32]
    told_by: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_hidden(scene: object, view: NDArray[np.float32], clouds: Clouds = "auto") -> Sight:
    """Of every date of a scene whose thinned view is `t c h w` in unit range.

    Raises:
        InputError: a mask is asked for that some date has not, or has not the bands for.
        MissingExtraError: s2cloudless is not installed.
    """
    obstacles = find_obstacles(view)
    hidden = obstacles.hidden()
    if clouds == "colours" or (clouds == "auto" and not isinstance(scene, Evidence)):
        return Sight(hidden, (COLOURS,) * len(view))
    if not isinstance(scene, Evidence):
        raise InputError(
            f"the series is not of files, so it has nothing that --clouds {clouds} could read; use colours"
        )
    if clouds == "s2cloudless":
        for date, (shadow, missing) in enumerate(zip(obstacles.shadow, obstacles.missing, strict=True)):
            cloud = _learned(scene, date, hidden[date].shape)
            hidden[date] = np.where(missing, 1, spread(np.maximum(cloud, shadow)[None])[0])
        return Sight(hidden, (LEARNED,) * len(view))
    return _with_classifications(scene, hidden, obstacles.missing, is_asked_for=clouds == "scl")


def bands_needed(clouds: Clouds) -> tuple[str, ...]:
    """Which bands must be at hand beside the channels of the network."""
    return S2CLOUDLESS_BANDS if clouds == "s2cloudless" else ()


def _learned(scene: Evidence, date: int, shape_hw: tuple[int, ...]) -> NDArray[np.float32]:
    cloud = cloud_of_bands(scene.reflectance(date, S2CLOUDLESS_BANDS))
    height, width = shape_hw
    return at_pixels(cloud, (slice(0, height), slice(0, width)), (height, width))


def _with_classifications(
    scene: Evidence, hidden: NDArray[np.float32], missing: NDArray[np.bool_], *, is_asked_for: bool
) -> Sight:
    told_by, notes = [], []
    for date, colours in enumerate(hidden):
        try:
            classes = scene.classes(date)
        except ImageReadError as error:
            if is_asked_for:
                raise
            notes.append(Note(scene.names[date], "its scene classification is not used, colours tell", str(error)))
            classes = None
        if classes is None and is_asked_for:
            raise InputError(
                f"{scene.names[date]}: has no scene classification (SCL), which --clouds scl asks for; L2A products "
                f"have one; leave the date out, or use --clouds auto"
            )
        if classes is not None:
            hidden[date] = np.where(missing[date], 1, with_classes(colours, classes))
        told_by.append(COLOURS if classes is None else CLASSES)
    return Sight(hidden, tuple(told_by), in_words(notes))
