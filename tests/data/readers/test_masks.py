"""Folders with a mask picture for each object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from vistry.data.doctor import examine
from vistry.data.reading import detect, guess_task

SEGMENTATION = "image_instance_segmentation"


def test_a_mask_a_file(photo, tmp_path, masks_of_row, boxes, messages):
    photo("one/images/one.png", size=(40, 20))
    photo("two/images/two.png", 2, size=(40, 20))
    square = np.zeros((20, 40), dtype=np.uint8)
    square[3:9, 10:30] = 255
    for name, pixels in {"one/masks/a": square, "two/masks/nut/b": square, "two/masks/nut/c": square * 0}.items():
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (tmp_path / "two/masks/nut/d.png").write_bytes(b"no")
    assert (detect(tmp_path), guess_task(tmp_path)[0]) == ("masks", SEGMENTATION)
    diagnosis = examine(tmp_path, SEGMENTATION)
    assert diagnosis.table.classes == ("nut", "object")
    assert boxes(diagnosis.table) == [("object", [10, 3, 30, 9])]
    assert np.array_equal(masks_of_row(diagnosis.table, 1)[0], square > 0)
    assert messages(diagnosis, "mask-empty") == ["all of the mask is black"]
    assert [Path(fault.file).name for fault in diagnosis.findings if fault.check == "mask-invalid"] == ["d.png"]
