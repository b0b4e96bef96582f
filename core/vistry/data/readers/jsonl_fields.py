"""Which fields of JSON Lines name the image and hold the label: the hosted product's, or a metadata file's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_values import Json
from vistry.data.source import DataSource

IMAGE_FIELDS = ("image_url", "file_name", "image_path", "filename", "file_path", "image", "path")
LABEL_FIELDS = ("label", "labels", "objects", "class", "class_name", "category", "categories", "tags")
SPLIT_FIELD = "split"

Record = dict[str, Json]


@dataclass(frozen=True)
class Fields:
    """The names of the fields. `has_pixels`: whether objects have boxes in pixels, as metadata files have them."""

    image: str = IMAGE_FIELDS[0]
    label: str = LABEL_FIELDS[0]
    split: str | None = None
    has_pixels: bool = False

    def check(self, record: Record) -> None:
        """Raise FindingError where a record has no image or no label."""
        if type(record.get(self.image)) is str and self.label in record:
            return
        if self.image not in record:
            close = ", ".join(sorted(record)[:8])
            raise FindingError(Finding.of("field-missing", f"no '{self.image}' among the fields ({close})"))
        if self.label not in record:
            raise FindingError(Finding.of("field-missing", f"no '{self.label}' field"))
        message = f"'{self.image}' is not text but {record[self.image]!r:.40}"
        raise FindingError(Finding.of("field-missing", message))


HOSTED = Fields()


def find_fields(sample: Sequence[Record], source: DataSource) -> Fields | None:
    """The fields of a file by a sample of its records; None where they aren't about images, or have no label."""
    declared = dict(source.options.columns)
    image = declared.get("image") or _commonest(IMAGE_FIELDS, sample)
    label = declared.get("label") or _commonest(LABEL_FIELDS, sample)
    if not image or not label:
        return None
    if declared and not any(image in record and label in record for record in sample):
        return None
    split = declared.get("split") or (_commonest((SPLIT_FIELD,), sample) or None)
    values = [record[label] for record in sample if label in record]
    return Fields(image, label, split=split, has_pixels=any(has_pixels(value) for value in values))


def has_pixels(label: Json) -> bool:
    """Whether a label is one of a metadata file's objects, with boxes in pixels."""
    return (isinstance(label, dict) and "bbox" in label) or (
        isinstance(label, list) and any(isinstance(item, dict) and "bbox" in item for item in label)
    )


def _commonest(names: Sequence[str], sample: Sequence[Record]) -> str:
    """The first of the names that at least half of the records have, else nothing."""
    return next((name for name in names if sum(name in record for record in sample) * 2 >= len(sample) > 0), "")
