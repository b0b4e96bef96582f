"""What an exported file says of itself: each field of the record is an entry of an ONNX file's metadata."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np

from vistry.data.contents import DIGEST_BYTES, Contents
from vistry.registry.field_spec import Scalar
from vistry.registry.manifest import PreprocessingSpec
from vistry.registry.parts import PartRecord
from vistry.runs.json_records import from_json, to_json

SCHEMA = 1
Preprocessing = Literal["in", "out"]


@dataclass(frozen=True, kw_only=True)
class ParityRecord:
    """How an exported model's answers compare with those of its run in fp32, image by image.

    `images` is how many were compared; they are `made_up` where none of the run's validation images could be read.
    Differences are of probabilities, or of the scores of detections. `same_answer` is the share of images that are
    taken for the same classes, or of the detections that both found; `detections` counts these, and `max_pixels` is the
    largest difference of a side of a box. `run_ms` and `file_ms` are milliseconds from an image file to its answer, one
    image at a time, the median; the run computed on `device`, the exported model on the processor.
    """

    images: int = 0
    made_up: bool = False
    max_difference: float
    mean_difference: float
    same_answer: float
    detections: int | None = None
    max_pixels: float | None = None
    run_ms: float = 0.0
    file_ms: float = 0.0
    device: str = ""


@dataclass(frozen=True, kw_only=True)
class ImageContentsRecord:
    """Sizes and hashes of the images of a split as `Contents` has them, their bytes in base64."""

    sizes: str
    digests: str

    @classmethod
    def of(cls, contents: Contents) -> ImageContentsRecord:
        """Make the record of the files of a split."""
        sizes, digests = contents.sizes.astype("<i8").tobytes(), contents.digests.tobytes()
        return cls(sizes=b64encode(sizes).decode(), digests=b64encode(digests).decode())

    def contents(self) -> Contents:
        """Return the files of the split."""
        digests = np.frombuffer(b64decode(self.digests), dtype=np.uint8)
        sizes = np.frombuffer(b64decode(self.sizes), dtype="<i8").astype(np.int64)
        return Contents(sizes, digests.reshape(-1, DIGEST_BYTES))


@dataclass(frozen=True, kw_only=True)
class ExportedRecord:
    """What a program that has an exported file alone needs to know of it.

    `labels` are the classes in the order of the outputs. `preprocessing` is "in" where the file takes images [N, H, W,
    3] uint8 of any size, and "out" where it takes the network's own input [N, 3, H, W] float32, normalised by
    `normalisation`. `hyperparameters` are those of prediction, among them the sizes. `metrics` are the run's, of the
    epoch whose weights these are. `image_contents`, by split, are what the run's own images are known by.
    """

    schema: int = SCHEMA
    run: str
    task: str
    model: str
    backbone: str = ""
    labels: tuple[str, ...]
    preprocessing: str
    normalisation: PreprocessingSpec
    hyperparameters: Mapping[str, Scalar | None]
    thresholds: tuple[float, ...] | None = None
    primary_metric: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    weights_sha256: str
    opset: int
    versions: Mapping[str, str]
    parts: tuple[PartRecord, ...] = ()
    parity: ParityRecord | None = None
    image_contents: Mapping[str, ImageContentsRecord] | None = None

    def properties(self) -> dict[str, str]:
        """The fields as texts: texts as they are, all else as JSON."""
        return {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in to_json(self).items()
        }


TEXTS = tuple(one.name for one in fields(ExportedRecord) if one.type == "str")


def record_of(properties: Mapping[str, str], source: object) -> ExportedRecord:
    """Read what `properties` wrote. Raises RunError, which names `source`, where a field is missing or damaged."""
    names = {one.name for one in fields(ExportedRecord)}
    data = {name: text if name in TEXTS else _parsed(text) for name, text in properties.items() if name in names}
    return from_json(ExportedRecord, data, source)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text  # of the wrong type, which from_json says with the field's name
