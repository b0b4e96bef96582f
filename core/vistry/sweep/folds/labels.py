"""The labels that are probably wrong, from the predictions of models that never saw the images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vistry.evaluation.classification import LABEL_THRESHOLD
from vistry.evaluation.detection.label_errors import wrong_objects
from vistry.evaluation.detection.types import Kind
from vistry.evaluation.label_errors import mislabelled, mislabelled_multilabel
from vistry.registry.tasks import task_named
from vistry.runs.label_issues import MISLABELLED, MISTAKEN, UNLABELLED, LabelIssue, LabelIssues
from vistry.sweep.folds.folder import FoldImage
from vistry.sweep.folds.predictions import Unseen


def label_issues(unseen: Unseen) -> LabelIssues:
    """Find them, the most suspect first."""
    task = task_named(unseen.task.name)
    if task.has_boxes:
        issues = _of_objects(unseen)
    else:
        issues = _multilabel(unseen) if task.is_multilabel else _multiclass(unseen)
    return LabelIssues(task=task.name, images=len(unseen.images), issues=tuple(issues))


def _multiclass(unseen: Unseen) -> Iterator[LabelIssue]:
    for one in mislabelled(np.asarray(unseen.values), np.asarray(unseen.targets)):
        image = unseen.images[one.image]
        yield LabelIssue(
            image=image.image,
            where=image.where,
            kind=MISLABELLED,
            given=unseen.classes[one.given],
            suggested=unseen.classes[one.suggested],
            suspicion=one.suspicion,
            fold=image.fold,
            given_probability=one.given_probability,
            suggested_probability=one.suggested_probability,
        )


def _multilabel(unseen: Unseen) -> Iterator[LabelIssue]:
    truth = np.asarray(unseen.targets) > LABEL_THRESHOLD
    for one in mislabelled_multilabel(np.asarray(unseen.values), truth):
        image, name = unseen.images[one.image], unseen.classes[one.given]
        yield LabelIssue(
            image=image.image,
            where=image.where,
            kind=UNLABELLED if one.is_missing else MISTAKEN,
            given="" if one.is_missing else name,
            suggested=name if one.is_missing else "",
            suspicion=one.suspicion,
            fold=image.fold,
            given_probability=one.given_probability,
            suggested_probability=one.suggested_probability,
        )


def _of_objects(unseen: Unseen) -> Iterator[LabelIssue]:
    limits = np.full(len(unseen.classes), float(unseen.hyperparameters.box_score_threshold))
    detections = [prediction.detections for prediction in unseen.values]
    kind: Kind = "mask" if task_named(unseen.task.name).has_masks else "box"
    for one in wrong_objects(unseen.targets, detections, limits, kind=kind):
        image: FoldImage = unseen.images[one.image]
        yield LabelIssue(
            image=image.image,
            where=image.where,
            kind=one.kind,
            given="" if one.given is None else unseen.classes[one.given],
            suggested="" if one.suggested is None else unseen.classes[one.suggested],
            suspicion=one.suspicion,
            fold=image.fold,
            score=one.score,
            iou=one.iou,
            box=one.box,
        )
