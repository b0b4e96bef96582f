"""The weights that a training starts from, loaded into a model for any number of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vistry.errors import WeightsError
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.types import Module, StateDict
from vistry.registry.cards import BACKBONE_PREFIX, ModelCard
from vistry.registry.manifest import PreprocessingSpec, WeightsSpec
from vistry.registry.policy import Policy
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import BEST, Run
from vistry.runs.many import find_run_or_best
from vistry.runs.records import InitialWeightsRecord, ModelRecord
from vistry.training.model_context import ModelContext
from vistry.weights.class_lists import class_list, spelled_as
from vistry.weights.class_rows import TakenOver, by_class_name, layouts
from vistry.weights.locate import LocatedWeights, locate
from vistry.weights.matching import Arrays, Shapes, match_backbone, match_state_dict
from vistry.weights.read import read_weights


@dataclass(frozen=True)
class InitialWeights:
    """The source of the first weights: a file, another run, or neither for random ones.

    `name` and `published` are those of a file that a plugin publishes, `located` says which file it is.
    """

    file: Path | None = None
    run: Run | None = None
    name: str | None = None
    published: WeightsSpec | None = None
    located: LocatedWeights | None = None

    @classmethod
    def named_in(cls, hyperparameters: Hyperparameters, card: ModelCard) -> InitialWeights:
        """Return the source that `weights` or `checkpoint_run_id` names. Raises WeightsError or RunError."""
        run_id = hyperparameters.checkpoint_run_id
        if run_id is None:
            located = locate(hyperparameters.weights, card)
            source = cls.published_or_file(hyperparameters.weights, located.path if located else None, card)
            return replace(source, located=located)
        run = find_run_or_best(run_id)
        if not _is_of(run.record.model, card):
            model = run.record.model
            trained = f"{model.full_name} on {model.backbone}" if model.backbone else model.full_name
            raise WeightsError(
                f"checkpoint_run_id = {run.id} is a run of {trained}, not of {card.full_name}; "
                "choose a run of the same model"
            )
        _ = run.best_weights  # raises RunError where the run ended before its first checkpoint
        return cls(run=run)

    @classmethod
    def published_or_file(cls, name: str | None, file: Path | None, card: ModelCard) -> InitialWeights:
        """Return a file as the source, with what the card says of weights of this name."""
        published = card.weights.get(name or "")
        return cls(file=file, name=name if published else None, published=published)

    @property
    def preprocessing(self) -> PreprocessingSpec | None:
        """How pixels are normalised for them, as far as they say so: None for a file, and where the card says it."""
        if self.run is not None:
            return self.run.record.preprocessing
        return self.published.preprocessing if self.published else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names that the head was trained for: a run's, of the run that a file lies in, or published."""
        if self.run is not None:
            return self.run.record.classes
        if self.published is not None:
            return class_list(self.published.class_names) if self.published.class_names else ()
        folder = None if self.file is None else self.file.resolve().parent.parent
        is_of_run = folder is not None and self.file is not None and self.file.resolve() == folder / BEST
        return Run(folder).record.classes if folder and is_of_run and (folder / "run.json").is_file() else ()

    def record(self) -> InitialWeightsRecord:
        """What run.json keeps of the source."""
        located = self.located if self.name else None
        return InitialWeightsRecord(
            # Of a link its own name stays, which says what kind of file it is.
            file=str(self.file.parent.resolve() / self.file.name) if self.file else None,
            run=str(self.run.folder) if self.run else None,
            name=self.name,
            source=located.source if located else None,
            sha256=located.sha256 if located else None,
            revision=located.revision if located else None,
        )

    @property
    def label(self) -> str:
        """The run's identifier, the name of published weights or the file's path, for a message."""
        if self.run is not None:
            return self.run.id
        return f"{self.name} ({self.file})" if self.name else str(self.file or "random weights")

    def read(self, card: ModelCard, policy: Policy) -> Arrays:
        """Read the tensors by name; for random weights there are none. Raises WeightsError or RunError."""
        if self.run is not None:
            return dict(read_checkpoint(self.run.best_weights)[0])
        return {} if self.file is None else read_weights(self.file, card, policy)


def _is_of(model: ModelRecord, card: ModelCard) -> bool:
    """Return whether a run trained this model: by its name, and on its backbone where one is recorded."""
    if not model.backbone or card.backbone is None:
        return model.full_name == card.full_name
    family = model.full_name.partition("/")[0]
    return (family, model.backbone) == (card.family, card.backbone.full_name)


