"""The check of a detector's boxes in low precision."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from vistry.loading.views import EvalTransform
from vistry.task.behaviour import as_numpy
from vistry.testing.build_checks import is_detector
from vistry.testing.check import NothingToCheck, require
from vistry.testing.model_subject import ModelSubject, resize_infos
from vistry.training.engines import Engine
from vistry.training.model_context import ModelContext

# bfloat16 has every second number from 256, so an image a little longer shows what is rounded.
HEIGHT, WIDTH = 32, 352
SIDE = 288  # of square images, for networks that take no others
BIAS = 0.25  # which bfloat16 and float16 have
TOLERANCE = 0.05  # in pixels, and in percent of scores; rounding to bfloat16 is off by half a pixel and more
REMEDY = (
    "compute anchors, boxes and scores outside of parts with_low_precision, and don't cast them to the dtype of maps"
)


class _Outputs(NamedTuple):
    boxes: npt.NDArray[Any]
    scores: npt.NDArray[Any]
    dtypes: dict[str, str]


def absent_boxes(subject: ModelSubject) -> str:
    """Return why there are no boxes to look at, "" if there are."""
    return "" if is_detector(subject) else "the task has no boxes"


def boxes_are_exact_in_low_precision(subject: ModelSubject) -> None:
    """In bf16 its boxes and scores are float32, and those of a network that says the same are the same as in fp32."""
    single, low = _outputs(subject, "fp32"), _outputs(subject, "bf16")
    rounded = [f"{name} are {dtype}" for name, dtype in low.dtypes.items() if dtype != "float32"]
    require(not rounded, f"in a run in bf16 {' and '.join(rounded)} instead of float32; {REMEDY}")
    if not (single.boxes > SIDE / 2).any():
        raise NothingToCheck("it finds no box far enough from the corner to tell")
    require(
        single.boxes.shape == low.boxes.shape,
        f"a network that says the same in fp32 and in bf16 has {len(single.boxes)} boxes in the one and "
        f"{len(low.boxes)} in the other; {REMEDY}",
    )
    _require_close("boxes", low.boxes, single.boxes, unit=" pixels")
    _require_close("scores", 100 * low.scores, 100 * single.scores, unit=" percent")


def _require_close(name: str, low: npt.NDArray[Any], single: npt.NDArray[Any], unit: str) -> None:
    error = float(np.abs(low - single).max())
    require(
        error <= TOLERANCE,
        f"a network that says the same in fp32 and in bf16 has {name} that differ by up to {error:.2g}{unit}; {REMEDY}",
    )


def _outputs(subject: ModelSubject, precision: str) -> _Outputs:
    """Return what the module itself finds in one image in a precision, with weights of 0 and biases of BIAS."""
    sizes = {name: SIDE for name, field in subject.context().schema.fields.items() if field.spec.unit == "pixels"}
    context = subject.context(precision=precision, box_score_threshold=0.0, **sizes)
    collected: list[Any] = []

    def collect(outputs: Any, frames: Any) -> list[Any]:
        collected.append(outputs)
        return [None] * len(frames)

    engine = context.prediction_engine(context.module(2), context.preprocessing(), 2, postprocess=collect)
    parameters = subject.parameters()
    engine.load_weights({name: _plain(name, value, parameters) for name, value in engine.weights().items()})
    _predict(context, engine)
    outputs = collected[0] if isinstance(collected[0], Mapping) else collected[0][0]
    if not isinstance(outputs, Mapping) or not {"boxes", "scores"} <= set(outputs):
        raise NothingToCheck("the module's outputs have no boxes and scores; its own postprocessing makes them")
    dtypes = {name: str(outputs[name].dtype).removeprefix("torch.") for name in ("boxes", "scores")}
    boxes, scores = (as_numpy(outputs[name]).reshape(-1, last) for name, last in (("boxes", 4), ("scores", 1)))
    return _Outputs(boxes, scores, dtypes)


def _plain(name: str, value: npt.NDArray[Any], parameters: Mapping[str, Any]) -> npt.NDArray[Any]:
    """Return weights that make every output a constant: those of products 0, biases BIAS, statistics as they are."""
    if name not in parameters:
        return value
    return np.zeros_like(value) if value.ndim > 1 else np.full_like(value, BIAS)


def _view_size(transform: EvalTransform) -> tuple[int, int]:
    """Return the height and width of a batch with a long image: some networks are only ever given squares."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.new("RGB", (WIDTH, HEIGHT)).save(path)
        height, width, _ = transform.views(path)[0].pixels.shape
    return (height, width) if height == width else (HEIGHT, WIDTH)


def _predict(context: ModelContext, engine: Engine) -> None:
    images = context.input()
    side, transform = images.input_size(training=False), images.eval_transform()
    shape = _view_size(transform) if transform.variable_size else (side, side)
    pixels = np.zeros((1, *shape, 3), np.uint8)
    engine.predict(pixels, resize_infos(context, pixels))
