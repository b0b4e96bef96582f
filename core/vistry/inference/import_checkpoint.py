"""A checkpoint from elsewhere made a safetensors file, and held against the model it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.errors import WeightsError
from vistry.hyperparameter.schema import Source
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.runs.checkpoint import write_tensors
from vistry.training.engines import is_installed
from vistry.training.initial_weights import is_of_backbone, matching_tensors
from vistry.training.model_context import ModelContext
from vistry.weights.matching import Arrays, Shapes
from vistry.weights.read import sha256_of
from vistry.weights.state_dicts import read_foreign

NO_NOTICE = (
    "the file doesn't say under which licence its weights are; ask its author before you use them or pass them on"
)


@dataclass(frozen=True)
class ImportedWeights:
    """What was written: `key` is the set of weights in `file`, `beside` the other sets that are in it.

    `classes` is None where no model was named, or where only its backbone is in the file.
    """

    file: Path
    output: Path
    key: str
    beside: tuple[str, ...]
    tensors: int
    elements: int
    sha256: str
    model: str | None
    classes: int | None
    notice: str


def import_weights(
    file: str | Path,
    *,
    output: str | Path | None = None,
    key: str | None = None,
    model: str | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
) -> ImportedWeights:
    """Write the weights in a file of torch.save's as safetensors. Nothing in the file is run.

    Args:
        file: the checkpoint.
        output: the file to write; by default the checkpoint's name with .safetensors.
        key: which of the sets of weights in the file; by default a moving average, else the only one.
        model: write them only if they fit this model.
        hyperparameters: values by their own names, for those that change the model.

    Raises WeightsError, RegistryError or HyperparameterError.
    """
    file = Path(file)
    output = Path(output) if output else file.with_suffix(".safetensors")
    if output.exists():
        raise WeightsError(f"{output} exists already; name another file with --output, or remove it")
    catalogue = Catalogue.read()
    card = catalogue.model(model) if model else None
    checkpoint = read_foreign(file, key)
    classes = _checked(catalogue, card, checkpoint.arrays, str(file), hyperparameters or {}) if card else None
    notice = card.checkpoint_notice if card and card.checkpoint_notice else NO_NOTICE
    sha256 = sha256_of(file)
    facts = {"source": file.name, "source_sha256": sha256, "source_key": checkpoint.key, "notice": notice}
    write_tensors(output, checkpoint.arrays, facts)
    return ImportedWeights(
        file=file,
        output=output,
        key=checkpoint.key,
        beside=checkpoint.beside,
        tensors=len(checkpoint.arrays),
        elements=sum(array.size for array in checkpoint.arrays.values()),
        sha256=sha256,
        model=card.full_name if card else None,
        classes=classes,
        notice=notice,
    )


def _checked(
    catalogue: Catalogue, card: ModelCard, arrays: Arrays, origin: str, given: Mapping[str, Any]
) -> int | None:
    try:
        return classes_of(catalogue, card, arrays, origin, given)
    except WeightsError as error:
        if not card.hyperparameters:
            raise
        raise WeightsError(
            f"{error}; hyperparameters that decide its shape are options, type: vistry hyperparameters {card.name}"
        ) from None


def classes_of(
    catalogue: Catalogue, card: ModelCard, arrays: Arrays, origin: str, given: Mapping[str, Any]
) -> int | None:
    """How many classes the head has in weights of a model; None where they are a classifier's, for its backbone.

    Raises WeightsError where they don't fit. A head grows by the same number of rows for each class.
    """
    task = card.tasks[0]
    backend = next((name for name in card.backends if is_installed(name)), card.backends[0])
    sources = [Source.of({**given, "weights": origin}, "the command line")]
    context = ModelContext.of(catalogue, card, task, backend).resolved(sources).with_auto_resolved(arrays)

    def shapes(classes: int) -> Shapes:
        shapes: Shapes = context.engine_module.shapes_of(context.module(classes))
        return shapes

    def fresh(classes: int) -> list[str]:
        return matching_tensors(context, shapes(classes), tensors=arrays, origin=origin, num_classes=classes)[1]

    head = fresh(2)
    if is_of_backbone(card, arrays):
        return None
    if not head:
        return 2
    mapped = context.mapped_weights(arrays, 2)
    two, three = (shapes(classes)[head[0]][0] for classes in (2, 3))
    classes: int = 2 + (mapped[head[0]].shape[0] - two) // (three - two)
    if classes < 1 or fresh(classes):
        raise WeightsError(f"{origin} doesn't fit the model: no number of classes gives the head {head[0]} its shape")
    return classes
