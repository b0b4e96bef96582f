"""What the sweep decided by itself: the models that it looked at, and what each default alone would have given."""

from __future__ import annotations

from collections.abc import Iterator

from vistry.report.markup import element, text_of
from vistry.report.numbers import UNDEFINED, duration, score
from vistry.report.section import Section
from vistry.report.table import Cell, Number, table
from vistry.sweep.automatic.records import CandidateRecord
from vistry.sweep.report.contents import Contents, short_model

HEADINGS = ("model", "published", "ms an image", "probe", "searched", "why")
NOTE = (
    "Nobody named a model or a range, so these were looked at: what their authors measured, the time to train on an "
    "image, and the probe, which is what a linear model on their features gets right."
)


def automatic_section(contents: Contents) -> Section | None:
    """List the candidates with what was measured of them; None where the user said what to search."""
    record = contents.record.automatic
    if record is None:
        return None
    parts = [table(HEADINGS, [_row(one) for one in record.candidates], sortable=True)]
    alone = list(alone_lines(contents))
    if alone:
        parts.append(element("div", element("ul", *(element("li", text_of(line)) for line in alone)), class_="check"))
    return Section("automatic", "How the models were chosen", NOTE, parts=parts)


def alone_lines(contents: Contents) -> Iterator[str]:
    """What each default that ran to its end gave alone, beside the best of all."""
    metric = contents.record.primary_metric
    for trial in contents.trials:
        if trial.is_default and trial.state.status == "completed":
            value, name = score(contents.metric(trial.best()), 4), short_model(trial.record.model)
            yield f"{name} alone, by its recipe: {metric} {value} after {duration(trial.seconds)} of training"
    if contents.best is not None:
        yield f"the best of all: {metric} {score(contents.metric(contents.best.best()), 4)}"


def _row(one: CandidateRecord) -> tuple[Cell, ...]:
    per_image = None if one.step_seconds is None or not one.batch else 1000 * one.step_seconds / one.batch
    return (
        text_of(short_model(one.model)),
        Number(UNDEFINED if one.figure is None else f"{one.figure:g}"),
        Number(UNDEFINED if per_image is None else f"{per_image:.1f}"),
        Number(UNDEFINED if one.probe is None else f"{one.probe:.3f}"),
        "yes" if one.is_searched else "no",
        text_of(one.reason),
    )
