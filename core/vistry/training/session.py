"""Carrying out a plan: a run folder, an engine, the loop. `train` and `resume` are the public ways in."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vistry.data.table import Table
from vistry.errors import RunError, VistryError
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.views import EvalTransform
from vistry.plugin.types import Module, TrainingData
from vistry.registry.catalogue import Catalogue
from vistry.report import write_report
from vistry.runs.files import remove_unfinished
from vistry.runs.folder import LAST, Run, find_run, new_run
from vistry.runs.lock import training_in
from vistry.runs.rows import read_rows, write_rows
from vistry.task.behaviour import Task
from vistry.training import progress
from vistry.training.engines import Engine
from vistry.training.initial_weights import InitialWeights, load_initial_weights
from vistry.training.loop import Interrupted, Loop, Outcome, Validation
from vistry.training.model_context import ModelContext
from vistry.training.plan import Plan, Request, make_plan


@dataclass(frozen=True)
class TrainingResult:
    """A finished run: its folder, why it ended, and the best epoch's validation metrics."""

    run: Run
    outcome: Outcome
    metrics: dict[str, float]


def train(
    data: str | Path,
    *,
    task: str,
    model: str | None = None,
    validation: str | Path | None = None,
    format: str | None = None,
    validation_size: float | None = None,
    primary_metric: str | None = None,
    backend: str = "torch",
    output: str | Path | None = None,
    time_limit: float | None = None,
    reporter: progress.Reporter | None = None,
    **hyperparameters: Any,
) -> TrainingResult:
    """Train a model on a folder or file of labelled images; hyperparameters go by their own names.

    `time_limit` is in seconds. Raises VistryError; problems with the call are all found before any work.
    """
    deadline = deadline_in(time_limit)
    validation_path = None if validation is None else Path(validation)
    request = Request(Path(data), task, model, validation_path, format, validation_size, primary_metric, backend)
    plan = make_plan(request, [Source.of(hyperparameters, "the call")])
    return carry_out(plan, output, deadline, reporter or progress.Silent())


def deadline_in(seconds: float | None) -> float | None:
    """The time.monotonic() of so many seconds from now; planning counts, so ask before it."""
    return None if seconds is None else time.monotonic() + seconds


def carry_out(
    plan: Plan, output: str | Path | None, deadline: float | None, reporter: progress.Reporter
) -> TrainingResult:
    """Train as planned, into a new run folder, to be over at `deadline`, by time.monotonic()."""
    run = new_run(plan.context.card.name, None if output is None else Path(output))
    with training_in(run.folder):
        try:
            _record(run, plan)
            loop = _loop(run, plan.context, plan.initial_weights, reporter)
        except BaseException:
            shutil.rmtree(run.folder, ignore_errors=True)  # it never began, and the same command has to work again
            raise
        return _fit(loop, deadline)


def resume(
    run: str | Path, *, time_limit: float | None = None, reporter: progress.Reporter | None = None
) -> TrainingResult:
    """Go on with a run that was killed or stopped; the result is the one it would have had. Raises RunError."""
    deadline = deadline_in(time_limit)
    found = find_run(run)
    if found.status["status"] == "completed":
        raise RunError(f"{found.id} is complete; to build upon it, train with --checkpoint_run_id {found.id}")
    context = recorded_context(found)
    with training_in(found.folder):
        remove_unfinished(found.folder)
        loop = _loop(found, context, _recorded_weights(found), reporter or progress.Silent())
        if loop.restore():
            loop.reporter.note(f"going on from epoch {loop.position.epoch + 1}, batch {loop.position.batch + 1}")
        return _fit(loop, deadline)


def recorded_context(run: Run) -> ModelContext:
    """Return the context of the model that a run trained, with the run's hyperparameters. Raises RegistryError."""
    catalogue = Catalogue.read()
    card = catalogue.model(run.record["model"]["full_name"])
    context = ModelContext.of(catalogue, card, run.record["task"], run.record["backend"])
    return context.with_hyperparameters(Hyperparameters.from_dict(run.hyperparameters))


def _recorded_weights(run: Run) -> InitialWeights:
    """Where the first weights come from; nowhere, and nothing is missed, once a state to go on from is saved."""
    recorded = run.record["start"]
    if (run.folder / LAST).is_file():
        return InitialWeights()
    if recorded["run"]:
        return InitialWeights(run=find_run(recorded["run"]))
    return InitialWeights(file=Path(recorded["file"]) if recorded["file"] else None)


