"""Ctrl-C and SIGTERM, put off to a moment at which a run can be resumed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TypeAlias

from vistry.errors import TrainingError

_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


class Interrupted(TrainingError):
    """The user pressed Ctrl-C, or a scheduler wants the machine back; the run can be resumed."""

    exit_status = 130  # a shell's for SIGINT


class CtrlC:
    """While it is entered, a first Ctrl-C only sets `pressed`, as SIGTERM does; a second Ctrl-C stops at once.

    Schedulers of clusters send SIGTERM some time before they kill, often to every process of a job. Where the program
    has a handler of its own for it, that one stays. Python delivers signals to the main thread alone, so elsewhere
    nothing changes.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._interrupts = 0
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> CtrlC:
        if threading.current_thread() is threading.main_thread():
            self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._on_signal)
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.pressed = True
        if number == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                raise KeyboardInterrupt
