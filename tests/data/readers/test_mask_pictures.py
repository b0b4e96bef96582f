from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from vistry.data.reading import detect, guess_task, read
from vistry.errors import DataError

SEGMENTATION = "image_instance_segmentation"
SIDE = 12


def picture(path, seed):
    """A picture of many colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(values).save(path)


def mask(path, *regions, colour=False):
    """A mask with (value, x1, y1, x2, y2) regions; with `colour` a value is (red, green, blue)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((SIDE, SIDE, 3) if colour else (SIDE, SIDE), dtype=np.uint8)
    for value, x1, y1, x2, y2 in regions:
        values[y1:y2, x1:x2] = value
    Image.fromarray(values).save(path)


def objects(table):
    """(image, class, box) of each object, sorted."""
    root = f"{table.root}/"
    found = []
    for row, image in enumerate(table.images):
        for at in range(table.label_starts[row], table.label_starts[row + 1]):
            box = tuple(table.objects.boxes[at].astype(int).tolist())
            found.append((image.removeprefix(root), table.classes[table.labels[at]], box))
    return sorted(found)


PLACES = {
    "beside": ("{n}.jpg", "{n}.png"),
    "with a word": ("{n}.png", "{n}_mask.png"),
    "in folders": ("images/{n}.jpg", "masks/{n}.png"),
    "with splits": ("train/images/{n}.jpg", "train/masks/{n}.png"),
    "splits above masks": ("val/{n}.jpg", "valannot/{n}.png"),
    "classes of folders": ("test/bad/{n}.jpg", "ground_truth/bad/{n}_mask.png"),
}


@pytest.mark.parametrize("places", PLACES)
def test_fault_30_a_mask_for_each_image(tmp_path, places):
    image_at, mask_at = PLACES[places]
    for number in range(3):
        picture(tmp_path / image_at.format(n=number), number)
        mask(tmp_path / mask_at.format(n=number), (255, 1, 2, 5, 6), (255, 7, 7, 11, 10))
    assert (detect(tmp_path), guess_task(tmp_path)[0]) == ("mask_pictures", SEGMENTATION)
    reading = read(tmp_path, SEGMENTATION)
    assert objects(reading.table) == sorted(
        (image_at.format(n=number), "object", box) for number in range(3) for box in ((1, 2, 5, 6), (7, 7, 11, 10))
    )
    assert {finding.check for finding in reading.findings} == {"masks-connected"}


def test_values_are_classes_and_a_file_names_them(tmp_path):
    for number in range(3):
        picture(tmp_path / f"images/{number}.jpg", number)
        mask(tmp_path / f"labels/{number}.png", (1, 0, 0, 4, 4), (2, 6, 6, 9, 9), (255, 10, 0, 12, 1))
    assert {name for _, name, _ in objects(read(tmp_path, SEGMENTATION).table)} == {"1", "2"}
    (tmp_path / "class_names.txt").write_text("_background_\ncat\ndog\n")
    found = objects(read(tmp_path, SEGMENTATION).table)
    assert found[:2] == [("images/0.jpg", "cat", (0, 0, 4, 4)), ("images/0.jpg", "dog", (6, 6, 9, 9))]


def test_colours_are_classes_by_a_map(tmp_path):
    for number in range(3):
        picture(tmp_path / f"JPEGImages/{number}.jpg", number)
        regions = ((0, 128, 0), 0, 0, 4, 4), ((128, 0, 0), 6, 6, 9, 9)
        mask(tmp_path / f"SegmentationClass/{number}.png", *regions, colour=True)
    text = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:0,128,0::\ndog:128,0,0::\n"
    (tmp_path / "labelmap.txt").write_text(text)
    found = objects(read(tmp_path, SEGMENTATION).table)
    assert found[:2] == [("JPEGImages/0.jpg", "cat", (0, 0, 4, 4)), ("JPEGImages/0.jpg", "dog", (6, 6, 9, 9))]


def test_regions_that_touch_at_a_corner_are_one_object(tmp_path):
    picture(tmp_path / "1.jpg", 1)
    mask(tmp_path / "1.png", (255, 2, 2, 5, 5), (255, 5, 5, 8, 8))
    assert objects(read(tmp_path, SEGMENTATION).table) == [("1.jpg", "object", (2, 2, 8, 8))]


def test_images_without_a_mask_are_counted(tmp_path):
    for number in range(3):
        picture(tmp_path / f"images/{number}.jpg", number)
    for number in range(2):
        mask(tmp_path / f"masks/{number}.png", (255, 2, 2, 5, 5))
    reading = read(tmp_path, SEGMENTATION)
    assert len(reading.table) == 2
    assert {finding.check: finding.count for finding in reading.findings}["image-unreferenced"] == 1


def test_pairs_of_pictures_are_no_masks(tmp_path):
    for label in ("cat", "dog"):
        picture(tmp_path / label / "1.jpg", 1)
        picture(tmp_path / label / "1.png", 2)
    with pytest.raises(DataError, match="2 images have a second one of the same name beside them"):
        read(tmp_path, SEGMENTATION)


def test_fault_30_masks_beside_the_images_of_classes_are_no_images(tmp_path):
    for seed, label in enumerate(("cat", "dog")):
        for number in range(3):
            picture(tmp_path / label / f"{number}.jpg", 10 * seed + number)
            mask(tmp_path / label / f"{number}.png", (255, 1, 1, 5, 5))
    reading = read(tmp_path, "image_classification")
    assert (reading.table.format, reading.table.classes, len(reading.table)) == ("folders", ("cat", "dog"), 6)
    assert {finding.check: finding.count for finding in reading.findings}["image-unlabelled"] == 6
    assert detect(tmp_path, SEGMENTATION) == "mask_pictures"


def test_images_of_classes_that_share_names_are_no_masks(tmp_path):
    for number in range(3):
        mask(tmp_path / f"drawings/{number}.png", (200, 1, 1, 5, 5))
        picture(tmp_path / f"photos of cats/{number}.png", number)
    assert read(tmp_path, "image_classification").table.classes == ("drawings", "photos of cats")
