"""One model as `vistry models show` prints it, and what was measured of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vistry.choosing import wording
from vistry.choosing.facts import Default, ModelFacts, OwnRestriction
from vistry.choosing.measurement import Measurement
from vistry.hyperparameter.values import format_value
from vistry.registry.cards import ModelCard
from vistry.weights.published import PublishedWeights


def texts(facts: ModelFacts) -> dict[str, str]:
    """Names and values for `print_facts`, in the order of a reader's questions."""
    card = facts.card
    return {
        "name": card.full_name,
        "summary": card.summary,
        "paper": _lines([card.paper_address, _paper_of_backbone(card)]),
        "tasks": ", ".join(card.tasks),
        "default for": ", ".join(card.default_for),
        "backends": ", ".join(card.backends),
        "parameters": f"{card.parameters:,}",
        "license": card.license,
        "tags": ", ".join(card.tags),
        "backbone": card.backbone.full_name if card.backbone else "",
        "feature maps": wording.maps_text(card),
        "detectors on it": ", ".join(name.rpartition("/")[2] for name in facts.detectors),
        "input": _lines([wording.pixels_text(facts.input), wording.sides_text(card)]),
        "normalisation": f"(value / 255 - mean) / deviation: {wording.normalisation_text(card)}",
        "interpolation": "bilinear",
        "weights": _lines(_weights(facts)),
        "layers to freeze": _layers(facts),
        "defaults": _lines(_defaults(facts.defaults)),
        "restrictions": _lines(_restrictions(facts.restrictions)),
        "doesn't take": _lines(f"{name}: {reason}" for name, reason in card.exclude.items()),
        "plugin": f"{card.distribution} {card.version}",
        "next": _lines(facts.next),
    }


def measured_texts(measured: Measurement) -> dict[str, str]:
    """Names and values for `print_facts`, with how they were measured."""
    batch = f"for {measured.batch} image{'s' if measured.batch != 1 else ''} of"
    training, prediction = map(wording.seconds_text, (measured.training_seconds, measured.prediction_seconds))
    gpu = "" if measured.device == "cpu" else f"{measured.device}; "
    compiling = f"; {measured.compile_seconds:.1f} s of compiling before" if measured.compile_seconds else ""
    return {
        "measured on": f"{gpu}{measured.machine}; {measured.backend} {measured.backend_version}, {measured.precision}",
        "training step": f"{training} {batch} {measured.training_pixels} px, "
        f"{measured.trainable_parameters:,} parameters trained"
        + _memory(measured.training_bytes, measured.training_gpu_bytes),
        "prediction": f"{prediction} {batch} {measured.prediction_pixels} px"
        + _memory(measured.prediction_bytes, measured.prediction_gpu_bytes),
        "how measured": f"median of {measured.steps} steps after {measured.warm_up}; random weights and noise, "
        f"seed {measured.seed}, {measured.classes} classes; memory is the peak of a process that had "
        f"{wording.bytes_text(measured.start_bytes)} before the model{compiling}",
    }


def _memory(resident: int, gpu: int | None) -> str:
    on_gpu = "" if gpu is None else f", {wording.bytes_text(gpu)} of the GPU"
    return f"; {wording.bytes_text(resident)} resident{on_gpu}"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(filter(None, lines))


def _weights(facts: ModelFacts) -> Iterator[str]:
    """A line for each set: whose it is, licence, size, figures, and whether it is here."""
    for entry in facts.weights:
        spec = facts.card.weights[entry.name]
        size, names = spec.size, f" ({spec.class_names})" if spec.class_names else ""
        parts = [
            entry.license,
            f"{entry.classes} classes{names}" if entry.classes else "",
            wording.bytes_text(size) if size else "",
            f"at {entry.file}" if entry.file else "not on this machine",
            wording.figures_text(facts.card, entry.name),
        ]
        yield f"{_title(entry, facts.card)}: {', '.join(filter(None, parts))}"


def _title(entry: PublishedWeights, card: ModelCard) -> str:
    """The name of a set, whose it is where it is the backbone's, and whether a training starts from it unasked."""
    of = [f"of {entry.backbone}"] if entry.backbone else []
    of += ["default"] if entry.name == card.default_weights else []
    return f"{entry.name} ({', '.join(of)})" if of else entry.name


def _paper_of_backbone(card: ModelCard) -> str:
    return f"{card.backbone.paper_address} (backbone)" if card.backbone and card.backbone.paper_address else ""


def _restrictions(restrictions: Iterable[OwnRestriction]) -> Iterator[str]:
    """A line for each range and its reason, with the hyperparameters that it is for."""
    names: dict[str, list[str]] = {}
    for one in restrictions:
        names.setdefault(f"{wording.range_text(one.range)}: {one.range.reason}", []).append(one.name)
    for text, of_names in names.items():
        yield f"{', '.join(of_names)} {text}"


def _layers(facts: ModelFacts) -> str:
    card = facts.card
    if not card.freeze:
        return ""
    still = f"; the first {card.frozen_layers} stay still where it starts from weights" if card.frozen_layers else ""
    return f"{len(card.freeze)}: {wording.layer_names(card.freeze)}{still}"


def _defaults(defaults: Iterable[Default]) -> Iterator[str]:
    """A line for each default, with the tasks that have it."""
    tasks: dict[tuple[str, str, str], list[str]] = {}
    for one in defaults:
        usual = "" if one.shared is None else f" ({format_value(one.shared)} for others)"
        tasks.setdefault((one.name, format_value(one.value), usual), []).append(one.task)
    several = _tasks_of(tasks)
    for (name, value, usual), of_tasks in tasks.items():
        where = "" if len(of_tasks) == several else f", {wording.aliases(of_tasks)}"
        yield f"{name} {value}{usual}{where}"


def _tasks_of(tasks: Mapping[tuple[str, str, str], list[str]]) -> int:
    return len({task for of_tasks in tasks.values() for task in of_tasks})
