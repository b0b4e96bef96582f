"""Tables of boxes in the columns of the tools that write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vistry.data.doctor import examine
from vistry.data.reading import guess_task, read
from vistry.data.source import ReadingOptions
from vistry.errors import DataError

DETECTION = "image_object_detection"
MULTILABEL = "image_classification_multilabel"
# Of images of 40 x 20: of the first a nut and a fig, of the second a nut; the third has nothing.
NUT, FIG, SECOND = [4.0, 2.0, 12.0, 10.0], [20.0, 5.0, 36.0, 15.0], [8.0, 4.0, 30.0, 18.0]
TRUTH = {"a.png": [("nut", NUT), ("fig", FIG)], "b.png": [("nut", SECOND)]}
SIZE = (40, 20)
Objects = dict[str, list[tuple[str, list[float]]]]


@pytest.fixture
def pictures(photo: Callable[..., Path]) -> Callable[..., None]:
    """Write images of 40 x 20 pixels below the test's folder, each other than the others."""

    def write(*names: str) -> None:
        for seed, name in enumerate(names):
            photo(name, seed, size=SIZE)

    return write


def objects(path: Path, **options: Any) -> Objects:
    """The class and the box in pixels of each object, by the name of its image."""
    table = examine(path, DETECTION, reading=ReadingOptions.of(**options)).table
    assert table.objects is not None
    found: Objects = {}
    for row, image in enumerate(table.images):
        first, last = table.label_starts[row], table.label_starts[row + 1]
        names = [table.classes[label] for label in table.labels[first:last]]
        boxes = [[round(side, 4) for side in box] for box in table.objects.boxes[first:last].tolist()]
        found[Path(image).name] = list(zip(names, boxes, strict=True))
    return found


def rows(row: Callable[[str, str, list[float]], list[Any]], header: str = "") -> str:
    lines = [",".join(map(str, row(image, *thing))) for image, things in TRUTH.items() for thing in things]
    return "\n".join([header, *lines] if header else lines) + "\n"


def parts(box: list[float]) -> list[float]:
    return [side / SIZE[at % 2] for at, side in enumerate(box)]


