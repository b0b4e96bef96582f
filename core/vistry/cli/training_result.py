"""The result of a training, as `vistry train` and `vistry resume` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vistry.cli.printing import print_json

if TYPE_CHECKING:
    from vistry.training.session import TrainingResult


def print_result(result: TrainingResult, as_json: bool) -> None:
    """Print why a training ended, its best epoch, and where its files are."""
    if not as_json:
        click.echo(result_text(result))
        return
    outcome = result.outcome
    print_json(
        run=str(result.run.folder),
        status=outcome.status,
        reason=outcome.reason,
        best_epoch=outcome.best_epoch,
        best_score=outcome.best_score,
        metrics=result.metrics,
    )


def result_text(result: TrainingResult) -> str:
    """Return the result for a person, with the command to type next."""
    from vistry.report.page import REPORT

    outcome, run = result.outcome, result.run
    score = "" if outcome.best_score is None else f", {run.record.primary_metric} {outcome.best_score:.4f}"
    return (
        f"{outcome.reason}; best: epoch {(outcome.best_epoch or 0) + 1}{score}\n"
        f"run:     {run.folder}\n"
        f"report:  {run.folder / REPORT}\n"
        f"weights: {run.best_weights}\n"
        f"predict: vistry predict {run.folder} IMAGE..."
    )
