"""A sweep as a table: a row a trial, in the order of their numbers, and a column a hyperparameter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from vistry.registry.field_spec import Scalar
from vistry.runs.files import write_text
from vistry.sweep.folder import SweepFolder
from vistry.sweep.standing import as_they_stand

COLUMNS = ("trial", "model", "why", "status", "reason", "epochs", "of_epochs", "best_epoch", "score", "seconds")


def write(sweep: SweepFolder, path: Path) -> None:
    """Write the table. An empty cell is a hyperparameter that the trial's model doesn't have, or that is unset."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows(_rows(sweep))
    write_text(path, stream.getvalue())


def _rows(sweep: SweepFolder) -> Iterator[list[object]]:
    trials = as_they_stand(sweep, sweep.trials())
    names = list(dict.fromkeys(name for trial in trials for name in trial.record.values))
    yield [*COLUMNS, *names]
    for trial in trials:
        record, best = trial.record, max(trial.evaluations, key=lambda one: one.score, default=None)
        yield [
            record.number,
            record.model,
            record.why,
            trial.state.status,
            trial.state.reason,
            trial.trained,
            record.epochs,
            "" if best is None else best.epochs,
            "" if best is None else repr(sweep.metric(best.score)),
            f"{trial.seconds:.3f}",
            *(_cell(record.values.get(name)) for name in names),
        ]


def _cell(value: Scalar | None) -> object:
    if value is None:
        return ""
    return int(value) if isinstance(value, bool) else value
