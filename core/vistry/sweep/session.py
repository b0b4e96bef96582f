"""Carrying out a sweep: `sweep` and `resume_sweep`.

As with one training, everything is planned and checked before anything is written; then a folder is made that holds all
that the sweep is; then whoever has the folder works on it, and goes on when he was stopped.
"""

from __future__ import annotations

import math
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from vistry.data.task_choice import task_of
from vistry.errors import HyperparameterError, Problem, RunError, VistryError, suggestion
from vistry.evaluation.metric_table import metric_parts
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import Scalar, to_json
from vistry.registry.tasks import task_named
from vistry.runs.copying import check_target, copy_run
from vistry.runs.folder import Run
from vistry.sweep.automatic.decide import decided, is_automatic
from vistry.sweep.automatic.records import AutomaticRecord
from vistry.sweep.claims import locked
from vistry.sweep.draw_rules import DrawRules, check_draws
from vistry.sweep.early_termination import termination_of, termination_problems
from vistry.sweep.ends import reason_of
from vistry.sweep.folder import DATA, SweepFolder, find_sweep, new_sweep_folder
from vistry.sweep.places import ClusterRunner, places_of, places_wanted
from vistry.sweep.records import FixedRecord, RequestRecord, SweepRecord
from vistry.sweep.report import write_sweep_report
from vistry.sweep.request import Limits, SweepRequest
from vistry.sweep.runner import LocalRunner, Runner
from vistry.sweep.samplers import sampler_note, sampler_of
from vistry.sweep.space import Space
from vistry.sweep.space_values import default_of
from vistry.sweep.spaces import space_of
from vistry.sweep.spent import seconds_spent
from vistry.sweep.trial import Trial
from vistry.sweep.worker import Worker, limits_text, silent, with_limits
from vistry.training.cores import allowed_cores, threads_given
from vistry.training.plan import Plan, Splits, make_plan, primary_metric_of
from vistry.training.run_files import data_record, now, write_data

MAX_TRIALS = 20  # where the user gives no limit at all
EARLY_STOPPING = "early_stopping"
RUNNERS = LOCAL, RAY = "local", "ray"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """A sweep with everything decided. `first` is the plan of the first model's default, with the data of all.

    `notes` are sentences for the user, `automatic` is what was decided where nobody said what to search.
    """

    request: SweepRequest
    task: str
    space: Space
    first: Plan
    threads: int
    notes: tuple[str, ...] = ()
    automatic: AutomaticRecord | None = None

    @property
    def splits(self) -> Splits:
        """The training and the validation images of all trials."""
        first = self.first
        return Splits(first.training, first.validation, first.diagnoses, split=first.split, division=first.division)

    @property
    def points(self) -> int | None:
        """How many points a grid of the space has; None where there is no end of them."""
        counts = []
        for group in self.space.groups:
            grids = [drawn.grid() for drawn in group.parameters.values()]
            if any(grid is None for grid in grids):
                return None
            counts.append(len(group.models) * math.prod(len(grid) for grid in grids if grid is not None))
        return sum(counts)


@dataclass(frozen=True)
class SweepResult:
    """A sweep that has ended, for now: its folder, why it ended, and its best trial, None where there is none."""

    sweep: SweepFolder
    reason: str
    best: Trial | None

    @property
    def run(self) -> Run:
        """The run of the best trial. Raises RunError where no trial was evaluated."""
        if self.best is None:
            raise RunError(f"no trial of {self.sweep.path} has a model; the reasons are in its events.jsonl")
        return self.sweep.run_of(self.best.number)


def sweep(
    request: SweepRequest,
    *,
    output: str | Path | None = None,
    threads: int | None = None,
    runner: str = LOCAL,
    say: Say = silent,
) -> SweepResult:
    """Search as asked for, in a new folder. `say` is told a line a trial.

    Raises VistryError; mistakes in the request are all told before any work begins.
    """
    began = time.time()
    with runner_named(runner, request.training.backend) as trains:  # loads what trials need while this process plans
        plan = with_threads(plan_sweep(request, threads=threads, say=say), threads, trains)
        for note in plan.notes:
            say(note)
        return work_on(begin(plan, output=output), began=began, runner=trains, say=say)


def resume_sweep(
    sweep: str | Path,
    *,
    max_trials: int | None = None,
    time_limit: float | None = None,
    runner: str = LOCAL,
    say: Say = silent,
) -> SweepResult:
    """Go on with a sweep that was killed, interrupted or has come to its limits, or help one that others work on.

    Args:
        sweep: the sweep's folder or identifier, or "last" for the newest.
        max_trials: how many trials there are to be in all, if more than before.
        time_limit: how many seconds the sweep may take in all, if more than before.
        runner: who trains: "local", this machine, or "ray", a Ray cluster.
        say: is told a line a trial.

    Raises RunError where there is no such sweep, or the time limit is used up.
    """
    began = time.time()
    folder = find_sweep(sweep)
    with locked(folder):
        _check_growth(folder, max_trials, time_limit)
        folder = with_limits(folder, max_trials=max_trials, time_limit=time_limit)
    with runner_named(runner, folder.record.request.backend) as trains:
        return work_on(folder, began=began, runner=trains, say=say)


