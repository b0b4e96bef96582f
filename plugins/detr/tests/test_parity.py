"""Logits, boxes, masks and loss terms against transformers' own forward pass and post-processing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import SIDE, TINY, Context, lively, targets, task_of
from pycocotools import mask as coco
from torch import nn
from transformers import RfDetrImageProcessor, RTDetrImageProcessor
from vistry.loading.views import ResizeInfo
from vistry_detr.detector import Detector

MODELS = list(TINY)
DEPTH = 60  # products one after the other, backbone, encoder and decoder
TOLERANCE = 16 * DEPTH * float(np.finfo(np.float32).eps)
HEIGHT, WIDTH = 90, 130  # of the photograph that was stretched to a square


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def images() -> torch.Tensor:
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def built(context_of: Context, model: str, **values: Any) -> Detector:
    module = context_of(model, **values).module(3)
    assert isinstance(module, Detector)
    lively(module.network)
    return module


def own(network: nn.Module, **inputs: Any) -> Any:
    """What the library's own network says, from the same random numbers."""
    torch.manual_seed(7)
    return network(**inputs)


def test_terms_add_up_to_the_librarys_loss(context_of: Context, model: str) -> None:
    module = built(context_of, model).train()
    wanted = targets(masks="seg" in model)
    size = torch.tensor([SIDE] * 4)
    labels = []
    for target in wanted:
        x1, y1, x2, y2 = (target["boxes"] / size).unbind(1)
        boxes = torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=1)
        labels.append({"class_labels": target["labels"], "boxes": boxes, **{k: target[k] for k in target if k == "masks"}})
    theirs = own(module.network, pixel_values=images(), labels=labels)
    torch.manual_seed(7)
    ours = module(images(), wanted)
    loss = float(theirs.loss.detach())
    assert float(sum(term.detach() for term in ours.values())) == pytest.approx(loss, rel=TOLERANCE)
    boxes_of_all_layers = sum(
        float(value.detach()) for name, value in theirs.loss_dict.items() if name.startswith("loss_giou")
    )
    assert float(ours["giou"].detach()) == pytest.approx(
        boxes_of_all_layers * (2.0 if "rfdetr" in model else 1.0), rel=TOLERANCE
    )


def test_detections_are_those_of_the_librarys_processor(context_of: Context, model: str) -> None:
    context = context_of(model, box_score_threshold=0.0, box_detections_per_image=1000)
    module = context.module(3)
    lively(module.network)
    engine = context.prediction_engine(module, context.preprocessing(), 3)
    pixels = np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    frames = [ResizeInfo(SIDE, SIDE, HEIGHT, WIDTH)] * 2
    found = engine.predict(pixels, frames)

    spec = context.preprocessing()
    normal = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - torch.tensor(spec.mean).view(3, 1, 1)) / torch.tensor(
        spec.std
    ).view(3, 1, 1)
    with torch.inference_mode():
        outputs = own(module.network.eval(), pixel_values=normal)
    theirs = processed(outputs, model)
    for ours, wanted in zip(found, theirs, strict=True):
        kept = wanted["scores"] > 0.01
        order, reference = np.argsort(-ours.scores, kind="stable"), np.argsort(-wanted["scores"][kept], kind="stable")
        count = min(len(reference), 10)
        order, reference = order[:count], reference[:count]
        assert count > 3
        np.testing.assert_allclose(ours.scores[order], wanted["scores"][kept][reference], rtol=TOLERANCE)
        np.testing.assert_array_equal(ours.labels[order], wanted["labels"][kept][reference])
        clipped = wanted["boxes"][kept][reference].clip(0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
        np.testing.assert_allclose(ours.boxes[order], clipped, atol=TOLERANCE * WIDTH)


def processed(outputs: Any, model: str) -> list[dict[str, Any]]:
    processor = RfDetrImageProcessor() if "rfdetr" in model else RTDetrImageProcessor()
    sizes = torch.tensor([[HEIGHT, WIDTH]] * 2)
    every = SimpleNamespace(logits=outputs.logits, pred_boxes=outputs.pred_boxes)
    found = processor.post_process_object_detection(every, threshold=0.0, target_sizes=sizes)
    return [{name: value.numpy() for name, value in one.items()} for one in found]


def test_masks_are_those_of_the_librarys_processor(context_of: Context) -> None:
    context = context_of("rfdetr_seg_nano", box_score_threshold=0.0, mask_pixel_score_threshold=0.5)
    module = context.module(3)
    lively(module.network)
    engine = context.prediction_engine(module, context.preprocessing(), 3)
    pixels = np.random.default_rng(3).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)
    [ours] = engine.predict(pixels, [ResizeInfo(SIDE, SIDE, HEIGHT, WIDTH)])
    normal = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / (
        torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    )
    with torch.inference_mode():
        outputs = module.network.eval()(pixel_values=normal)
    [theirs] = RfDetrImageProcessor().post_process_instance_segmentation(
        outputs, threshold=0.0, target_sizes=[(HEIGHT, WIDTH)], return_binary_maps=True
    )
    assert ours.masks is not None
    assert task_of("rfdetr_seg_nano") == context.task.name
    by_score = {round(info["score"], 4): mask for info, mask in zip(theirs["segments_info"], theirs["segmentation"])}
    compared = 0
    for score, mask in zip(ours.scores.tolist(), ours.masks, strict=True):
        wanted = by_score.get(round(score, 4))
        if wanted is not None:
            drawn = coco.decode(mask).astype(bool)
            # A pixel whose logit is within rounding of the threshold may fall on either side.
            assert (drawn != wanted.numpy()).mean() < 1e-3
            compared += 1
    assert compared > 3
