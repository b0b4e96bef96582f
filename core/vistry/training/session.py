"""Carrying out a plan: `train` and `resume`.

1. A plan (plan.py) is made before anything is written: every mistake in the call is told by then.
2. A run folder is made, and all that defines the run is written to it: the rows of both splits, the hyperparameters,
   run.json and the doctor's findings (`write_run`).
3. The loop is built from that folder alone (`_loop`): rows, hyperparameters and run.json are read back, although
   `train` has them in memory. So a resumed run is set up by the same lines as a new one and can't differ from it, and
   whatever the folder lacks fails in the first second of a run and not in the resumption of a long one.
4. The loop trains (`_fit`); status.json follows it, and the report is drawn at the end.

`resume` begins at step 3, takes up the last saved state, and goes on with step 4.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vistry.data.source import Folders, ReadingOptions
from vistry.data.table import Table
from vistry.errors import RunError, VistryError
from vistry.hyperparameter.recorded import hyperparameters_of
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.faults import traceback_kept_in
from vistry.plugin.types import Module, TrainingData
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.parts import check_recorded
from vistry.report import write_report
from vistry.runs.files import remove_unfinished
from vistry.runs.folder import TRAINING_ROWS, VALIDATION_ROWS, Run, find_run, new_run
from vistry.runs.lock import training_in
from vistry.runs.moved_images import check_images, move_images
from vistry.runs.records import (
    EngineFacts,
)
from vistry.runs.rows import read_rows
from vistry.task.doubt import Doubt
from vistry.training.advice import SlowEpochs
from vistry.training.cores import Cores, set_apart
from vistry.training.engines import Engine
from vistry.training.events import Announcer, Listener, Outcome
from vistry.training.initial_weights import InitialWeights, load_initial_weights
from vistry.training.interruption import Interrupted
from vistry.training.loop import Loop
from vistry.training.model_context import ModelContext
from vistry.training.plan import Plan, Request, make_plan
from vistry.training.recorded_model import recorded_model
from vistry.training.run_files import now, write_data, write_run
from vistry.training.schedules import number_of_updates
from vistry.training.validation import Validation

NAMED_TENSORS = 4  # of those that are newly initialised


@dataclass(frozen=True)
class TrainingResult:
    """A finished run: its folder, why it ended, the best epoch's validation metrics, and how sure they are."""

    run: Run
    outcome: Outcome
    metrics: Mapping[str, float]
    doubt: Doubt = field(default_factory=Doubt)


def train(
    data: str | Path,
    *,
    task: str | None = None,
    model: str | None = None,
    validation: str | Path | None = None,
    format: str | None = None,
    images: Folders = (),
    columns: Mapping[str, str] | None = None,
    classes_at: int | None = None,
    validation_size: float | None = None,
    primary_metric: str | None = None,
    backend: str = "torch",
    group_by: str | None = None,
    output: str | Path | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    listeners: Sequence[Listener] = (),
    **hyperparameters: Any,
) -> TrainingResult:
    """Train a model on a folder or file of labelled images.

    Args:
        data: labelled images, in any format that `vistry doctor` reads.
        task: multiclass, multilabel, detection or segmentation, or a task's full name; by default what labels suggest.
        model: a name from `vistry.models()`; by default the task's own.
        validation: labelled images to measure on; by default a part of `data` is held out.
        format: the data's format where it can't be told from the files.
        images: folders in which the images that the data names are looked for, too.
        columns: which columns of a table are "image", "label" and so on, by role.
        classes_at: which level of nested folders names the classes, from 1.
        validation_size: the share of `data` that is held out, between 0 and 1.
        primary_metric: the metric that decides which epoch is the best; by default the task's own.
        backend: the tensor library, "torch" or "jax".
        group_by: what belongs together stays on one side of the split: a column of the data's table, or a pattern on
            the path such as "{group}_*.jpg".
        output: the new run folder; by default one in VISTRY_RUNS or ./runs.
        time_limit: seconds by which the training is over, planning included.
        threads: how many threads compute, on cores that no other training holds; by default on all that are free.
        listeners: who hears of each step, such as `vistry.training.progress.progress_line()`.
        hyperparameters: values by their own names.

    Raises VistryError; mistakes in the call are all told before any work begins.
    """
    deadline = deadline_in(time_limit)
    request = Request(
        data=Path(data),
        task=task,
        model=model,
        validation=None if validation is None else Path(validation),
        reading=ReadingOptions.of(format, images, columns, classes_at=classes_at),
        validation_size=validation_size,
        primary_metric=primary_metric,
        backend=backend,
        group_by=group_by,
    )
    with set_apart(threads) as cores:
        plan = make_plan(request, [Source.of(hyperparameters, "the call")])
        return carry_out(plan, output=output, deadline=deadline, cores=cores, listeners=listeners)