def _record(run: Run, plan: Plan) -> None:
    """Write everything that predicting, evaluating and resuming need to know."""
    preprocessing, card, task = plan.context.preprocessing(), plan.context.card, plan.context.task.name
    write_rows(run.folder / "training.jsonl", plan.training, task)
    write_rows(run.folder / "validation.jsonl", plan.validation, task)
    run.write("hyperparameters.json", {"values": plan.hyperparameters.to_dict()})
    run.write("findings.json", {"diagnoses": [diagnosis.to_dict() for diagnosis in plan.diagnoses]})
    run.write("status.json", {"status": "running", "reason": "", "started": _now()})
    run.write(
        "run.json",
        {
            "id": run.id,
            "task": task,
            "backend": plan.context.backend,
            "model": {
                "name": card.name,
                "full_name": card.full_name,
                "distribution": card.distribution,
                "version": card.version,
            },
            "classes": list(plan.classes),
            "primary_metric": plan.primary_metric,
            "preprocessing": asdict(preprocessing),
            "data": {
                "source": str(plan.request.data.resolve()),
                "training_images": len(plan.training),
                "validation_images": len(plan.validation),
                "training_counts": list(plan.data_summary.class_counts),
            },
            "start": {
                "file": str(source.file.resolve()) if (source := plan.initial_weights).file else None,
                "run": str(source.run.folder) if source.run else None,
            },
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            "versions": {"vistry": version("vistry"), "python": platform.python_version()},
            "created": _now(),
        },
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _fit(loop: Loop, deadline: float | None) -> TrainingResult:
    run, loop.deadline = loop.run, deadline
    _set_status(run, "running", "", engine=_facts(loop.engine, run), process=os.getpid())
    try:
        with loop.reporter:
            outcome = loop.fit()
    except Interrupted:
        _set_status(run, "interrupted", "Ctrl-C")
        raise
    except VistryError as error:
        with suppress(RunError):  # where the disk is full these fail, too, and what failed first has to be said
            _set_status(run, "failed", str(error))
            write_report(run)
        raise
    best = next(entry for entry in loop.history if entry["epoch"] == outcome.best_epoch)
    _set_status(
        run,
        outcome.status,
        outcome.reason,
        best_epoch=outcome.best_epoch,
        best_score=outcome.best_score,
        epochs=outcome.epochs,
        engine=_facts(loop.engine, run),
        finished=_now(),
    )
    write_report(run)
    return TrainingResult(run, outcome, best["validation"])


def _set_status(run: Run, status: str, reason: str, **facts: Any) -> None:
    before = {key: value for key, value in run.status.items() if key != "schema"}
    run.write("status.json", {**before, "status": status, "reason": reason, **facts})


def _loop(run: Run, context: ModelContext, source: InitialWeights, reporter: progress.Reporter) -> Loop:
    """The loop of a recorded run: a new run and a resumed one are set up by the same lines."""
    record, values = run.record, context.hyperparameters
    task, classes = context.task, tuple(record["classes"])
    counts = tuple(record["data"]["training_counts"])
    data = TrainingData(classes, counts, record["data"]["training_images"])
    module = context.module(len(classes))
    training = read_rows(run.folder / "training.jsonl", classes, task.name)
    if not (run.folder / LAST).is_file():
        for message in _prepare(context, module, source, training):
            reporter.note(message)
    precision = run.status.get("engine", values)["precision"]  # what "auto" meant when the run began
    as_begun = replace(values.settings["precision"], value=precision)
    context = context.with_hyperparameters(Hyperparameters([*values.settings.values(), as_begun]))
    engine = context.engine(module, data, reporter.note)
    facts = _facts(engine, run)
    reporter.note(f"{facts['device']}, {facts['precision']} ({facts['precision_reason']})")
    images = context.input()
    return Loop(
        engine,
        task,
        classes,
        values,
        images.dataset(training),
        _validation(run, task, classes, images.eval_transform(), values.validation_batch_size),
        run,
        reporter,
        record["primary_metric"],
    )


def _prepare(context: ModelContext, module: Module, source: InitialWeights, training: Table) -> Iterator[str]:
    """Load the initial weights and fit what gradients don't learn; yield what to tell the user."""
    num_classes = len(training.classes)
    fresh = load_initial_weights(context, module, source, num_classes)
    if fresh:
        more = f" and {len(fresh) - 4} more" if len(fresh) > 4 else ""
        yield f"newly initialised for {num_classes} classes: {', '.join(fresh[:4])}{more}"
    engine = context.engine_module
    state_dict = engine.arrays_of(module)
    fitted = context.fitted_to(training, state_dict)
    if fitted.tensors:
        engine.load_arrays(module, {**state_dict, **fitted.tensors})
    yield from fitted.messages


def _facts(engine: Engine, run: Run) -> dict[str, Any]:
    """What the engine says of itself. A resumed run keeps the precision it began with, and the reason it was chosen."""
    begun = run.status.get("engine", {})
    return engine.facts() | {name: begun[name] for name in ("precision", "precision_reason") if name in begun}


def _validation(
    run: Run, task: Task, classes: tuple[str, ...], eval_transform: EvalTransform, batch_size: int
) -> Validation:
    table = read_rows(run.folder / "validation.jsonl", classes, task.name)
    return Validation(list(table.images), task.targets(table), eval_transform, batch_size)


def sources_of(files: Iterable[Source], flags: dict[str, Any]) -> list[Source]:
    """Files first, flags over them."""
    return [*files, Source.of(flags, "the command line")]
