"""The result of a cross-validation, as `vistry train --folds` and `vistry resume` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vistry.cli.printing import print_json

if TYPE_CHECKING:
    from vistry.sweep.folds.session import FoldsResult


def print_folds(result: FoldsResult, as_json: bool) -> None:
    """Print the figures and where the files are. Exits with 1 where some image has no prediction."""
    if as_json:
        from vistry.runs.json_records import to_json

        print_json(
            folds=str(result.folder), reason=result.reason, labels=result.issues, summary=to_json(result.summary)
        )
    else:
        click.echo(_text(result))
    if not result.is_whole:
        raise click.exceptions.Exit(1)


def _text(result: FoldsResult) -> str:
    from vistry.report.numbers import score
    from vistry.report.page import REPORT
    from vistry.runs.label_issues import LABELS_CSV
    from vistry.sweep.folds.folder import PREDICTIONS_JSONL, FoldsFolder

    record, summary, folder = FoldsFolder.open(result.folder).record, result.summary, result.folder
    lines = [f"not whole: {result.reason}; to go on, type: vistry resume {folder}"] if result.reason else []
    one = summary.metrics.get(record.primary_metric)
    if one is not None:
        spread = "" if one.deviation is None else f" ± {score(one.deviation)}"
        low, high = min(one.values), max(one.values)
        lines.append(
            f"{record.primary_metric} {score(one.mean)}{spread} over {len(one.values)} folds "
            f"({score(low)} to {score(high)})"
            + ("" if one.pooled is None else f", {score(one.pooled)} over all {summary.images} images")
        )
    lines += [
        f"labels:      {result.issues} are probably wrong: {folder / LABELS_CSV}",
        f"predictions: {folder / PREDICTIONS_JSONL}, each by a model that never saw the image",
        f"report:      {folder / REPORT}",
        f"folds:       {folder}",
    ]
    return "\n".join(lines)
