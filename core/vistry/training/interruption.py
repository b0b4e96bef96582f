"""Ctrl-C, put off to a moment at which a run can be resumed."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

from vistry.errors import TrainingError


class Interrupted(TrainingError):
    """The user pressed Ctrl-C; the run can be resumed."""

    exit_status = 130  # a shell's for SIGINT


class CtrlC:
    """While it is entered, a first Ctrl-C only sets `pressed`; a second one stops at once.

    Python delivers signals to the main thread alone, so elsewhere nothing changes.
    """

    def __init__(self) -> None:
        self.pressed = False

    def __enter__(self) -> CtrlC:
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._previous = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_main:
            signal.signal(signal.SIGINT, self._previous)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
