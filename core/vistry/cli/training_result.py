"""The result of a training, as `vistry train` and `vistry resume` print it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from vistry.cli.printing import print_json

if TYPE_CHECKING:
    from vistry.runs.last_scores import LastScores
    from vistry.training.session import TrainingResult


def print_result(result: TrainingResult, as_json: bool) -> None:
    """Print why a training ended, its best epoch, and where its files are."""
    if not as_json:
        click.echo(result_text(result))
        return
    print_json(**result_json(result))


def result_json(result: TrainingResult) -> dict[str, object]:
    """Return the result for programs."""
    outcome, interval, last = result.outcome, result.doubt.interval, _last_scores(result)
    return {
        "run": str(result.run.folder),
        "status": outcome.status,
        "reason": outcome.reason,
        "best_epoch": outcome.best_epoch,
        "best_score": outcome.best_score,
        "metrics": result.metrics,
        "interval": interval and asdict(interval),
        "last_scores": last and asdict(last),
        "absent_classes": list(result.doubt.absent_classes),
    }


def result_text(result: TrainingResult) -> str:
    """Return the result for a person, with the command to type next."""
    from vistry.report.doubt import absent_text
    from vistry.report.page import REPORT

    outcome, run = result.outcome, result.run
    score = "" if outcome.best_score is None else f", {run.record.primary_metric} {outcome.best_score:.4f}"
    absent = absent_text(result.doubt.absent_classes)
    note = f"note:    {absent}\n" if absent else ""
    return (
        f"{outcome.reason}; best: epoch {(outcome.best_epoch or 0) + 1}{score}{_doubt(result)}\n"
        f"{note}run:     {run.folder}\n"
        f"report:  {run.folder / REPORT}\n"
        f"weights: {run.best_weights}\n"
        f"predict: vistry predict {run.folder} IMAGE..."
    )


def _doubt(result: TrainingResult) -> str:
    """How sure the best score is, in brackets."""
    from vistry.report.doubt import interval_text, last_scores_text

    interval, last = result.doubt.interval, _last_scores(result)
    if result.outcome.best_score is None:
        return ""
    parts = [*([interval_text(interval)] if interval else []), *([last_scores_text(last)] if last else [])]
    return f" ({'; '.join(parts)})" if parts else ""


def _last_scores(result: TrainingResult) -> LastScores | None:
    from vistry.runs.last_scores import last_scores

    return last_scores(result.run.history(), result.run.record.primary_metric)