def resume(
    run: str | Path,
    *,
    data: str | Path | None = None,
    validation: str | Path | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    listeners: Sequence[Listener] = (),
) -> TrainingResult:
    """Go on with a run that was killed, interrupted or stopped; it ends as if nothing had happened.

    Args:
        run: the run's folder or identifier, or "last" for the newest.
        data: where the run's images are now, if not where they were.
        validation: the same for validation images that lay apart.
        time_limit: seconds by which this part of the training is over.
        threads: how many threads compute; by default as many as before, for only then it ends with the same bits.
        listeners: who hears of each step, such as `vistry.training.progress.progress_line()`.

    A run that was killed before its first saved state begins anew. Raises RunError where there is no such run, where
    it is complete, or another process trains it, and where its images are missing or are others by the same names;
    VistryError as `train` does.
    """
    deadline = deadline_in(time_limit)
    resumed = find_run(run)
    if resumed.status.status == "completed":
        raise RunError(f"{resumed.id} is complete; to build upon it, train with --checkpoint_run_id {resumed.id}")
    with (
        training_in(resumed.folder),
        traceback_kept_in(resumed.folder),
        set_apart(threads or resumed.status.threads) as cores,
    ):
        context = recorded_context(resumed)
        _say_cores(cores, listeners)
        remove_unfinished(resumed.folder)
        if data is not None or validation is not None:
            resumed = move_images(resumed, *(None if place is None else Path(place) for place in (data, validation)))
        return go_on(resumed, context, threads=cores.threads, deadline=deadline, listeners=listeners)


def go_on(
    run: Run,
    context: ModelContext,
    *,
    threads: int,
    deadline: float | None = None,
    listeners: Sequence[Listener] = (),
) -> TrainingResult:
    """Go on with a run whose folder this process holds, by its recorded context, to be over at `deadline`.

    The process computes with so many threads.
    """
    check_images(run)
    loop = _loop(run=run, context=context, listeners=listeners)
    if loop.restore():
        place = f"epoch {loop.position.epoch + 1}, batch {loop.position.batch + 1}"
        Announcer(listeners).note(f"going on from {place}")
    run.write_history(loop.history)  # without the epochs after the last saved state, which are to be trained again
    return _fit(loop, deadline, threads)


def deadline_in(seconds: float | None) -> float | None:
    """Return the time.monotonic() of so many seconds from now. Call it before planning, which counts."""
    return None if seconds is None else time.monotonic() + seconds


def carry_out(
    plan: Plan,
    *,
    output: str | Path | None = None,
    deadline: float | None = None,
    cores: Cores | None = None,
    listeners: Sequence[Listener] = (),
) -> TrainingResult:
    """Train as planned, into a new run folder, to be over at `deadline`, by time.monotonic(). Raises VistryError.

    `cores` are those that this process computes on, where it has set some apart.
    """
    run = new_run(plan.context.card.name, None if output is None else Path(output))
    with training_in(run.folder):
        try:
            write_data(run.folder, plan)
            write_run(run, plan)
            if cores:
                _say_cores(cores, listeners)
            loop = _loop(run=run, context=plan.context, listeners=listeners)
        except BaseException:
            shutil.rmtree(run.folder, ignore_errors=True)  # it never began, and the same command has to work again
            raise
        return _fit(loop, deadline, cores.threads if cores else None)


def prepare(plan: Plan, folder: Path) -> Run:
    """Write the folder of a run that nobody trains yet: `resume` begins it. Raises RunError."""
    run = new_run(plan.context.card.name, folder)
    write_data(run.folder, plan)
    write_run(run, plan)
    run.write(replace(run.status, status="interrupted", reason="not begun"))
    return run


def carry_out_in(
    run: Run, plan: Plan, *, threads: int, deadline: float | None = None, listeners: Sequence[Listener] = ()
) -> TrainingResult:
    """Train as planned in a folder that this process holds and that has the plan's data, as `write_data` writes it.

    The process computes with so many threads.
    """
    write_run(run, plan)
    return _fit(_loop(run=run, context=plan.context, listeners=listeners), deadline, threads)


def sources_of(files: Iterable[Source], flags: dict[str, Any]) -> list[Source]:
    """Order the sources of hyperparameters: files first, flags over them."""
    return [*files, Source.of(flags, "the command line")]


# Building the loop from the run folder


def recorded_context(run: Run) -> ModelContext:
    """Return the context of the model that a run trained, with the run's hyperparameters. Raises RegistryError."""
    catalogue, record = Catalogue.read(), run.record
    card = recorded_model(run, catalogue)
    context = ModelContext.of(catalogue, card, task=record.task, backend=record.backend)
    check_recorded(catalogue, record.parts)
    context = replace(context, recorded_parts=record.parts, normalisation=record.preprocessing)
    return context.with_hyperparameters(hyperparameters_of(run, context.card.hyperparameters))


