"""Charts of a whole sweep: score against time, and score against the time of a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vistry.report.axis import Axis, axis_around
from vistry.report.lines import Line
from vistry.report.markup import element
from vistry.report.numbers import count, score
from vistry.report.plot import BOTTOM, LEFT, RIGHT, TOP, Key, Plot
from vistry.report.section import Section
from vistry.report.table import Number, table
from vistry.sweep.report.contents import Contents, WorkingTime, short_model
from vistry.sweep.report.leaderboard import best_curves, trial_link
from vistry.sweep.trial import Trial

Point = tuple[float, float]
# Events after which a trial has the score that the event names.
ENDS = ("paused", "stopped", "completed", "failed", "interrupted")
MINUTE, HOUR = 60.0, 3600.0
LISTED = 12


@dataclass(frozen=True)
class Outcome:
    """A trial's best score when somebody ended or paused it, after so many seconds of work on the sweep."""

    seconds: float
    value: float
    trial: int


def outcomes(contents: Contents) -> list[Outcome]:
    """The outcomes in order; by the trials' own seconds, one after the other, where the events are gone."""
    clock = WorkingTime(contents.events)
    known = [
        Outcome(clock.at(event.time), event.score, event.trial)
        for event in contents.events
        if event.kind in ENDS and event.trial is not None and event.score is not None
    ]
    if known:
        return known
    passed = 0.0
    for trial in contents.trials:
        passed += trial.seconds
        value = contents.metric(trial.best())
        if value is not None:
            known.append(Outcome(passed, value, trial.number))
    return known


def progress_section(contents: Contents) -> Section | None:
    """Draw each outcome as a dot, and the best so far as a line."""
    ends = outcomes(contents)
    if not ends:
        return None
    unit, name = _unit(max(one.seconds for one in ends))
    points = [(one.seconds / unit, one.value) for one in ends]
    metric = contents.record.primary_metric
    x = Axis(low=0, high=max(x for x, _ in points) or 1, start=LEFT, end=RIGHT)
    plot = Plot(x, axis_around([y for _, y in points], BOTTOM, TOP), name, y_label=metric)
    best = Line("best so far", best_so_far(points, larger_is_better=contents.record.larger_is_better), "c2")
    dots = [
        _dot(plot, point, f"trial {one.trial}: {score(one.value, 4)}", colour="c1")
        for one, point in zip(ends, points, strict=True)
    ]
    chart = plot.figure(f"{metric} against time", [*dots, _steps(plot, best)], [Key("c1", "a trial"), best.key])
    note = (
        "Left, a dot is the best score of a trial when it ended or was paused, and the line the best so far; right, "
        "the best trials over their own epochs."
    )
    charts = element("div", chart, best_curves(contents) or "", class_="charts")
    return Section("time", "Score against time", note, parts=[charts])


def best_so_far(points: Sequence[Point], *, larger_is_better: bool) -> list[Point]:
    """The points at which the best changes, from the first on, and the end."""
    better = max if larger_is_better else min
    changes: list[Point] = []
    for x, y in sorted(points):
        if not changes or better(y, changes[-1][1]) != changes[-1][1]:
            changes.append((x, y))
    end = max(x for x, _ in points)
    return [*changes, (end, changes[-1][1])]


def latency_section(contents: Contents) -> Section | None:
    """Draw score against milliseconds an image, and the trials that no other beats in both."""
    measured = [(trial, latency) for trial in contents.scored if (latency := contents.latency(trial)) is not None]
    if len(measured) < 2:
        return None
    points = [(latency, contents.metric(trial.best()) or 0.0) for trial, latency in measured]
    front = pareto(points, larger_is_better=contents.record.larger_is_better)
    metric = contents.record.primary_metric
    x = axis_around([x for x, _ in points], LEFT, RIGHT, from_zero=True)
    plot = Plot(x, axis_around([y for _, y in points], BOTTOM, TOP), "milliseconds an image", y_label=metric)
    line = Line("front", [points[place] for place in front], "c2")
    dots = [
        _dot(plot, point, _title(contents, trial, point[0]), colour="c2" if place in set(front) else "other")
        for place, ((trial, _), point) in enumerate(zip(measured, points, strict=True))
    ]
    chart = plot.figure(f"{metric} against latency", [_steps(plot, line), *dots], [Key("c2", "none is better in both")])
    rows = [
        (trial_link(measured[place][0]), short_model(measured[place][0].record.model), *_numbers(points[place]))
        for place in front[:LISTED]
    ]
    listed = table(("trial", "model", metric, "ms an image"), rows)
    note = (
        f"Of {count(len(measured), 'trial')}, the time that evaluating an image took, reading it included, on the "
        "machine and the threads that trained it, in the batches of validation_batch_size. A trial is on the front "
        "where no other is both better and faster."
    )
    parts = element("div", chart, listed, class_="side even")
    return Section("latency", "Score against latency", note, parts=[parts])


def pareto(points: Sequence[Point], *, larger_is_better: bool) -> list[int]:
    """The places of the points (latency, score) that no other equals or beats in both, the fastest first."""
    sign = -1.0 if larger_is_better else 1.0
    front: list[int] = []
    for place in sorted(range(len(points)), key=lambda at: (points[at][0], sign * points[at][1])):
        if not front or sign * points[place][1] < sign * points[front[-1]][1]:
            front.append(place)
    return front


def _numbers(point: Point) -> tuple[Number, Number]:
    return Number(score(point[1], 4)), Number(f"{point[0]:.1f}")


def _title(contents: Contents, trial: Trial, latency: float) -> str:
    value = score(contents.metric(trial.best()), 4)
    return f"trial {trial.number}, {short_model(trial.record.model)}: {value}, {latency:.1f} ms"


def _dot(plot: Plot, point: Point, title: str, *, colour: str) -> Markup:
    place = {"cx": plot.x.at(point[0]), "cy": plot.y.at(point[1])}
    return element("circle", element("title", title), r="3", class_=f"dot {colour}", **place)


def _steps(plot: Plot, line: Line) -> Markup:
    """A line that keeps each value until the next point."""
    pixels = [(plot.x.at(x), plot.y.at(y)) for x, y in line.points]
    path = f"M{pixels[0][0]:.1f} {pixels[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in pixels[1:])
    return element("path", d=path, class_=f"line {line.colour}")


def _unit(seconds: float) -> tuple[float, str]:
    if seconds >= 2 * HOUR:
        return HOUR, "hours of work"
    return (MINUTE, "minutes of work") if seconds >= 2 * MINUTE else (1.0, "seconds of work")
