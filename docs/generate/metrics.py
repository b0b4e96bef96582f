"""The page of metrics, from `vistry.evaluation.metric_table`."""

from __future__ import annotations

import vistry
from markdown_text import page, table
from vistry.evaluation.metric_table import METRICS, Metric

_INTRODUCTION = """# Metrics

This page is generated from the table in `vistry.evaluation.metric_table`: `make docs`.

Training measures these on the validation images after each evaluated epoch, `vistry evaluate` on any labelled images.
The primary metric, `--primary-metric`, decides which epoch is the best. A metric that the data leaves undefined, such
as AUC where every image has the same label, is left out.

Macro figures are means over the classes that the measured images have, for every metric alike; where some class is
absent, `vistry evaluate`, the end of a training and the report name it. AUC also needs images without the class. A
class that is never predicted has a precision of 0.

In the formulas, TP, FP and FN are true positives, false positives and false negatives, P and R precision and recall. A
multi-class prediction is the likeliest class; a multi-label prediction is every class with a probability above 0.5.
Where a [threshold](../how-to/thresholds.md) was chosen for the run, `vistry evaluate` goes by it, and says so.

## What is measured

`vistry evaluate` measures on images that the run wasn't trained on. Those of its training split are known by their
contents (a hash of the whole file, which the run keeps), under any name and in any folder; they are left out and
counted, and `--include-training` keeps them. Images of its validation split are measured, and it says so: the best
epoch was chosen on them, so a figure made of them alone is a little too good. Where a run keeps no hashes, its files
are compared as far as they are still where they were, and it says how many are not."""
_DOUBT = """## How sure a figure is

Beside the primary metric stands its 95 % interval: as many images as there are were drawn from them with replacement, a
thousand times, seeded with `random_seed`, and 95 % of the figures were in between (the bootstrap's percentile
interval). It says how far another sample of images might have moved the figure; it knows nothing of images of another
kind, and with fewer than some thirty images it is too narrow. Where every image is right it has no width: with N images
the share of mistakes may still be up to 3 / N. A metric of a plugin has an interval where a thousand calls take less
than 20 seconds.

Beside the score of the best epoch stand the lowest and the highest of the last five evaluations. The best of many
evaluations that jump is partly luck."""
_GROUPS = {
    "Classification": "multiclass",
    "Multi-label classification alone": "multilabel",
    "Detection and segmentation": "detection",
}
_HEAD = ("metric", "what it is", "formula", "range", "better")


def metrics() -> str:
    """The page in Markdown."""
    return page(_INTRODUCTION, _DOUBT, _primary(), *_groups(), _OBJECTS)


def _primary() -> str:
    rows = [(task.alias, ", ".join(f"`{name}`" for name in task.primary_metrics)) for task in vistry.tasks()]
    return f"## Primary metrics\n\nThe first one is the default.\n\n{table(('task', 'may be'), rows)}"


def _groups() -> list[str]:
    """A table for each group of tasks; a metric stands in the first one that has it."""
    names = {task.alias: task.name for task in vistry.tasks()}
    sections, left = [], list(METRICS.values())
    for title, alias in _GROUPS.items():
        rows = [_row(metric) for metric in left if names[alias] in metric.tasks]
        left = [metric for metric in left if names[alias] not in metric.tasks]
        sections.append(f"## {title}\n\n{table(_HEAD, rows)}")
    return sections


def _row(metric: Metric) -> tuple[str, ...]:
    limits = f"{metric.lower:.4g} to {metric.upper:.4g}"
    better = "larger" if metric.larger_is_better else "smaller"
    return f"`{metric.name}`", f"{metric.summary}.", metric.formula, limits, better


_OBJECTS = """### How detections are matched

Boxes are compared for detection, masks for segmentation. `validation_metric_type` selects the metrics: `voc` gives
`mean_average_precision`, `precision` and `recall`; `coco` gives COCO's twelve numbers and `mean_average_precision`;
`coco_voc` gives all of them.

- **Pascal VOC.** A detection looks only at the object of its class that it overlaps most. If the object is a crowd, the
  detection is ignored. If their IoU is at least `validation_iou_threshold` and no detection with a higher score has
  taken the object, it is a hit; otherwise it is a false alarm.
- **COCO.** The numbers are those of COCO's own evaluation, with at most 100 detections an image.
- **The threshold.** Metrics see every detection down to a score of 0.01, as is usual. The names that end in
  `_at_serving_threshold` are of the detections above `box_score_threshold`, or above the
  [threshold](../how-to/thresholds.md) of their class where one was chosen for the run."""
