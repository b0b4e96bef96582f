"""An exported ONNX file as something that predicts, by onnxruntime alone: without torch, and without its plugin."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vistry.data.images.decode import load_pixels
from vistry.errors import HyperparameterError, Problem, RunError, VistryError
from vistry.evaluation.detection.types import Detections, ImageDetections
from vistry.hyperparameter.offer import shared_fields
from vistry.hyperparameter.values import Hyperparameters, format_as_typed
from vistry.inference.exported_record import SCHEMA, ExportedRecord, record_of
from vistry.inference.given import Given
from vistry.inference.predictor import Predictor
from vistry.loading.augmentation import Pixels, ValidationCrop
from vistry.loading.views import ImageView, ResizeInfo
from vistry.plugin.types import Predictions, Values
from vistry.registry.field_spec import Value
from vistry.registry.tasks import task_named
from vistry.task import behaviour_of
from vistry.training.engines.engine import pixel_statistics

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SUFFIX = ".onnx"
THREADS = "OMP_NUM_THREADS"
AFTER_THE_NETWORK = ("box_score_threshold", "export_as_image", "image_type", "max_number_of_polygon_points")
Array = npt.NDArray[Any]


def is_exported_file(name: str | Path) -> bool:
    """Whether a name is that of an ONNX file, there or not; runs and models have no such names."""
    return Path(name).suffix.lower() == SUFFIX


@dataclass(frozen=True)
class ExportedFile:
    """An exported file that is loaded: `record` is what it says of itself."""

    path: Path
    session: InferenceSession
    record: ExportedRecord

    @classmethod
    def load(cls, path: Path) -> ExportedFile:
        """Load a file. Raises RunError for one that is missing, damaged, or wasn't written by `vistry export`."""
        session = _session(path)
        properties: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
        if not {"schema", "task", "labels"} <= set(properties):
            raise RunError(f"{path}: it doesn't say how it was exported; write one with: vistry export RUN")
        if not properties["schema"].isdecimal() or int(properties["schema"]) > SCHEMA:
            raise RunError(
                f"{path} was written by a later Vistry (schema {properties['schema']}, this one reads {SCHEMA}); "
                "type: pip install --upgrade vistry"
            )
        return cls(path, session, record_of(properties, path))

    def views(self, image: str | Path) -> list[ImageView]:
        """The one view of an image file: all of its pixels, or the crop where preprocessing isn't in the file."""
        return [self.view_of(load_pixels(image))]

    def view_of(self, pixels: Pixels) -> ImageView:
        """The view of an image [H, W, 3]."""
        if self.record.preprocessing == "in":
            return ImageView(pixels, *pixels.shape[:2])
        values = self.hyperparameters
        crop = ValidationCrop(values.validation_resize_size, values.validation_crop_size)
        return ImageView(crop.of_image(Image.fromarray(pixels)), *pixels.shape[:2])

    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Predictions:  # noqa: ARG002
        """Return N predictions of views [N, H, W, 3]: probabilities [N, C], or N Detections in their pixels."""
        [entry] = self.session.get_inputs()
        outputs = self.session.run(None, {entry.name: self._input(images)})
        if not task_named(self.record.task).has_boxes:
            return np.asarray(outputs[0])
        by_name = dict(zip((one.name for one in self.session.get_outputs()), outputs, strict=True))
        return [_detections(by_name, image) for image in range(len(images))]

    @property
    def size_divisor(self) -> int:
        """Any size will do."""
        return 1

    @property
    def variable_size(self) -> bool:
        """The images of a batch have one size."""
        return False

    def merge(self, predictions: Sequence[Any], views: Sequence[ImageView]) -> Any:
        """Return the prediction of the only view."""
        [prediction], [view] = predictions, views
        if isinstance(prediction, Detections):
            return ImageDetections(prediction, width=view.source_width, height=view.source_height)
        return prediction

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The values of prediction, each from the file."""
        origin = {"origin": self.path.name, "given": False}
        return Hyperparameters.from_dict(
            {name: {"value": value, **origin} for name, value in self.record.hyperparameters.items()}
        )

    def predictor(self, threshold: float | None = None, changed: Values | None = None) -> Predictor:
        """What predicts with the file. Raises HyperparameterError for a value that can't be changed."""
        record = self.record
        given = Given.of(record.run, record.task, record.labels, threshold=threshold, changed=changed or {})
        chosen = None if record.thresholds is None else np.array(record.thresholds)
        return Predictor(
            name=self.path.name,
            task=behaviour_of(record.task),
            classes=record.labels,
            engine=self,
            eval_transform=self,
            hyperparameters=self.hyperparameters.changed(self._parsed(given.changed)),
            thresholds=given.thresholds if given.has_own_threshold else chosen,
        )

    def _parsed(self, changed: Values) -> dict[str, Value | None]:
        """Values that a call changes, in their own types: those that count after the network alone may change."""
        problems, values = [], {}
        for name, value in changed.items():
            if name not in AFTER_THE_NETWORK or name not in self.record.hyperparameters:
                fault = "can't be changed for an exported file, which has its value inside"
                problems.append(Problem(name, fault, "leave it out, or predict with the run"))
                continue
            try:
                values[name] = shared_fields()[name].spec.parse(value)
            except ValueError as error:
                problems.append(Problem(name, f"{format_as_typed(value)}, from the call, {error}", ""))
        if problems:
            raise HyperparameterError(problems)
        return values

    def _input(self, images: Pixels) -> Array:
        """What the graph is given: the images, or the network's own input."""
        if self.record.preprocessing == "in":
            return images
        mean, std = pixel_statistics(self.record.normalisation)
        return np.ascontiguousarray(((images.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2))


def _detections(outputs: Mapping[str, Array], image: int) -> Detections:
    """What a file found in one image of a batch, in the order of the network's answers."""
    rows = outputs["batch_index"] == image
    return Detections(outputs["boxes"][rows], outputs["scores"][rows], outputs["labels"][rows])


def exported_file(name: str | Path, backend: str | None = None) -> ExportedFile:
    """Load the file of this name. Raises RunError, and VistryError where a call names a backend for it."""
    if backend is not None:
        raise VistryError(f"{name} is computed by onnxruntime; leave out --backend (in Python backend)")
    return ExportedFile.load(Path(name))


def _session(path: Path) -> InferenceSession:
    if not path.is_file():
        raise RunError(f"{path}: there is no such file; write one with: vistry export RUN")
    if find_spec("onnxruntime") is None:
        raise VistryError("onnxruntime is not installed; type: pip install 'vistry[onnx]'")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if (threads := os.environ.get(THREADS, "")).isdecimal():
        options.intra_op_num_threads = int(threads)
    # Its threads wait for work by spinning, which takes the cores from other libraries of this process.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common base
        reason = str(error).splitlines()[0][:200]
        raise RunError(f"{path} can't be read as an ONNX file: {reason}") from None
