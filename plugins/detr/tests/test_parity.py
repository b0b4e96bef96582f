"""Logits, boxes, masks and loss terms against transformers' own forward pass and post-processing."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import RfDetrImageProcessor, RTDetrImageProcessor
from vistry.data.masks.windows import rle_to_window
from vistry.loading.views import ResizeInfo
from vistry.training.engines import Engine
from vistry.training.model_context import ModelContext

SIDE = 64
DEPTH = 60  # products one after the other: backbone, encoder and decoder
TOLERANCE = 16 * DEPTH * float(np.finfo(np.float32).eps)
HEIGHT, WIDTH = 90, 130  # of the photograph that was stretched to a square
SIZES = torch.tensor([[HEIGHT, WIDTH]] * 2)
Context = Callable[..., ModelContext]
Targets = Callable[[bool], list[dict[str, torch.Tensor]]]
Lively = Callable[[torch.nn.Module], None]


@pytest.fixture(scope="module", params=["dfine_n", "deimv2_n", "rfdetr_nano", "rfdetr_seg_nano"])
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def pixels() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)


def normalised(context: ModelContext) -> torch.Tensor:
    spec = context.preprocessing()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (spec.mean, spec.std))
    return (torch.from_numpy(pixels()).permute(0, 3, 1, 2) / 255 - mean) / std


def predicting(context: ModelContext, lively: Lively) -> tuple[Engine, Any]:
    """An engine, and what the library's own network in it says of the same images."""
    module = context.module(3)
    lively(module.network)
    with torch.no_grad():
        outputs = module.network.eval()(pixel_values=normalised(context))
    return context.prediction_engine(module, context.preprocessing(), 3), outputs


def test_terms_add_up_to_the_librarys_loss(context_of: Context, model: str, targets: Targets, lively: Lively) -> None:
    context = context_of(model)
    module = context.module(3).train()
    lively(module.network)
    wanted, images = targets("seg" in model), normalised(context)
    labels = []
    for target in wanted:
        x1, y1, x2, y2 = (target["boxes"] / SIDE).unbind(1)
        boxes = torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], dim=1)
        labels.append({**target, "class_labels": target["labels"], "boxes": boxes})
    torch.manual_seed(7)  # denoising queries and the points of masks are random
    theirs = module.network(pixel_values=images, labels=labels)
    torch.manual_seed(7)
    ours = {name: float(value.detach()) for name, value in module(images, wanted).items()}
    assert sum(ours.values()) == pytest.approx(float(theirs.loss.detach()), rel=TOLERANCE)
    weight = 2.0 if "rfdetr" in model else 1.0  # the others' terms are weighted in the dictionary
    for_boxes = [value for name, value in theirs.loss_dict.items() if name.startswith("loss_giou")]
    assert len(for_boxes) > 2  # each layer of the decoder, and the proposals
    assert ours["giou"] == pytest.approx(weight * sum(float(value.detach()) for value in for_boxes), rel=TOLERANCE)


def test_images_without_objects_have_a_loss(context_of: Context, model: str, targets: Targets) -> None:
    context = context_of(model)
    module = context.module(3).train()
    terms = module(normalised(context), [targets("seg" in model)[1]] * 2)
    assert all(value.ndim == 0 and torch.isfinite(value) for value in terms.values())
    sum(terms.values()).backward()


def test_detections_are_those_of_the_librarys_processor(context_of: Context, model: str, lively: Lively) -> None:
    context = context_of(model, box_score_threshold=0.0, box_detections_per_image=300)
    engine, outputs = predicting(context, lively)
    processor = RfDetrImageProcessor() if "rfdetr" in model else RTDetrImageProcessor()
    found = SimpleNamespace(logits=outputs.logits, pred_boxes=outputs.pred_boxes)
    theirs = processor.post_process_object_detection(found, threshold=0.0, target_sizes=SIZES)
    frames = [ResizeInfo(SIDE, SIDE, HEIGHT, WIDTH)] * 2
    for ours, wanted in zip(engine.predict(pixels(), frames), theirs, strict=True):
        best = np.argsort(-ours.scores, kind="stable")[:8]
        np.testing.assert_allclose(ours.scores[best], wanted["scores"][:8], rtol=TOLERANCE)
        for place in best.tolist():  # of equal scores either may come first
            same = np.isclose(wanted["scores"], ours.scores[place], rtol=TOLERANCE)
            same &= wanted["labels"].numpy() == ours.labels[place]
            boxes = wanted["boxes"].numpy()[same].clip(0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
            assert np.abs(boxes - ours.boxes[place]).max(axis=1).min() < TOLERANCE * WIDTH


def test_masks_are_those_of_the_librarys_processor(context_of: Context, lively: Lively) -> None:
    context = context_of("rfdetr_seg_nano", box_score_threshold=0.0, mask_pixel_score_threshold=0.5)
    engine, outputs = predicting(context, lively)
    theirs = RfDetrImageProcessor().post_process_instance_segmentation(
        outputs, threshold=0.0, target_sizes=SIZES.tolist(), return_binary_maps=True
    )
    compared = 0
    for ours, wanted in zip(engine.predict(pixels(), [ResizeInfo(SIDE, SIDE, HEIGHT, WIDTH)] * 2), theirs, strict=True):
        scores = np.array([info["score"] for info in wanted["segments_info"]])
        assert ours.masks is not None
        for score, mask in zip(ours.scores.tolist(), ours.masks, strict=True):
            same = np.flatnonzero(np.abs(scores - score) < 2e-6)  # the processor rounds scores to six digits
            if len(same):
                drawn = np.zeros((HEIGHT, WIDTH), bool)
                inside, (left, top) = rle_to_window(mask)
                drawn[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
                # A pixel within rounding of the threshold may fall on either side.
                assert min((drawn != wanted["segmentation"][int(one)].numpy()).mean() for one in same) < 1e-3
                compared += 1
    assert compared > 8
