"""The process that trials start from: it has the tensor library loaded, so that a trial needs no seconds for that.

`python -m vistry.sweep.fork_server torch` reads a line of JSON a command and answers in lines of JSON. It forks a
process a trial, so that a trial that runs out of memory costs nobody else anything. It never touches a GPU itself: a
process forked after that couldn't. When its input ends, whoever started it has gone, and it ends with all its trials.

    {"start": 3, "task": {...}}    -> {"started": 3, "pid": 4711}, and when that ends {"ended": 3, "status": 0}
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from vistry.errors import VistryError
from vistry.registry.catalogue import Catalogue

# What takes long to import, by the backend. JAX can't be forked once it is loaded: each trial imports it itself.
PRELOADED = {
    "torch": (
        "torch",
        "torchvision",
        "sklearn.metrics",
        "vistry.sweep.trial_training",
        "vistry.evaluation.classification",
        "vistry.report.page",
        "vistry.training.engines.torch.engine",
    ),
    "jax": ("vistry.sweep.trial_training",),
}
OUTPUT = "output.log"  # of the process of a trial, in its folder
_PR_SET_PDEATHSIG = 1  # of Linux's prctl, from sys/prctl.h


class ForkServer:
    """Starts processes as its input says, and tells when they have ended."""

    def __init__(self) -> None:
        self._trials: dict[int, int] = {}  # the identifier of each running process
        self._wake, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # A scheduler may send it to every process of a job; the one who watches then tells the trials to save.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Go on until the input ends."""
        pending = b""
        while True:
            ready, _, _ = select.select([0, self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    self._end()
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._start(json.loads(line))

    def _start(self, command: dict[str, Any]) -> None:
        if (pid := os.fork()) == 0:
            _be_trial(command["task"])
        self._trials[pid] = command["start"]
        _say({"started": command["start"], "pid": pid})

    def _reap(self) -> None:
        while self._trials:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _say({"ended": self._trials.pop(pid), "status": os.waitstatus_to_exitcode(status)})

    def _end(self) -> None:
        for pid in self._trials:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _say(message: dict[str, int]) -> None:
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


def _be_trial(task: dict[str, Any]) -> None:
    """Train a trial, as the process that was just forked, and end."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # Ray's processes have it blocked
        _die_with_the_server()
        _redirect_output(task)
        from vistry.sweep.trial_tasks import prepare_process, task_of
        from vistry.sweep.trial_training import train_trial

        trial = task_of(task)
        prepare_process(trial)
        train_trial(trial)
        status = 0
    except KeyboardInterrupt:
        status = 130
    except BaseException:  # whatever it is, this copy of the server must not go on serving
        import traceback

        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _redirect_output(task: dict[str, Any]) -> None:
    """Leave the pipes to the server, and let what libraries print go to a file."""
    from vistry.sweep.folder import SweepFolder

    path = SweepFolder(Path(task["folder"])).trial_folder(task["number"]) / OUTPUT
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _die_with_the_server() -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Load what the backend needs, and serve."""
    for name in PRELOADED.get(sys.argv[1], ()):  # of a backend that there isn't, planning says so
        importlib.import_module(name)
    with suppress(VistryError):  # the same
        Catalogue.read()
    gc.freeze()  # what the libraries made stays out of a trial's collections, and shared between them
    ForkServer().serve()


if __name__ == "__main__":
    main()