def sizes(box: list[float]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


TABLES = {
    "VoTT": rows(lambda image, name, box: [image, *box, f'"{name}"'], '"image","xmin","ymin","xmax","ymax","label"'),
    "TensorFlow": rows(
        lambda image, name, box: [image, *SIZE, name, *map(int, box)],
        "filename,width,height,class,xmin,ymin,xmax,ymax",
    ),
    "Open Images": rows(
        lambda image, name, box: [Path(image).stem, "xclick", name, 1, *parts(box)[::2], *parts(box)[1::2], 0, 0, 0],
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf",
    ),
    "AutoML": rows(
        lambda image, name, box: [
            *("TRAIN", f"gs://bucket/x/{image}", name, *parts(box)[:2], "", "", *parts(box)[2:], "", "")
        ]
    ),
    "AutoML without splits": rows(
        lambda image, name, box: [
            *(f"gs://b/{image}", name, *parts(box)[:2], parts(box)[2], parts(box)[1]),
            *(*parts(box)[2:], parts(box)[0], parts(box)[3]),
        ]
    ),
    "keras-retinanet": rows(lambda image, name, box: [f"/content/{image}", *map(int, box), name]),
    "corner and size": rows(lambda image, name, box: [name, *sizes(box), image], "label,x,y,w,h,image"),
    "a prefix": rows(
        lambda image, name, box: [name, *sizes(box), image, *SIZE],
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
    ),
    "centre and size": rows(
        lambda image, name, box: [image, name, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, *sizes(box)[2:]],
        "image,class,x_center,y_center,width,height",
    ),
    "signs": rows(
        lambda image, name, box: [*SIZE, *box, name, f"Train/{image}"],
        "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path",
    ),
    "one cell": rows(
        lambda image, name, box: [Path(image).stem, *SIZE, f'"{sizes(box)}"', name], "image_id,width,height,bbox,label"
    ),
    "corners in one cell": rows(
        lambda image, name, box: [image, *SIZE, f'"{box}"', name], "image_id,width,height,bbox,label"
    ),
    "semicolons": rows(lambda image, name, box: [image, *box, name], "image,x1,y1,x2,y2,class").replace(",", ";"),
}


@pytest.mark.parametrize("folder", ["", "images/"])
@pytest.mark.parametrize("columns", TABLES)
def test_fault_32_boxes_in_the_columns_of_many_tools(tmp_path, put, pictures, columns, folder):
    pictures(f"{folder}a.png", f"{folder}b.png")
    path = put("data.csv", TABLES[columns])
    assert guess_task(tmp_path)[0] == DETECTION
    assert objects(tmp_path) == TRUTH
    assert objects(path) == TRUTH


def test_any_columns_by_their_names(tmp_path, put, pictures):
    pictures("a.png", "b.png")
    put("data.csv", rows(lambda image, name, box: [image, name, *box], "photo,what,west,north,east,south"))
    corners = {"xmin": "west", "ymin": "north", "xmax": "east", "ymax": "south"}
    assert objects(tmp_path, columns={"image": "photo", "label": "what"} | corners) == TRUTH
    with pytest.raises(DataError, match="names a box's xmin, ymin and not its width, height"):
        objects(tmp_path, columns={"xmin": "west", "ymin": "north"})


def test_corner_and_size_by_their_names(tmp_path, put, pictures):
    pictures("a.png", "b.png")
    put("data.csv", rows(lambda image, name, box: [image, name, *sizes(box)], "photo,label,col,row,across,down"))
    assert objects(tmp_path, columns={"xmin": "col", "ymin": "row", "width": "across", "height": "down"}) == TRUTH


def test_splits_of_a_column_of_files_and_of_folders(tmp_path, put, pictures):
    pictures("train/a.png", "test/b.png")
    put("automl.csv", "TRAIN,a.png,nut,0.1,0.1,,,0.5,0.5,,\nTEST,b.png,nut,0.1,0.1,,,0.5,0.5,,\n")
    assert read(tmp_path, DETECTION).table.split.tolist() == [0, 2]
    (tmp_path / "automl.csv").unlink()
    for split, image in (("train", "a"), ("test", "b")):
        put(f"{split}_labels.csv", f"image,xmin,ymin,xmax,ymax,label\n{image}.png,1,2,30,9,nut\n")
    assert read(tmp_path, DETECTION).table.split.tolist() == [2, 0]
    for split in ("train", "test"):
        (tmp_path / f"{split}_labels.csv").unlink()
    put("boxes.csv", "image,xmin,ymin,xmax,ymax,label\na.png,1,2,30,9,nut\nb.png,1,2,30,9,nut\n")
    assert read(tmp_path, DETECTION).table.split.tolist() == [0, 2]


def test_class_descriptions_name_the_classes(tmp_path, put, pictures):
    pictures("a.png")
    put("train-annotations-bbox.csv", "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\na,/m/01,0.1,0.5,0.2,0.6,1\n")
    put("class-descriptions-boxable.csv", "/m/01,Nut\n/m/02,Fig\n")
    table = read(tmp_path, DETECTION).table
    assert table.classes == ("Nut",)
    assert table.objects is not None
    assert table.objects.crowd.tolist() == [True]


@pytest.mark.parametrize("write", [str, json.dumps])
def test_all_objects_of_an_image_in_one_cell(tmp_path, put, pictures, write):
    pictures("a.png", "b.png", "c.png")
    records = {
        image: {"bbox": [sizes(box) for _, box in things], "categories": [name for name, _ in things]}
        for image, things in TRUTH.items()
    }
    cells = {image: write(record).replace('"', '""') for image, record in records.items()}
    put(
        "metadata.csv",
        "file_name,objects\n" + "".join(f'{image},"{cell}"\n' for image, cell in cells.items()) + "c.png,\n",
    )
    assert objects(tmp_path) == TRUTH | {"c.png": []}
    assert read(tmp_path, MULTILABEL).table.classes == ("fig", "nut")


def test_rows_without_a_box_are_images_without_objects(tmp_path, put, pictures):
    pictures("a.png", "b.png")
    put("data.csv", "a.png,4,2,12,10,nut\nb.png,,,,,\n")
    assert objects(tmp_path) == {"a.png": [("nut", NUT)], "b.png": []}


@pytest.mark.parametrize(
    ("row", "check", "message"),
    [
        ("b.png,1,2,x,4,nut", "box-invalid", "is not four finite numbers"),
        ("b.png,,,,,nut", "box-invalid", "an object of the class 'nut' without a box"),
        ("b.png,1,2,3,4,", "object-invalid", "a box without a class"),
        ("b.png,1,2", "line-invalid", "3 cells where column 6 is needed"),
        (",1,2,3,4,nut", "field-missing", "the image cell is empty"),
    ],
)
def test_a_bad_row_costs_its_object(tmp_path, put, pictures, row, check, message):
    pictures("a.png", "b.png")
    good = "".join(f"a.png,{at},2,30,9,nut\n" for at in range(1, 201))
    path = put("data.csv", f"image,xmin,ymin,xmax,ymax,label\n{good}{row}\n")
    reading = read(path, DETECTION)
    (fault,) = [finding for finding in reading.findings if finding.severity == "error"]
    assert (fault.check, fault.line) == (check, 202)
    assert message in fault.message


def test_a_table_whose_class_cannot_be_told_lists_its_columns(tmp_path, put, pictures):
    pictures("a.png")
    put("train.csv", 'image_id,width,height,bbox,source\na,40,20,"[4, 2, 8, 8]",usask\n')
    with pytest.raises(DataError) as caught:
        read(tmp_path, DETECTION)
    assert "which of its columns source is the class can't be told" in str(caught.value)
    assert "--columns label=source" in str(caught.value)
    assert objects(tmp_path, columns={"label": "source"}) == {"a.png": [("usask", NUT)]}


def test_a_table_of_nothing_but_boxes_has_one_class(tmp_path, put, pictures):
    pictures("a.png")
    put("train.csv", "image,xmin,ymin,xmax,ymax\na.png,4,2,12,10\n")
    assert objects(tmp_path) == {"a.png": [("object", NUT)]}


def test_fractions_in_one_file_and_pixels_in_another_are_refused(tmp_path, put, pictures):
    pictures("a.png", "b.png")
    header = "image,xmin,ymin,xmax,ymax,label\n"
    put("train.csv", f"{header}a.png,0.1,0.1,0.5,0.5,nut\n")
    put("val.csv", f"{header}b.png,1,2,30,9,nut\n")
    with pytest.raises(DataError, match=r"train.csv has fractions of the image where val.csv has pixels"):
        read(tmp_path, DETECTION)


def test_numbers_that_tell_no_unit_are_said(tmp_path, put, pictures):
    pictures("a.png")
    put("data.csv", "image,xmin,ymin,xmax,ymax,label\na.png,0,0,1,1,nut\n")
    assert any(finding.check == "units-guessed" for finding in read(tmp_path, DETECTION).findings)
    assert objects(tmp_path) == {"a.png": [("nut", [0, 0, 40, 20])]}


def test_fault_32_labels_of_images_from_their_boxes(tmp_path, put, pictures):
    pictures("a.png", "b.png")
    put("data.csv", TABLES["VoTT"])
    reading = read(tmp_path, MULTILABEL)
    table = reading.table
    assert [[table.classes[label] for label in labels] for _, labels in table] == [["fig", "nut"], ["nut"]]
    assert any(finding.check == "labels-from-objects" for finding in reading.findings)


@pytest.mark.parametrize("options", [{}, {"format": "csv"}])
def test_boxes_are_no_labels_of_whole_images(tmp_path, put, pictures, options):
    pictures("a.png", "b.png")
    path = put("data.csv", TABLES["VoTT"])
    if options:
        with pytest.raises(DataError, match="are boxes; use --format csv_boxes"):
            read(path, MULTILABEL, ReadingOptions.of(**options))
    else:
        assert read(path, MULTILABEL).table.format == "csv_boxes"
