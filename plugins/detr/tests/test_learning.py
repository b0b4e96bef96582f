"""From random weights the shrunken sizes learn one picture by heart, boxes and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from vistry.evaluation.detection.coco import evaluate_coco
from vistry.evaluation.detection.types import GroundTruth
from vistry.loading.batches import Batch
from vistry.loading.views import ResizeInfo
from vistry.plugin.detection import mask_to_rle
from vistry.plugin.types import TrainingData
from vistry.training.model_context import ModelContext

SIDE = 64
BOXES = np.array([[6, 10, 30, 40], [34, 26, 60, 56]], np.float32)
LABELS = np.array([0, 1])
Context = Callable[..., ModelContext]
# Without pretrained weights the backbone learns as fast as the rest.
FROM_SCRATCH = {"weights": "none", "backbone_rate_factor": 1.0, "box_score_threshold": 0.0}
RFDETR = {"block_rate_decay": 1.0, "component_rate_decay": 1.0}


def masks() -> Any:
    drawn = np.zeros((2, SIDE, SIDE), np.uint8)
    for mask, (left, top, right, bottom) in zip(drawn, BOXES.astype(int), strict=True):
        mask[top:bottom, left:right] = 1
    return drawn


def picture(with_masks: bool) -> Batch:
    pixels = np.full((SIDE, SIDE, 3), (30, 30, 40), np.uint8)
    for mask, colour in zip(masks(), ((230, 90, 60), (70, 160, 240)), strict=True):
        pixels[mask == 1] = colour
    target: dict[str, Any] = {"boxes": BOXES, "labels": LABELS, **({"masks": masks()} if with_masks else {})}
    return Batch(pixels[None], [target], np.arange(1), sizes=[(SIDE, SIDE)])


def learned(context: ModelContext, steps: int, rate: float) -> tuple[Any, list[float]]:
    """An engine after so many steps, with a short warm-up and a lower rate in the end; and the loss at each step."""
    engine = context.engine(context.module(2), TrainingData(("red", "blue"), (1, 1), 1), updates=steps)
    batch, losses = picture("seg" in context.card.name), []
    for step in range(steps):
        losses.append(sum(engine.accumulate(batch, 1.0, step).values()))
        engine.update(rate * min(1.0, (step + 1) / 20) * (0.1 if step > 0.8 * steps else 1.0))
    return engine, losses


def precisions(engine: Any, with_masks: bool) -> Any:
    """[10] COCO's average precision for overlaps from 0.5 to 0.95."""
    found = engine.predict(picture(with_masks).images, [ResizeInfo(SIDE, SIDE, SIDE, SIDE)])
    areas = (BOXES[:, 2:] - BOXES[:, :2]).prod(axis=1)
    encoded = [mask_to_rle(mask.astype(bool)) for mask in masks()] if with_masks else None
    truth = GroundTruth(BOXES, LABELS, crowd=np.zeros(2, bool), areas=areas, masks=encoded)
    precision = evaluate_coco([truth], found, 2, kind="mask" if with_masks else "box").precision
    return precision[:, :, :, 0, -1].mean(axis=(1, 2))


@pytest.mark.parametrize("model", ["dfine_n", "rfdetr_seg_nano"])
def test_the_loss_of_one_picture_falls(model: str, context_of: Context) -> None:
    values = FROM_SCRATCH | (RFDETR if "rfdetr" in model else {})
    _, losses = learned(context_of(model, **values), 24, 0.002)
    assert np.isfinite(losses).all()
    assert losses[0] < 100  # where scores begin at 1 / (classes + 1), the classification alone is over a thousand
    assert min(losses[-6:]) < losses[0]


@pytest.mark.long
def test_d_fine_learns_the_boxes_of_one_picture_by_heart(context_of: Context) -> None:
    engine, losses = learned(context_of("dfine_n", **FROM_SCRATCH), 200, 0.002)
    assert losses[-1] < losses[0] / 2
    assert precisions(engine, with_masks=False)[0] > 0.95


@pytest.mark.long
def test_rf_detr_learns_the_masks_of_one_picture_by_heart(context_of: Context) -> None:
    engine, losses = learned(context_of("rfdetr_seg_nano", **FROM_SCRATCH, **RFDETR), 64, 0.001)
    assert losses[-1] < losses[0]
    assert precisions(engine, with_masks=True).mean() > 0.9
