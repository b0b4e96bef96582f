"""Import of another program's checkpoint: written as safetensors, if it fits the model it is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vistry.errors import WeightsError
from vistry.hyperparameter.schema import Source
from vistry.plugin.types import Values
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.runs.checkpoint import write_tensors
from vistry.training.auto_values import with_auto_resolved
from vistry.training.engines import is_installed
from vistry.training.initial_weights import is_of_backbone, matching_tensors
from vistry.training.model_context import ModelContext
from vistry.weights.matching import Arrays, Shapes
from vistry.weights.read import sha256_of
from vistry.weights.state_dicts import read_state_dict

UNKNOWN_LICENCE = "the file doesn't name a licence for its weights; ask its author before you use them or pass them on"


@dataclass(frozen=True)
class ImportedWeights:
    """The file that was written, and facts about it.

    `key` is the entry that was read, "" for the whole file; `other_keys` has the entries that hold tensors, too.
    `classes` is None where no model was named, or where the file has only its backbone.
    """

    file: Path
    output: Path
    key: str
    other_keys: tuple[str, ...]
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
    hyperparameters: Values | None = None,
) -> ImportedWeights:
    """Write the weights of a checkpoint as safetensors; nothing in it is run.

    Args:
        file: the checkpoint, as torch.save wrote it.
        output: the file to write; by default the checkpoint's name with .safetensors.
        key: the entry of the checkpoint to read, where it has several state dicts.
        model: the model that the weights have to fit, or nothing is written.
        hyperparameters: values by their own names, to build the model with.

    Raises WeightsError, RegistryError or HyperparameterError.
    """
    file = Path(file)
    output = Path(output) if output else file.with_suffix(".safetensors")
    # Never overwritten: what is there may be the only copy of somebody's weights.
    if output.exists():
        raise WeightsError(f"{output} exists already; name another file with --output, or remove it")
    catalogue = Catalogue.read()
    card = catalogue.model(model) if model else None
    state_dict = read_state_dict(file, key)
    classes = None
    if card:
        classes = _num_classes(
            card, state_dict.arrays, catalogue=catalogue, origin=str(file), given=hyperparameters or {}
        )
    notice = card.checkpoint_notice if card and card.checkpoint_notice else UNKNOWN_LICENCE
    sha256 = sha256_of(file)
    facts = {"source": file.name, "source_sha256": sha256, "source_key": state_dict.key, "notice": notice}
    write_tensors(output, state_dict.arrays, facts)
    return ImportedWeights(
        file=file,
        output=output,
        key=state_dict.key,
        other_keys=state_dict.other_keys,
        tensors=len(state_dict.arrays),
        elements=sum(array.size for array in state_dict.arrays.values()),
        sha256=sha256,
        model=card.full_name if card else None,
        classes=classes,
        notice=notice,
    )


def _num_classes(card: ModelCard, arrays: Arrays, *, catalogue: Catalogue, origin: str, given: Values) -> int | None:
    """Count the classes, with a hint at the model's own hyperparameters where the weights don't fit."""
    try:
        return classes_in(card, arrays, catalogue=catalogue, origin=origin, given=given)
    except WeightsError as error:
        if not card.hyperparameters:
            raise
        raise WeightsError(
            f"{error}; give hyperparameters that change its shape as options; see: vistry hyperparameters {card.name}"
        ) from None


def classes_in(card: ModelCard, arrays: Arrays, *, catalogue: Catalogue, origin: str, given: Values) -> int | None:
    """Count the classes of the head in weights of a model; None where they are a classifier's, for the backbone.

    The weights don't say it. A head has the same number of rows for each class, so two models, for two and for three
    classes, tell it.

    Args:
        card: the model.
        arrays: the weights, by name.
        catalogue: the models that the card is one of.
        origin: the file that the weights come from, for messages.
        given: hyperparameters to build the model with.

    Raises:
        WeightsError: the weights don't fit, whatever the number of classes.
    """
    task = card.tasks[0]
    # Shapes are the same in every backend, so whichever is installed will do.
    backend = next((name for name in card.backends if is_installed(name)), card.backends[0])
    sources = [Source.of({**given, "weights": origin}, "the command line")]
    context = ModelContext.of(catalogue, card, task=task, backend=backend)
    context = with_auto_resolved(context.resolved(sources), arrays)

    def shapes(classes: int) -> Shapes:
        return context.engine_module.shapes_of(context.module(classes))

    def mismatched_head(classes: int) -> list[str]:
        return matching_tensors(context, shapes(classes), tensors=arrays, origin=origin, num_classes=classes)[1]

    head = mismatched_head(2)
    if is_of_backbone(card, arrays):
        return None
    if not head:
        return 2
    mapped = context.mapped_weights(arrays, 2)
    two, three = (shapes(classes)[head[0]][0] for classes in (2, 3))
    classes: int = 2 + (mapped[head[0]].shape[0] - two) // (three - two)
    if classes < 1 or mismatched_head(classes):
        raise WeightsError(f"{origin} doesn't fit the model: no number of classes gives the head {head[0]} its shape")
    return classes
