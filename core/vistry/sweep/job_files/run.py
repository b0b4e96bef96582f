"""Carrying out a job file: its training or its sweep, the copy of the best run, the measurement on its test data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vistry.data import doctor
from vistry.errors import VistryError
from vistry.inference.evaluate import Evaluation, evaluate
from vistry.runs.copying import check_target, copy_run
from vistry.runs.folder import Run, runs_folder
from vistry.sweep.job_files.job import TRAINING, Job, read_job
from vistry.sweep.request import TestData
from vistry.sweep.session import LOCAL, SweepPlan, SweepResult, plan_sweep, runner_named, with_threads, work_on
from vistry.sweep.session import begin as begin_sweep
from vistry.sweep.test_split import read_evaluation, read_test
from vistry.sweep.worker import silent
from vistry.training.cores import set_apart
from vistry.training.events import Listener
from vistry.training.plan import Plan, make_plan
from vistry.training.session import TrainingResult, carry_out

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What came of a job: its best run, None where no trial has a model, and its measurement on the test data.

    `training` is the result of one training, `sweep` that of a sweep; the other is None.
    """

    job: Job
    run: Run | None
    training: TrainingResult | None = None
    sweep: SweepResult | None = None
    test: Evaluation | None = None


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """A job with everything decided: the plan of its training, or of its sweep, whose trials `runner` trains."""

    job: Job
    training: Plan | None = None
    sweep: SweepPlan | None = None
    runner: str = LOCAL


def run_job(
    path: str | Path,
    *,
    data: Mapping[str, str | Path] | None = None,
    output: str | Path | None = None,
    time_limit: float | None = None,
    runner: str = LOCAL,
    say: Say = silent,
) -> JobResult:
    """Carry out a job file of the hosted product: one training, or a sweep.

    Args:
        path: the YAML file.
        data: where data is on this machine, by the names train, validation and test, or by the file's references.
        output: the new folder of the run or the sweep; by default one of the job's name in VISTRY_RUNS or ./runs.
        time_limit: seconds by which all is over, in the place of the file's limit.
        runner: who trains the trials of a sweep: "local", this machine, or "ray", a Ray cluster.
        say: is told the lines about the file, and of a sweep a line a trial, such as `print`.

    Raises HyperparameterError with everything that is wrong with the file, each with its line; VistryError as `train`
    and `sweep` do.
    """
    began = time.monotonic()
    job = with_time_limit(read_job(Path(path), {name: Path(place) for name, place in (data or {}).items()}), time_limit)
    for line in job.lines:
        say(line)
    return carry_out_job(plan_job(job, runner=runner, say=say), output=output, began=began, say=say)


def with_time_limit(job: Job, seconds: float | None) -> Job:
    """The job with another time limit, where one is given."""
    if seconds is None:
        return job
    return replace(job, request=replace(job.request, limits=replace(job.request.limits, time_limit=seconds)))


def plan_job(job: Job, *, runner: str = LOCAL, say: Say = silent) -> JobPlan:
    """Decide and check everything; nothing is written. `say` is told what a sweep decides. Raises VistryError."""
    if job.kind == TRAINING and runner != LOCAL:
        raise VistryError(
            f"{job.path} asks for one training, which this machine carries out; --runner {runner} is for sweeps: leave "
            "it out, or set max_trials above 1"
        )
    runner_named(runner, job.request.training.backend)  # what is wrong with it is told before any work
    if job.request.best_to is not None:
        check_target(Path(job.request.best_to))
    # What is measured at the end is read at the beginning: a fault in it must not cost the hours between.
    request = job.request
    if job.test is not None:
        diagnosis = doctor.examine(job.test, request.training.task or "", request.training.reading)
        request = replace(request, test=TestData(data=str(job.test.resolve()), images=len(diagnosis.table)))
    if job.kind == TRAINING:
        return JobPlan(job=job, training=make_plan(job.request.training, job.request.fixed))
    return JobPlan(job=job, sweep=plan_sweep(request, say=say), runner=runner)


def carry_out_job(
    plan: JobPlan,
    *,
    output: str | Path | None = None,
    began: float | None = None,
    say: Say = silent,
    listeners: Sequence[Listener] = (),
) -> JobResult:
    """Train as planned, into a new folder; the time limit runs from `began`, by time.monotonic(), or from now."""
    job, limit = plan.job, plan.job.request.limits.time_limit
    now = time.monotonic()
    began = now if began is None else began
    folder = runs_folder() / job.name if output is None and job.name else output
    if plan.training is not None:
        deadline = None if limit is None else began + limit
        with set_apart() as cores:
            trained = carry_out(plan.training, output=folder, deadline=deadline, cores=cores, listeners=listeners)
        if job.request.best_to is not None:
            copy_run(trained.run, Path(job.request.best_to))
        return JobResult(job=job, run=trained.run, training=trained, test=_measured(job, trained.run))
    assert plan.sweep is not None
    with runner_named(plan.runner, job.request.training.backend) as runner:
        sweep = with_threads(plan.sweep, None, runner)
        if sweep.threads != plan.sweep.threads:
            say(f"on the cluster a trial has {sweep.threads} threads")
        started = time.time() - (now - began)
        searched = work_on(begin_sweep(sweep, output=folder), began=started, runner=runner, say=say)
    best = None if searched.best is None else searched.run
    return JobResult(job=job, run=best, sweep=searched, test=_measured_of(searched))


def _measured_of(searched: SweepResult) -> Evaluation | None:
    """What the sweep has measured on the test data, of its best trial alone."""
    measured, best = read_test(searched.sweep), searched.best
    if measured is None or best is None or measured.trial != best.number or not measured.data:
        return None
    return read_evaluation(searched.sweep)


def _measured(job: Job, run: Run) -> Evaluation | None:
    return None if job.test is None else evaluate(run.folder, job.test)
