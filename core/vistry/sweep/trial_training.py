"""One trial trained, in whatever process: begun or gone on with, judged after each evaluation, its end noted."""

from __future__ import annotations

import os
import shutil
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vistry.data.split_origins import Division
from vistry.errors import VistryError
from vistry.hyperparameter.schema import Source
from vistry.plugin.faults import traceback_kept_in
from vistry.runs.files import remove_unfinished, write_text
from vistry.runs.folder import FILES, TRAINING_ROWS, VALIDATION_ROWS, Run, is_run
from vistry.runs.image_contents import IMAGE_CONTENTS
from vistry.runs.lock import training_in
from vistry.runs.records import FindingsRecord, SplitRecord
from vistry.runs.rows import read_rows
from vistry.sweep.early_termination import termination_of
from vistry.sweep.folder import DATA, SweepFolder
from vistry.sweep.protocols import Termination, Verdict
from vistry.sweep.test_split import measure_test
from vistry.sweep.trial import Trial
from vistry.training.events import EpochEnded, Listener, Outcome, Stoppable
from vistry.training.interruption import Interrupted
from vistry.training.plan import Plan, Splits, make_plan
from vistry.training.session import TrainingResult, carry_out_in, go_on, recorded_context

DATA_FILES = (TRAINING_ROWS, VALIDATION_ROWS, IMAGE_CONTENTS, FILES[FindingsRecord])
ERROR = "error.txt"  # the traceback of what nobody expected
STATUSES = {"pause": "paused", "stop": "stopped"}


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """A trial that is to be trained now: of which sweep, until when (time.time()), and on what.

    `cores` are the processor's, none for those of the process; `environment` is set before a tensor library is loaded.
    With `measures`, the trial isn't trained but measured on the test images.
    """

    folder: Path
    number: int
    threads: int
    deadline: float | None = None
    cores: tuple[int, ...] = ()
    environment: Mapping[str, str] | None = None
    measures: bool = False


class Judge(Listener):
    """Asks after each evaluation whether the trial goes on, and ends the training where it doesn't."""

    def __init__(self, sweep: SweepFolder, trial: Trial, termination: Termination):
        self._sweep, self._trial, self._termination = sweep, trial, termination
        self.verdict: Verdict | None = None

    def training_begins(self, training: Stoppable) -> None:
        """Judge a trial whose process died between an evaluation and its consequence; it may train no further."""
        self._training = training
        if self._sweep.trial(self._trial.number).trained > self._trial.state.since:
            self._judge()

    def epoch_ended(self, event: EpochEnded) -> None:
        """Judge the trial by an epoch that was trained whole and evaluated."""
        if event.entry.metrics is not None and event.is_whole:
            self._judge()

    def _judge(self) -> None:
        trials = self._sweep.trials()
        trial = next(one for one in trials if one.number == self._trial.number)
        self.verdict = self._termination.verdict(trial, trials)
        if self.verdict is not None:
            self._training.stop(self.verdict.reason)


def train_trial(task: TrialTask) -> None:
    """Train a trial that somebody has claimed, as far as it may go, and write what became of it.

    Whatever goes wrong with it is its own end and not the sweep's: nothing is raised. A task that measures is carried
    out in the same place.
    """
    sweep = SweepFolder(task.folder)
    if task.measures:
        measure_test(sweep, task.number)
        return
    trial, run = sweep.trial(task.number), sweep.run_of(task.number)
    judge = Judge(sweep, trial, termination_of(sweep.record.termination, sweep.record.space))
    with training_in(run.folder):
        try:
            status, reason = _outcome(_result(sweep, trial, judge, deadline=_deadline(task)), judge)
        except Interrupted:
            status, reason = "running", "interrupted"
        except VistryError as error:
            status, reason = "failed", str(error)
        except MemoryError:
            status, reason = "failed", "out of memory"
        except Exception as error:
            # A tensor library's or a plugin's own: it costs one trial.
            write_text(run.folder / ERROR, traceback.format_exc())
            status, reason = "failed", f"{type(error).__name__}: {error}".partition("\n")[0]
        end_trial(sweep, task.number, status=status, reason=reason)


def end_trial(sweep: SweepFolder, number: int, *, status: str, reason: str) -> None:
    """Write what became of a trial; one that is only interrupted stays "running", and somebody takes it up again."""
    state = sweep.trial(number).state
    sweep.write_state(number, replace(state, status=status, reason=reason))
    kind = "interrupted" if status == "running" else status
    sweep.add_event(kind, sweep.trial(number), reason=reason)


def trial_plan(sweep: SweepFolder, trial: Trial) -> Plan:
    """The plan of a trial: the sweep's data, and the trial's values. Raises VistryError."""
    sweep_record, record = sweep.record, trial.record
    request = sweep_record.request.request(sweep_record.task, sweep_record.primary_metric, record.model)
    origins, own = sweep_record.fixed.origins, f"trial {record.number} of {sweep.id}"
    return make_plan(request, [Source(record.values, lambda name: origins.get(name, own))], splits_of(sweep))


def splits_of(sweep: SweepFolder) -> Splits:
    """The rows of both splits, as the sweep keeps them for all trials."""
    record, folder = sweep.record, sweep.path / DATA
    training, validation = (
        read_rows(folder / name, record.classes, record.task) for name in (TRAINING_ROWS, VALIDATION_ROWS)
    )
    division = Division(len(training), len(validation))
    split = record.data.split or SplitRecord(way="drawn")
    return Splits(training, validation, (), split=split, division=division)


def share_data(folder: Path, run: Path) -> None:
    """Give a run the files of the data that the sweep keeps: the same files, where the file system can do that."""
    for name in DATA_FILES:
        (run / name).unlink(missing_ok=True)  # of one that was killed while it was begun
        try:
            os.link(folder / name, run / name)
        except OSError:  # the file system has no links
            shutil.copyfile(folder / name, run / name)


def _result(sweep: SweepFolder, trial: Trial, judge: Judge, deadline: float | None) -> TrainingResult | None:
    """Train, or None where the training is complete already and only its process had no time to say so."""
    run = Run(sweep.trial_folder(trial.number))
    remove_unfinished(run.folder)
    with traceback_kept_in(run.folder):
        if not is_run(run.folder):
            plan = trial_plan(sweep, trial)
            share_data(sweep.path / DATA, run.folder)
            return carry_out_in(run, plan, threads=trial.record.threads, deadline=deadline, listeners=[judge])
        if run.status.status == "completed":
            return None
        return go_on(run, recorded_context(run), threads=trial.record.threads, deadline=deadline, listeners=[judge])


def _outcome(result: TrainingResult | None, judge: Judge) -> tuple[str, str]:
    outcome: Outcome | None = None if result is None else result.outcome
    if outcome is None or outcome.status == "completed":
        return "completed", "all epochs are done" if outcome is None else outcome.reason
    if judge.verdict is not None:
        return STATUSES[judge.verdict.action], judge.verdict.reason
    return "running", outcome.reason


def _deadline(task: TrialTask) -> float | None:
    """The deadline by time.monotonic()."""
    return None if task.deadline is None else time.monotonic() + task.deadline - time.time()
