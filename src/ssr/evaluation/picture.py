"""How do results look beside each other?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

LABEL_PX = 28
GAP_PX = 6
MAX_SIDE_PX = 1200
"""A larger picture shows its centre: scaling down would hide what it is for."""


def side_by_side(panels: Sequence[tuple[str, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Label `H W 3` pictures of one size and put them in a row, the centre of each where they are large."""
    shown = [(label, _centre(pixels)) for label, pixels in panels]
    height, width = shown[0][1].shape[:2]
    sheet = Image.new("RGB", (len(shown) * (width + GAP_PX) - GAP_PX, height + LABEL_PX), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for k, (label, pixels) in enumerate(shown):
        x = k * (width + GAP_PX)
        pen.text((x + 4, 4), label, fill="black", font=font)
        sheet.paste(Image.fromarray(np.ascontiguousarray(pixels)), (x, LABEL_PX))
    return np.asarray(sheet)


def _centre(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    top, left = max(0, height - MAX_SIDE_PX) // 2, max(0, width - MAX_SIDE_PX) // 2
    return pixels[top : top + MAX_SIDE_PX, left : left + MAX_SIDE_PX]
