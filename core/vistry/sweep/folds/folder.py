"""The folder of a cross-validation: folds.json, images.jsonl, and an ordinary run for each fold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vistry.errors import RunError
from vistry.runs.files import replacing, write_json
from vistry.runs.folder import Run
from vistry.runs.json_records import from_json, json_text, to_json

SCHEMA = 1
FOLDS, IMAGES, SUMMARY = "folds.json", "images.jsonl", "summary.json"
PREDICTIONS_JSONL, PREDICTIONS_CSV = "predictions.jsonl", "predictions.csv"


@dataclass(frozen=True, kw_only=True)
class FoldsRecord:
    """folds.json: what was divided and how. Written once, when every fold's run is ready to be trained.

    `threads` compute each fold; `seed` is that of the draw, and `group_by` what belongs together, where somebody said
    so. `notes` are sentences worth reading beside the figures.
    """

    task: str
    model: str
    classes: tuple[str, ...]
    primary_metric: str
    folds: int
    seed: int
    images: int
    source: str
    created: str
    command: tuple[str, ...]
    threads: int
    group_by: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FoldImage:
    """A line of images.jsonl: an image, its fold from 1, and the file and line that describe it."""

    image: str
    fold: int
    where: str


@dataclass(frozen=True, kw_only=True)
class MetricSummary:
    """A metric over the folds: its mean, their standard deviation, and each; `pooled` is over all images at once.

    The deviation has the divisor n - 1, and is None for one fold; `pooled` is None where it is undefined.
    """

    mean: float
    deviation: float | None
    values: tuple[float, ...]
    pooled: float | None = None


@dataclass(frozen=True, kw_only=True)
class FoldsSummary:
    """summary.json: the folds that were trained, from 1, metrics by name, and how many images have a prediction.

    `failed` says for each other fold why it has none. `interval` is of the pooled primary metric: low, high.
    """

    folds: tuple[int, ...]
    metrics: Mapping[str, MetricSummary]
    images: int
    failed: Mapping[str, str]
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class FoldsFolder:
    """A cross-validation on disk. Its files are read on use; a missing or damaged one raises RunError."""

    path: Path

    @staticmethod
    def is_one(path: str | Path) -> bool:
        """Whether a folder holds a cross-validation."""
        return (Path(path) / FOLDS).is_file()

    @classmethod
    def open(cls, path: str | Path) -> FoldsFolder:
        """Open a folder. Raises RunError where it isn't one of these."""
        if not cls.is_one(path):
            raise RunError(f"{path} has no {FOLDS}; name the folder that vistry train --folds made")
        return cls(Path(path).resolve())

    @cached_property
    def record(self) -> FoldsRecord:
        """folds.json."""
        return from_json(FoldsRecord, *self._read(FOLDS))

    @property
    def summary(self) -> FoldsSummary:
        """summary.json, which is there once a fold is trained."""
        return from_json(FoldsSummary, *self._read(SUMMARY))

    def run_of(self, fold: int) -> Run:
        """The run of a fold, from 1."""
        return Run(self.path / "folds" / f"fold-{fold}")

    def runs(self) -> list[Run]:
        """The runs of all folds, in order."""
        return [self.run_of(fold) for fold in range(1, self.record.folds + 1)]

    def images(self) -> list[FoldImage]:
        """Read images.jsonl: every image that takes part, in the order of the data."""
        path = self.path / IMAGES
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return [from_json(FoldImage, json.loads(line), f"{path}:{at}") for at, line in enumerate(lines, start=1)]
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {error}") from None

    def write_images(self, images: Sequence[FoldImage]) -> None:
        """Write images.jsonl."""
        with replacing(self.path / IMAGES) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(self._lines(images))

    def write(self, record: FoldsRecord | FoldsSummary) -> None:
        """Write folds.json or summary.json."""
        name = FOLDS if isinstance(record, FoldsRecord) else SUMMARY
        write_json(self.path / name, {"schema": SCHEMA, **to_json(record)})

    @staticmethod
    def _lines(images: Sequence[FoldImage]) -> Iterator[str]:
        for image in images:
            yield f"{json_text(image)}\n"

    def _read(self, name: str) -> tuple[object, Path]:
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8")), path
        except FileNotFoundError:
            raise RunError(f"{self.path} has no {name}; to go on with it, type: vistry resume {self.path}") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {error}") from None
