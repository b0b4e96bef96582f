"""How training went: its curves, the metrics of the best epoch, and the time it took."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import median

from markupsafe import Markup

from vistry.report.lines import Line, over_epochs
from vistry.report.markup import Content, element, text_of
from vistry.report.numbers import duration, score
from vistry.report.run_contents import Contents
from vistry.report.section import Section
from vistry.report.table import Cell, Number, facts, table
from vistry.runs.records import EngineFacts, EpochEntry, RunRecord

AVERAGES = ("macro", "micro", "weighted")
AVERAGED = re.compile(rf"(.+)_({'|'.join(AVERAGES)})")
VALIDATION_LOSS = "log_loss"


def curves(contents: Contents) -> Section:
    """Losses, primary metric and learning rate of each epoch."""
    history, best = contents.history, contents.best.epoch if contents.best else None
    if not history:
        return Section("training", "Training", "No epoch was finished.", [])
    training = Line("training", [(entry.epoch + 1, entry.train_loss) for entry in history])
    validation = Line("validation", _validated(contents, VALIDATION_LOSS), "c2")
    ceiling = 2 * max(max(training.values), median(validation.values or [0.0]))
    primary = Line(contents.primary, _validated(contents, contents.primary), "c3")
    rate = Line("learning rate", [(entry.epoch + 1, entry.learning_rate) for entry in history], "c4")
    charts = [
        over_epochs("Loss", "loss", [training, validation], best, from_zero=True, ceiling=ceiling),
        over_epochs(f"{contents.primary} on the validation images", contents.primary, [primary], best),
        over_epochs("Learning rate at the end of the epoch", "learning rate", [rate], best, from_zero=True),
    ]
    note = "The weights of the best epoch are the ones that are kept."
    if max(training.values + validation.values) > ceiling:
        note += " A loss above the chart is drawn at its upper edge."
    return Section("training", "Training", note, [element("div", *charts, class_="charts")])


def _validated(contents: Contents, metric: str) -> list[tuple[float, float]]:
    return [
        (entry.epoch + 1, entry.metrics[metric])
        for entry in contents.history
        if entry.metrics is not None and metric in entry.metrics
    ]


def metrics(contents: Contents) -> Section | None:
    """Every metric of the best epoch; those that are averaged over classes side by side."""
    if contents.best is None:
        return None
    found = contents.best.metrics
    single = [(name, score(value, 4)) for name, value in found.items() if not AVERAGED.fullmatch(name)]
    note = (
        f"On the validation images after epoch {contents.best.epoch}. Macro: the mean over classes; micro: all answers "
        "counted alike; weighted: the mean weighted by the images of each class."
    )
    parts = [facts(single), _averages(found)]
    return Section("metrics", "Metrics", note, [element("div", *parts, class_="side even")])


def _averages(found: Mapping[str, float]) -> Markup:
    names = dict.fromkeys(match[1] for name in found if (match := AVERAGED.fullmatch(name)))
    if not names:
        return Markup("")
    rows = [[_plain(name), *(_average(found, name, average) for average in AVERAGES)] for name in names]
    return table(("", *AVERAGES), rows)


def _average(found: Mapping[str, float], name: str, average: str) -> Cell:
    return Number(score(found.get(f"{name}_{average}"), 4))


def _plain(name: str) -> str:
    words = name.removesuffix("_score").replace("_", " ")
    return {"f1": "F1", "iou": "IoU"}.get(words, words)


def timings(contents: Contents) -> Section:
    """Seconds, and what they were spent on."""
    history, engine, record = contents.history, contents.status.engine, contents.record
    pairs: list[tuple[str, Content | None]] = [
        ("an epoch's training", _spread([entry.train_seconds for entry in history])),
        (
            "an evaluation",
            _spread([entry.evaluation_seconds for entry in history if entry.evaluation_seconds is not None]),
        ),
        ("in all", duration(contents.seconds) if history else None),
        ("training images per second", _speed(history, record.data.training_images)),
        *([] if engine is None else _engine(engine)),
        ("model", f"{record.model.full_name} ({record.model.distribution} {record.model.version})"),
        ("weights to start from", _start(record)),
        ("versions", _versions(record, engine)),
        ("command", element("code", " ".join(record.command))),
    ]
    return Section("timings", "Time", "", [facts(pairs)])


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
    start = record.initial_weights
    return text_of(start.file or start.run or "none: trained from scratch")


def _versions(record: RunRecord, engine: EngineFacts | None) -> str:
    versions = dict(record.versions)
    if engine is not None:
        versions[engine.backend] = engine.backend_version
    return ", ".join(f"{name} {version}" for name, version in versions.items())
