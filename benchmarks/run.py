"""All benchmarks in one command: `make bench`. `--quick` takes smaller scenes and fewer rounds.

Writes the figures as JSON beside this file and as tables into docs/performance.md, and says which ratios have fallen by
more than 15 % against the stored ones (`ratios.json`), which `--store` replaces. Never fails for a time.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cost_curve
import esrgan_speed
import start_times
import timing
import useful_rate

HERE = Path(__file__).resolve().parent
FIGURES, STORED = HERE / "figures.json", HERE / "ratios.json"
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: benchmarks/run.py -->", "<!-- end of figures -->"
FALLS_BY = 0.15


def main(*, quick: bool, all_of_it: bool, stores: bool, is_idle: bool, only: list[str]) -> None:
    report: dict[str, object] = json.loads(FIGURES.read_text("utf-8")) if only else {}
    report["machine"] = timing.machine()
    steps = {
        "start": lambda: start_times.main(3 if quick else 5),
        "esrgan": lambda: esrgan_speed.main(4 if quick else 23, 2 if quick else 5, by_clock=is_idle),
        "useful": lambda: useful_rate.main(3, 2 if quick else 3),
        "cost": lambda: cost_curve.main((256, 512, 1024) if quick else cost_curve.SIDES_PX),
    }
    for name in only or steps:
        report[name] = steps[name]()
        FIGURES.write_text(
            json.dumps(report, indent=1) + "\n", "utf-8"
        )  # what was measured stays if the rest is broken off
    if all_of_it:
        report |= further()
        FIGURES.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    write_page(report)
    found = ratios(report)
    stored = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}
    print(json.dumps(report, indent=1))
    for line in fallen(found, stored):
        print(line)
    if stores or not stored:
        STORED.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def further() -> dict[str, object]:
    """What takes long and has pages of its own."""
    import mapping
    import models
    import seams
    import training_step

    return {
        "mapping": mapping.main(),
        "models": models.main(),
        "seams": seams.main(),
        "training_step": training_step.main(),
    }


def ratios(report: dict) -> dict[str, float]:
    """What does not depend on how fast the machine is."""
    found = {f"esrgan: {name}": way["ratio"] for name, way in report["esrgan"]["ways"].items()}
    found |= {f"useful share: {name}": one["useful_share"] for name, one in report["useful"].items()}
    return found


def fallen(found: dict[str, float], stored: dict[str, float]) -> Iterator[str]:
    for name, before in stored.items():
        if name not in found:
            yield f"not measured this time: {name}"
        elif found[name] < before * (1 - FALLS_BY):
            yield f"slower than stored: {name}: {found[name]:.2f}, was {before:.2f}"


def write_page(report: dict) -> None:
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{tables(report)}\n{END}{rest.partition(END)[2]}", "utf-8")


def tables(report: dict) -> str:
    machine, esrgan, cost = report["machine"], report["esrgan"], report["cost"]
    units = ", ".join(machine["vector_units"]) or "no vector units known"
    lines = [
        f"Measured on {machine['cores']} cores of {machine['processor']}, {units}, torch {machine['torch']},",
        f"with a load of {machine['load']} by this and other work. Where nothing else is said, rates are "
        "pixels for each second of one core.",
        "",
        f"**ESRGAN**, {esrgan['blocks']} blocks, 8 dates, {esrgan['mflop_per_px']} MFLOP a pixel, in "
        f"{esrgan['precision']}; {_what_counts(esrgan)} multiplies such matrices at {esrgan['matrix_gflops']:,.0f} "
        "GFLOP/s.",
        "",
        "| way | px a second | ratio | of the matrix rate | values within 1/255 |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, way in esrgan["ways"].items():
        ratio = f"{way['ratio']:.2f}"
        if way["ratio_min"] != way["ratio_max"]:
            ratio += f" ({way['ratio_min']:.2f} … {way['ratio_max']:.2f})"
        within = f"{way['within_a_step']:.3%}" if "within_a_step" in way else ""
        lines.append(f"| {name} | {way['px_per_s']:,} | {ratio} | {way['share_of_matrix_rate']:.0%} | {within} |")
    lines += [
        "",
        "**Useful rate**, scene of 2,000² px.",
        "",
        "| model | raw and chosen, px a core second | kept | useful / raw |",
        "|---|---|--:|--:|",
    ]
    for name, one in report["useful"].items():
        told = ", ".join(f"{key}: {value:,}" for key, value in one.items() if key not in ("kept", "useful_share"))
        lines.append(f"| {name} | {told} | {one['kept']:.0%} | {one['useful_share']:.0%} |")
    lines += [
        "",
        f"**Cost of a scene**, the whole command `ssr scene`: {cost['constant_us_per_px']} µs of one core a "
        f"pixel after a start of {cost['start_core_s']:.1f} s (compact-8, {cost_curve.N_DATES} dates).",
        "",
        "| what varies | | core s | px a core second | peak MB |",
        "|---|--:|--:|--:|--:|",
    ]
    for what, key in (
        ("side of the scene, px", "by_side"),
        ("dates, 256² px", "by_dates"),
        ("model, 256² px", "by_model"),
    ):
        lines += [
            f"| {what} | {name} | {one['core_s']:.1f} | {one['px_per_core_s']:,} | {one['peak_mb']:,} |"
            for name, one in cost[key].items()
        ]
    lines += [
        "",
        "**Start**, best of several.",
        "",
        "| | on the clock | of one core | asked for |",
        "|---|--:|--:|--:|",
    ]
    lines += [
        f"| {name} | {one['clock_s']:.2f} s | {one['core_s']:.2f} s | {one['floor_s']:.1f} s |"
        for name, one in report["start"].items()
    ]
    return "\n".join(lines)


def _what_counts(esrgan: dict) -> str:
    return "one core" if esrgan["cores"] == 1 else f"the machine, {esrgan['cores']} cores by the clock,"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: some minutes")
    parser.add_argument("--all", action="store_true", help="the models, seams and training steps too: an hour")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="STEP", help="start, esrgan, useful, cost; others stay"
    )
    parser.add_argument("--idle", action="store_true", help="nothing else runs: ESRGAN by the clock on all cores")
    parser.add_argument("--store", action="store_true", help="keep this run's ratios as those to compare with")
    given = parser.parse_args()
    main(quick=given.quick, all_of_it=given.all, stores=given.store, is_idle=given.idle, only=given.only)