def _loop(*, run: Run, context: ModelContext, listeners: Sequence[Listener]) -> Loop:
    record, announce = run.record, Announcer(listeners)
    training = read_rows(run.folder / TRAINING_ROWS, record.classes, record.task)
    validation = read_rows(run.folder / VALIDATION_ROWS, record.classes, record.task)
    images = context.input()
    return Loop(
        engine=_engine(run=run, context=context, training=training, announce=announce),
        hyperparameters=context.hyperparameters,
        training=context.training_dataset(training),
        validation=Validation(
            images=list(validation.images),
            targets=context.task.targets(validation),
            eval_transform=images.eval_transform(),
            task=context.task,
            classes=record.classes,
            primary_metric=record.primary_metric,
            hyperparameters=context.hyperparameters,
            metric_parts=context.parts.metrics(),
        ),
        run=run,
        listeners=[*listeners, SlowEpochs(context, announce)],
        schedule_part=context.parts.schedule(),
    )


def _engine(*, run: Run, context: ModelContext, training: Table, announce: Listener) -> Engine:
    """The model with its optimiser; with its first weights where no state to go on from is saved."""
    record = run.record
    module = context.module(len(record.classes))
    if not run.can_resume:
        for message in _prepare(context, module, source=_initial_weights(run, context.card), training=training):
            announce.note(message)
    data = TrainingData(record.classes, record.data.training_class_counts, record.data.training_images)
    values = context.hyperparameters
    batches = context.training_dataset(training).batches(values.random_seed, 0)
    updates = number_of_updates(values, len(batches))
    engine = _with_precision_of(run, context).engine(module, data, announce.note, updates)
    if values.precision == "auto":  # also where the precision of the beginning took its place
        engine.prediction_precision = "fp32"
    facts = _facts(engine, run)
    announce.note(f"{facts.device}, {facts.precision} ({facts.precision_reason})")
    return engine


def _prepare(context: ModelContext, module: Module, *, source: InitialWeights, training: Table) -> Iterator[str]:
    """Load the initial weights and fit what gradients don't learn; yield what to tell the user."""
    num_classes = len(training.classes)
    loaded = load_initial_weights(context, module, source, num_classes=num_classes, classes=training.classes)
    if loaded.head is not None:
        yield loaded.head.sentence(f"the head of {source.label}")
    elif loaded.fresh:
        yield f"newly initialised for {num_classes} classes: {_some(loaded.fresh)}"
    engine = context.engine_module
    state_dict = engine.arrays_of(module)
    fitted = context.fitted_to(training, state_dict)
    if fitted.tensors:
        engine.load_arrays(module, {**state_dict, **fitted.tensors})
    yield from fitted.messages


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_TENSORS} more" if len(names) > NAMED_TENSORS else ""
    return f"{', '.join(names[:NAMED_TENSORS])}{more}"


def _initial_weights(run: Run, card: ModelCard) -> InitialWeights:
    recorded = run.record.initial_weights
    if recorded.run:
        return InitialWeights(run=find_run(recorded.run))
    return InitialWeights.published_or_file(recorded.name, Path(recorded.file) if recorded.file else None, card)


def _with_precision_of(run: Run, context: ModelContext) -> ModelContext:
    """The context with the precision that the run began with: "auto" may mean another one on this machine."""
    begun, values = run.status.engine, context.hyperparameters
    if begun is None:
        return context
    setting = replace(values.settings["precision"], value=begun.precision)
    return context.with_hyperparameters(Hyperparameters([*values.settings.values(), setting]))


def _facts(engine: Engine, run: Run) -> EngineFacts:
    """The engine's facts. A resumed run keeps the reason why its precision was once chosen."""
    facts, begun = engine.facts(), run.status.engine
    if begun is None:
        return facts
    return replace(facts, precision=begun.precision, precision_reason=begun.precision_reason)


# Training


def _say_cores(cores: Cores, listeners: Sequence[Listener]) -> None:
    if sentence := cores.sentence():
        Announcer(listeners).note(sentence)


def _fit(loop: Loop, deadline: float | None, threads: int | None) -> TrainingResult:
    run, loop.deadline = loop.run, deadline
    status = replace(
        run.status,
        status="running",
        reason="",
        engine=_facts(loop.engine, run),
        process_id=os.getpid(),
        threads=threads,
    )
    run.write(status)
    try:
        with traceback_kept_in(run.folder):
            outcome = loop.fit()
    except Interrupted:
        run.write(replace(status, status="interrupted", reason="Ctrl-C"))
        raise
    except VistryError as error:
        with suppress(RunError):  # where the disk is full these fail, too, and what failed first has to be said
            run.write(replace(status, status="failed", reason=str(error)))
            write_report(run)
        raise
    doubt = loop.validation.doubt(run)
    run.write(
        replace(
            status,
            status=outcome.status,
            reason=outcome.reason,
            best_epoch=outcome.best_epoch,
            best_score=outcome.best_score,
            epochs=outcome.epochs,
            engine=_facts(loop.engine, run),  # again, for the seconds of compiling
            finished=now(),
            interval=doubt.interval,
            absent_classes=doubt.absent_classes,
        )
    )
    write_report(run)
    best = next(entry for entry in loop.history if entry.epoch == outcome.best_epoch)
    return TrainingResult(run, outcome, best.metrics or {}, doubt=doubt)
