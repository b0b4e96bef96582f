"""The leaderboard: every trial in its rank, with its curve, what it tried and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from vistry.hyperparameter.values import format_value
from vistry.registry.field_spec import Scalar
from vistry.report.axis import Axis, axis_around
from vistry.report.lines import Line, ValueAxis, over_epochs
from vistry.report.markup import Content, element, joined, name_of, text_of
from vistry.report.numbers import UNDEFINED, count, duration, score
from vistry.report.page import REPORT
from vistry.report.section import Section
from vistry.report.table import Number, table
from vistry.sweep.report.contents import Contents, short_model
from vistry.sweep.trial import Trial

WIDTH, HEIGHT = 96, 26  # pixels of a sparkline
STATUS_CLASSES = {"completed": "good", "failed": "bad", "running": "busy"}
# Curves in one chart; more can't be told apart.
CURVES = 8


def leaderboard_section(contents: Contents) -> Section:
    """Draw every trial, the best first."""
    note = (
        "The best score of each trial and its curve over its epochs, all on one scale. Values that differ between the "
        "trials are shown; the name of a trial leads to its own report. Click a heading to sort."
    )
    axis = _sparkline_axis(contents)
    rows = [_row(contents, rank, axis) for rank in range(1, len(contents.ranked) + 1)]
    if not rows:
        return Section("leaderboard", "Leaderboard", "No trial has begun yet.", parts=[])
    model = ("model",) if contents.has_several_models else ()
    ending = (*contents.varied, "epochs", "time", "why")
    headings = ("rank", "trial", *model, contents.record.primary_metric, "curve", "state", *ending)
    return Section("leaderboard", "Leaderboard", note, parts=[table(headings, rows, sortable=True)])


def trial_link(trial: Trial) -> Markup:
    """Lead to a trial's own report, which one that was skipped has none of."""
    if trial.state.status == "skipped":
        return text_of(str(trial.number))
    return element("a", f"{trial.number}", href=f"trials/{trial.number:04d}/{REPORT}")


def status_chip(trial: Trial) -> Markup:
    """Show what became of a trial; the mouse shows why."""
    status = trial.state.status
    return element(
        "span", status, class_=f"chip {STATUS_CLASSES.get(status, 'mixed')}", title=trial.state.reason or None
    )


def best_curves(contents: Contents) -> Markup | None:
    """Draw the curves of the best trials over their epochs; None where no trial has a curve."""
    shown = [trial for trial in contents.scored[:CURVES] if len(trial.evaluations) > 1]
    if not shown:
        return None
    lines = [
        Line(
            f"trial {trial.number}, {short_model(trial.record.model)}",
            [(one.epochs, _metric(contents, one.score)) for one in trial.evaluations],
            f"c{place}",
            number=score(contents.metric(trial.best())),
        )
        for place, trial in enumerate(shown, start=1)
    ]
    metric = contents.record.primary_metric
    return over_epochs(f"{metric} of the {count(len(shown), 'best trial')}", ValueAxis(metric), lines, best=None)


def _row(contents: Contents, rank: int, axis: Axis) -> Sequence[Content | Number]:
    trial = contents.ranked[rank - 1]
    record, values = trial.record, trial.record.values
    model = (_whole(name_of(short_model(record.model))),) if contents.has_several_models else ()
    varied = [_value(values[name]) if name in values else Markup(UNDEFINED) for name in contents.varied]
    return [
        rank,
        trial_link(trial),
        *model,
        Number(score(contents.metric(trial.best()), 4)),
        sparkline(contents, trial, axis),
        status_chip(trial),
        *varied,
        Number(f"{trial.trained}/{record.epochs}"),
        Number(duration(trial.seconds)),
        _whole(text_of(record.why)),
    ]


def sparkline(contents: Contents, trial: Trial, axis: Axis) -> Markup:
    """Draw a trial's scores over the share of its epochs, without an axis."""
    if not trial.evaluations:
        return Markup(UNDEFINED)
    across = Axis(low=0, high=max(1, trial.record.epochs), start=2, end=WIDTH - 2)
    points = [(across.at(one.epochs), axis.at(_metric(contents, one.score))) for one in trial.evaluations]
    best = max(trial.evaluations, key=lambda one: one.score)
    path = "".join(f"{'L' if place else 'M'}{x:.1f} {y:.1f}" for place, (x, y) in enumerate(points))
    at = {"cx": across.at(best.epochs), "cy": axis.at(_metric(contents, best.score))}
    marks = [element("path", d=path, class_="line c1"), element("circle", r="2.2", class_="dot c2", **at)]
    title = f"best {score(contents.metric(best.score), 4)} after epoch {best.epochs}"
    return element("svg", *marks, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="spark", role="img", aria_label=title)


def _sparkline_axis(contents: Contents) -> Axis:
    scores = sorted(_metric(contents, one.score) for trial in contents.trials for one in trial.evaluations)
    # A few wild values would flatten all others.
    middle = scores[len(scores) // 20 : len(scores) - len(scores) // 20] or [0.0, 1.0]
    return axis_around(middle, HEIGHT - 3, 3)


def _metric(contents: Contents, value: float) -> float:
    return contents.metric(value) or 0.0


def _whole(text: Markup) -> Markup:
    """Keep a text on one line."""
    return element("span", text, class_="whole")


def _value(value: Scalar | None) -> Markup:
    """A value in few digits, and with all of them in its title."""
    whole = format_value(value)
    short = f"{value:.4g}" if isinstance(value, float) else whole
    return _whole(element("code", text_of(short), title=None if short == whole else whole))


def values_in_words(trial: Trial) -> Markup:
    """Write what a trial tried: its model and its values."""
    parts = [f"{name} {format_value(value)}" for name, value in trial.record.values.items()]
    return joined([name_of(short_model(trial.record.model)), " ", element("code", text_of(", ".join(parts)))])
