"""Files written beside predictions: drawings of the detections, and masks as images."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
class DetectionFiles:
    """Writes a drawing of each prediction into `drawings` and its masks into `masks`; None for neither.

    Drawings lie in folders as their images do below `top`, the lowest folder that has all of them. `names` are those of
    the drawings so far, `num_masks` counts the masks.
    """

    predictor: Predictor
    drawings: Path | None
    masks: Path | None
    top: Path
    names: set[str] = field(default_factory=set)
    num_masks: int = 0

    @classmethod
    def of(
        cls, predictor: Predictor, drawings: Path | None, masks: Path | None, *, images: Sequence[Path]
    ) -> DetectionFiles:
        """Make the writer of a call for these images; masks, written with export_as_image, go to the working folder.

        Raises VistryError for a folder that nothing could be written to.
        """
        task = task_named(predictor.task.name)
        if (drawings or masks) and not task.has_boxes:
            raise VistryError(f"{predictor.name} classifies whole images; use --draw and --masks with a detector")
        exported = task.has_masks and predictor.hyperparameters.export_as_image
        if masks and not exported:
            raise VistryError("masks are only written with export_as_image; add --export_as_image true")
        return cls(predictor, drawings, (masks or Path()) if exported else None, top=_top_folder(images))

    def write(self, prediction: Prediction) -> None:
        """Write the files of one image. Raises RunError where a file can't be written."""
        if not isinstance(prediction.values, ImageDetections):
            return  # an image that can't be read
        hyperparameters, classes = self.predictor.hyperparameters, self.predictor.classes
        detections = above_score_threshold(prediction.values, hyperparameters, self.predictor.thresholds)
        if self.drawings is not None:
            pixels = load_pixels(prediction.image)
            write_drawing(self.drawings / self._unused_name(prediction.image), pixels, detections, classes=classes)
        if self.masks is not None:
            paths = write_masks(
                self.masks, prediction.image, detections, classes=classes, image_type=hyperparameters.image_type
            )
            self.num_masks += len(paths)

    def summary(self) -> list[str]:
        """Return a line for each kind of file that was written."""
        lines = []
        if self.drawings is not None:
            lines.append(f"{len(self.names)} drawings in {self.drawings}")
        if self.masks is not None:
            lines.append(f"{self.num_masks} masks in {self.masks / 'masks'}")
        return lines

    def _unused_name(self, image: str) -> Path:
        """Return the image's place below `top`, with the first free number where another drawing is there."""
        place = _absolute(image).relative_to(self.top)
        folder = Path(*map(file_name, place.parent.parts))
        stem = file_name(place.stem)
        candidates = (folder / (stem if number == 1 else f"{stem}-{number}") for number in count(1))
        name = next(name for name in candidates if str(name).casefold() not in self.names)
        self.names.add(str(name).casefold())
        return name.with_name(f"{name.name}.jpg")


def _top_folder(images: Sequence[Path]) -> Path:
    """Return the lowest folder that all of the images are below."""
    parents = {str(_absolute(image).parent) for image in images}
    return Path(os.path.commonpath(parents)) if parents else Path.cwd()


def _absolute(image: str | Path) -> Path:
    return Path(os.path.abspath(image))  # noqa: PTH100 - without following links, which have other names
