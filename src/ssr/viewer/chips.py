"""Which chips does a folder hold, and what were their scores?"""

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssr.errors import InputError
from ssr.evaluation.results import FILE, read_json
from ssr.viewer.collection import Entry
from ssr.viewer.finding import Shown, place_of_files
from ssr.viewer.places import Kind

WORDS: Mapping[str, Kind] = {
    "lr": "date",
    "low_res": "date",
    "s2": "date",
    "sr": "super_res",
    "super_res": "super_res",
    "hr": "truth",
    "high_res": "truth",
    "truth": "truth",
    "bicubic": "image",
}
"""What a picture of a chip shows, by its name or by what its name ends with."""
PANELS: Mapping[str, Kind] = {
    "models": "super_res",
    "dates": "date",
    "truth": "truth",
    "reference": "image",
    "trust": "image",
    "disagreement": "image",
}
"""What `ssr test` writes of a chip."""
PICTURES = (".png", ".tif", ".tiff", ".jpg")
EVERY_RESULT = "visualization"
MOST = 100_000
SHOWN_FIRST = ("cpsnr", "psnr", "ssim", "lpips_squeeze")

Scores = Mapping[str, Mapping[str, float | None]]


def entries_of_chips(folder: Path) -> list[Entry] | None:
    """Chips of a folder of results; None where it holds something else.

    Raises:
        InputError: the results of a test cannot be read.
    """
    tests = [path.parent for path in (folder / FILE, *sorted(folder.glob(f"*/{FILE}"))) if path.is_file()]
    if tests:
        return [entry for test in tests if _leads_inside(test, folder) for entry in _of_test(test)]
    chips = _by_words(folder)
    if not chips:
        return None
    return [_entry(name, files) for name, files in chips.items()]


def _of_test(folder: Path) -> list[Entry]:
    record = read_json(folder / FILE)
    scores = _scores(folder / "samples.csv")
    entries = []
    try:
        for one in record["examples"]:
            place = folder / "examples" / one["dataset"] / one["folder"]
            found = [
                Shown(place / file, kind, _panel_name(panel, name))
                for panel, kind in PANELS.items()
                for name, file in one.get(panel, {}).items()
            ]
            found.sort(key=lambda shown: (shown.kind, shown.name) != ("super_res", one["of"]))  # the judged one first
            files = [shown for shown in found if _leads_inside(shown.path, folder)]
            told = f"{one['which']}, by {one['by']} of {one['of']}"
            entries.append(
                _entry(one["sample"], files, one["dataset"], told, scores.get((one["dataset"], one["sample"])))
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / FILE}: is no record of `ssr test` ({error!r} is lacking or wrong)") from error
    entries += _of_every_result(folder, scores)
    if not entries:
        raise InputError(
            f"{folder}: the test kept no pictures; let it, with `examples: {{n_each: 3}}`, or see its figures with: "
            f"ssr report {folder}"
        )
    return entries


def _of_every_result(folder: Path, scores: Mapping[tuple[str, str], Scores]) -> list[Entry]:
    """Results of every sample, where the test was asked to keep them."""
    by_sample: dict[tuple[str, int], list[Shown]] = defaultdict(list)
    for path in sorted((folder / EVERY_RESULT).glob("*/*.png")):
        number, _, model = path.stem.partition("_")
        if number.isdecimal() and model and _leads_inside(path, folder):
            by_sample[path.parent.name, int(number)].append(Shown(path, "super_res", model))
    return [
        _entry(f"sample {number}", files, dataset, "every result")
        for (dataset, number), files in sorted(by_sample.items())
    ]


def _by_words(folder: Path) -> dict[str, list[Shown]]:
    """Pictures called `NAME_lr`, `NAME_sr`, …, or `lr`, `sr`, … in folders of their own."""
    found: dict[str, list[Shown]] = defaultdict(list)
    pattern = re.compile(rf"^(?:(.*)[_.-])?({'|'.join(WORDS)})$", re.IGNORECASE)
    for path in _pictures(folder):
        match = pattern.match(path.stem)
        if not match:
            continue
        where = path.parent.relative_to(folder)
        name = " ".join(part for part in (*where.parts, match[1] or "") if part)
        found[name].append(Shown(path, WORDS[match[2].lower()], match[2]))
    chips = {name: files for name, files in found.items() if name and len(files) > 1}
    return dict(sorted(chips.items(), key=lambda item: _in_numbers(item[0])))


def _pictures(folder: Path) -> Iterator[Path]:
    """In a folder and two below, and no link out of it."""
    n = 0
    for depth in ("*", "*/*", "*/*/*"):
        for path in sorted(folder.glob(depth)):
            if path.suffix.lower() in PICTURES and path.is_file() and _leads_inside(path, folder):
                n += 1
                if n > MOST:
                    raise InputError(f"{folder}: holds more than {MOST:,} pictures; give a part of it")
                yield path


def _entry(name: str, files: Sequence[Shown], group: str = "", told: str = "", scores: Scores | None = None) -> Entry:
    return Entry(name, lambda: place_of_files(name, files, scores=scores or {}), group, told, scores or {})


def _panel_name(panel: str, name: str) -> str:
    return {"models": name, "dates": f"date {name}", "truth": name, "reference": name}.get(panel, f"{panel} of {name}")


def _scores(path: Path) -> dict[tuple[str, str], dict[str, dict[str, float | None]]]:
    """By data set and sample, of each model at most dates; empty where the table is not there."""
    if not path.is_file():
        return {}
    known = {"sample", "dataset", "model", "number", "n_dates", "cloud_share"}
    found: dict[tuple[str, str], dict[str, dict[str, float | None]]] = defaultdict(dict)
    most: dict[tuple[str, str, str], int] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = (row["dataset"], row["sample"], row["model"])
                if int(row["n_dates"]) < most.get(key, 0):
                    continue
                most[key] = int(row["n_dates"])
                measures = sorted(row.keys() - known, key=lambda name: (_place_of(name), name))
                found[key[:2]][key[2]] = {name: _number(row[name]) for name in measures if _is_number(row[name])}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as results of a test ({error})") from error
    return dict(found)


def _place_of(measure: str) -> int:
    return SHOWN_FIRST.index(measure) if measure in SHOWN_FIRST else len(SHOWN_FIRST)


def _is_number(text: Any) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def _number(text: str) -> float | None:
    value = float(text or "nan")
    return value if math.isfinite(value) else None


def _in_numbers(name: str) -> list[tuple[int, int, str]]:
    """Names in the order that people count."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _leads_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