def runner_named(name: str, backend: str) -> AbstractContextManager[Runner]:
    """A runner by its name, to be entered. Raises VistryError for one that there isn't, or whose package is missing."""
    if name == LOCAL:
        return local_runner(backend)
    if name == RAY:
        from vistry.sweep.ray_runner import RayRunner

        return RayRunner(backend)
    raise VistryError(f"there is no runner '{name}'; {suggestion(name, list(RUNNERS))}")


def local_runner(backend: str) -> LocalRunner:
    """A runner on this machine, to be entered: then it loads what trials need."""
    return LocalRunner(backend)


def with_threads(plan: SweepPlan, threads: int | None, runner: Runner) -> SweepPlan:
    """The plan with as many threads a trial as fit the machines of its runner, where the user doesn't say."""
    if threads_given(threads) is None and isinstance(runner, ClusterRunner):
        return replace(plan, threads=runner.threads(plan.request.limits.max_concurrent_trials))
    return plan


def plan_sweep(request: SweepRequest, *, threads: int | None = None, say: Say = silent) -> SweepPlan:
    """Decide and check everything; nothing is written. Raises VistryError, with every problem of the values at once.

    Where nobody said what to search, models are looked at first, and `say` is told each decision.
    """
    catalogue, training = Catalogue.read(), request.training
    task, _ = (training.task, "") if training.task else task_of(training.data, None, training.reading)
    task = task_named(task).name
    training = replace(training, task=task, primary_metric=primary_metric_of(task, training.primary_metric, catalogue))
    if request.best_to is not None:
        check_target(Path(request.best_to))
    request, notes = _with_defaults(replace(request, training=training))
    threads = _threads(request.limits, threads)
    splits, automatic = None, None
    if is_automatic(request):
        _check(request, [])
        splits, chosen = decided(request, catalogue, task, threads=threads, say=say)
        space, automatic = chosen.space, chosen.record
    else:
        space = _checked_space(request, catalogue, task)
    termination_of(request.termination, space)
    sampler_of(request.sampler, space)
    notes = (*notes, *check_draws(DrawRules(catalogue, task, training.backend), space, request.sampler))
    if note := sampler_note(request.sampler):
        notes = (*notes, note)
    first, *others = dict.fromkeys([*(one.model for one in space.first), *space.models])
    plan = make_plan(replace(training, model=first), [default_of(space, first)], splits)
    planned = SweepPlan(
        request=request, task=task, space=space, first=plan, threads=threads, notes=notes, automatic=automatic
    )
    for model in others:  # what only a training would find, such as weights that aren't here
        make_plan(replace(training, model=model), [default_of(space, model)], planned.splits)
    return planned


def begin(plan: SweepPlan, *, output: str | Path | None = None) -> SweepFolder:
    """Make the folder of a sweep, which then anybody may work on. Raises RunError."""
    request, training = plan.request, plan.request.training
    task = task_named(plan.task)
    folder = new_sweep_folder(task.alias, None if output is None else Path(output))
    try:
        write_data(folder.path / DATA, plan.first)
        folder.write(
            SweepRecord(
                id=folder.id,
                task=plan.task,
                models=plan.space.models,
                space=plan.space,
                sampler=request.sampler,
                termination=request.termination,
                limits=request.limits,
                seed=request.sampler.seed,
                primary_metric=plan.first.primary_metric,
                larger_is_better=larger_is_better(plan.task, plan.first.primary_metric),
                classes=plan.first.classes,
                request=RequestRecord.of(training),
                data=data_record(plan.first),
                threads=plan.threads,
                created=now(),
                command=(Path(sys.argv[0]).name, *sys.argv[1:]),
                fixed=fixed_record(request.fixed),
                constraints=request.constraints,
                notes=request.notes,
                best_to=request.best_to,
                test=request.test,
                versions={"vistry": version("vistry"), "python": platform.python_version()},
                automatic=plan.automatic,
            )
        )
        for sentence in plan.automatic.decisions if plan.automatic else ():
            folder.add_event("note", reason=sentence)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)  # it never began, and the same command has to work again
        raise
    return folder


