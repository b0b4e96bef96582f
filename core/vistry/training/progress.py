"""What a person sees while a model trains: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TextIO

from vistry.report.numbers import duration
from vistry.training.events import BatchEnded, EpochEnded, EvaluationListener, Listener, Outcome, Stoppable

EVERY = 30.0  # seconds after which something has to be said
STEPS_OF_ESTIMATE = 10  # the first few steps say little about the others


def epoch_line(event: EpochEnded) -> str:
    """One epoch in one line."""
    entry = event.entry
    parts = [
        f"epoch {entry.epoch + 1}/{event.epochs}",
        f"loss {entry.train_loss:.4f}",
        f"lr {entry.learning_rate:.3g}",
    ]
    if entry.metrics:
        score = f"{event.primary_metric} {entry.metrics[event.primary_metric]:.4f}"
        parts.append(score + (" (best)" if event.is_best else ""))
    parts.append(duration(entry.train_seconds))
    return "  ".join(parts)


class PlainLines(EvaluationListener):
    """A line an epoch, for pipes and log files, and between those one at least every 30 seconds.

    Steps, validations and compiling may each last longer than that, so a thread of its own looks at the clock.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._stream, self._clock = stream, clock
        self._lock, self._ended = Lock(), Event()
        self._place = "preparing"
        self._remaining: float | None = None
        self._batches = 0
        self._said_at = clock()
        self._moved_at = self._said_at

    def training_begins(self, training: Stoppable) -> None:  # noqa: ARG002
        """Begin to look at the clock."""
        Thread(target=self._watch, name="vistry-progress", daemon=True).start()

    def training_ended(self, outcome: Outcome | None) -> None:  # noqa: ARG002
        """Look at the clock no more."""
        self._ended.set()

    def note(self, text: str) -> None:
        """Print the sentence on a line of its own."""
        with self._lock:
            print(text, file=self._stream, flush=True)
            self._said_at = self._clock()

    def batch_ended(self, event: BatchEnded) -> None:
        """Remember how far the epoch is, and say it if it is time."""
        self._batches += 1
        self._remaining = event.remaining if self._batches >= STEPS_OF_ESTIMATE else None
        self._move(f"epoch {event.epoch}/{event.epochs}  batch {event.batch}/{event.batches}  loss {event.loss:.4f}")

    def evaluation_begins(self, epoch: int) -> None:
        """Remember that the epoch is being validated."""
        self._move(f"epoch {epoch + 1}  validating")

    def images_evaluated(self, done: int, images: int) -> None:
        """Remember how far the validation is, and say it if it is time."""
        self._move(f"{self._place.partition('  ')[0]}  validating {done}/{images} images")

    def epoch_ended(self, event: EpochEnded) -> None:
        """Print the epoch's line."""
        self.note(epoch_line(event))
        self._moved_at = self._clock()

    def tick(self) -> None:
        """Say how far the training is, if nothing was said for 30 seconds."""
        now = self._clock()
        if now - self._said_at < EVERY:
            return
        parts = [self._place]
        if (waited := now - self._moved_at) >= EVERY:
            parts.append(f"for {duration(waited)}")
        if self._remaining is not None:
            parts.append(f"about {duration(self._remaining)} to go")
        self.note("  ".join(parts))

    def _move(self, place: str) -> None:
        self._place, self._moved_at = place, self._clock()
        self.tick()

    def _watch(self) -> None:
        with suppress(OSError, ValueError):  # nobody reads any more: the training's own next line says so
            while not self._ended.wait(max(1.0, EVERY - (self._clock() - self._said_at))):
                self.tick()


class LiveBar(EvaluationListener):
    """A bar for the present epoch under the lines of those done."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(highlight=False)
        self._progress = Progress(
            TextColumn("epoch {task.fields[place]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total}  {task.fields[state]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=1, place="", state="", visible=False)

    def training_begins(self, training: Stoppable) -> None:  # noqa: ARG002
        """Draw the bar."""
        self._progress.start()

    def training_ended(self, outcome: Outcome | None) -> None:  # noqa: ARG002
        """Remove the bar, also after an error, else the terminal keeps its cursor hidden."""
        self._progress.stop()

    def note(self, text: str) -> None:
        """Print the sentence above the bar."""
        self._console.print(text, markup=False, soft_wrap=True)

    def batch_ended(self, event: BatchEnded) -> None:
        """Move the bar."""
        state = f"loss {event.loss:.4f}  lr {event.learning_rate:.3g}"
        if event.remaining is not None:
            state += f"  {duration(event.remaining)} to go"
        self._progress.update(
            self._task,
            total=event.batches,
            completed=event.batch,
            place=f"{event.epoch}/{event.epochs}",
            state=state,
            visible=True,
        )

    def images_evaluated(self, done: int, images: int) -> None:
        """Move the bar through the validation."""
        self._progress.update(self._task, total=images, completed=done, state="validating", visible=True)

    def epoch_ended(self, event: EpochEnded) -> None:
        """Print the epoch's line above the bar."""
        self.note(epoch_line(event))


def progress_line(stream: TextIO | None = None) -> Listener:
    """Choose a live bar on a terminal, plain lines elsewhere."""
    stream = stream or sys.stdout
    return LiveBar() if stream.isatty() else PlainLines(stream)
