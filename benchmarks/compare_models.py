"""How do models compare on places that none of them saw? `python benchmarks/compare_models.py IMAGERY [NAME=FILE …]`.

IMAGERY is the folder that holds `train/` and `pairs/`. Bicubic interpolation, shift-and-add and the bundled model take
part always; every NAME=FILE adds one. Made-up pairs (dates simulated from held-out imagery, the truth known) and real
pairs stand apart. Results go to `<OUT>/comparison/`, the page to `<OUT>/report.html`; a run broken off goes on.
"""

import argparse
import json
from pathlib import Path

from ssr.config.files import parse
from ssr.config.schema import TestConfig
from ssr.evaluation.told import averages
from ssr.workflows.evaluation import evaluate
from ssr.workflows.report import write_report

HELD_OUT = {
    "city-claremont-2020-1.2m": ("train/naip_california_1.2m", "claremont_2020_*.png"),
    "rural-usa-2.5m": ("train/naip_rural_2.5m", "naip_eval*.png"),
    "south-africa-3320D-2.5m": ("train/south_africa_2.5m", "3320D_*.png"),
}
ALWAYS = ("bicubic", "shift_and_add", "compact-8")
N_DATES = 8
CHIP_PX = 28
"""Low-resolution side; with the margin for blur and displacement, a held-out city chip of 128 px is used whole."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("imagery", type=Path)
    parser.add_argument("models", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--out", type=Path, default=Path("comparison"))
    parser.add_argument("--n-samples", type=int, help="of each made-up set; by default every chip")
    parser.add_argument("--measures", nargs="+", help="by default all that can be taken")
    parser.add_argument("--metric-weights", nargs="*", default=[], metavar="NETWORK=FILE")
    parser.add_argument("--n-examples", type=int, default=1)
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--runs", nargs="*", type=Path, default=[], help="training runs to show in the report")
    given = parser.parse_args()
    metrics = {"weights": dict(word.split("=", 1) for word in given.metric_weights)}
    options = {
        "name": "comparison",
        "results_root": str(given.out),
        "models": models_of(given.models),
        "data": made_up(given.imagery, given.n_samples) | real(given.imagery),
        "n_dates": [1, 2, 4, N_DATES],
        "metrics": metrics | ({"measures": given.measures} if given.measures else {}),
        "examples": {"n_each": given.n_examples},
    }
    config = parse(options, TestConfig, source="benchmarks/compare_models.py")
    result = evaluate(
        config, resume=not given.overwrite, overwrite=given.overwrite, tell=lambda x: print(x, flush=True)
    )
    for summary in result.summaries:
        print(f"\n{averages(summary, result.columns)}")
    written = write_report([result.folder, *given.runs], given.out / "report.html", overwrite=True)
    print(f"\nwrote {written.page}; measures that are missing: {json.dumps([m.name for m in result.missing])}")


def models_of(words: list[str]) -> list[dict[str, object]]:
    added = [dict(zip(("name", "model"), word.split("=", 1), strict=True)) for word in words]
    return [*({"name": name, "model": name} for name in ALWAYS), *added]


def made_up(imagery: Path, n_samples: int | None) -> dict[str, dict[str, object]]:
    sets = {}
    for name, (folder, pattern) in HELD_OUT.items():
        pictures = [{"folder": str(imagery / folder), "include": [pattern]}]
        sets[name] = {"type": "simulated_tiles", "imagery": pictures, "n_revisits": N_DATES, "chip_px": CHIP_PX}
        sets[name] |= {"n_samples": n_samples} if n_samples else {}
    return sets


def real(imagery: Path) -> dict[str, dict[str, object]]:
    pairs = imagery / "pairs"
    place = {"type": "pairs", "folder": str(pairs / "s2_naip_a"), "high_res": "naip.png", "low_res": "s2_*.png"}
    return {"opensr-test": {"type": "pairs", "folder": str(pairs / "opensr_test")}, "s2-naip-a": place}


if __name__ == "__main__":
    main()
