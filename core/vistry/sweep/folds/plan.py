"""A cross-validation planned: the folds, and a plan of an ordinary training for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vistry.data.checks.classes import class_gaps
from vistry.data.findings import Finding
from vistry.data.folds import OUTSIDE, assign_folds, single_group_classes
from vistry.data.grouping import joined
from vistry.data.split_origins import Division
from vistry.data.table import Table
from vistry.errors import DataError
from vistry.hyperparameter.schema import Source
from vistry.runs.records import SplitRecord
from vistry.training.groups import grouped
from vistry.training.plan import Plan, Request, make_plan

# Findings about a split that was drawn, which the folds don't have.
OF_SPLIT = ("class-untrained", "class-unvalidated")
NAMED = 5


@dataclass(frozen=True)
class FoldsPlan:
    """A plan of one training, and the fold of each row of its table, from 0, or OUTSIDE for the test split's."""

    whole: Plan
    count: int
    fold_of: npt.NDArray[np.int64]
    record: SplitRecord

    @property
    def table(self) -> Table:
        """All usable images."""
        return self.whole.diagnoses[0].table

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The rows that take part."""
        return np.flatnonzero(self.fold_of != OUTSIDE)

    @property
    def sentence(self) -> str:
        """What is done, for a person."""
        sizes = np.bincount(self.fold_of[self.rows], minlength=self.count)
        low, high = int(sizes.min()), int(sizes.max())
        each = f"{low}" if low == high else f"{low} to {high}"
        together = f", in whole groups by {self.record.group_by}" if self.record.group_by else ""
        return f"{self.count} folds of {each} images, drawn by class{together}: a training each, on all other images"

    def fold(self, number: int) -> Plan:
        """The training that never sees a fold, from 1, and is measured on it."""
        validates = self.fold_of == number - 1
        trains = (self.fold_of != OUTSIDE) & ~validates
        training, validation = (self.table.take(np.flatnonzero(rows)) for rows in (trains, validates))
        context, diagnosis = self.whole.context, self.whole.diagnoses[0]
        context.task.check(training, validation, context.hyperparameters)
        findings = (*_without_split(diagnosis.findings), *class_gaps(training, validation))
        return replace(
            self.whole,
            training=training,
            validation=validation,
            diagnoses=(replace(diagnosis, findings=findings),),
            split=self.record,
            division=Division(len(training), len(validation), apart=f"fold {number} of {self.count}"),
        )

    def warnings(self) -> list[str]:
        """What the doctor warns of, advice about the training, and which classes can't be measured."""
        diagnosis = self.whole.diagnoses[0]
        first = self.fold(1)
        quiet = replace(diagnosis, findings=tuple(_without_split(diagnosis.findings)))
        return [*replace(first, diagnoses=(quiet,)).warnings(), *self._unmeasurable()]

    def _unmeasurable(self) -> Iterator[str]:
        names = single_group_classes(self.table, self.fold_of)
        if names:
            some = ", ".join(f"'{name}'" for name in names[:NAMED]) + (", ..." if len(names) > NAMED else "")
            yield (
                f"{len(names)} class(es) are in one fold alone, so the model that predicts their images never saw one: "
                f"{some}; add images of them, or leave them out"
            )


def plan_folds(request: Request, sources: Iterable[Source], count: int) -> FoldsPlan:
    """Decide and check everything; nothing is written. Raises VistryError.

    Folds are stratified by class, and images that are nearly the same, or that `request.group_by` puts together, are in
    one fold.
    """
    if request.validation is not None:
        raise DataError(
            f"--folds measures on every image once, so --validation {request.validation} has no place in it; leave out "
            "one of them"
        )
    if request.validation_size is not None:
        raise DataError(f"with --folds each fold is 1/{count} of the images; leave out --validation-size")
    whole = make_plan(request, sources)
    diagnosis, groups, record = whole.diagnoses[0], whole.diagnoses[0].groups, SplitRecord(way="fold")
    if request.group_by is not None:
        diagnosis, grouping = grouped(diagnosis, request.group_by)
        groups = joined(grouping.indices(), diagnosis.groups)
        record = SplitRecord(way="fold", group_by=grouping.by, groups=grouping.count, ungrouped=grouping.ungrouped)
    fold_of = assign_folds(diagnosis.table, count, whole.hyperparameters.random_seed, groups=groups)
    return FoldsPlan(whole, count, fold_of, record=record)


def _without_split(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (finding for finding in findings if finding.check not in OF_SPLIT)
