"""Models side by side: a table of their facts, of which those that differ stand out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from vistry.choosing import wording
from vistry.choosing.facts import ModelFacts, ModelFactsRecord
from vistry.choosing.measurement import Measurement, MeasurementRecord, Question, answer_to
from vistry.errors import RegistryError
from vistry.hyperparameter.fields import shared_with_policy
from vistry.hyperparameter.values import format_value
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import Scalar
from vistry.registry.records import ModelRecord
from vistry.registry.tasks import task_named

NOTHING = "-"  # in the table: the model has no such thing


class RowRecord(TypedDict):
    """A fact of every model, in words."""

    fact: str
    values: list[str]
    differs: bool


class ComparisonRecord(TypedDict):
    """Models side by side, in the order in which they were named."""

    models: list[ModelRecord]
    facts: list[ModelFactsRecord]
    rows: list[RowRecord]
    measured: list[MeasurementRecord]


@dataclass(frozen=True)
class Row:
    """A fact of every model, in words."""

    fact: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the models aren't alike in it."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Comparison:
    """Models side by side, in the order in which they were named. `measured` is empty unless it was asked for."""

    models: tuple[ModelFacts, ...]
    rows: tuple[Row, ...]
    measured: tuple[Measurement, ...] = ()

    def to_dict(self) -> ComparisonRecord:
        """The comparison as plain JSON values."""
        return {
            "models": [facts.card.to_dict() for facts in self.models],
            "facts": [facts.to_dict() for facts in self.models],
            "rows": [{"fact": row.fact, "values": list(row.values), "differs": row.differs} for row in self.rows],
            "measured": [measurement.to_dict() for measurement in self.measured],
        }

    def with_measurements(self, measured: Sequence[Measurement]) -> Comparison:
        """The comparison with what was measured of each model, and a row for each figure."""
        return replace(self, rows=(*self.rows, *_measured_rows(measured)), measured=tuple(measured))


def compare_models(
    models: Sequence[str],
    *,
    measured: bool = False,
    task: str | None = None,
    backend: str | None = None,
    batch: int | None = None,
) -> Comparison:
    """Put models side by side.

    Args:
        models: the names of two models or more.
        measured: measure each model's training step and prediction on this machine, one after the other.
        task: what to measure them for, a name or an alias; by default the first task of each.
        backend: the tensor library to measure them with, "torch" or "jax"; by default the first of each.
        batch: images of a measured step.

    Raises RegistryError; VistryError where a model can't be measured.
    """
    comparison = facts_side_by_side(models)
    if not measured:
        return comparison
    cards = [facts.card for facts in comparison.models]
    # All are asked about before the first is measured, which takes long.
    questions = [Question.about(card, task=task, backend=backend, batch=batch) for card in cards]
    return comparison.with_measurements([answer_to(question) for question in questions])


def facts_side_by_side(models: Sequence[str]) -> Comparison:
    """Put models side by side by what their manifests say. Raises RegistryError."""
    catalogue = Catalogue.read()
    cards = [catalogue.model(name) for name in models]
    names = [card.full_name for card in cards]
    if twice := [name for name in names if names.count(name) > 1]:
        raise RegistryError(f"{twice[0]} is named twice; a model isn't compared with itself")
    if len(cards) < 2:
        raise RegistryError("a comparison needs at least two models; to see one, type: vistry models show MODEL")
    facts = [ModelFacts.of(catalogue, card) for card in cards]
    rows = [row for section in _SECTIONS for row in _rows_of([dict(section(one)) for one in facts])]
    rows += _default_rows(catalogue, facts)
    return Comparison(tuple(facts), tuple(row for row in rows if set(row.values) != {NOTHING}))


def _rows_of(columns: Sequence[Mapping[str, str]]) -> Iterator[Row]:
    """A row for each fact that one of the models has."""
    for name in dict.fromkeys(name for column in columns for name in column):
        yield Row(name, tuple(column.get(name) or NOTHING for column in columns))


# Each section yields name and value of facts of a model, as short as a column of a table needs them.


def _of_the_whole(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    card = facts.card
    yield "family", card.family
    yield "tasks", wording.aliases(card.tasks)
    yield "backends", ", ".join(card.backends)
    yield "parameters", f"{card.parameters / 1e6:.1f} M"
    yield "license", card.license
    yield "backbone", card.backbone.full_name if card.backbone else ""
    yield "weights", ", ".join(card.weights)
    yield "weights' license", ", ".join(dict.fromkeys(spec.license for spec in card.weights.values()))
    yield "weights here", ", ".join(entry.name for entry in facts.weights if entry.file)


def _figures(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    for name, value in wording.best_figures(facts.card).items():
        yield name, f"{value:g}"


def _input(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    for one in facts.input:
        yield one.name, format_value(one.pixels)


def _of_the_network(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    card = facts.card
    yield "input sides", wording.sides_text(card)
    yield "normalisation", wording.normalisation_text(card)
    yield "layers to freeze", str(len(card.freeze) or "")
    yield "feature maps", wording.maps_text(card)
    yield "detectors on it", str(len(facts.detectors) or "")
    yield "doesn't take", ", ".join(card.exclude)
    yield "paper", card.paper_address
    yield "plugin", f"{card.distribution} {card.version}"


def _restrictions(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    for one in facts.restrictions:
        yield f"{one.name} must be", wording.range_text(one.range)


_SECTIONS = (_of_the_whole, _figures, _input, _of_the_network, _restrictions)


def _default_rows(catalogue: Catalogue, models: Sequence[ModelFacts]) -> Iterator[Row]:
    """A row for each default that one of the models changes for a task; the others' is the task's."""
    changed = dict.fromkeys((default.name, default.task) for facts in models for default in facts.defaults)
    for name, task in sorted(changed):
        shared = shared_with_policy(catalogue, task)
        usual = format_value(shared[name].default) if name in shared else NOTHING
        yield Row(
            f"{name}, {task_named(task).alias}", tuple(_default(facts, name, task, usual=usual) for facts in models)
        )


def _default(facts: ModelFacts, name: str, task: str, usual: str) -> str:
    if task not in facts.card.tasks or name in facts.card.exclude:
        return NOTHING
    own: Iterable[Scalar] = (one.value for one in facts.defaults if (one.name, one.task) == (name, task))
    return next(map(format_value, own), usual)


def _measured_rows(measured: Sequence[Measurement]) -> Iterator[Row]:
    def row(fact: str, values: Iterable[str]) -> Row:
        return Row(fact, tuple(values))

    yield row("measured for", (wording.aliases([one.task]) for one in measured))
    yield row("batch of", (f"{one.batch} of {one.training_pixels} px" for one in measured))
    yield row("training step", (wording.seconds_text(one.training_seconds) for one in measured))
    yield row("training memory", (wording.bytes_text(one.training_bytes) for one in measured))
    yield row("prediction", (wording.seconds_text(one.prediction_seconds) for one in measured))
    yield row("prediction memory", (wording.bytes_text(one.prediction_bytes) for one in measured))
    if any(one.training_gpu_bytes for one in measured):
        yield row("training, GPU memory", (_gpu(one.training_gpu_bytes) for one in measured))
        yield row("prediction, GPU memory", (_gpu(one.prediction_gpu_bytes) for one in measured))


def _gpu(size: int | None) -> str:
    return NOTHING if size is None else wording.bytes_text(size)
