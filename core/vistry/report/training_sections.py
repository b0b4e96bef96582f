"""The sections about training: its curves, the metrics of the best epoch, and the time it took."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import median

from markupsafe import Markup

from vistry.report.doubt import absent_text
from vistry.report.lines import Line, ValueAxis, over_epochs
from vistry.report.markup import Content, element, text_of
from vistry.report.numbers import duration, score
from vistry.report.run_contents import Contents
from vistry.report.section import Section
from vistry.report.table import Cell, Number, definitions, table
from vistry.runs.records import EngineFacts, EpochEntry, RunRecord

# Metrics whose name ends in one of these are the same score averaged over the classes in different ways.
AVERAGES = ("macro", "micro", "weighted")
AVERAGED = re.compile(rf"(.+)_({'|'.join(AVERAGES)})")
VALIDATION_LOSS = "log_loss"


def training_section(contents: Contents) -> Section:
    """Draw losses, primary metric and learning rate over the epochs."""
    history, best = contents.history, contents.best.epoch if contents.best else None
    if not history:
        return Section("training", "Training", "No epoch was finished.", parts=[])
    training = Line("training", [(entry.epoch + 1, entry.train_loss) for entry in history])
    validation = Line("validation", _validated(contents, VALIDATION_LOSS), "c2")
    # An early validation loss is often hundreds of times larger than all that follow.
    ceiling = 2 * max(max(training.values), median(validation.values or [0.0]))
    primary = Line(contents.primary, _validated(contents, contents.primary), "c3")
    learning_rate = Line("learning rate", [(entry.epoch + 1, entry.learning_rate) for entry in history], "c4")
    charts = [
        over_epochs("Loss", ValueAxis("loss", from_zero=True, ceiling=ceiling), [training, validation], best=best),
        over_epochs(f"{contents.primary} on the validation images", ValueAxis(contents.primary), [primary], best=best),
        over_epochs(
            "Learning rate at the end of the epoch",
            ValueAxis("learning rate", from_zero=True),
            [learning_rate],
            best=best,
        ),
    ]
    note = "The weights of the best epoch are the ones that are kept."
    if max(training.values + validation.values) > ceiling:
        note += " A loss above the chart is drawn at its upper edge."
    return Section("training", "Training", note, parts=[element("div", *charts, class_="charts")])


def _validated(contents: Contents, metric: str) -> list[tuple[float, float]]:
    return [
        (entry.epoch + 1, entry.metrics[metric])
        for entry in contents.history
        if entry.metrics is not None and metric in entry.metrics
    ]


def metrics_section(contents: Contents) -> Section | None:
    """List every metric of the best epoch, with the averages of one score over the classes side by side."""
    if contents.best is None:
        return None
    values = contents.best.metrics
    single = [(name, score(value, 4)) for name, value in values.items() if not AVERAGED.fullmatch(name)]
    note = (
        f"On the validation images after epoch {contents.best.epoch}. Macro: the mean over the classes that these "
        "images have; micro: all answers counted alike; weighted: the mean weighted by the images of each class."
    )
    if absent := contents.status.absent_classes:
        note += f" Note: {absent_text(absent)}."
    parts = [definitions(single), _averages(values)]
    return Section("metrics", "Metrics", text_of(note), parts=[element("div", *parts, class_="side even")])


def _averages(values: Mapping[str, float]) -> Markup:
    names = dict.fromkeys(match[1] for name in values if (match := AVERAGED.fullmatch(name)))
    if not names:
        return Markup("")
    rows = [[_plain(name), *(_average(values, name, average) for average in AVERAGES)] for name in names]
    return table(("", *AVERAGES), rows)


def _average(values: Mapping[str, float], name: str, average: str) -> Cell:
    return Number(score(values.get(f"{name}_{average}"), 4))


def _plain(name: str) -> str:
    words = name.removesuffix("_score").replace("_", " ")
    return {"f1": "F1", "iou": "IoU"}.get(words, words)


def timing_section(contents: Contents) -> Section:
    """List times, speed, device, versions and the command."""
    history, engine, record = contents.history, contents.status.engine, contents.record
    pairs: list[tuple[str, Content | None]] = [
        ("an epoch's training", _spread([entry.train_seconds for entry in history])),
        ("an evaluation", _spread([seconds for entry in history if (seconds := entry.evaluation_seconds) is not None])),
        ("in all", duration(contents.seconds) if history else None),
        ("training images per second", _speed(history, record.data.training_images)),
        *([] if engine is None else _engine(engine)),
        ("model", f"{record.model.full_name} ({record.model.distribution} {record.model.version})"),
        ("backbone", record.model.backbone or None),
        ("weights to start from", _start(record)),
        ("versions", _versions(record, engine)),
        ("command", element("code", " ".join(record.command))),
    ]
    return Section("timings", "Time", "", parts=[definitions(pairs)])


def _spread(seconds: list[float]) -> str | None:
    if not seconds:
        return None
    middle, low, high = (_seconds(value) for value in (median(seconds), min(seconds), max(seconds)))
    return f"{middle} (median; {low} to {high})" if len(seconds) > 1 else middle


def _seconds(value: float) -> str:
    return f"{value:.2g} s" if value < 10 else duration(value)


def _speed(history: Sequence[EpochEntry], images: int) -> str | None:
    seconds = [entry.train_seconds for entry in history if entry.train_seconds > 0]
    return f"{images / median(seconds):,.0f}" if seconds else None


def _engine(engine: EngineFacts) -> list[tuple[str, str]]:
    return [
        ("device", engine.device),
        ("precision", f"{engine.precision} ({engine.precision_reason})"),
        ("parameters", f"{engine.parameters:,}, of which {engine.trainable_parameters:,} were trained"),
    ]


def _start(record: RunRecord) -> Content:
    weights = record.initial_weights
    if weights.name:
        revision = f", commit {weights.revision}" if weights.revision else ""
        return text_of(f"{weights.name}, from {weights.source}{revision}, SHA-256 {weights.sha256}")
    return text_of(weights.file or weights.run or "none: trained from scratch")


def _versions(record: RunRecord, engine: EngineFacts | None) -> str:
    versions = dict(record.versions)
    if engine is not None:
        versions[engine.backend] = engine.backend_version
    return ", ".join(f"{name} {version}" for name, version in versions.items())
