"""What is made of the trained folds: predictions, metrics, labels that are probably wrong, and the report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import mean, stdev

from vistry.evaluation.metric_table import metric_parts
from vistry.registry.catalogue import Catalogue
from vistry.report.page import REPORT
from vistry.runs.files import write_text
from vistry.runs.label_issues import LabelIssues, write_label_issues
from vistry.sweep.folds.folder import FoldsFolder, FoldsSummary, MetricSummary
from vistry.sweep.folds.labels import label_issues
from vistry.sweep.folds.predictions import Unseen, read_unseen, write_predictions
from vistry.sweep.folds.report import folds_page
from vistry.task.doubt import doubt_of
from vistry.task.metric_parts import measure


def finish(folder: FoldsFolder) -> tuple[FoldsSummary, int]:
    """Write all that follows from the folds trained so far; the summary, and how many labels are probably wrong."""
    unseen = read_unseen(folder)
    summary = _summary(folder, unseen)
    suspects = LabelIssues(task=folder.record.task, images=0, issues=()) if unseen is None else label_issues(unseen)
    if unseen is not None:
        write_predictions(folder, unseen)
    write_label_issues(folder.path, suspects)
    folder.write(summary)
    write_text(folder.path / REPORT, folds_page(folder, summary, unseen, suspects=suspects))
    return summary, len(suspects.issues)


def _summary(folder: FoldsFolder, unseen: Unseen | None) -> FoldsSummary:
    statuses = {number: run.status for number, run in enumerate(folder.runs(), start=1)}
    trained = {} if unseen is None else unseen.folds
    failed = {
        str(number): status.reason or status.status for number, status in statuses.items() if number not in trained
    }
    if unseen is None:
        return FoldsSummary(folds=(), metrics={}, images=0, failed=failed)
    pooled = _pooled(folder, unseen)
    interval = doubt_of(unseen.task, folder.record.primary_metric, unseen.measurement).interval
    return FoldsSummary(
        folds=tuple(trained),
        metrics={name: _over_folds(name, trained.values(), pooled.get(name)) for name in _names(trained.values())},
        images=len(unseen.images),
        failed=failed,
        interval=None if interval is None else (interval.low, interval.high),
    )


def _pooled(folder: FoldsFolder, unseen: Unseen) -> Mapping[str, float]:
    """The metrics over all images at once, each with its own fold's model."""
    values, targets, classes = unseen.values, unseen.targets, unseen.classes
    metrics = unseen.task.evaluate(values, targets, classes, unseen.hyperparameters)
    if not unseen.task.is_measured(unseen.hyperparameters):
        return metrics
    recorded = folder.run_of(min(unseen.folds)).record.parts
    parts = metric_parts(Catalogue.read(), folder.record.task, recorded)
    return metrics | measure(parts, values, targets, classes=classes).values


def _names(folds: Iterable[Mapping[str, float]]) -> list[str]:
    """Metrics that any fold has; a fold may lack one that is undefined for its images."""
    return list(dict.fromkeys(name for metrics in folds for name in metrics))


def _over_folds(name: str, folds: Iterable[Mapping[str, float]], pooled: float | None) -> MetricSummary:
    values = [metrics[name] for metrics in folds if math.isfinite(metrics.get(name, math.nan))]
    return MetricSummary(
        mean=mean(values) if values else 0.0,
        deviation=stdev(values) if len(values) > 1 else None,
        values=tuple(values),
        pooled=pooled if pooled is not None and math.isfinite(pooled) else None,
    )
