"""How does training of a family look, as curves?"""

from pathlib import Path

import numpy as np

TITLES = {
    "esrgan": "ESRGAN, regression",
    "esrgan-adversarial": "ESRGAN, adversarial",
    "esrgan-objects": "ESRGAN, objects judged too",
    "esrgan-old-naip": "ESRGAN, older image seen",
    "srcnn": "SRCNN",
    "highresnet": "HighRes-net",
    "sr3": "SR3",
}
TRAIN, VALIDATION, REFERENCE, REALISM = "#9aa5b1", "#0b6e99", "#c2410c", "#7c3aed"
N_COLUMNS = 4
DPI = 90


def draw_curves(results: dict[str, dict], path: Path) -> None:
    """Loss against step, a panel for each run: training, held-out chips with their interval, and no training at all."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 7), dpi=DPI, layout="constrained")
    n_rows = -(-len(results) // N_COLUMNS)
    panels = figure.subplots(n_rows, min(N_COLUMNS, len(results)), squeeze=False).ravel()
    for panel, (name, run) in zip(panels, results.items(), strict=False):
        curve = run["curve"]
        train = [
            (line["step"], sum(line[t] for t in curve["terms"] if t in line) or line["loss"]) for line in curve["train"]
        ]
        panel.plot(*zip(*train, strict=True), color=TRAIN, linewidth=0.8, label="training batches")
        mean, low, high = np.array(curve["validation"]["loss"]).T
        panel.fill_between(curve["steps"], low, high, color=VALIDATION, alpha=0.2, linewidth=0)
        panel.plot(curve["steps"], mean, "o-", color=VALIDATION, markersize=3, label="held-out city")
        reference = run["measures"]["loss"]["reference"][0]
        label = "no noise guessed" if name == "sr3" else "bicubic of the median"
        panel.axhline(reference, color=REFERENCE, linestyle="--", linewidth=1, label=label)
        _mark_discriminator(panel, run)
        _scale(panel)
        panel.set_title(TITLES[name], fontsize=11)
        panel.set_xlabel("step")
        panel.grid(alpha=0.25, which="both")
        panel.legend(fontsize=8)
    for panel in panels[len(results) :]:
        panel.set_axis_off()
    figure.savefig(path)


def draw_adversarial(results: dict[str, dict], path: Path) -> None:
    """Both sides of the adversarial runs: held-out accuracy and looks above, the discriminator's answers below."""
    from matplotlib.figure import Figure

    runs = {name: run for name, run in results.items() if "features" in run["measures"]}
    if not runs:
        return
    figure = Figure(figsize=(12, 6.5), dpi=DPI, layout="constrained")
    panels = figure.subplots(2, len(runs), squeeze=False)
    for column, (name, run) in enumerate(runs.items()):
        _draw_relative(panels[0, column], run)
        panels[0, column].set_title(TITLES[name], fontsize=11)
        judged = [line for line in run["curve"]["train"] if "d_logit_real" in line]
        steps = [line["step"] for line in judged]
        for key, colour, label in (
            ("d_logit_real", VALIDATION, "answer to real images"),
            ("d_logit_fake", REFERENCE, "answer to generated images"),
        ):
            panels[1, column].plot(steps, [line[key] for line in judged], color=colour, linewidth=1, label=label)
        panels[1, column].axhline(0, color="black", linewidth=0.5)
        panels[1, column].set_ylabel("mean logit")
        panels[1, column].set_xlabel("step")
        panels[1, column].set_xlim(panels[0, column].get_xlim())
        panels[1, column].grid(alpha=0.25)
        panels[1, column].legend(fontsize=8)
    figure.savefig(path)


def _draw_relative(panel, run: dict) -> None:
    curve = run["curve"]
    for measure, colour, label in (
        ("l1", VALIDATION, "absolute error"),
        ("features", REALISM, "distance of SqueezeNet features"),
    ):
        reference = run["measures"][measure]["reference"][0]
        mean = np.array(curve["validation"][measure])[:, 0] / reference
        panel.plot(curve["steps"], mean, "o-", color=colour, markersize=3, label=label)
    panel.axhline(1, color=REFERENCE, linestyle="--", linewidth=1, label="bicubic of the median")
    _mark_discriminator(panel, run)
    _scale(panel)
    panel.set_ylabel("held-out city, bicubic = 1")
    panel.grid(alpha=0.25, which="both")
    panel.legend(fontsize=8)


def _scale(panel) -> None:
    """Logarithmic, with numbers as people write them."""
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    panel.set_yscale("log")
    for axis in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
        axis(StrMethodFormatter("{x:.3g}"))
    panel.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))


def _mark_discriminator(panel, run: dict) -> None:
    """Where the discriminator sets in, if it does so on the way."""
    steps = [line["step"] for line in run["curve"]["train"]]
    judged = [line["step"] for line in run["curve"]["train"] if "d_logit_real" in line]
    if judged and judged[0] != steps[0]:
        panel.axvline(judged[0], color=REALISM, linestyle=":", linewidth=1.2, label="discriminator sets in")
