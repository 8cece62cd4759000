"""What might a piece of land look like from above, drawn from a seed?

Fields, woods, a river, roads and houses with shadows: sharp edges and fine repetition, for tests and the demo where
no real high-resolution imagery may be shipped. Nobody should train on it.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

FINER = 2
"""Drawn this many times finer, then averaged, so that edges fall between pixels as they do in nature."""

FIELDS = ((122, 128, 78), (150, 138, 96), (104, 118, 66), (168, 154, 112), (92, 104, 62), (138, 122, 84))
ROOFS = ((166, 92, 70), (182, 178, 172), (122, 116, 112), (202, 196, 186), (148, 80, 62), (96, 98, 106))


def draw_ground(seed: int, side_px: int = 512) -> NDArray[np.uint8]:
    """A made-up landscape, `side side 3` bytes."""
    rng = np.random.default_rng(seed)
    n = side_px * FINER
    image = Image.new("RGB", (n, n), FIELDS[0])
    pen = ImageDraw.Draw(image)
    _fields(pen, rng, n)
    _river(pen, rng, n)
    _woods(pen, rng, n)
    roads = _roads(pen, rng, n)
    _houses(pen, rng, n, roads)
    averaged = np.asarray(image.resize((side_px, side_px), Image.Resampling.BOX), np.float32)
    rough = rng.normal(0, 3.0, (side_px, side_px, 1))
    return np.clip(averaged + rough, 1, 255).astype(np.uint8)


def _fields(pen: ImageDraw.ImageDraw, rng: np.random.Generator, n: int) -> None:
    step = n // 5
    for x in range(-step, n, step):
        for y in range(-step, n, step):
            jitter = rng.integers(-step // 4, step // 4, (4, 2))
            corners = [(x, y), (x + step, y), (x + step, y + step), (x, y + step)]
            outline = [(int(cx + jx), int(cy + jy)) for (cx, cy), (jx, jy) in zip(corners, jitter, strict=True)]
            colour = FIELDS[rng.integers(len(FIELDS))]
            pen.polygon(outline, fill=colour)
            _furrows(pen, rng, outline, colour)


def _furrows(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, outline: list[tuple[int, int]], colour: tuple[int, int, int]
) -> None:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = outline
    darker = tuple(int(v * rng.uniform(0.82, 0.95)) for v in colour)
    n_furrows = int(rng.integers(5, 16))
    for k in range(1, n_furrows):
        f = k / n_furrows
        start = (x0 + f * (x3 - x0), y0 + f * (y3 - y0))
        stop = (x1 + f * (x2 - x1), y1 + f * (y2 - y1))
        pen.line([start, stop], fill=darker, width=3)


def _river(pen: ImageDraw.ImageDraw, rng: np.random.Generator, n: int) -> None:
    phase, height = rng.uniform(0, 6), rng.uniform(0.15, 0.85)
    points = [(x, n * (height + 0.07 * math.sin(phase + x / n * 7))) for x in range(-20, n + 40, 16)]
    pen.line(points, fill=(62, 84, 92), width=n // 28, joint="curve")


def _woods(pen: ImageDraw.ImageDraw, rng: np.random.Generator, n: int) -> None:
    for _ in range(5):
        centre = rng.uniform(0, n, 2)
        for dx, dy in rng.normal(0, n / 18, (160, 2)):
            x, y, r = centre[0] + dx, centre[1] + dy, rng.uniform(5, 11)
            pen.ellipse((x - r + 3, y - r + 3, x + r + 3, y + r + 3), fill=(34, 42, 30))
            green = int(rng.integers(70, 105))
            pen.ellipse((x - r, y - r, x + r, y + r), fill=(green - 22, green, green - 34))


def _roads(pen: ImageDraw.ImageDraw, rng: np.random.Generator, n: int) -> list[tuple[float, float, float]]:
    """Straight roads as (x, y, angle)."""
    main = float(rng.uniform(0, math.pi))
    roads = [(*rng.uniform(0.25 * n, 0.75 * n, 2), main + k * math.pi / 2) for k in (0, 1, 0, 1)]
    for x, y, angle in roads:
        dx, dy = math.cos(angle) * 2 * n, math.sin(angle) * 2 * n
        ends = [(x - dx, y - dy), (x + dx, y + dy)]
        pen.line(ends, fill=(126, 124, 120), width=14)
        pen.line(ends, fill=(196, 194, 188), width=2)
    return roads


def _houses(
    pen: ImageDraw.ImageDraw, rng: np.random.Generator, n: int, roads: list[tuple[float, float, float]]
) -> None:
    for x, y, angle in roads:
        along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        for k in range(-n // 44, n // 44):
            for side in (-1, 1):
                if rng.random() < 0.45:
                    continue
                centre = [c + along[i] * k * 44 + across[i] * side * 34 for i, c in enumerate((x, y))]
                half = rng.uniform(9, 16), rng.uniform(7, 12)
                outline = [
                    (
                        centre[0] + a * half[0] * along[0] + b * half[1] * across[0],
                        centre[1] + a * half[0] * along[1] + b * half[1] * across[1],
                    )
                    for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
                ]
                pen.polygon([(px + 6, py + 5) for px, py in outline], fill=(44, 44, 42))
                pen.polygon(outline, fill=ROOFS[rng.integers(len(ROOFS))])
