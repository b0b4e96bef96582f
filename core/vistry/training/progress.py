"""What a person sees while a model trains: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, TextIO

from vistry.report.numbers import duration


@dataclass(frozen=True)
class Tick:
    """One batch done: counts from 1, the loss of the batch, the learning rate, seconds to go."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    learning_rate: float
    remaining: float | None


class Reporter(Protocol):
    """Somebody who wants to know how training goes."""

    def __enter__(self) -> Reporter:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, also after an error."""

    def note(self, text: str) -> None:
        """A sentence worth reading."""

    def tick(self, tick: Tick) -> None:
        """A batch is done."""

    def epoch(self, entry: dict[str, Any], epochs: int, primary: str, is_best: bool) -> None:
        """An epoch is done; `entry` is its line of metrics.jsonl."""


def epoch_line(entry: dict[str, Any], epochs: int, primary: str, is_best: bool) -> str:
    """One epoch in one line."""
    parts = [
        f"epoch {entry['epoch'] + 1}/{epochs}",
        f"loss {entry['train_loss']:.4f}",
        f"rate {entry['learning_rate']:.3g}",
    ]
    if validation := entry.get("validation"):
        parts.append(f"{primary} {validation[primary]:.4f}" + (" (best)" if is_best else ""))
    parts.append(duration(entry["seconds"]))
    return "  ".join(parts)


class Silent:
    """Says nothing: for callers that read the result."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def note(self, text: str) -> None:
        """Nothing."""

    def tick(self, tick: Tick) -> None:
        """Nothing."""

    def epoch(self, entry: dict[str, Any], epochs: int, primary: str, is_best: bool) -> None:
        """Nothing."""


class PlainLines(Silent):
    """A line an epoch, for pipes and log files."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def note(self, text: str) -> None:
        """The sentence on a line of its own."""
        print(text, file=self._stream, flush=True)

    def epoch(self, entry: dict[str, Any], epochs: int, primary: str, is_best: bool) -> None:
        """The epoch's line."""
        self.note(epoch_line(entry, epochs, primary, is_best))


class LiveBar(Silent):
    """A bar for the running epoch under the lines of those done."""

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

    def __enter__(self) -> LiveBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        """The sentence above the bar."""
        self._console.print(text, markup=False, soft_wrap=True)

    def tick(self, tick: Tick) -> None:
        """Move the bar."""
        state = f"loss {tick.loss:.4f}  rate {tick.learning_rate:.3g}"
        if tick.remaining is not None:
            state += f"  {duration(tick.remaining)} to go"
        self._progress.update(
            self._task,
            total=tick.batches,
            completed=tick.batch,
            place=f"{tick.epoch}/{tick.epochs}",
            state=state,
            visible=True,
        )

    def epoch(self, entry: dict[str, Any], epochs: int, primary: str, is_best: bool) -> None:
        """The epoch's line above the bar."""
        self.note(epoch_line(entry, epochs, primary, is_best))


def reporter_for(stream: TextIO | None = None) -> Reporter:
    """A live bar on a terminal, plain lines elsewhere."""
    stream = stream or sys.stdout
    return LiveBar() if stream.isatty() else PlainLines(stream)
