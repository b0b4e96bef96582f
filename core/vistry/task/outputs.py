"""What networks, losses and postprocessing must return: a sentence for each way in which that is wrong.

Training and prediction hold the first of each kind against these, and so do the checks of a plugin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.types import Detections
from vistry.plugin.answers import kind
from vistry.plugin.types import Tensor
from vistry.registry.manifest import FeatureMapsSpec

Array = npt.NDArray[Any]
MapShape = tuple[int, int, int]  # channels, height, width

# Columns of each array that a detector returns for an image; None for a vector.
_PARTS = {"boxes": 4, "scores": None, "labels": None}
_EDGE = 1e-4  # rounding may carry a score this far over 1


def wrong_terms(terms: object) -> str:
    """Return what is wrong with the terms of a loss, "" if they are scalars by name."""
    if not isinstance(terms, Mapping):
        return f"returned {kind(terms)} for the loss; return a dictionary of its scalar terms by name"
    if not terms:
        return "returned no terms of the loss; return a dictionary of its scalar terms by name"
    for name, value in terms.items():
        shape = getattr(value, "shape", None)
        if not isinstance(name, str) or shape is None or len(shape):
            given = kind(value) if shape is None else f"a tensor of the shape {list(shape)}"
            return f"returned {given} for the term {name!r} of the loss; each term must be a scalar tensor"
    return ""


def wrong_logits_shape(logits: Tensor, images: int, classes: int) -> str:
    """Return what is wrong with the shape of logits, "" if it is [N, C]."""
    shape = getattr(logits, "shape", None)
    if shape is None:
        return f"returned {kind(logits)}; return logits of the shape {[images, classes]}"
    return wrong_shape("output", tuple(shape), expected=(images, classes))


def wrong_shape(name: str, shape: tuple[int, ...], *, expected: tuple[int, ...]) -> str:
    """Return what is wrong with the shape [N, C] of an output, "" if it is as expected."""
    if tuple(shape) == expected:
        return ""
    return (
        f"returned an invalid shape of the {name}: expected {list(expected)}, got {list(shape)}; "
        "give the head num_classes outputs"
    )


def not_finite(values: Array, name: str) -> str:
    """Return that some values are infinite or not a number, "" if none is."""
    if np.isfinite(values).all():
        return ""
    return f"returned {name} that are not finite; look for a division by 0 or a log of 0"


def wrong_probabilities(predictions: object, images: int, classes: int) -> str:
    """Return what is wrong with the predictions of a classifier, "" if they are probabilities [N, C]."""
    try:
        probabilities = np.asarray(predictions, dtype=np.float64)
    except (TypeError, ValueError):
        return f"returned {kind(predictions)}; return probabilities as an array {[images, classes]}"
    if wrong := wrong_count(len(probabilities) if probabilities.ndim else 0, images):
        return wrong
    if wrong := wrong_shape("predictions", probabilities.shape, expected=(images, classes)):
        return wrong
    return not_finite(probabilities, "predictions") or _beyond(probabilities, "probabilities")


def wrong_detections(predictions: object, images: int, classes: int, *, with_masks: bool) -> str:
    """Return what is wrong with the predictions of a detector, "" if they are the `Detections` of each image."""
    if not isinstance(predictions, Sequence):
        return f"returned {kind(predictions)}; return a list with the vistry.plugin.Detections of each image"
    if wrong := wrong_count(len(predictions), images):
        return wrong
    for detections in predictions:
        if not isinstance(detections, Detections):
            return f"returned {kind(detections)} for an image; return vistry.plugin.Detections"
        parts = {name: np.asarray(getattr(detections, name)) for name in _PARTS}
        if wrong := _wrong_objects(parts, classes):
            return wrong
        if with_masks and len(detections.masks or ()) != len(parts["scores"]):
            return "returned detections without a mask each; return as many masks as boxes"
    return ""


def wrong_detector_outputs(
    outputs: Sequence[Mapping[str, Array]], images: int, classes: int, *, with_masks: bool
) -> str:
    """Return what is wrong with the outputs of a detector for N images, "" if nothing is."""
    if wrong := wrong_count(len(outputs), images):
        return wrong
    for output in outputs:
        names = [*_PARTS, *(["masks"] if with_masks else [])]
        if not isinstance(output, Mapping) or not set(names) <= set(output):
            given = sorted(output) if isinstance(output, Mapping) else kind(output)
            return f"returned {given} for an image; return a dictionary of {', '.join(names)}"
        if wrong := _wrong_objects({name: output[name] for name in _PARTS}, classes):
            return wrong
        if with_masks and wrong_mask_shape(tuple(output["masks"].shape), len(output["scores"])):
            return wrong_mask_shape(tuple(output["masks"].shape), len(output["scores"]))
    return ""


def wrong_mask_shape(shape: tuple[int, ...], count: int) -> str:
    """Return what is wrong with the shape of the masks of K objects, "" if it is [K, 1, M, M]."""
    if len(shape) == 4 and shape[:2] == (count, 1):
        return ""
    return f"returned masks of the shape {list(shape)} for {count} boxes; they must be [{count}, 1, M, M]"


def wrong_count(predictions: int, images: int) -> str:
    """Return that there isn't one prediction an image, "" if there is."""
    return "" if predictions == images else f"returned {predictions} predictions for {images} images; return one each"


