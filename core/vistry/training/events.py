"""What a training announces, and to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vistry.runs.records import EpochEntry


class Stoppable(Protocol):
    """The running training, as far as a listener may act on it."""

    def stop(self, reason: str) -> None:
        """Ask it to end after the present update, as at the time limit: evaluated, saved, ready to be resumed.

        Asked at an epoch's end, or when a resumed training begins, it trains no further update.
        """


@dataclass(frozen=True, kw_only=True)
class LossComputed:
    """A batch's loss and its terms, before they are checked; `step` counts batches from 0 over all epochs."""

    step: int
    loss: float
    terms: Mapping[str, float]
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class BatchEnded:
    """A batch is done; epochs and batches count from 1.

    `remaining` and `epoch_seconds`, how long a whole epoch takes, are in seconds, None while they can't be told.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    learning_rate: float
    remaining: float | None
    epoch_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class EpochEnded:
    """An epoch is done: its line of metrics.jsonl, and whether it is the best so far.

    One that isn't whole was cut short, by the time limit or by `stop`, and is trained to its end when the run goes on.
    """

    entry: EpochEntry
    epochs: int
    primary_metric: str
    is_best: bool
    is_whole: bool = True


@dataclass(frozen=True)
class Outcome:
    """Why training ended ("completed" or "stopped", and a reason), and its best evaluation; epochs count from 0."""

    status: str
    reason: str
    best_epoch: int | None
    best_score: float | None
    epochs: int


class Listener:
    """Somebody who wants to know how a training goes: subclass it and override what matters; here nothing is done.

    The order is

        training_begins
            update_begins, then for each of its batches loss_computed and batch_ended, then update_ended
            evaluation_begins, evaluated         (every evaluation_frequency epochs)
            epoch_ended
            saving_begins, saved                 (for each checkpoint; the best is written before `evaluated`, and the
                                                  state to go on from may be written after any update)
        training_ended

    and `note` at any time. Events are called in the training's own thread, one listener after the other. An exception
    from a listener ends the training as any other does: what was saved before is intact, and the run can be resumed.
    """

    def note(self, text: str) -> None:
        """Take a sentence worth reading, such as the device that is used."""

    def training_begins(self, training: Stoppable) -> None:
        """Called before the first update, in a resumed run too."""

    def update_begins(self) -> None:
        """Called before each update of the weights: once a batch, or once a group of accumulated batches."""

    def loss_computed(self, event: LossComputed) -> None:
        """Called when a batch's gradient is computed and not yet applied."""

    def batch_ended(self, event: BatchEnded) -> None:
        """Called after each batch."""

    def update_ended(self) -> None:
        """Called after each update, before it can be saved."""

    def evaluation_begins(self, epoch: int) -> None:
        """Called before an evaluation; `epoch` counts from 0."""

    def evaluated(self, epoch: int, metrics: Mapping[str, float], is_best: bool) -> None:
        """Called after an evaluation, when the checkpoint of a best epoch is written; `epoch` counts from 0."""

    def saving_begins(self, path: Path) -> None:
        """Called before a checkpoint is written."""

    def saved(self, path: Path) -> None:
        """Called after a checkpoint is written."""

    def epoch_ended(self, event: EpochEnded) -> None:
        """Called when an epoch is in metrics.jsonl; its checkpoints come next."""

    def training_ended(self, outcome: Outcome | None) -> None:
        """Called once at the end; `outcome` is None where an error or Ctrl-C ended the training."""


class EvaluationListener(Listener):
    """A listener that wants to know how far an evaluation is, too."""

    def images_evaluated(self, done: int, images: int) -> None:
        """Called between `evaluation_begins` and `evaluated`, after each batch: so many of the images are done."""


class Announcer(Listener):
    """Passes each event to several listeners, in their order."""

    def __init__(self, listeners: Sequence[Listener]):
        self._listeners = tuple(listeners)

    def note(self, text: str) -> None:
        """Pass the sentence on."""
        for listener in self._listeners:
            listener.note(text)

    def training_begins(self, training: Stoppable) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.training_begins(training)

    def update_begins(self) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.update_begins()

    def loss_computed(self, event: LossComputed) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.loss_computed(event)

    def batch_ended(self, event: BatchEnded) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.batch_ended(event)

    def update_ended(self) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.update_ended()

    def evaluation_begins(self, epoch: int) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.evaluation_begins(epoch)

    def images_evaluated(self, done: int, images: int) -> None:
        """Pass the event on to those that want it."""
        for listener in self._listeners:
            if isinstance(listener, EvaluationListener):
                listener.images_evaluated(done, images)

    def evaluated(self, epoch: int, metrics: Mapping[str, float], is_best: bool) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.evaluated(epoch, metrics, is_best)

    def saving_begins(self, path: Path) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.saving_begins(path)

    def saved(self, path: Path) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.saved(path)

    def epoch_ended(self, event: EpochEnded) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.epoch_ended(event)

    def training_ended(self, outcome: Outcome | None) -> None:
        """Pass the event on."""
        for listener in self._listeners:
            listener.training_ended(outcome)
