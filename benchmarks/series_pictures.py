"""What was made of a real series, and why? `python benchmarks/series_pictures.py IMAGERY [--out docs/pictures]`.

IMAGERY is the folder that holds `scenes/`. Of Venice, Dubai and Boadella a sheet each: a part of the best date enlarged
by bicubic interpolation beside the same part of the result, and below every date with what became of it.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ssr.models.bicubic import enlarge
from ssr.raster.reader import RasterReader
from ssr.scenes.radiometry import Rules
from ssr.scenes.series import open_series
from ssr.workflows.scene import super_resolve_scene

DETAIL_PX = 130
"""Side of the enlarged part, in low-resolution pixels."""
THUMBNAIL_PX = 172
GAP_PX = 8
TEXT_PX = 15
COLOURS = {"best": "#1a7f37", "among": "#1a7f37", "used": "#b35900", "not": "#b3261e", "another": "#b3261e"}
"""Of a date's frame, by the first word of what became of it."""


@dataclass(frozen=True)
class Sheet:
    """folder: below `scenes/`; at: row and column of the enlarged part, as shares of the scene."""

    name: str
    folder: str
    at: tuple[float, float]
    brighter: float = 1.0
    level: str | None = None
    band_names: tuple[str, ...] | None = None


SHEETS = (
    Sheet("venice", "venice_rgb_8_dates", (0.38, 0.42)),
    Sheet("dubai", "dubai_l1c", (0.45, 0.5), brighter=1.2),
    Sheet(
        "boadella",
        "boadella_l2a_12_dates",
        (0.35, 0.45),
        brighter=1.5,
        level="L2A",
        band_names=("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"),
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    given = parser.parse_args()
    for sheet in SHEETS:
        picture = draw(sheet, given.imagery / "scenes" / sheet.folder)
        picture.save(given.out / f"{sheet.name}_layer.jpg", quality=84, optimize=True)


def draw(sheet: Sheet, folder: Path) -> Image.Image:
    """Super-resolve a series and draw it."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.tif"
        result = super_resolve_scene(
            [folder], out, level=sheet.level, band_names=sheet.band_names, with_explanation=True, overwrite=True
        )
        reports = json.loads(result.explanation[0].read_text(encoding="utf-8"))["dates"]
        print(f"{sheet.name}: {result.n_dates_found} dates, {result.low_res}, {result.seconds:.0f} s")
        with open_series([folder], rules=Rules(level=sheet.level), band_names=sheet.band_names) as series:
            rows, columns = (
                slice(int(share * side), int(share * side) + DETAIL_PX)
                for share, side in zip(sheet.at, series.shape_hw, strict=True)
            )
            best = series.read(rows, columns, [series.names.index(result.best_date)])
            thumbnails = series.preview()
        with RasterReader(out) as made:
            sharp = made.read(*(slice(4 * part.start, 4 * part.stop) for part in (rows, columns)))
    panels = [("best date, bicubic", enlarge(torch.from_numpy(best), 4)[0].numpy()), ("result", sharp)]
    details = row_of([labelled(picture_of(pixels, sheet), label) for label, pixels in panels])
    dates = [dated(picture_of(pixels, sheet), report) for pixels, report in zip(thumbnails, reports, strict=True)]
    per_row = details.width // (THUMBNAIL_PX + GAP_PX)
    return column_of([details, *(row_of(dates[k : k + per_row]) for k in range(0, len(dates), per_row))])


def picture_of(unit: np.ndarray, sheet: Sheet) -> Image.Image:
    return Image.fromarray(np.rint((unit * sheet.brighter).clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0))


def dated(picture: Image.Image, report: dict) -> Image.Image:
    """A date in the colour of what became of it."""
    thumbnail = picture.resize((THUMBNAIL_PX, round(THUMBNAIL_PX * picture.height / picture.width)))
    colour = COLOURS.get(report["why"].split()[0].strip(":"), "black")
    ImageDraw.Draw(thumbnail).rectangle([0, 0, thumbnail.width - 1, thumbnail.height - 1], outline=colour, width=4)
    name = (report["time"] or report["name"])[:10]
    return labelled(thumbnail, f"{name}\nhidden {report['hidden']:.0%}, serves {report['served']:.0%}")


def labelled(picture: Image.Image, label: str) -> Image.Image:
    height = (TEXT_PX + 4) * len(label.splitlines()) + 4
    whole = Image.new("RGB", (picture.width, picture.height + height), "white")
    ImageDraw.Draw(whole).multiline_text((2, 2), label, fill="black", font=ImageFont.load_default(TEXT_PX - 2))
    whole.paste(picture, (0, height))
    return whole


def row_of(pictures: list[Image.Image]) -> Image.Image:
    width = sum(picture.width for picture in pictures) + GAP_PX * (len(pictures) - 1)
    whole = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    x = 0
    for picture in pictures:
        whole.paste(picture, (x, 0))
        x += picture.width + GAP_PX
    return whole


def column_of(pictures: list[Image.Image]) -> Image.Image:
    height = sum(picture.height for picture in pictures) + GAP_PX * (len(pictures) - 1)
    whole = Image.new("RGB", (max(picture.width for picture in pictures), height), "white")
    y = 0
    for picture in pictures:
        whole.paste(picture, (0, y))
        y += picture.height + GAP_PX
    return whole


if __name__ == "__main__":
    main()
