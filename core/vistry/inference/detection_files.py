"""Files beside a prediction: images with what was found drawn on them, and masks as images."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from vistry.data.images.decode import load_pixels
from vistry.errors import VistryError
from vistry.evaluation.detection.types import ImageDetections
from vistry.inference.drawing import write_drawing
from vistry.inference.mask_files import file_name, write_masks
from vistry.inference.predictor import Prediction, Predictor
from vistry.registry.tasks import task_named
from vistry.task.detection import above_score_threshold


@dataclass
class ObjectFiles:
    """What is written for each prediction: a drawing into `drawings`, masks under `masks`, or neither."""

    predictor: Predictor
    drawings: Path | None
    masks: Path | None
    names: set[str] = field(default_factory=set)
    written: int = 0

    @classmethod
    def of(cls, predictor: Predictor, drawings: Path | None, masks: Path | None) -> ObjectFiles:
        """As asked; masks only where export_as_image is on. Raises VistryError where the model finds no objects."""
        task = task_named(predictor.task.name)
        if (drawings or masks) and not task.has_boxes:
            raise VistryError(f"{predictor.run.id} classifies whole images; --draw and --masks are for objects in them")
        exported = task.has_masks and predictor.hyperparameters.export_as_image
        if masks and not exported:
            raise VistryError("masks are written with export_as_image = true only; add --export_as_image true")
        return cls(predictor, drawings, (masks or Path()) if exported else None)

    def write(self, prediction: Prediction) -> None:
        """Write what is wanted for one image. Raises RunError where a file can't be written."""
        found = prediction.values
        if not isinstance(found, ImageDetections):
            return
        values, classes = self.predictor.hyperparameters, self.predictor.classes
        served = above_score_threshold(found, values)
        if self.drawings is not None:
            pixels = load_pixels(prediction.image)
            write_drawing(self.drawings / self._name(prediction.image), pixels, served, classes)
        if self.masks is not None:
            self.written += len(write_masks(self.masks, prediction.image, served, classes, values.image_type))

    def summary(self) -> list[str]:
        """A line on each kind of file that was written."""
        lines = []
        if self.drawings is not None:
            lines.append(f"{len(self.names)} drawings in {self.drawings}")
        if self.masks is not None:
            lines.append(f"{self.written} masks in {self.masks / 'masks'}")
        return lines

    def _name(self, image: str) -> str:
        """The image's own name, with the first number that makes it a new one where another image had it."""
        stem = file_name(Path(image).stem)
        tries = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        name = next(name for name in tries if name not in self.names)
        self.names.add(name)
        return f"{name}.jpg"
