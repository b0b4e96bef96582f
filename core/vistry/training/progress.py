"""What a person sees while a model trains: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

from vistry.report.numbers import duration
from vistry.training.events import BatchEnded, EpochEnded, Listener, Outcome, Stoppable


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


class PlainLines(Listener):
    """A line an epoch, for pipes and log files."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def note(self, text: str) -> None:
        """Print the sentence on a line of its own."""
        print(text, file=self._stream, flush=True)

    def epoch_ended(self, event: EpochEnded) -> None:
        """Print the epoch's line."""
        self.note(epoch_line(event))


class LiveBar(Listener):
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

    def epoch_ended(self, event: EpochEnded) -> None:
        """Print the epoch's line above the bar."""
        self.note(epoch_line(event))


def progress_line(stream: TextIO | None = None) -> Listener:
    """Choose a live bar on a terminal, plain lines elsewhere."""
    stream = stream or sys.stdout
    return LiveBar() if stream.isatty() else PlainLines(stream)
