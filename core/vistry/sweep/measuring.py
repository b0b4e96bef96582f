"""The last work of a sweep: its best trial is measured on the test images, by whoever trains, and within the time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from vistry.errors import TrainingError
from vistry.sweep.folder import SweepFolder
from vistry.sweep.runner import Runner
from vistry.sweep.test_split import read_test, trial_to_measure
from vistry.sweep.trial import Trial
from vistry.sweep.trial_training import TrialTask
from vistry.training.interruption import CtrlC

POLL = 0.05  # seconds between two looks


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Has `task`, which names the process's cores and the sweep, done by a runner, to be over at its deadline."""

    sweep: SweepFolder
    runner: Runner
    task: TrialTask

    def measure(self) -> str:
        """Measure the best trial, where there is something to measure it on; a sentence for the user where it wasn't.

        What is late by more than one evaluation is ended, and so is it by Ctrl-C.
        """
        trial = self.sweep.trial(self.task.number)
        deadline = self.task.deadline
        if deadline is not None and time.time() >= deadline:
            return self._left_out(trial, "the time is up")
        try:
            reason = self._wait(None if deadline is None else deadline + trial.evaluation_seconds)
        except TrainingError as error:
            reason = str(error)
        measured = read_test(self.sweep)
        if measured is not None and measured.trial == trial.number:
            return ""
        return self._left_out(trial, reason) if reason else ""

    def _wait(self, latest: float | None) -> str:
        """Wait for the process; why it was ended before it had measured, "" where it wasn't."""
        handle = self.runner.submit(self.task)
        reason = ""
        with CtrlC() as ctrl_c:
            while (status := self.runner.poll(handle)) is None:
                if ctrl_c.pressed or (latest is not None and time.time() > latest):
                    reason = "you interrupted it" if ctrl_c.pressed else "the time is up"
                    self.runner.kill(handle, gently=False)
                time.sleep(POLL)
        return reason or (f"its process ended with status {status}" if status else "")

    def _left_out(self, trial: Trial, reason: str) -> str:
        record = self.sweep.record
        data, split = (record.request.data, " --split test") if record.test is None else (record.test.data, "")
        command = f"vistry evaluate {self.sweep.trial_folder(trial.number)} {data}{split}"
        sentence = f"not measured on the test images, since {reason}; to measure it, type: {command}"
        self.sweep.add_event("note", trial, reason=sentence)
        return f"trial {trial.number} is {sentence}"


def measured_last(sweep: SweepFolder, runner: Runner, task: TrialTask) -> str:
    """Measure the best trial as `Measuring` does; `task` is one of this sweep's, whatever its trial."""
    number = trial_to_measure(sweep)
    if number is None:
        return ""
    return Measuring(sweep=sweep, runner=runner, task=replace(task, number=number, measures=True)).measure()
