"""Who trains trials: a runner takes tasks, and says when each has ended. All that comes of one is in its folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Protocol

from vistry.errors import TrainingError
from vistry.sweep.trial_tasks import to_json
from vistry.sweep.trial_training import TrialTask

ENDING = 0.5  # seconds in which the server ends by itself


class Runner(Protocol):
    """Trains trials somewhere. A handle is the runner's own number for a task."""

    def submit(self, task: TrialTask) -> int:
        """Begin a task; return its handle."""
        ...

    def poll(self, handle: int) -> int | None:
        """The exit status of a task's process, negative the signal that killed it; None while it runs."""
        ...

    def kill(self, handle: int, *, gently: bool) -> None:
        """End a task: gently, so that it saves what it has, as on Ctrl-C, or at once."""
        ...


class LocalRunner:
    """Trains on this machine, each trial in a process of its own, forked from one that has torch loaded.

    To be entered and left: it ends all that it has started.
    """

    def __init__(self, backend: str):
        self._backend = backend
        self._handles = 0
        self._ended: dict[int, int] = {}
        self._processes: dict[int, int] = {}
        self._signals: dict[int, signal.Signals] = {}  # for those that haven't begun yet
        self._pending = b""

    def __enter__(self) -> LocalRunner:
        # -P: what lies in the working folder isn't imported, such as a random.py of the user's.
        command = [sys.executable, "-P", "-m", "vistry.sweep.fork_server", self._backend]
        self._server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the one who watches: trials are told by it
            env=_environment(os.environ),
            bufsize=0,
        )
        assert self._server.stdout is not None
        os.set_blocking(self._server.stdout.fileno(), False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self._server.stdin, self._server.stdout):
            if stream is not None:
                stream.close()
        try:
            self._server.wait(ENDING)
        except subprocess.TimeoutExpired:  # it still loads what nobody needs any more
            self._server.kill()
            self._server.wait()

    def submit(self, task: TrialTask) -> int:
        """Fork a process for the task."""
        self._handles += 1
        assert self._server.stdin is not None
        line = json.dumps({"start": self._handles, "task": to_json(task)}).encode() + b"\n"
        try:
            self._server.stdin.write(line)
        except BrokenPipeError:
            raise self._gone() from None
        return self._handles

    def poll(self, handle: int) -> int | None:
        """Hear what the server says, of all tasks."""
        self._hear()
        if handle not in self._ended and self._server.poll() is not None:
            raise self._gone()
        return self._ended.get(handle)

    def kill(self, handle: int, *, gently: bool) -> None:
        """Send the task's process a signal; where it hasn't begun, as soon as it does."""
        self._hear()
        number = signal.SIGINT if gently else signal.SIGKILL
        if handle not in self._processes:
            self._signals[handle] = number
        elif handle not in self._ended:
            self._send(handle, number)

    def _send(self, handle: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._processes[handle], number)

    def _hear(self) -> None:
        assert self._server.stdout is not None
        while data := self._server.stdout.read(65536):
            *lines, self._pending = (self._pending + data).split(b"\n")
            for message in map(json.loads, lines):
                if "started" in message:
                    self._processes[message["started"]] = message["pid"]
                    if (number := self._signals.pop(message["started"], None)) is not None:
                        self._send(message["started"], number)
                else:
                    self._ended[message["ended"]] = message["status"]

    def _gone(self) -> TrainingError:
        status = self._server.wait()
        return TrainingError(
            f"the process that starts trials has ended (status {status}); to go on, type vistry resume and the folder"
        )


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """That of the server: OpenBLAS makes its threads as numpy is imported, and threads don't survive a fork."""
    return {"OPENBLAS_NUM_THREADS": "1", **environment}
