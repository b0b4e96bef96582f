from __future__ import annotations

import re
from pathlib import Path

from vistry.data.formats import Formats
from vistry.data.images.formats import PIXEL_LIMIT
from vistry.data.readers.labels import MULTICLASS
from vistry.registry.tasks import OBJECT_TASKS as OBJECTS
from vistry.registry.tasks import WHOLE_IMAGE_TASKS as WHOLE_IMAGES

FORMATS = Formats.of(None).by_name
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "data.md").read_text(encoding="utf-8")


def test_the_page_knows_the_pixel_limit():
    assert f"{PIXEL_LIMIT:,} pixels" in PAGE


def test_the_page_lists_every_format_in_the_order_of_detection():
    assert re.findall(r"^\| \[`(\w+)`\]\(#", PAGE, re.MULTILINE) == list(FORMATS)


def test_the_table_of_formats_has_the_tasks_of_each():
    rows = re.findall(r"^\| \[`(\w+)`\]\(#[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|", PAGE, re.MULTILINE)
    assert len(rows) == len(FORMATS)
    words = {WHOLE_IMAGES: "yes", (MULTICLASS,): "multi-class", (): ""}
    for name, *cells in rows:
        tasks = FORMATS[name].tasks
        of_images = tuple(task for task in tasks if task in WHOLE_IMAGES)
        written = FORMATS[name].part.spec.writer
        expected = [words[of_images], *("yes" if task in tasks else "" for task in OBJECTS), "yes" if written else ""]
        assert [cell.strip() for cell in cells] == expected
