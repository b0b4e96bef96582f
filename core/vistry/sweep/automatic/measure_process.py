"""Asking the process that tries candidates, with a time for each answer: what is late or dies is begun anew."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from vistry.errors import TrainingError
from vistry.runs.folder import TRAINING_ROWS, VALIDATION_ROWS
from vistry.runs.json_records import from_json, to_json
from vistry.runs.rows import write_rows
from vistry.sweep.automatic.measuring import Measured, Probed
from vistry.sweep.records import RequestRecord
from vistry.sweep.space import Values
from vistry.training.cores import Cores
from vistry.training.plan import Request, Splits

MODULE = "vistry.sweep.automatic.measuring"
STARTING = 120.0  # seconds to load a tensor library, on a machine that is busy


class MeasureProcess:
    """Measures and probes models on this machine. To be entered: then it loads the tensor library already.

    Nothing can be asked before `use` has said on which data.
    """

    def __init__(self, backend: str):
        self._backend = backend
        self._setting: dict[str, Any] = {}
        self._is_ready = False

    def __enter__(self) -> MeasureProcess:
        self._folder = tempfile.TemporaryDirectory(prefix="vistry-measure-")
        self._process = self._started()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._folder.cleanup()

    def use(self, request: Request, splits: Splits, *, primary_metric: str, cores: Cores) -> None:
        """Say on which data models are tried, of a request that names its task, and on which cores."""
        task, folder = str(request.task), Path(self._folder.name)
        write_rows(folder / TRAINING_ROWS, splits.training, task)
        write_rows(folder / VALIDATION_ROWS, splits.validation, task)
        self._setting = {
            "data": str(folder),
            "classes": list(splits.training.classes),
            "task": task,
            "primary_metric": primary_metric,
            "request": to_json(RequestRecord.of(request)),
            "threads": cores.threads,
            "cores": list(cores.numbers),
        }

    def measure(self, model: str, values: Values, seconds: float) -> Measured:
        """Train and predict a little. Raises TrainingError where the model can't, or takes longer than `seconds`."""
        return from_json(Measured, self._ask({"measure": {"model": model, "values": values}}, seconds), model)

    def probe(self, model: str, values: Values, *, images: int, seconds: float) -> Probed:
        """See how well its features tell the classes of so many images apart. Raises TrainingError as `measure`."""
        question = {"probe": {"model": model, "values": values, "images": images}}
        return from_json(Probed, self._ask(question, seconds), model)

    def wait(self) -> None:
        """Wait until it has loaded what it needs, so that no model's time is taken for that."""
        if self._process.poll() is not None:
            self._end()
            self._process, self._is_ready = self._started(), False
        if not self._is_ready:
            self._write(self._setting)
            self._answer(STARTING)
            self._is_ready = True

    def _ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        self.wait()
        self._write(question)
        answer = self._answer(seconds)
        if "error" in answer:
            raise TrainingError(str(answer["error"]))
        return answer

    def _answer(self, seconds: float) -> dict[str, Any]:
        """The next line. Raises TrainingError where the process ends before, or is ended because it is late."""
        line = self._line(time.monotonic() + seconds)
        if line is None:
            self._end()
            raise TrainingError(f"it took longer than {seconds:.0f} s")
        if not line:
            raise TrainingError(f"the process that tried it ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, self._backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the one who asks, who ends it
            bufsize=0,
        )

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            return  # reading its answer says that it has ended

    def _line(self, until: float) -> bytes | None:
        """An answer; empty where the process has ended, None where it is late."""
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return None
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                return b""
            line += data
        return line

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
