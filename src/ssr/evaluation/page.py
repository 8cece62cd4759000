"""How does a report become one page that needs nothing else?"""

import base64
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ssr.errors import InputError
from ssr.evaluation.charts import Line, Point, legend, line_chart
from ssr.evaluation.report import Curve, Report, Section, TrainedRun
from ssr.evaluation.statistics import Difference, Mean
from ssr.evaluation.summary import SIGNIFICANT_BELOW, Column, Comparison, Means
from ssr.evaluation.told import ARROWS, PROTOCOLS, columns_of, figure, shown

COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8c42"),
    ("#00795a", "#2fd0a0"),
    ("#a8468b", "#e39bca"),
    ("#7a6000", "#e6c94c"),
    ("#4a4a8f", "#a9a9f5"),
    ("#6b3f2a", "#d3a184"),
    ("#555555", "#bbbbbb"),
)
"""Of lines, on a light and on a dark page."""
MAX_DATES_SHOWN = 16


@dataclass(frozen=True)
class Kind:
    """Data sets of one kind, and what to keep in mind."""

    title: str
    told: str
    sections: tuple[Section, ...]


REAL = (
    "Real pairs",
    "The dates were seen by the satellite and the truth by another instrument, as a rule on another day and with other "
    "colours: part of every difference to the truth is not the model's. What a model is good for shows here.",
)
MADE_UP = (
    "Made-up pairs",
    "The dates were simulated from the truth. Colours and positions agree exactly, so detail can be judged, but only "
    "as far as the simulation resembles the satellite. These figures must not be mixed with those of real pairs.",
)


