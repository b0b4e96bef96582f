"""Run folders made by hand, and a page taken apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vistry.registry.manifest import PreprocessingSpec
from vistry.report import write_report
from vistry.runs.checkpoint import write_checkpoint
from vistry.runs.folder import PREDICTIONS, Run
from vistry.runs.records import (
    BestFacts,
    DataRecord,
    EngineFacts,
    EpochEntry,
    HyperparameterRecord,
    HyperparametersRecord,
    InitialWeightsRecord,
    ModelRecord,
    RunRecord,
    RunStatus,
)
from vistry.task import behaviour_of

MULTICLASS, MULTILABEL = "image_classification", "image_classification_multilabel"
VOID = {"img", "meta"}
Array = np.ndarray[Any, Any]


@dataclass
class Page(HTMLParser):
    """What a browser would find: elements with attributes, text by section, and tables as rows of text."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[list[list[str]]]] = field(default_factory=dict)
    unclosed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._section = "top"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.unclosed.append(tag)
        if tag == "section":
            self._section = str(dict(attrs)["id"])
        tables = self.tables.setdefault(self._section, [])
        if tag == "table":
            tables.append([])
        elif tag == "tr":
            tables[-1].append([])
        elif tag in ("td", "th"):
            tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self.unclosed):
            return
        self.sections[self._section] = self.sections.get(self._section, "") + data
        if {"td", "th"} & set(self.unclosed):
            self.tables[self._section][-1][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


@dataclass(frozen=True)
class Facts:
    """What a run folder is made of; `predictions` [N, C] and `targets` as the loop writes them."""

    task: str
    classes: Sequence[str]
    images: Sequence[str]
    predictions: Array
    targets: Array
    history: Sequence[EpochEntry] = ()
    status: dict[str, Any] = field(default_factory=dict)
    hyperparameters: dict[str, HyperparameterRecord] = field(default_factory=dict)
    findings: Any = None

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of these predictions."""
        return behaviour_of(self.task).evaluate(self.predictions, self.targets, self.classes, {})


def labels_of(facts: Facts, row: int) -> str | list[str]:
    if facts.task == MULTICLASS:
        return facts.classes[facts.targets[row]]
    return [facts.classes[label] for label in np.flatnonzero(facts.targets[row])]


STAMP = "2026-03-05T14:07:12+0000"


def record_of(facts: Facts) -> RunRecord:
    return RunRecord(
        id="made-by-hand",
        task=facts.task,
        backend="torch",
        model=ModelRecord(name="tiny", full_name="tiny/tiny", distribution="vistry-tiny", version="0.1"),
        classes=tuple(facts.classes),
        primary_metric="accuracy",
        preprocessing=PreprocessingSpec(),
        data=DataRecord(
            source="/somewhere/images",
            training_images=40,
            validation_images=len(facts.images),
            training_class_counts=(7,) * len(facts.classes),
        ),
        initial_weights=InitialWeightsRecord(file=None, run=None),
        command=("vistry", "train"),
        versions={"vistry": "0.1.0"},
        created=STAMP,
    )


def make_folder(folder: Path, facts: Facts, *, evaluated: bool = True) -> Run:
    """A run folder as training leaves it."""
    folder.mkdir(parents=True)
    run = Run(folder)
    rows = [{"image_url": image, "label": labels_of(facts, row)} for row, image in enumerate(facts.images)]
    (folder / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.write_history(facts.history)
    run.write(HyperparametersRecord(values=facts.hyperparameters))
    run.write(RunStatus(**{"status": "completed", "reason": "all epochs are done", "started": STAMP, **facts.status}))
    run.write(record_of(facts))
    if facts.findings is not None:
        (folder / "findings.json").write_text(json.dumps(facts.findings))
    if evaluated:
        tensors = {"predictions": facts.predictions, "targets": facts.targets}
        best = BestFacts(epoch=1, primary_metric="accuracy", metrics=facts.metrics, images=len(facts.images))
        write_checkpoint(folder / PREDICTIONS, tensors, best)
    return run


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Make a run folder out of Facts."""

    def make(facts: Facts, **options: bool) -> Run:
        return make_folder(tmp_path / "made-by-hand", facts, **options)

    return make


def parsed(run: Run) -> Page:
    """Write the report and take it apart."""
    page = Page()
    page.feed(write_report(run).read_text(encoding="utf-8"))
    page.close()
    assert page.unclosed == []
    return page


@pytest.fixture
def parsed_page() -> Callable[[Run], Page]:
    """The page of a run folder."""
    return parsed


@pytest.fixture
def page_of(make_run: Callable[..., Run]) -> Callable[..., Page]:
    """The page of a run made out of Facts."""
    return lambda facts, **options: parsed(make_run(facts, **options))


def history(epochs: int, metrics: dict[str, float]) -> list[EpochEntry]:
    """Epochs that all end with these metrics."""
    return [
        EpochEntry(
            epoch=epoch,
            train_loss=1.0 / (epoch + 1),
            learning_rate=0.01,
            train_seconds=2.0 + epoch,
            metrics=metrics,
            evaluation_seconds=0.5,
        )
        for epoch in range(epochs)
    ]


SETTINGS = {
    "number_of_epochs": HyperparameterRecord(
        value=3, origin="/site-packages/vistry/tables/model_agnostic.toml:12", given=False
    ),
    "learning_rate": HyperparameterRecord(value=0.01, origin="the command line", given=True),
}
ENGINE = EngineFacts(
    backend="torch",
    backend_version="2.14",
    device="cpu",
    precision="bf16",
    precision_reason="the processor has it",
    parameters=10,
    trainable_parameters=10,
)


def facts_of(task: str, classes: Sequence[str], predictions: Array, targets: Array) -> Facts:
    """A run of three epochs; its images are gone."""
    images = [f"/gone/photo{row}.jpg" for row in range(len(predictions))]
    bare = Facts(task, classes, images, predictions.astype(np.float32), targets)
    return replace(bare, history=history(3, bare.metrics), status={"engine": ENGINE}, hyperparameters=SETTINGS)


@pytest.fixture
def multiclass() -> Facts:
    """Six images of three classes: four right, one surely wrong (0.92), one less so (0.55)."""
    predictions = [
        [0.82, 0.10, 0.08],
        [0.30, 0.55, 0.15],
        [0.10, 0.85, 0.05],
        [0.20, 0.75, 0.05],
        [0.00, 0.03, 0.97],
        [0.92, 0.05, 0.03],
    ]
    return facts_of(MULTICLASS, ("ant", "bee", "cat"), np.array(predictions), np.array([0, 0, 1, 1, 2, 2]))


@pytest.fixture
def multilabel() -> Facts:
    """Four images of two classes, three mistakes: one found but not labelled, two labelled but not found."""
    predictions = np.array([[0.9, 0.205], [0.4, 0.8], [0.7, 0.1], [0.1, 0.305]])
    targets = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], np.float32)
    return facts_of(MULTILABEL, ("red", "round"), predictions, targets)


@pytest.fixture
def random_run() -> Callable[[Sequence[str], int], Facts]:
    """Classes and a number of images to a multi-class run that is often right."""

    def make(classes: Sequence[str], images: int) -> Facts:
        random = np.random.default_rng(0)
        targets = np.arange(images) % len(classes)
        powers = np.exp(random.normal(size=(images, len(classes))) + 3 * np.eye(len(classes))[targets])
        return facts_of(MULTICLASS, classes, powers / powers.sum(axis=1, keepdims=True), targets)

    return make
