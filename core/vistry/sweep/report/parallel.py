"""Parallel coordinates: a line a trial, across an axis for each hyperparameter that differs, to its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vistry.hyperparameter.values import format_value
from vistry.report.axis import Axis, axis_around, tick_label
from vistry.report.markup import element
from vistry.report.section import Section
from vistry.report.shortening import shortened
from vistry.sweep.coordinates import ARM
from vistry.sweep.distribution import Distribution
from vistry.sweep.report.contents import Contents, short_model
from vistry.sweep.trial import Trial

WIDTH, HEIGHT = 1100, 330
LEFT, RIGHT, TOP, BOTTOM = 100, 1030, 40, 300
MOST_AXES = 10
LABEL = 14  # letters of a label
# The share of the trials that stands out.
BEST_SHARE = 0.1
FEWEST = 2
# How clearly one of the other trials is drawn, and from how many on each is fainter.
FAINT, MANY = 0.5, 30


@dataclass(frozen=True)
class _Column:
    """An axis: its name, where it stands, and its labels, each at a share of its height from below."""

    name: str
    x: float
    labels: Sequence[tuple[float, str]]


def parallel_section(contents: Contents, order: Sequence[str] = ()) -> Section | None:
    """Draw the trials; `order` names the coordinates that matter most first, of which the first few have an axis."""
    points = {trial.number: contents.coordinates.point_of(trial) for trial in contents.scored}
    trials = [trial for trial in contents.scored if points[trial.number] is not None]
    names = [name for name in _names(contents, order) if _differs(contents, name, trials)][:MOST_AXES]
    if len(trials) < FEWEST or not names:
        return None
    step = (RIGHT - LEFT) / len(names)
    columns = [
        _Column(_title(name), LEFT + place * step, list(_labels(contents, name))) for place, name in enumerate(names)
    ]
    values = [contents.metric(trial.best()) or 0.0 for trial in trials]
    up = axis_around(values, BOTTOM, TOP)
    best = max(1, round(BEST_SHARE * len(trials)))
    lines = []
    # The best are drawn last, so that no other line covers them.
    for place, trial in reversed(list(enumerate(trials))):
        point = points[trial.number] or {}
        corners = [
            (column.x, _height(_share(contents, name, point)))
            for name, column in zip(names, columns, strict=True)
            if _has(contents, trial, name)
        ]
        corners.append((RIGHT, up.at(values[place])))
        opacity = None if place < best else FAINT * min(1.0, MANY / len(trials))
        lines.append(_line(trial, corners, values[place], opacity=opacity))
    metric = contents.record.primary_metric
    scores = _Column(
        metric, RIGHT, [((BOTTOM - up.at(tick)) / (BOTTOM - TOP), tick_label(tick)) for tick in up.ticks()]
    )
    axes = [_axis(column, at_right=column is scores) for column in (*columns, scores)]
    title = f"What was tried, and {metric}"
    drawing = element("svg", *lines, *axes, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title)
    figure = element("div", element("figure", drawing, class_="parallel"), class_="scroll")
    left_out = len(contents.trials) - len(trials)
    note = (
        f"A line is a trial; the best {best} are orange. An axis has the quantiles of the range that was searched, so "
        "that each part of it was as likely; a line leaves out what its model doesn't have."
    )
    if left_out:
        note += f" {left_out} without a score, or outside the space as it is now, aren't drawn."
    return Section("parallel", "Parallel coordinates", note, parts=[figure])


def _names(contents: Contents, order: Sequence[str]) -> list[str]:
    every = [*contents.coordinates.categorical, *contents.coordinates.numeric]
    return [*[name for name in order if name in every], *[name for name in every if name not in order]]


def _differs(contents: Contents, name: str, trials: Sequence[Trial]) -> bool:
    """Whether a coordinate says anything: not where all trials have one place on it."""
    if name == ARM:
        return len(contents.coordinates.arms) > 1
    return any(_has(contents, trial, name) for trial in trials)


def _has(contents: Contents, trial: Trial, name: str) -> bool:
    drawn = _drawn(contents, name, trial.record.group)
    return name == ARM or (drawn is not None and len(drawn.choices) != 1)


def _drawn(contents: Contents, name: str, group: int) -> Distribution | None:
    """What a group draws a coordinate from; one of labels that groups don't share ends in the group's number."""
    base, at, number = name.rpartition("@")
    if at and number.isdigit():
        name = base if int(number) == group else ""
    return contents.record.space.groups[group].parameters.get(name)


def _share(contents: Contents, name: str, point: object) -> float:
    """How far up its axis a coordinate stands."""
    assert isinstance(point, dict)
    value = float(point[name])
    if name not in contents.coordinates.categorical:
        return value
    number = contents.coordinates.categorical[name]
    return (value + 0.5) / number


def _labels(contents: Contents, name: str) -> Iterator[tuple[float, str]]:
    if name == ARM:
        arms = contents.coordinates.arms
        yield from (((place + 0.5) / len(arms), short_model(model)) for place, (_, model) in enumerate(arms))
        return
    groups = range(len(contents.record.space.groups))
    drawn = [one for group in groups if (one := _drawn(contents, name, group)) is not None and len(one.choices) != 1]
    one = drawn[0]
    if name in contents.coordinates.categorical:
        yield from (
            ((place + 0.5) / len(one.choices), format_value(choice)) for place, choice in enumerate(one.choices)
        )
    elif any(other != one for other in drawn[1:]):
        yield from ((0.0, "lowest"), (1.0, "highest"))  # each group has a range of its own
    else:
        numbers = [(share, _number(one, share)) for share in (0.0, 1.0)]
        yield from numbers


def _number(one: Distribution, share: float) -> str:
    if one.kind == "choice":
        ordered = sorted(one.choices, key=lambda choice: (choice is not None, choice or 0))
        return format_value(ordered[min(int(share * len(ordered)), len(ordered) - 1)])
    value = one.value(share)
    text = f"{value:.3g}" if isinstance(value, float) else format_value(value)
    return f"{text} \N{MULTIPLICATION SIGN} default" if one.is_relative else text


def _title(name: str) -> str:
    return name.partition("@")[0]


def _height(share: float) -> float:
    return BOTTOM - min(max(share, 0.0), 1.0) * (BOTTOM - TOP)


def _line(trial: Trial, corners: Sequence[tuple[float, float]], value: float, *, opacity: float | None) -> Markup:
    path = "".join(f"{'L' if place else 'M'}{x:.1f} {y:.1f}" for place, (x, y) in enumerate(corners))
    title = element("title", f"trial {trial.number}: {value:.4g}")
    if opacity is None:
        return element("path", title, d=path, class_="line c2")
    return element("path", title, d=path, class_="line thin c1", style=f"opacity:{opacity:.2f}")


def _axis(column: _Column, *, at_right: bool) -> Markup:
    scale = Axis(low=0, high=1, start=BOTTOM, end=TOP)
    name = element(
        "text", shortened(column.name, 22), x=column.x, y=TOP - 18.0, text_anchor="end" if at_right else "middle",
        class_="name",
    )  # fmt: skip
    bar = element("path", d=f"M{column.x:.1f} {TOP}V{BOTTOM}", class_="axis")
    side = 6.0 if at_right else -6.0
    labels = [
        element(
            "text",
            shortened(text, LABEL),
            x=column.x + side,
            y=scale.at(share) + 4,
            text_anchor="start" if at_right else "end",
            class_="halo",
        )
        for share, text in column.labels
    ]
    return bar + name + Markup("").join(labels)
