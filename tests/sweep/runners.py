"""Who trains the trials of a test: this process, one after the other, or nobody, who pretends to."""

from __future__ import annotations

from collections.abc import Callable

from vistry.errors import VistryError
from vistry.runs.records import EpochEntry
from vistry.sweep.early_termination import termination_of
from vistry.sweep.folder import SweepFolder
from vistry.sweep.trial import Trial
from vistry.sweep.trial_training import STATUSES, TrialTask, end_trial, train_trial


class InThisProcess:
    """A runner that trains each trial at once, in the caller's process; `before` is called with each task."""

    def __init__(self, before: Callable[[TrialTask], None] = lambda task: None):
        self.tasks: list[TrialTask] = []
        self._before = before

    def submit(self, task: TrialTask) -> int:
        self.tasks.append(task)
        self._before(task)
        train_trial(task)
        return len(self.tasks)

    def poll(self, handle: int) -> int:
        return 0

    def kill(self, handle: int, *, gently: bool) -> None:
        raise AssertionError


class Pretending:
    """A runner that trains nothing: it writes the scores of each epoch, judges them, and ends the trial.

    `score` gives the score of a trial after so many epochs, or raises what goes wrong; `status` is that of the process.
    """

    def __init__(self, score: Callable[[Trial, int], float], status: int = 0, evaluation_seconds: float | None = None):
        self._score, self._status, self._evaluation_seconds = score, status, evaluation_seconds
        self.numbers: list[int] = []
        self.tasks: list[TrialTask] = []

    def submit(self, task: TrialTask) -> int:
        self.tasks.append(task)
        if task.measures:
            return task.number
        self.numbers.append(task.number)
        sweep = SweepFolder(task.folder)
        if self._status == 0:
            try:
                self._train(sweep, sweep.trial(task.number))
            except VistryError as error:
                end_trial(sweep, task.number, status="failed", reason=str(error))
        return task.number

    def poll(self, handle: int) -> int:
        return self._status

    def kill(self, handle: int, *, gently: bool) -> None:
        raise AssertionError

    def _train(self, sweep: SweepFolder, trial: Trial) -> None:
        termination = termination_of(sweep.record.termination, sweep.record.space)
        history = sweep.run_of(trial.number).history()
        checkpoints = sweep.trial_folder(trial.number) / "checkpoints"
        checkpoints.mkdir(exist_ok=True)
        for epoch in range(len(history), trial.record.epochs):
            score = self._score(trial, epoch + 1)
            history.append(
                EpochEntry(
                    epoch=epoch,
                    train_loss=1.0,
                    learning_rate=0.1,
                    train_seconds=1.0,
                    evaluation_seconds=self._evaluation_seconds,
                    metrics={sweep.record.primary_metric: score},
                )
            )
            sweep.run_of(trial.number).write_history(history)
            for name in ("best", "last"):
                (checkpoints / f"{name}.safetensors").write_text(f"epoch {epoch}")
            verdict = termination.verdict(sweep.trial(trial.number), sweep.trials())
            if verdict is not None and epoch + 1 < trial.record.epochs:
                end_trial(sweep, trial.number, status=STATUSES[verdict.action], reason=verdict.reason)
                return
        end_trial(sweep, trial.number, status="completed", reason="all epochs are done")