def work_on(
    folder: SweepFolder, *, began: float | None = None, runner: Runner | None = None, say: Say = silent
) -> SweepResult:
    """Work on a sweep until it has come to its limits; its time runs from `began`, by time.time().

    Trials are trained by `runner`, by default on this machine. Raises Interrupted after Ctrl-C, RunError where the time
    is used up.
    """
    if runner is None:
        with local_runner(folder.record.request.backend) as local:
            return work_on(folder, began=began, runner=local, say=say)
    deadline = _deadline(folder, time.time() if began is None else began)
    with places_of(runner, folder) as (places, sentence):
        if sentence:
            say(sentence)
        folder.add_event("opened", reason=sentence)
        try:
            worker = Worker(sweep=folder, runner=runner, places=places, deadline=deadline, say=say)
            worker.work()
            worker.measure()
        finally:
            folder.add_event("closed")
    result = SweepResult(folder.reread(), reason_of(folder.reread(), deadline), folder.best())
    write_sweep_report(folder)
    _copy_best(result)
    return result


def larger_is_better(task: str, metric: str) -> bool:
    """Which end of a metric is good."""
    part = metric_parts(Catalogue.read(), task).parts.get(metric)
    return part is None or part.spec.larger_is_better


def fixed_record(sources: Iterable[Source]) -> FixedRecord:
    """The values of sources, of which later ones count, and where each was set."""
    values: dict[str, Scalar | None] = {}
    origins: dict[str, str] = {}
    for source in sources:
        for name, value in source.values.items():
            values[name] = value if isinstance(value, Scalar | None) else to_json(value)  # type: ignore[arg-type]
            origins[name] = source.where(name)
    return FixedRecord(values=values, origins=origins)


def _with_defaults(request: SweepRequest) -> tuple[SweepRequest, tuple[str, ...]]:
    """The request with what a sweep has by default, and what to say of that."""
    notes = []
    names = {name for source in request.fixed for name in source.values}
    names |= {name for group in request.groups or () for name in group.parameters}
    if EARLY_STOPPING not in names:
        off = Source.of({EARLY_STOPPING: 0}, "the sweep, which ends trials by its own rules")
        request = replace(request, fixed=(*request.fixed, off))
        notes.append("early_stopping is off in a sweep, which ends trials by its own rules; to have it, give it")
    limits = request.limits
    if limits.max_trials is None and limits.time_limit is None:
        request = replace(request, limits=replace(limits, max_trials=MAX_TRIALS))
        notes.append(f"{MAX_TRIALS} trials, as nothing else is said: --max_trials or --time-limit says so")
    return request, tuple(notes)


def _checked_space(request: SweepRequest, catalogue: Catalogue, task: str) -> Space:
    """The space. Raises HyperparameterError with its problems and those of early termination and the limits."""
    try:
        space = space_of(request, catalogue, task)
    except HyperparameterError as error:
        _check(request, error.problems)
        raise
    _check(request, [])
    return space


def _check(request: SweepRequest, problems: Iterable[Problem]) -> None:
    """Raise HyperparameterError for these problems with those of early termination and the limits, if any."""
    problems = [*problems, *termination_problems(request.termination), *_limit_problems(request)]
    if problems:
        raise HyperparameterError(problems, "sweep")


def _limit_problems(request: SweepRequest) -> Iterator[Problem]:
    limits = request.limits
    for name, bound in vars(request.constraints).items():
        if bound is not None and not 0 < bound < math.inf:
            yield Problem(name, f"{bound:g} must be a number above 0")
    for name in ("max_trials", "max_concurrent_trials"):
        value = getattr(limits, name)
        if value is not None and value < 1:
            yield Problem(name, f"{value} must be an integer of at least 1")
    if limits.time_limit is not None and not 0 < limits.time_limit < math.inf:
        yield Problem("time_limit", f"{limits.time_limit:g} must be a number of seconds above 0")


def _threads(limits: Limits, threads: int | None) -> int:
    """The threads of a trial: as given, else the cores divided by the trials at once."""
    return threads_given(threads) or max(1, len(allowed_cores()) // places_wanted(limits))


def _deadline(folder: SweepFolder, began: float) -> float | None:
    """When the sweep has to be over, by time.time(). Raises RunError where its time is used up."""
    limit = folder.record.limits.time_limit
    if limit is None:
        return None
    spent = seconds_spent(folder.events())
    if spent >= limit - 1:
        raise RunError(
            f"{folder.id} has used up its time, {limits_text(None, limit)}; to go on, give it more in all: "
            f"vistry resume {folder.path} --time-limit {math.ceil(2 * limit)}s"
        )
    return began + limit - spent


def _check_growth(folder: SweepFolder, max_trials: int | None, time_limit: float | None) -> None:
    limits = folder.record.limits
    for name, value, old in (
        ("max_trials", max_trials, limits.max_trials),
        ("time-limit", time_limit, limits.time_limit),
    ):
        if value is not None and old is not None and value < old:
            raise VistryError(
                f"--{name} {value:g} is less than the {old:g} that {folder.id} has; limits of a sweep only grow, "
                "and count all that it has done"
            )


def _copy_best(result: SweepResult) -> None:
    """Copy the best run to where the request wants it, in the place of an earlier best."""
    target = result.sweep.record.best_to
    if target is None or result.best is None:
        return
    copy_run(result.run, Path(target))
