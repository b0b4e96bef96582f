"""What to type where a training takes long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Source
from vistry.registry.tasks import task_named
from vistry.report.numbers import duration
from vistry.training.events import BatchEnded, Listener
from vistry.training.model_context import ModelContext

LONG_EPOCH = 1800.0  # seconds
STEPS = 10  # after which an epoch's time is known well enough, or some after the time below
ENOUGH_SECONDS = 300.0
SMALLER = 0.7  # a model with this share of the parameters is a smaller one
MULTIPLE = 32  # sides of images that all networks like


def advice(context: ModelContext, epoch_seconds: float) -> str:
    """Return what would make an epoch shorter; nothing where it takes less than half an hour."""
    if epoch_seconds <= LONG_EPOCH:
        return ""
    ways = [*_smaller_model(context), *_smaller_images(context)]
    shorter = f"to make it shorter, take {' or '.join(ways)}; " if ways else ""
    return f"an epoch takes about {duration(epoch_seconds)}; {shorter}--time-limit 2h ends the training in time"


def _smaller_model(context: ModelContext) -> Iterator[str]:
    card = context.card
    cards = [other for other in context.catalogue.models(task=context.task.name) if context.backend in other.backends]
    smaller = [other for other in cards if 0 < other.parameters < SMALLER * card.parameters]
    if smaller:
        yield f"a smaller model (--model {min(smaller, key=lambda other: other.parameters).name})"


def _smaller_images(context: ModelContext) -> Iterator[str]:
    """Yield the sizes of the input at half of their present values, where the model takes these."""
    names = [name for name in context.schema.fields if name in task_named(context.task.name).input_sizes]
    names += [name for name in context.card.hyperparameters if name.endswith("image_size")]
    options = []
    for name in names:
        half = int(context.hyperparameters[name]) // 2 // MULTIPLE * MULTIPLE
        if half and _allows(context, name, half):
            options.append(f"--{name} {half}")
    if options:
        yield f"smaller images ({' '.join(options)})"


def _allows(context: ModelContext, name: str, value: int) -> bool:
    try:
        context.schema.checked(Source.of({name: value}, "advice"))
    except HyperparameterError:
        return False
    return True


class SlowEpochs(Listener):
    """Gives the advice once, as soon as it is known how long an epoch takes."""

    def __init__(self, context: ModelContext, announce: Listener, clock: Callable[[], float] = time.monotonic):
        self._context, self._announce, self._clock = context, announce, clock
        self._batches, self._is_said = 0, False
        self._began = clock()

    def batch_ended(self, event: BatchEnded) -> None:
        """Give the advice at the tenth batch, or at a later one than the first where ten take minutes."""
        self._batches += 1
        is_known = self._batches >= STEPS or self._clock() - self._began >= ENOUGH_SECONDS
        if self._is_said or event.epoch_seconds is None or not is_known:
            return
        self._is_said = True
        if text := advice(self._context, event.epoch_seconds):
            self._announce.note(text)
