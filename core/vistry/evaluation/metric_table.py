"""The table of metrics: every name that an evaluation may print, with its range, direction and formula."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vistry.registry.catalogue import Catalogue
from vistry.registry.part_specs import MetricSpec
from vistry.registry.parts import Part, PartRecord, PartTable, core_parts
from vistry.registry.tasks import MULTICLASS as MULTICLASS
from vistry.registry.tasks import MULTILABEL, TaskInfo
from vistry.registry.tasks import OBJECT_TASKS as OBJECTS
from vistry.registry.tasks import WHOLE_IMAGE_TASKS as CLASSIFICATION


@dataclass(frozen=True)
class Metric:
    """One metric: the tasks that have it, a sentence, the formula in Markdown, the range, and which end is good."""

    name: str
    tasks: tuple[str, ...]
    summary: str
    formula: str
    lower: float = 0.0
    upper: float = 1.0
    larger_is_better: bool = True


_AVERAGES = {
    "macro": "the mean over the classes that the images have, each class counted once",
    "micro": "all decisions of all classes in one count",
    "weighted": "the mean over classes, each weighted by how many images have it",
}
_PER_CLASS = {
    "precision_score": ("Precision: the share of the predictions of a class that are right", "TP / (TP + FP)"),
    "recall_score": ("Recall: the share of the images of a class that are predicted as it", "TP / (TP + FN)"),
    "f1_score": ("F1, the harmonic mean of precision and recall", "2 TP / (2 TP + FP + FN)"),
    "AUC": (
        "Area under the ROC curve: how often an image of a class scores higher than one without it; 0.5 is chance",
        "the area under true positive rate over false positive rate, one class against the rest",
    ),
    "average_precision_score": (
        "Average precision of the ranking by score",
        "the sum over thresholds n of (R_n - R_(n-1)) P_n, one class against the rest",
    ),
}
_COCO_SIZES = {"small": "under 32² pixels", "medium": "from 32² to 96² pixels", "large": "over 96² pixels"}
_SERVED = "_at_serving_threshold"


def _classification() -> Iterable[Metric]:
    yield Metric(
        "accuracy",
        CLASSIFICATION,
        "Multi-class: the share of images whose likeliest class is right. Multi-label: the share of images whose "
        "predicted set of labels is exactly the true one",
        "right images / images",
    )
    yield Metric(
        "iou",
        (MULTILABEL,),
        "How well the predicted set of labels of an image fits the true one, averaged over images",
        "mean over images of (predicted and true) / (predicted or true); 1 where both sets are empty",
    )
    for average, meaning in _AVERAGES.items():
        yield Metric(
            f"iou_{average}",
            (MULTILABEL,),
            f"How well the images predicted as a class fit those that have it; {meaning}",
            "TP / (TP + FP + FN)",
        )
    for name, (summary, formula) in _PER_CLASS.items():
        for average, meaning in _AVERAGES.items():
            yield Metric(f"{name}_{average}", CLASSIFICATION, f"{summary}; {meaning}", formula)
    yield Metric(
        "norm_macro_recall",
        CLASSIFICATION,
        "Macro recall, moved so that chance is 0. With C classes chance is 1 / C; multi-label, 1 / 2",
        "max(0, (recall_score_macro - chance) / (1 - chance))",
    )


def _objects() -> Iterable[Metric]:
    of_voc = {
        "mean_average_precision": (
            "Average precision, mean over classes: by Pascal VOC at `validation_iou_threshold`; with "
            "`validation_metric_type` coco, by COCO at IoU 0.5",
            "mean over classes of the area under the envelope of precision over recall",
        ),
        "precision": (
            "The share of detections that are hits, mean over the classes that the images have",
            "hits / detections",
        ),
        "recall": (
            "The share of objects that were found, mean over the classes that the images have",
            "hits / objects",
        ),
    }
    for name, (summary, formula) in of_voc.items():
        yield Metric(name, OBJECTS, summary, formula)
        yield Metric(
            f"{name}{_SERVED}",
            OBJECTS,
            f"`{name}` of the detections above `box_score_threshold`, which are those that a user is given",
            formula,
        )
    yield from _coco()


def _coco() -> Iterable[Metric]:
    precision = "mean of precision at recalls 0, 0.01, ..., 1, then over classes"
    recall = "objects found / objects, mean over classes"
    over_iou = "mean over IoU thresholds 0.5, 0.55, ..., 0.95"
    name = "coco_average_precision"
    yield Metric(name, OBJECTS, f"COCO's average precision, {over_iou} and over classes", precision)
    for iou in (50, 75):
        yield Metric(f"{name}_{iou}", OBJECTS, f"The same at the IoU threshold {iou / 100}", precision)
    for size, meaning in _COCO_SIZES.items():
        yield Metric(f"{name}_{size}", OBJECTS, f"COCO's average precision of objects {meaning}", precision)
    for count in (1, 10, 100):
        yield Metric(
            f"coco_average_recall_{count}",
            OBJECTS,
            f"COCO's average recall with at most {count} detection{'s' * (count > 1)} an image, {over_iou}",
            recall,
        )
    for size, meaning in _COCO_SIZES.items():
        yield Metric(f"coco_average_recall_{size}", OBJECTS, f"COCO's average recall of objects {meaning}", recall)


def _of_part(part: Part[MetricSpec]) -> Metric:
    spec = part.spec
    return Metric(
        part.name,
        spec.tasks,
        summary=spec.summary,
        formula=spec.formula,
        lower=spec.lower,
        upper=spec.upper,
        larger_is_better=spec.larger_is_better,
    )


_OWN_PARTS = map(_of_part, core_parts(MetricSpec).values())
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*_classification(), *_OWN_PARTS, *_objects())}


def metric_parts(catalogue: Catalogue | None, task: str, recorded: Iterable[PartRecord] = ()) -> PartTable[MetricSpec]:
    """The metrics of a task, by its full name, that each have a function of their own: core's and plugins'.

    `recorded` are the parts that a run was trained with. A plugin can't give another meaning to a name in METRICS.
    """
    table = PartTable.of(catalogue, MetricSpec, recorded)
    reasons = {
        name: f"that of {part.distribution} has the name of one of Vistry's"
        for name, part in table.parts.items()
        if part.plugin and name in METRICS
    }
    others = {
        name: f"it is for {' and '.join(part.spec.tasks)}"
        for name, part in table.parts.items()
        if task not in part.spec.tasks
    }
    return table.without({**others, **reasons})


def primary_metrics(catalogue: Catalogue | None, task: TaskInfo) -> tuple[str, ...]:
    """The metrics by which the best epoch of a task may be chosen; the first is the default."""
    parts = metric_parts(catalogue, task.name).parts
    return (*task.primary_metrics, *(name for name, part in parts.items() if part.plugin))
