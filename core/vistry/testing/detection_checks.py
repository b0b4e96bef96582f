"""The check of what a detector returns, whatever its weights are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.types import Detections
from vistry.loading.views import ResizeInfo
from vistry.plugin.types import Predictions, Tensor
from vistry.task.behaviour import as_numpy
from vistry.testing.check import CheckFailed, NothingToCheck, require
from vistry.testing.model_subject import ModelSubject, resize_infos
from vistry.testing.samples import CLASSES, varied_image
from vistry.training.model_context import ModelContext
from vistry.weights.matching import Arrays

# What weights are multiplied by: random ones give scores in the middle, and larger ones scores near 0 and 1.
_FACTORS = (1.0, -4.0, 16.0)
# Numbers of classes and random seeds. With one class every label is 0, so that labels from 1 show for certain, and a
# class too many where either of two models prefers it.
_MODELS = ((1, 0), (1, 1), (len(CLASSES), 0))
_LEAST_SIDE = 64  # pixels: smaller images are smaller than the usual anchors, so all boxes begin at 0
_ROUNDING = 1e-4  # of a score or, in pixels, of a side


@dataclass(frozen=True)
class _Output:
    """Boxes [K, 4], scores [K] and labels [K] of one image, as a module or a postprocessing returned them."""

    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]


def detections_are_in_range(subject: ModelSubject) -> None:
    """Whatever its weights, boxes of a detector end after they begin, labels count from 0, scores are in [0, 1]."""
    count = 0
    for num_classes, seed in _MODELS:
        context = replace(subject, least_side=_LEAST_SIDE).context(box_score_threshold=0, random_seed=seed)
        for output in _outputs(context, num_classes):
            _require_in_range(output, num_classes)
            count += len(output.scores)
    if not count:
        raise NothingToCheck("the model detects nothing at any score, whatever its weights")


def _require_in_range(output: _Output, num_classes: int) -> None:
    beyond = output.labels[(output.labels < 0) | (output.labels >= num_classes)]
    require(
        not len(beyond),
        f"for {_classes(num_classes)} a label is {beyond[0] if len(beyond) else ''}; labels count classes from 0 to "
        f"{num_classes - 1}: take 1 off where the network has a background class, and give the head num_classes "
        "outputs",
    )
    outside = output.scores[(output.scores < -_ROUNDING) | (output.scores > 1 + _ROUNDING)]
    require(
        not len(outside),
        f"a score is {outside[0] if len(outside) else 0:.4g}; scores are probabilities from 0 to 1: return the sigmoid "
        "or the softmax, unscaled",
    )
    turned = output.boxes[(output.boxes[:, 2:] < output.boxes[:, :2] - _ROUNDING).any(axis=1)]
    require(
        not len(turned),
        f"a box is {np.round(turned[0], 1).tolist() if len(turned) else ''}, which ends before it begins; boxes are "
        "x1, y1, x2, y2 in pixels, neither a width and a height nor a centre",
    )


def _classes(count: int) -> str:
    return "one class" if count == 1 else f"{count} classes"


def _outputs(context: ModelContext, num_classes: int) -> Iterator[_Output]:
    """Yield what a model returns for each image with each factor, as far as it is finite.

    Both a module's outputs, before core clips them and drops what has no area, and the predictions after that.
    """
    module = context.module(num_classes)
    postprocess = context.postprocess()
    outputs: list[_Output] = []

    def recorded(output: Tensor, infos: Sequence[ResizeInfo]) -> Predictions:
        of_module = _of_module(output)
        outputs.extend(of_module)
        return postprocess(output, infos) if all(map(_is_finite, of_module)) else [None] * len(infos)

    engine = context.prediction_engine(module, context.preprocessing(), num_classes, postprocess=recorded)
    parameters = context.engine_module.parameter_names(module)
    initial = {name: value.copy() for name, value in engine.weights().items()}
    images = varied_image(context.input().input_size(training=False))
    for factor in _FACTORS:
        engine.load_weights(_scaled(initial, parameters, factor))
        predictions = engine.predict(images, resize_infos(context, images))
        require(len(predictions) == len(images), f"{len(images)} images give {len(predictions)} predictions")
        outputs.extend(_of(vars(item)) for item in predictions if isinstance(item, Detections))
        yield from map(_finite, outputs)
        outputs.clear()


def _scaled(weights: Arrays, parameters: Collection[str], factor: float) -> Arrays:
    """Multiply matrices and kernels: biases and norms keep what the builder set, such as that objects are rare."""
    return {
        name: value * np.asarray(factor, value.dtype) if name in parameters and value.ndim > 1 else value
        for name, value in weights.items()
    }


def _is_finite(output: _Output) -> bool:
    return bool(np.isfinite(output.boxes).all() and np.isfinite(output.scores).all())


def _finite(output: _Output) -> _Output:
    rows = np.isfinite(output.boxes).all(axis=1) & np.isfinite(output.scores)
    return _Output(output.boxes[rows], output.scores[rows], output.labels[rows])


def _of_module(output: Tensor) -> list[_Output]:
    """Return the detections in a module's output; none where its plugin has a postprocessing that knows the form."""
    if isinstance(output, Mapping) and {"boxes", "scores", "labels"} <= set(output):
        # Of all images in one: a label of -1 marks a row without a detection.
        rows = as_numpy(output["labels"]) >= 0
        return [_of({name: as_numpy(output[name])[rows] for name in ("boxes", "scores", "labels")})]
    if isinstance(output, Sequence) and all(isinstance(item, Mapping) and "boxes" in item for item in output):
        return [_of(item) for item in output]
    return []


def _of(values: Mapping[str, Tensor]) -> _Output:
    boxes, scores, labels = (as_numpy(values[name]) for name in ("boxes", "scores", "labels"))
    if boxes.ndim != 2 or boxes.shape[1:] != (4,) or not len(boxes) == len(scores) == len(labels):
        raise CheckFailed(
            f"boxes {list(boxes.shape)}, scores {list(scores.shape)} and labels {list(labels.shape)} don't go "
            "together; return boxes [K, 4], scores [K] and labels [K] for each image"
        )
    return _Output(boxes.astype(np.float64), scores.astype(np.float64), labels.astype(np.int64))
