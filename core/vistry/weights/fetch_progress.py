"""How far a download is: a bar on a terminal, a line now and then elsewhere, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

EVERY = 30.0  # seconds between lines


class FetchProgress(Protocol):
    """Who is told how a download goes."""

    def note(self, text: str) -> None:
        """Say a sentence."""

    def bar(self) -> AbstractContextManager[None]:
        """A block in which bytes are received."""

    def moved(self, done: int, total: int | None) -> None:
        """So many bytes are there, of so many as far as that is known."""


class Silence:
    """Says nothing."""

    def note(self, text: str) -> None:
        """Drop the sentence."""

    @contextmanager
    def bar(self) -> Iterator[None]:
        """Show nothing."""
        yield

    def moved(self, done: int, total: int | None) -> None:
        """Show nothing."""


class Lines:
    """Sentences, and every 30 seconds how far it is."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._stream, self._clock = stream, clock
        self._said_at = clock()

    def note(self, text: str) -> None:
        """Print the sentence."""
        print(text, file=self._stream, flush=True)
        self._said_at = self._clock()

    @contextmanager
    def bar(self) -> Iterator[None]:
        """Count the seconds from here."""
        self._said_at = self._clock()
        yield

    def moved(self, done: int, total: int | None) -> None:
        """Print how far it is, where nothing was printed for 30 seconds."""
        if self._clock() - self._said_at >= EVERY:
            self.note(f"{size_text(done)} of {size_text(total)}" if total else size_text(done))


class Bar:
    """A bar under the sentences, which goes when the file is there."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._progress: Progress | None = None

    def note(self, text: str) -> None:
        """Print the sentence, above the bar where there is one."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def bar(self) -> Iterator[None]:
        """Draw the bar; it is removed also after an error, else the terminal keeps its cursor hidden."""
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        columns = (BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as self._progress:
            self._progress.add_task("", total=None)
            try:
                yield
            finally:
                self._progress.refresh()
        self._progress = None

    def moved(self, done: int, total: int | None) -> None:
        """Move the bar."""
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=done, total=total)


def fetch_progress(stream: TextIO | None = None) -> FetchProgress:
    """Choose a bar on a terminal, lines elsewhere."""
    stream = stream or sys.stderr
    return Bar() if stream.isatty() else Lines(stream)


def size_text(size: int) -> str:
    """A number of bytes as people write it, such as 102.5 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"
