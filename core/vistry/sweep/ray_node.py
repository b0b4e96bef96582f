"""What Ray carries out on the nodes of a cluster: plain functions of plain values. Ray itself isn't imported here.

A Ray process keeps a runner of its own between trials, so that only its first waits for the tensor library. When Ray
kills the process, the pipe to the runner's server ends, and with it the server and its trial.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vistry.errors import TrainingError
from vistry.sweep.runner import LocalRunner
from vistry.sweep.trial_tasks import task_of
from vistry.sweep.trial_training import TrialTask
from vistry.training.cores import Cores, cores_taken

POLL = 0.05  # seconds between two looks at the trial
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"


def train(values: Mapping[str, Any], backend: str, on_gpu: bool) -> int:
    """Train a trial, given as JSON, and return the exit status of its process, negative the signal that killed it.

    Ray cancels a task by a KeyboardInterrupt: the trial is told to save what it has, and is waited for.
    """
    # A shell starts what is in the background with SIGINT ignored, and Ray's processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    task = task_of(dict(values))
    with nullcontext(Cores(task.threads)) if on_gpu else cores_taken(task.threads) as cores:
        gpu = {VISIBLE_GPUS: os.environ[VISIBLE_GPUS]} if on_gpu and VISIBLE_GPUS in os.environ else {}
        return _watched(replace(task, cores=cores.numbers, environment={**(task.environment or {}), **gpu}), backend)


def look_at(marker: str, answer: str) -> str:
    """Read a marker in the sweep's folder and write another; return this node's version of Vistry.

    Raises OSError where the folder isn't visible from here.
    """
    Path(answer).write_bytes(Path(marker).read_bytes())
    return version("vistry")


def _watched(task: TrialTask, backend: str) -> int:
    handle: int | None = None
    while True:
        try:
            if handle is None:
                handle = _runner(backend).submit(task)
            while (status := _runner(backend).poll(handle)) is None:
                time.sleep(POLL)
            return status
        except KeyboardInterrupt:
            if handle is None:
                return -signal.SIGINT
            _runner(backend).kill(handle, gently=True)
        except TrainingError:  # the server has gone: the next trial gets another
            _runner.cache_clear()
            raise


@cache
def _runner(backend: str) -> LocalRunner:
    return LocalRunner(backend).__enter__()
