"""The report of a cross-validation: one self-contained page that requests nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from vistry.report.header import STATUS_CLASSES, readable_time, task_in_words
from vistry.report.html_page import html_page
from vistry.report.inputs import ReportInputs
from vistry.report.label_issue_section import ANCHOR, label_issue_section
from vistry.report.markup import element, name_of, text_of
from vistry.report.numbers import UNDEFINED, count, duration, score
from vistry.report.page import REPORT
from vistry.report.section import Section
from vistry.report.table import Number, definitions, table
from vistry.report.tasks import task_sections
from vistry.report.tile import tile
from vistry.runs.folder import Run
from vistry.runs.label_issues import LabelIssues
from vistry.sweep.folds.folder import FoldsFolder, FoldsSummary, MetricSummary
from vistry.sweep.folds.predictions import Unseen

WARY = (
    "The epoch of each model was chosen on the images of its own fold, and the folds share most of their training "
    "images: the figures are a little too good, and their spread a little too small."
)


def folds_page(folder: FoldsFolder, summary: FoldsSummary, unseen: Unseen | None, *, suspects: LabelIssues) -> str:
    """Return the page as HTML."""
    sections = [
        _metrics(summary),
        _folds(folder, summary),
        label_issue_section(suspects, note=_how_good(folder, summary)),
        *_evaluation(folder, unseen),
        _how(folder),
    ]
    return html_page(f"{folder.record.model} · {folder.path.name}", _header(folder, summary, suspects), sections)


def _header(folder: FoldsFolder, summary: FoldsSummary, suspects: LabelIssues) -> Markup:
    record = folder.record
    whole = len(summary.folds) == record.folds
    text = "complete" if whole else f"{len(summary.folds)} of {record.folds} folds"
    chip = element("span", text, class_=f"chip {'good' if whole else 'mixed'}")
    title = element("h1", name_of(record.model.partition("/")[2] or record.model), " ", chip)
    under = element(
        "p", task_in_words(record.task), f" · {record.folds} folds · ", name_of(folder.path.name), class_="under"
    )
    notes = [element("p", text_of(note), class_="under") for note in record.notes]
    seconds = sum(_seconds(run) for run in folder.runs())
    tiles = [
        tile(record.primary_metric, *_main(record.primary_metric, summary), main=True),
        tile("images", f"{summary.images:,}", f"of {record.images:,} predicted by a model that never saw them"),
        tile("labels", element("a", f"{len(suspects.issues):,}", href=f"#{ANCHOR}"), "probably wrong"),
        tile("time", duration(seconds), readable_time(record.created)),
    ]
    return element("header", title, under, *notes, element("div", *tiles, class_="tiles"))


def _main(metric: str, summary: FoldsSummary) -> tuple[str, str]:
    one = summary.metrics.get(metric)
    if one is None:
        return UNDEFINED, "no fold is trained yet"
    pooled = "" if one.pooled is None else f"; {score(one.pooled)} over all images"
    interval = (
        ""
        if summary.interval is None
        else f", 95 % interval {score(summary.interval[0])} to " + score(summary.interval[1])
    )
    return spread_text(one), f"mean of {count(len(one.values), 'fold')} ± their deviation{pooled}{interval}"


def spread_text(metric: MetricSummary) -> str:
    """Write a metric as its mean and its deviation over the folds: 0.912 ± 0.021."""
    spread = "" if metric.deviation is None else f" ± {score(metric.deviation)}"
    return f"{score(metric.mean)}{spread}"


def _metrics(summary: FoldsSummary) -> Section:
    rows = [
        (
            name,
            Number(score(one.mean)),
            Number(score(one.deviation)),
            Number(score(min(one.values, default=None))),
            Number(score(max(one.values, default=None))),
            Number(score(one.pooled)),
        )
        for name, one in summary.metrics.items()
    ]
    headings = ("metric", "mean", "deviation", "lowest", "highest", "all images")
    note = (
        "Each metric over the folds, and over all images at once, each predicted by the model of its fold. The "
        f"deviation is the standard deviation of the folds. {WARY}"
    )
    return Section("metrics", "Metrics", note, parts=[table(headings, rows, sortable=True)] if rows else [])


def _folds(folder: FoldsFolder, summary: FoldsSummary) -> Section:
    note = "An ordinary run a fold: its model is trained on all other folds and measured on this one."
    rows = [_row(folder, number, summary) for number in range(1, folder.record.folds + 1)]
    headings = ("fold", "state", "trains", "measures", "best epoch", folder.record.primary_metric, "time")
    parts = [table(headings, rows, sortable=True)]
    failed = [
        element("p", f"Fold {number}: ", text_of(reason), class_="reason") for number, reason in summary.failed.items()
    ]
    return Section("folds", "Folds", note, parts=[*parts, *failed])


def _row(folder: FoldsFolder, number: int, summary: FoldsSummary) -> Sequence[Markup | Number | int]:
    run, primary = folder.run_of(number), folder.record.primary_metric
    status = run.status
    link = element("a", f"fold {number}", href=f"folds/{run.id}/{REPORT}")
    chip = element("span", status.status, class_=f"chip {STATUS_CLASSES.get(status.status, 'mixed')}")
    values = summary.metrics[primary].values if primary in summary.metrics else ()
    at = summary.folds.index(number) if number in summary.folds else None
    return [
        link,
        chip,
        run.record.data.training_images,
        run.record.data.validation_images,
        Number(UNDEFINED if status.best_epoch is None else str(status.best_epoch + 1)),
        Number(score(values[at] if at is not None and at < len(values) else None, 4)),
        Number(duration(_seconds(run))),
    ]


def _seconds(run: Run) -> float:
    return sum(entry.train_seconds + (entry.evaluation_seconds or 0.0) for entry in run.history())


def _how_good(folder: FoldsFolder, summary: FoldsSummary) -> str:
    one = summary.metrics.get(folder.record.primary_metric)
    if one is None:
        return ""
    return (
        f"The list is as good as the models are: their {folder.record.primary_metric} is {spread_text(one)}. "
        "vistry doctor DATA --html --folds FOLDER shows it beside the rest of the data."
    )


def _evaluation(folder: FoldsFolder, unseen: Unseen | None) -> Iterator[Section]:
    if unseen is None:
        return
    inputs = ReportInputs(
        images=[image.image for image in unseen.images],
        classes=unseen.classes,
        tensors=unseen.tensors(),
        hyperparameters=unseen.hyperparameters,
    )
    yield from task_sections(folder.record.task, inputs)


def _how(folder: FoldsFolder) -> Section:
    record = folder.record
    together = f", in whole groups by {record.group_by}" if record.group_by else ""
    facts = definitions(
        [
            ("data", record.source),
            (
                "folds",
                f"{record.folds}, drawn by class{together}; images that show the same are in one; seed {record.seed}",
            ),
            ("command", element("code", text_of(" ".join(record.command)))),
            ("predictions", "predictions.jsonl, and predictions.csv for labels of whole images"),
            ("labels", "labels.csv and labels.json"),
        ]
    )
    return Section("how", "How it was done", "", parts=[facts])
