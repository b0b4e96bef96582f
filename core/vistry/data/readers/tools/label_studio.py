"""Label Studio's JSON export and its JSON_MIN: rectangles, polygons, ellipses and brushes in percent, and choices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.masks.rle import mask_to_runs
from vistry.data.readers.json_text import items
from vistry.data.readers.json_values import Json
from vistry.data.readers.object_builder import Shape
from vistry.data.readers.shapes import parse_box, parse_pixels
from vistry.data.readers.split_words import split_of_path
from vistry.data.readers.tool_addresses import names_of
from vistry.data.readers.tools import brush
from vistry.data.readers.tools.annotated import AnnotatedImage, Drawn, ToolFormat
from vistry.data.readers.tools.outlines import ellipse_of, ring_of_points, turned_box
from vistry.data.source import DataSource

NAME = "label_studio"
HEAD = 1 << 16
# What the items of JSON_MIN have and no other JSON list of images.
_MINIMAL_KEYS = (b'"annotation_id"', b'"annotator"', b'"rectanglelabels"', b'"polygonlabels"')
LABEL_KEYS = ("rectanglelabels", "polygonlabels", "brushlabels", "ellipselabels", "labels")
# Keys of a task that hold its image, before any other that looks like an address of one.
IMAGE_KEYS = ("image", "img", "image_url", "url", "ocr")


def _files(source: DataSource) -> list[Path]:
    return [file for file in source.files((".json",)) if _is_export(file)]


def _is_export(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return False
    tasks = b'"data"' in head and any(key in head for key in (b'"annotations"', b'"completions"', b'"predictions"'))
    return tasks or any(key in head for key in _MINIMAL_KEYS)


def _parse(source: DataSource, file: Path) -> Iterator[AnnotatedImage]:
    split = split_of_path(source.relative(file))
    for line, task in items(file):
        if not isinstance(task, dict):
            raise FindingError(Finding.of("line-invalid", f"{task!r:.40} is no task", file, line=line))
        data: dict[str, Json] = task["data"] if isinstance(task.get("data"), dict) else task
        address = _address(data)
        if not address:
            raise FindingError(Finding.of("field-missing", f"no image in the task {task!r:.60}", file, line=line))
        image = AnnotatedImage(names_of(address), file, line, split=split)
        results = _results(task) if "data" in task else _minimal(task)
        if results is None:
            image.unlabelled = True
        for result in results or ():
            try:
                _add(image, result)
            except FindingError as error:
                image.faults.append(error.finding)
        yield image


def _address(data: dict[str, Json]) -> str:
    keys = [*IMAGE_KEYS, *(key for key in data if key not in IMAGE_KEYS)]
    texts = [data[key] for key in keys if isinstance(data.get(key), str)]
    return next((text for text in texts if "/" in text or "." in text), "")


def _results(task: dict[str, Json]) -> list[Json] | None:
    """What the last person said who didn't skip the task, else what a model said; None where nobody said anything."""
    for key in ("annotations", "completions", "predictions"):
        given = [item for item in task.get(key) or () if isinstance(item, dict) and not item.get("was_cancelled")]
        if given:
            return list(given[-1].get("result") or ())
    return None


def _minimal(task: dict[str, Json]) -> list[Json] | None:
    """The results of a task of JSON_MIN, in the form of the full export."""
    results: list[Json] = []
    for key, value in task.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            results += [{"value": item, **item} for item in value]
        elif key in ("choice", "choices") or (isinstance(value, dict) and "choices" in value):
            chosen = value["choices"] if isinstance(value, dict) else value
            results.append({"value": {"choices": chosen if isinstance(chosen, list) else [chosen]}})
    return results or None


def _add(image: AnnotatedImage, result: Json) -> None:
    """Add a choice or an object to an image. Raises FindingError."""
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(value, dict):
        raise FindingError(Finding.of("object-invalid", f"the result {result!r:.40} has no value"))
    if "choices" in value:
        image.labels = (*(image.labels or ()), *map(str, value["choices"]))
        return
    labels = next((value[key] for key in LABEL_KEYS if value.get(key)), None)
    if labels is None:
        if {"x", "y", "points", "rle"} & set(value):
            raise FindingError(Finding.of("object-invalid", "the region has no label"))
        return
    size = parse_pixels(result.get("original_width")), parse_pixels(result.get("original_height"))
    if image.size == (0, 0):
        image.size = size
    for label in labels:
        image.objects.append(_object(str(label), value, size))


def _object(label: str, value: dict[str, Json], size: tuple[int, int]) -> Drawn:
    """An object in fractions of the image. Raises FindingError."""
    if "rle" in value:
        mask = brush.decode(value["rle"], *size)
        shape = Shape(runs=mask_to_runs(mask), height=mask.shape[0])
        x1, y1, x2, y2 = shape.box()
        return Drawn(label, box=(x1 / size[0], y1 / size[1], x2 / size[0], y2 / size[1]), shape=shape)
    if "points" in value:
        return Drawn(label, shape=Shape([[part / 100 for part in ring_of_points(value["points"])]]))
    if "radiusX" in value:
        values = [value.get(name) for name in ("x", "y", "radiusX", "radiusY")]
        return Drawn(label, shape=Shape([[part / 100 for part in ellipse_of(parse_box(values, "centre and radii"))]]))
    left, top, width, height = parse_box([value.get(name) for name in ("x", "y", "width", "height")], "x, y and size")
    if degrees := value.get("rotation"):
        return Drawn(label, shape=_turned((left, top, width, height), float(degrees), size))
    return Drawn(label, box=(left / 100, top / 100, (left + width) / 100, (top + height) / 100))


def _turned(box: tuple[float, float, float, float], degrees: float, size: tuple[int, int]) -> Shape:
    """A box in percent that is turned in pixels, as fractions."""
    sides = (size[0] or 1, size[1] or 1)
    left, top, width, height = (part * sides[at % 2] / 100 for at, part in enumerate(box))
    ring = turned_box((left, top, width, height), degrees)
    return Shape([[part / sides[at % 2] for at, part in enumerate(ring)]])


FORMAT = ToolFormat(NAME, "file(s) of Label Studio's JSON", files=_files, parse=_parse, fractions=True)
judge, read, guess_task = FORMAT.judge, FORMAT.read, FORMAT.guess_task
