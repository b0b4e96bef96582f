"""What was stopped and why, what is paused, and what failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vistry.report.markup import element, text_of
from vistry.report.numbers import count, score
from vistry.report.section import Section
from vistry.report.table import Number, table
from vistry.sweep.report.contents import Contents
from vistry.sweep.report.leaderboard import trial_link, values_in_words
from vistry.sweep.standing import INTERRUPTED
from vistry.sweep.trial import Trial

ENDED_EARLY = ("stopped", "paused", INTERRUPTED)
SPENT = "failed", "skipped"
NOTED = ("dropped", "deleted", "note", "limits")
MOST_NOTES = 100


def endings_section(contents: Contents) -> Section | None:
    """List the trials that early termination ended or paused, with the numbers that decided, and those cut short."""
    trials = _with(contents, ENDED_EARLY)
    if not trials:
        return None
    rows = [
        (
            trial_link(trial),
            trial.state.status,
            values_in_words(trial),
            Number(f"{trial.trained}/{trial.record.epochs}"),
            Number(score(contents.metric(trial.best()), 4)),
            text_of(trial.state.reason),
        )
        for trial in trials
    ]
    headings = ("trial", "state", "tried", "epochs", contents.record.primary_metric, "why")
    note = " ".join(_ended_early(contents, trials))
    return Section("stopped", "Stopped and paused", note, parts=[table(headings, rows, sortable=True)])


def _ended_early(contents: Contents, trials: Sequence[Trial]) -> Iterator[str]:
    early = [trial for trial in trials if trial.state.status != INTERRUPTED]
    if early:
        saved = sum(trial.record.epochs - trial.trained for trial in early)
        yield (
            f"{count(contents.counts.get('stopped', 0), 'trial')} stopped and {contents.counts.get('paused', 0)} "
            f"paused, which saved {count(saved, 'epoch')}; a paused one goes on from where it is when its turn comes."
        )
    if cut_short := len(trials) - len(early):
        yield f"{count(cut_short, 'trial')} cut short, by the time limit or by hand; vistry resume begins with them."


def failures_section(contents: Contents) -> Section | None:
    """List the trials that failed, with their messages."""
    trials = _with(contents, SPENT)
    if not trials:
        return None
    rows = [(trial_link(trial), values_in_words(trial), text_of(trial.state.reason)) for trial in trials]
    note = f"{count(len(trials), 'trial')} without a result. Each costs one line; the others go on."
    return Section("failures", "Failures", note, parts=[table(("trial", "tried", "message"), rows)])


def notes_section(contents: Contents) -> Section | None:
    """List what else was decided on the way: models that were dropped, weights that were deleted, larger limits."""
    lines = list(_notes(contents))
    if not lines:
        return None
    items = [element("li", text_of(line)) for line in lines[:MOST_NOTES]]
    if len(lines) > MOST_NOTES:
        items.append(element("li", f"and {len(lines) - MOST_NOTES:,} more: events.jsonl"))
    listed = element("div", element("ul", *items), class_="check")
    return Section("decisions", "Decisions", "What else was decided on the way, and why.", parts=[listed])


def _notes(contents: Contents) -> Iterator[str]:
    for event in contents.events:
        if event.kind in NOTED and event.reason:
            trial = "" if event.trial is None else f"trial {event.trial}: "
            yield f"{trial}{event.reason}" if event.kind == "note" else f"{trial}{event.kind}: {event.reason}"


def _with(contents: Contents, statuses: Sequence[str]) -> list[Trial]:
    return [trial for trial in contents.ranked if trial.state.status in statuses]