def render(report: Report) -> str:
    """The whole page; text from outside is escaped."""
    environment = Environment(
        loader=PackageLoader("ssr.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = [
        Kind(title, told, tuple(s for s in report.sections if s.is_made_up == is_made_up))
        for (title, told), is_made_up in ((REAL, False), (MADE_UP, True))
    ]
    anchors = {s.title: f"data-{k}-{re.sub('[^a-z0-9]+', '-', s.title.lower())}" for k, s in enumerate(report.sections)}
    environment.globals.update(_SAID)
    return environment.get_template("report.html.j2").render(
        report=report, kinds=kinds, anchors=anchors, colours=COLOURS
    )


def _counted(section: Section) -> str:
    summary = section.summary
    n = summary.n_samples
    places = f" of {summary.n_places} places" if summary.n_places else ""
    return f"{n} of {section.n_offered} samples counted{places}."


def _protocols(section: Section) -> list[tuple[str, str, list[Column]]]:
    found = [(p, told, columns_of(p, section.columns)) for p, told in PROTOCOLS.items()]
    return [entry for entry in found if entry[2]]


def _best_of(means: Means, columns: Sequence[Column]) -> dict[str, float]:
    """The best mean of each column where there are several to choose from."""
    best = {}
    for column in columns:
        values = [found[column.key].value for found in means.values() if found[column.key].n]
        if len(set(values)) > 1:
            best[column.key] = max(values) if column.better == "higher" else min(values)
        else:
            best[column.key] = math.nan
    return best


def _interval(mean: Mean) -> str:
    return "" if math.isnan(mean.low) else f"{figure(mean.low)} – {figure(mean.high)}"


def _bounds(difference: Difference) -> str:
    if math.isnan(difference.low):
        return "–"
    return f"{_signed(difference.low)} … {_signed(difference.high)}"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else ("+" if value > 0 else "−" if value < 0 else "") + figure(abs(value))


def _probability(p: float) -> str:
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _winner(comparison: Comparison, column: Column) -> str | None:
    """Who is significantly better; none where nobody is."""
    found = comparison.differences[column.key]
    if math.isnan(found.corrected) or found.corrected >= SIGNIFICANT_BELOW or not found.value:
        return None
    return comparison.first if (found.value > 0) == (column.better == "higher") else comparison.second


def _verdict(comparison: Comparison, column: Column) -> str:
    if math.isnan(comparison.differences[column.key].corrected):
        return "too few chips to tell"
    winner = _winner(comparison, column)
    return f"{winner} is better" if winner else "no significant difference"


def _verdicts(comparison: Comparison, columns: Sequence[Column]) -> str:
    winners = [_winner(comparison, column) for column in columns]
    first, second = comparison.first, comparison.second
    if all(math.isnan(found.corrected) for found in comparison.differences.values()):
        return f"{first} and {second}: too few chips to tell"
    n_first, n_second = winners.count(first), winners.count(second)
    return f"Of {len(columns)} measures, {first} is significantly better in {n_first}, {second} in {n_second}"


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else figure(1000 * seconds)


def _span_columns(section: Section, columns: Sequence[Column]) -> list[tuple[str, dict[str, str]]]:
    """Floor and ceiling of measures that have them: over the results of all models."""
    found = []
    for k, name in enumerate(("unrelated chips", "truth itself")):
        values = {c.key: [spans[c.key][k] for spans in section.spans.values() if c.key in spans] for c in columns}
        found.append((name, {key: figure(sum(of) / len(of)) if of else "" for key, of in values.items()}))
    return found if any(found[0][1].values()) else []


def _date_charts(section: Section) -> list[tuple[str, Markup]]:
    """Every measure by number of dates; numbers stand at equal distances."""
    by_dates = section.summary.by_dates
    numbers = list(by_dates)
    charts = []
    for column in section.columns:
        lines = []
        for model in section.summary.means:
            points = [
                Point(k, m.value, m.low, m.high)
                for k, n in enumerate(numbers)
                if model in by_dates[n] and (m := by_dates[n][model][column.key]).n
            ]
            lines.append(Line(model, tuple(points)))
        title = f"{column.key} {ARROWS[column.better]}"
        svg = line_chart(
            lines,
            title=f"{column.key} by number of dates",
            x_label="dates",
            y_label=column.unit,
            x_names=[str(n) for n in numbers],
        )
        if svg:
            charts.append((title, Markup(svg)))
    return charts


def _training_charts(run: TrainedRun) -> list[tuple[str, Markup]]:
    charts = []
    for label, curves in (("training", run.training), ("validation", run.validation)):
        for curve in curves:
            svg = line_chart([_line(curve)], title=f"{label}: {curve.name} by step", x_label="step", y_label="")
            if svg:
                charts.append((f"{label}: {curve.name}", Markup(svg)))
    return charts


def _line(curve: Curve) -> Line:
    """At most some hundred points: more cannot be seen."""
    every = max(1, len(curve.steps) // 400)
    points = [Point(x, y) for x, y in zip(curve.steps[::every], curve.values[::every], strict=True)]
    return Line(curve.name, tuple(points))


def _pictures(example: dict[str, Any], what: str) -> list[tuple[str, str]]:
    files = list(example.get(what, {}).items())[:MAX_DATES_SHOWN]
    return [(name, _data_uri(Path(example["path"]) / file)) for name, file in files]


def _panels(example: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Title, what it is, picture: bicubic, each model, truth, trust (or how far dates disagree)."""
    shown_panels = [("bicubic", "Bicubic enlargement", uri) for _, uri in _pictures(example, "reference")]
    shown_panels += [
        (name, f"Result of {name}", uri) for name, uri in _pictures(example, "models") if name != "bicubic"
    ]
    shown_panels += [("truth", "Truth", uri) for _, uri in _pictures(example, "truth")]
    for kind in ("trust", "disagreement"):
        shown_panels += [(f"{kind}, {name}", f"{kind} of {name}", uri) for name, uri in _pictures(example, kind)]
    return shown_panels


def _data_uri(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: a picture of the test cannot be read ({error})") from error
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _options(model: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in model["options"].items())


def _legend(labels: Sequence[str]) -> Markup:
    return Markup(legend(labels))


_SAID = {
    "arrow": lambda column: ARROWS[column.better],
    "best_of": _best_of,
    "bounds": _bounds,
    "counted": _counted,
    "date_charts": _date_charts,
    "interval": _interval,
    "legend": _legend,
    "milliseconds": _milliseconds,
    "number": figure,
    "options": _options,
    "panels": _panels,
    "pictures": _pictures,
    "probability": _probability,
    "protocols": _protocols,
    "shown": shown,
    "signed": _signed,
    "span_columns": _span_columns,
    "training_charts": _training_charts,
    "verdict": _verdict,
    "verdicts": _verdicts,
}
"""What the template may call."""