def wrong_feature_maps(shapes: Sequence[MapShape], image: tuple[int, int], declared: FeatureMapsSpec) -> str:
    """Return how maps differ from what plugin.toml says, "" if they don't.

    Args:
        shapes: channels, height and width of each map.
        image: height and width of the images.
        declared: what the manifest says of the maps.
    """
    expected = list(zip(declared.channels, declared.strides, strict=True))
    fits = len(shapes) == len(expected) and all(
        count == channels and all(_fits(size, pixels / stride) for size, pixels in zip(sizes, image, strict=True))
        for (count, *sizes), (channels, stride) in zip(shapes, expected, strict=True)
    )
    if fits:
        return ""
    maps = [(count, round(image[0] / max(1, height))) for count, height, _ in shapes]
    return (
        f"are wrong: plugin.toml says feature maps of (channels, stride) {expected}, but the module's are {maps}; "
        "return a list of maps from fine to coarse, and correct plugin.toml"
    )


def _fits(size: int, expected: float) -> bool:
    """Return whether a map is about as large as its stride says; without padding it is a little smaller."""
    return abs(size - expected) <= max(1, expected / 4)


def _wrong_objects(parts: Mapping[str, Array], classes: int) -> str:
    """Return what is wrong with the boxes, scores and labels of an image."""
    count = len(parts["scores"])
    for name, columns in _PARTS.items():
        expected = (count,) if columns is None else (count, columns)
        if tuple(parts[name].shape) != expected:
            given = list(parts[name].shape)
            return f"returned {name} of the shape {given} for {count} scores; it must be {list(expected)}"
    boxes, scores, labels = parts["boxes"], parts["scores"], parts["labels"]
    if wrong := not_finite(boxes, "boxes") or not_finite(scores, "scores") or _beyond(scores, "scores"):
        return wrong
    if (boxes[:, 2:] < boxes[:, :2]).any():
        box = boxes[np.flatnonzero((boxes[:, 2:] < boxes[:, :2]).any(axis=1))[0]]
        return f"returned the box {np.round(box, 1).tolist()}; boxes are x1, y1, x2, y2 with x2 >= x1 and y2 >= y1"
    if count and (labels.min() < 0 or labels.max() >= classes):
        wrong_label = int(labels.max() if labels.max() >= classes else labels.min())
        return f"returned the label {wrong_label}; labels are 0 to {classes - 1}, without a background class"
    return ""


def _beyond(values: Array, name: str) -> str:
    if not values.size or (values.min() >= -_EDGE and values.max() <= 1 + _EDGE):
        return ""
    return f"returned {name} from {values.min():.3g} to {values.max():.3g}; they must be in [0, 1]"
