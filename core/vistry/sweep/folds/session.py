"""Carrying out a cross-validation: `cross_validate` and `resume_folds`.

Every fold's run folder is written before any of them is trained. So a fold that begins and one that goes on are the
same thing, a run that is resumed, and a cross-validation that was killed ends with the bits of one that wasn't.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.data.source import Folders, ReadingOptions
from vistry.errors import RunError, TrainingError
from vistry.hyperparameter.schema import Source
from vistry.plugin.faults import traceback_kept_in
from vistry.report.page import REPORT
from vistry.runs.files import remove_unfinished
from vistry.runs.folder import new_run
from vistry.runs.lock import training_in
from vistry.runs.moved_images import move_images
from vistry.sweep.folds.ending import finish
from vistry.sweep.folds.folder import SUMMARY, FoldImage, FoldsFolder, FoldsRecord, FoldsSummary
from vistry.sweep.folds.plan import FoldsPlan, plan_folds
from vistry.training.cores import Cores, set_apart
from vistry.training.events import Announcer, Listener
from vistry.training.interruption import Interrupted
from vistry.training.plan import Request
from vistry.training.session import deadline_in, go_on, prepare, recorded_context

# Seconds that predictions, labels and the report of all folds are taken to last, at most and for each image.
ENDING, SECONDS_OF_IMAGE = 2.0, 0.02


@dataclass(frozen=True)
class FoldsResult:
    """A cross-validation: its folder and what came out. `is_whole` says whether every image has its prediction."""

    folder: Path
    summary: FoldsSummary
    reason: str
    issues: int

    @property
    def is_whole(self) -> bool:
        """Whether every fold was trained to its end."""
        return not self.reason


def cross_validate(
    data: str | Path,
    *,
    folds: int = 5,
    task: str | None = None,
    model: str | None = None,
    format: str | None = None,
    images: Folders = (),
    columns: Mapping[str, str] | None = None,
    classes_at: int | None = None,
    primary_metric: str | None = None,
    backend: str = "torch",
    group_by: str | None = None,
    output: str | Path | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    listeners: Sequence[Listener] = (),
    **hyperparameters: Any,
) -> FoldsResult:
    """Train a model once for each fold of the data, so that each image is predicted by a model that never saw it.

    Args:
        data: labelled images, in any format that `vistry doctor` reads, without validation images of its own.
        folds: into how many parts of every class the images are divided.
        task: multiclass, multilabel, detection or segmentation, or a task's full name; by default what labels suggest.
        model: a name from `vistry.models()`; by default the task's own.
        format: the data's format where it can't be told from the files.
        images: folders in which the images that the data names are looked for, too.
        columns: which columns of a table are "image", "label" and so on, by role.
        classes_at: which level of nested folders names the classes, from 1.
        primary_metric: the metric that decides which epoch is the best; by default the task's own.
        backend: the tensor library, "torch" or "jax".
        group_by: what belongs together is in one fold: a column of the data's table, or a pattern on the path such as
            "{group}_*.jpg".
        output: the new folder; by default one in VISTRY_RUNS or ./runs.
        time_limit: seconds by which all of it is over, planning included.
        threads: how many threads compute; by default one a core that no other training has.
        listeners: who hears of each step, such as `vistry.training.progress.progress_line()`.
        hyperparameters: values by their own names.

    The result's folder has the predictions (predictions.jsonl), the labels that are probably wrong (labels.csv) and a
    report. Raises VistryError; mistakes in the call are all told before any work begins.
    """
    deadline = deadline_in(time_limit)
    request = Request(
        data=Path(data),
        task=task,
        model=model,
        reading=ReadingOptions.of(format, images, columns, classes_at=classes_at),
        primary_metric=primary_metric,
        backend=backend,
        group_by=group_by,
    )
    with set_apart(threads) as cores:
        plan = plan_folds(request, [Source.of(hyperparameters, "the call")], folds)
        return carry_out_folds(plan, output=output, deadline=deadline, cores=cores, listeners=listeners)


def carry_out_folds(
    plan: FoldsPlan,
    *,
    output: str | Path | None = None,
    cores: Cores,
    deadline: float | None = None,
    listeners: Sequence[Listener] = (),
) -> FoldsResult:
    """Train as planned, into a new folder, to be over at `deadline`, by time.monotonic(). Raises VistryError.

    `cores` are those that this process was given, as `set_apart` gives them.
    """
    folder = _write(plan, cores.threads, None if output is None else Path(output))
    with training_in(folder.path):
        return _train(folder, deadline, cores, listeners=listeners)


def resume_folds(
    path: str | Path,
    *,
    data: str | Path | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    listeners: Sequence[Listener] = (),
) -> FoldsResult:
    """Go on with a cross-validation that was killed, interrupted or stopped; it ends as if nothing had happened.

    Args:
        path: the folder that `cross_validate` made.
        data: where the images are now, if not where they were.
        time_limit: seconds by which this part is over.
        threads: how many threads compute; by default as many as before, for only then it ends with the same bits.
        listeners: who hears of each step, such as `vistry.training.progress.progress_line()`.

    Raises RunError where there is none, where it is complete, or another process trains it.
    """
    folder, deadline = FoldsFolder.open(path), deadline_in(time_limit)
    if (folder.path / SUMMARY).is_file() and not _waiting(folder):
        raise RunError(f"{folder.path} is complete; its report is {folder.path / REPORT}")
    with training_in(folder.path), set_apart(threads or folder.record.threads) as cores:
        if data is not None:
            for run in folder.runs():
                move_images(run, Path(data), None)
        return _train(folder, deadline, cores, listeners=listeners)


# Writing the folder


def _write(plan: FoldsPlan, threads: int, output: Path | None) -> FoldsFolder:
    card = plan.whole.context.card
    folder = FoldsFolder(new_run(f"{card.name}-folds", output).folder)
    try:
        for number in range(1, plan.count + 1):
            prepare(plan.fold(number), folder.run_of(number).folder)
        folder.write_images(list(_images(plan)))
        folder.write(_record(plan, threads))  # the last one: a folder with a folds.json is a cross-validation
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)  # it never began, and the same command has to work again
        raise
    return folder


def _images(plan: FoldsPlan) -> Iterator[FoldImage]:
    for row in plan.rows.tolist():
        yield FoldImage(image=plan.table.images[row], fold=int(plan.fold_of[row]) + 1, where=plan.table.where(row))


def _record(plan: FoldsPlan, threads: int) -> FoldsRecord:
    whole = plan.whole
    tests = len(plan.table) - len(plan.rows)
    return FoldsRecord(
        task=whole.context.task.name,
        model=whole.context.card.full_name,
        classes=whole.classes,
        primary_metric=whole.primary_metric,
        folds=plan.count,
        threads=threads,
        seed=whole.hyperparameters.random_seed,
        images=len(plan.rows),
        source=str(whole.request.data.resolve()),
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        command=(Path(sys.argv[0]).name, *sys.argv[1:]),
        group_by=whole.request.group_by,
        notes=(f"{tests} images of the data's test split take no part",) if tests else (),
    )


# Training the folds


def _train(folder: FoldsFolder, deadline: float | None, cores: Cores, *, listeners: Sequence[Listener]) -> FoldsResult:
    announce = Announcer(listeners)
    if sentence := cores.sentence():
        announce.note(sentence)
    remove_unfinished(folder.path)
    (folder.path / SUMMARY).unlink(missing_ok=True)  # it says that all is done that can be
    waiting = _waiting(folder)
    for done, number in enumerate(waiting):
        left = _seconds_left(deadline, folder)
        if left == 0:
            break
        data = folder.run_of(number).record.data
        announce.note(
            f"fold {number} of {folder.record.folds}: {data.training_images} images to train, "
            f"{data.validation_images} that it never sees"
        )
        until = None if left is None else time.monotonic() + left / (len(waiting) - done)
        _train_fold(folder, number, until, threads=cores.threads, listeners=listeners)
    summary, issues = finish(folder)
    return FoldsResult(folder.path, summary, _reason(folder), issues=issues)


def _train_fold(
    folder: FoldsFolder, number: int, deadline: float | None, *, threads: int, listeners: Sequence[Listener]
) -> None:
    """Train a fold; where it fails, its status.json says why, and the other folds still say something."""
    run = folder.run_of(number)
    try:
        with training_in(run.folder), traceback_kept_in(run.folder):
            go_on(run, recorded_context(run), threads=threads, deadline=deadline, listeners=listeners)
    except Interrupted:
        raise Interrupted(f"interrupted; to go on, type: vistry resume {folder.path}") from None
    except TrainingError as error:
        Announcer(listeners).note(f"fold {number} failed: {error}")


def _waiting(folder: FoldsFolder) -> list[int]:
    """The folds that aren't trained to their ends."""
    return [number for number, run in enumerate(folder.runs(), start=1) if run.status.status != "completed"]


def _seconds_left(deadline: float | None, folder: FoldsFolder) -> float | None:
    """The seconds for training, without those for the report, which grow with the images."""
    if deadline is None:
        return None
    return max(0.0, deadline - time.monotonic() - min(ENDING, SECONDS_OF_IMAGE * folder.record.images))


def _reason(folder: FoldsFolder) -> str:
    """Why it isn't whole, or nothing."""
    statuses = {number: folder.run_of(number).status for number in _waiting(folder)}
    return "; ".join(f"fold {number}: {status.status}, {status.reason}" for number, status in statuses.items())