@dataclass(frozen=True)
class LoadedWeights:
    """What became of initial weights: the tensors that keep their random values, and a head filled by class names."""

    fresh: tuple[str, ...] = ()
    head: TakenOver | None = None


def load_initial_weights(
    context: ModelContext, module: Module, source: InitialWeights, *, num_classes: int, classes: Sequence[str] = ()
) -> LoadedWeights:
    """Load weights into a module.

    Where the weights are a run's, and `classes` are named, rows of the head go by the names of classes. Otherwise a
    head keeps its random values where it has another number of classes. A composed model accepts weights of its own,
    or those of a classifier, of which it takes the backbone.

    Args:
        context: the model.
        module: the network to load them into, as `context.module` builds it.
        source: where the weights are.
        num_classes: the number of classes that the module was built for.
        classes: their names, in the order of the outputs; none where they aren't known.

    Raises:
        WeightsError: the weights can't be read, or anything but the head doesn't fit.
    """
    tensors = source.read(context.card, context.catalogue.policy)
    if not tensors:
        return LoadedWeights()
    engine = context.engine_module
    head = None
    names = (spelled_as(source.classes, classes), tuple(classes)) if classes else ((), ())
    if names[0] and names[0] != names[1]:
        filled, head = head_by_class_name(context, engine.arrays_of(module), tensors, names=names)
        tensors |= filled
    matching, fresh = matching_tensors(
        context,
        engine.shapes_of(module),
        tensors=tensors,
        origin=f"run {source.label}" if source.run else source.label,
        num_classes=num_classes,
    )
    if fresh:
        # load_arrays wants every tensor of the module.
        matching |= {name: value for name, value in engine.arrays_of(module).items() if name in fresh}
    engine.load_arrays(module, matching)
    return LoadedWeights(tuple(fresh), head)


def head_by_class_name(
    context: ModelContext, new: StateDict, old: StateDict, *, names: tuple[Sequence[str], Sequence[str]]
) -> tuple[Arrays, TakenOver]:
    """Return the tensors of a head for other classes, with what was learned of the classes of both, by name.

    `new` are the random tensors of the model, `old` those of the run, and `names` the classes of the run and of the
    model. A tensor whose rows can't be told apart keeps its random values.
    """
    before, after = names
    shapes = {name: tuple(value.shape) for name, value in new.items()}
    larger = context.engine_module.shapes_of(context.module(len(after) + 1))
    filled: Arrays = {}
    moved = []
    for name, layout in layouts(context.card.class_rows, shapes, larger, num_classes=len(after)).items():
        filled[name], by_name = new[name], False
        if layout is not None and name in old:
            filled[name], by_name = by_class_name(old[name], new[name], layout, classes=names)
        moved += [name] * by_name
    taken = tuple(name for name in after if name in before) if moved else ()
    fresh = tuple(name for name in filled if name not in moved) if taken else ()
    return filled, TakenOver(taken, tuple(name for name in after if name not in taken), fresh)


def matching_tensors(
    context: ModelContext, shapes: Shapes, *, tensors: StateDict, origin: str, num_classes: int
) -> tuple[Arrays, list[str]]:
    """Return the tensors that fit a model, and the names of those that keep their random values.

    Raises WeightsError where anything but the head doesn't fit.

    Args:
        context: the model.
        shapes: the shape of each of its tensors, by name.
        tensors: the weights, under the names of their file.
        origin: the file or run that they come from, for a message.
        num_classes: the number of classes that the model was built for.
    """
    if is_of_backbone(context.card, tensors):
        mapped = context.mapped_weights(tensors, num_classes, of_backbone=True)
        return match_backbone(mapped, shapes, BACKBONE_PREFIX, origin=origin)
    mapped = context.mapped_weights(tensors, num_classes)
    return match_state_dict(
        mapped, shapes, lambda: class_dependent_tensors(context, shapes, num_classes), origin=origin
    )


def is_of_backbone(card: ModelCard, tensors: Mapping[str, object]) -> bool:
    """Return whether a model is composed and these tensors are a classifier's, under names without its prefix."""
    return card.backbone is not None and not any(name.startswith(BACKBONE_PREFIX) for name in tensors)


def class_dependent_tensors(context: ModelContext, shapes: Shapes, num_classes: int) -> set[str]:
    """Return the names of the tensors whose shape depends on the number of classes.

    No plugin declares them: the same model with one class more tells them apart.
    """
    larger = context.engine_module.shapes_of(context.module(num_classes + 1))
    return {name for name, shape in shapes.items() if larger.get(name) != shape}
