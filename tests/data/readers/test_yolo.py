"""YOLO's text files, with and without a description."""

from __future__ import annotations

from pathlib import Path

import pytest
from vistry.data.doctor import examine
from vistry.data.findings import FindingError
from vistry.data.readers.yolo import judge
from vistry.data.reading import detect, guess_task, read
from vistry.data.source import DataSource, ReadingOptions
from vistry.errors import DataError

DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"


YAML = "train: ../train/images\nval: valid/images\nnc: 2\nnames: [nut, fig]\n"


def test_yolo_as_roboflow_exports_it(photo, put, tmp_path, boxes, messages):
    photo("train/images/a.jpg", size=(40, 20))
    photo("train/images/none.jpg", 2)
    photo("valid/images/b.jpg", 3, size=(40, 20))
    put("train/labels/a.txt", "1 0.5 0.5 0.5 0.5\n\n0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    put("valid/labels/b.txt", "")
    put("data.yaml", YAML)
    assert (detect(tmp_path), guess_task(tmp_path)[0]) == ("yolo", SEGMENTATION)
    diagnosis = examine(tmp_path, DETECTION)
    table = diagnosis.table
    assert boxes(table) == [("fig", [10, 5, 30, 15]), ("nut", [4, 2, 20, 10])]
    assert table.split.tolist() == [0, 0, 1]
    assert table.objects.lines.tolist() == [1, 3]
    assert messages(diagnosis, "image-background")[0].startswith(
        "2 image(s) without objects, such as train/images/none"
    )
    shapes = examine(tmp_path, SEGMENTATION)
    assert messages(shapes, "mask-missing") == ["train/images/a.jpg: the object has a box and no mask"]
    assert shapes.table.objects.shapes.rings_of(0)[0].tolist() == [[4, 2], [20, 2], [20, 10]]


def test_yolo_without_a_description(photo, put, tmp_path):
    photo("images/train/a.jpg", 1, size=(40, 20))
    photo("images/val/b.jpg", 2, size=(40, 20))
    put("labels/train/a.txt", "0 0.5 0.5 0.5 0.5")
    put("labels/val/b.txt", "1 0.5 0.5 0.5 0.5")
    assert detect(tmp_path) == "yolo"
    table = examine(tmp_path, DETECTION).table
    assert (table.classes, table.split.tolist()) == (("0", "1"), [0, 1])
    put("classes.txt", "nut\nfig\n")
    assert examine(tmp_path, DETECTION).table.classes == ("fig", "nut")


def test_yolo_with_lists_and_names_by_number(photo, put, tmp_path):
    photo("images/a.jpg", 1, size=(40, 20))
    photo("images/b.jpg", 2, size=(40, 20))
    put("labels/a.txt", "7 0.5 0.5 0.5 0.5")
    put("some.txt", "./images/a.jpg\n")
    put("data.yaml", "path: .\ntrain: some.txt\nval: [images]\nnames: {7: nut}\n")
    table = examine(tmp_path, DETECTION).table
    assert table.classes == ("nut",)
    assert [Path(image).name for image in table.images] == ["a.jpg", "b.jpg"] or len(table) == 2


def test_yolo_faults_have_file_and_line(photo, put, tmp_path, boxes):
    photo("images/a.jpg", size=(40, 20))
    lines = ("0 0.5 0.5", "9 0.5 0.5 0.1 0.1", "x 0 0 0 0", "0 0.5 0.5 nan 0.5", "0 1.2 0.5 0.2 0.2", "0 1 2 3 4 5")
    put("labels/a.txt", "\n".join((*lines, "0 16 12 4 4", "0 0.5 0.5 0.5 0.5", "0 0.5 0.5 0.5 0.5")))
    put("labels/orphan.txt", "0 0.5 0.5 0.5 0.5")
    put("data.yaml", "train: images\nnames: [nut]\n")
    diagnosis = examine(tmp_path, DETECTION)
    found = {f"{Path(fault.where).name} {fault.check}" for fault in diagnosis.findings}
    assert found >= {
        "a.txt:1 box-invalid",
        "a.txt:2 class-unknown",
        "a.txt:3 object-invalid",
        "a.txt:4 box-invalid",
        "a.txt:5 box-outside",
        "a.txt:6 box-invalid",
        "a.txt:7 box-units",
        "a.txt:9 box-duplicate",
        "orphan.txt annotation-orphan",
    }
    assert boxes(diagnosis.table) == [("nut", [10, 5, 30, 15])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images\nnc: 2\nnames: [nut]", "nc is 2, but names lists 1: nut"),
        ("train: images\nnames: nut", "'names' is 'nut', not a list of class names or names by number"),
        ("train: nowhere\nnames: [nut]", "'nowhere' of train is neither a folder nor a list of images below"),
        ("train: /etc\nnames: [nut]", "there is no image in '/etc'"),
        ("train: images\nnames: [nut]", "none of its images has a text file of labels, in labels/ or beside it"),
        ("train: [\nnames: nut", "data.yaml:2: not YAML: "),
    ],
)
def test_a_yolo_description_that_cannot_be_used(photo, put, tmp_path, text, message):
    photo("images/a.jpg")
    put("data.yaml", text)
    with pytest.raises(DataError) as caught:
        examine(tmp_path, DETECTION)
    assert message in str(caught.value)


NAMES = ["off", "on", "no", "1.10", "010", "NO", "null", "1e3"]


@pytest.mark.parametrize("form", ["list", "block", "numbers", "quoted"])
def test_fault_04_names_are_text_as_written(photo, put, tmp_path, form):
    photo("images/a.jpg", size=(40, 20))
    put("labels/a.txt", "".join(f"{at} 0.5 0.5 0.{at + 1} 0.5\n" for at in range(len(NAMES))))
    texts = {
        "list": f"names: [{', '.join(NAMES)}]",
        "block": "names:\n" + "\n".join(f"- {name}" for name in NAMES),
        "numbers": "names:\n" + "\n".join(f"  {at}: {name}" for at, name in enumerate(NAMES)),
        "quoted": "names: [" + ", ".join(f"'{name}'" for name in NAMES) + "]",
    }
    put("data.yaml", f"train: images\nnc: {len(NAMES)}\n{texts[form]}\n")
    assert examine(tmp_path, DETECTION).table.classes == tuple(sorted(NAMES))


BOX = "0.5 0.5 0.5 0.5"
POSES = {
    "by kpt_shape": ("kpt_shape: [2, 2]", f"0 {BOX} 0.1 0.1 0.4 0.4"),
    "with visibility": ("kpt_shape: [2, 3]", f"0 {BOX} 0.3 0.3 2 0.6 0.6 1"),
    "with a confidence": ("kpt_shape: [2, 3]", f"0 {BOX} 0.3 0.3 2 0.6 0.6 1 0.9"),
    "without a word": ("", f"0 {BOX} 0.3 0.3 0.6 0.6 0.7 0.4"),
    "without a word, with visibility": ("", f"0 {BOX} 0.3 0.3 2 0.6 0.6 1 0 0 0"),
}


@pytest.mark.parametrize("kind", POSES)
def test_fault_05_boxes_of_key_points(photo, put, tmp_path, kind, boxes, messages):
    words, line = POSES[kind]
    for at in range(3):
        photo(f"images/{at}.jpg", at, size=(40, 20))
        put(f"labels/{at}.txt", line)
    put("data.yaml", f"train: images\nnames: [person]\n{words}\n")
    assert guess_task(tmp_path)[0] == DETECTION
    diagnosis = examine(tmp_path, DETECTION)
    assert boxes(diagnosis.table) == [("person", [10, 5, 30, 15])]
    assert messages(diagnosis, "object-form") == [
        "3 object(s) have key points after their boxes; the boxes are used"
    ] + (
        ["3 object(s) have one number more than they need, which is taken for a prediction's confidence and not used"]
        if "confidence" in kind
        else []
    )


LINES = {
    "polygons": (["0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5 0.1 0.3", "0 0.2 0.2 0.5 0.1 0.5 0.5"], SEGMENTATION, ""),
    "corners": (
        ["0 0.5 0.1 0.75 0.5 0.5 0.9 0.25 0.5", "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5"],
        DETECTION,
        "four corners",
    ),
    "confidences": ([f"0.0 {BOX} 0.93", f"0 {BOX} 1"], DETECTION, "a prediction's confidence"),
    "polygons with confidences": (["0 0.1 0.1 0.5 0.1 0.5 0.5 0.7"], SEGMENTATION, "a prediction's confidence"),
    "float classes": ([f"0.0 {BOX}", "0.0 0.1 0.1 0.1 0.1"], DETECTION, ""),
}


@pytest.mark.parametrize("kind", LINES)
def test_fault_21_lines_of_every_form(photo, put, tmp_path, kind, messages):
    lines, task, said = LINES[kind]
    for at, line in enumerate(lines):
        photo(f"images/{at}.jpg", at, size=(40, 20))
        put(f"labels/{at}.txt", line)
    put("classes.txt", "nut\n")
    assert guess_task(tmp_path)[0] == task
    diagnosis = examine(tmp_path, DETECTION)
    assert (diagnosis.quarantined, len(diagnosis.table.labels)) == ((), len(lines))
    assert [said in text for text in messages(diagnosis, "object-form")] == ([True] if said else [])


@pytest.mark.parametrize(("word", "count"), [("0.5", 0), ("-1", 0), ("nan", 0), ("1e400", 0)])
def test_class_numbers_that_are_none(photo, put, tmp_path, word, count, messages):
    photo("images/a.jpg", size=(40, 20))
    put("labels/a.txt", f"0 0.1 0.1 0.1 0.1\n{word} {BOX}\n0 {BOX} 7")
    diagnosis = examine(tmp_path, DETECTION)
    assert messages(diagnosis, "object-invalid") == [f"invalid class number '{word}'"]
    assert messages(diagnosis, "box-invalid") == [
        "of 5 numbers after the class the last, '7', is not a confidence from 0 to 1"
    ]
    assert len(diagnosis.table.labels) == 1 + count


APART = {
    "beside": ("yolov5", "path: ../dataset\ntrain: images/train\nval: images/val\n"),
    "two folders down": ("yolov5/data", "path: ../../dataset\ntrain: images/train\nval: images/val\n"),
    "of another machine": ("dataset", "path: /content/drive/dataset\ntrain: images/train\nval: images/val\n"),
    "absolute": ("dataset", "train: /home/ann/dataset/images/train\nval: C:\\data\\dataset\\images\\val\n"),
    "upwards": ("dataset", "train: ../images/train\nval: [../images/val]\ntest: ../images/test\n"),
    "lists": ("dataset", "train: lists/train.txt\nval: lists/val.txt\n"),
    "lists beside": ("configs", "path: ../dataset\ntrain: lists/train.txt\nval: lists/val.txt\ntest:  # none\n"),
}


@pytest.mark.parametrize("kind", APART)
@pytest.mark.parametrize("root", ["./images", "images", "/content/drive/dataset/images", "data/images"])
def test_fault_14_a_description_apart_from_its_data(photo, put, tmp_path, kind, root, boxes):
    folder, text = APART[kind]
    for at, (split, name) in enumerate([("train", "a"), ("train", "b"), ("val", "a")]):
        photo(f"dataset/images/{split}/{name}.jpg", at, size=(40, 20))
        put(f"dataset/labels/{split}/{name}.txt", f"0 0.5 0.5 0.{at + 1} 0.5")
    put("dataset/lists/train.txt", f"{root}/train/a.jpg\n{root}/train/b.jpg\n")
    put("dataset/lists/val.txt", f"{root}/val/a.jpg\n")
    path = put(f"{folder}/data.yaml", text + "names:\n  0: nut\n")
    diagnosis = examine(path, DETECTION)
    table = diagnosis.table
    names = [str(Path(image).relative_to(tmp_path / "dataset/images")) for image in table.images]
    assert (names, table.split.tolist()) == (["train/a.jpg", "train/b.jpg", "val/a.jpg"], [0, 0, 1])
    assert [round(boxes(table, row)[0][1][2] - boxes(table, row)[0][1][0], 3) for row in range(3)] == [4, 8, 12]
    is_said = "path-outside" in {finding.check for finding in diagnosis.findings}
    assert is_said == (folder != "dataset")


def test_fault_14_several_descriptions_that_differ(photo, put, tmp_path):
    photo("images/a.jpg")
    put("labels/a.txt", f"0 {BOX}")
    put("one.yaml", "train: images\nnames: [nut]\n")
    put("two.yaml", "train: ./images/\nnames:\n  0: nut\n")
    assert len(examine(tmp_path, DETECTION).table) == 1
    put("two.yaml", "train: images\nnames: [fig]\n")
    with pytest.raises(DataError, match=r"one.yaml, two.yaml describe different data sets; name one of the files"):
        examine(tmp_path, DETECTION)


PLACES = ["labels_yolo", "annotations", "txt", "images_txt", "Labels"]


@pytest.mark.parametrize("place", PLACES)
def test_fault_22_labels_in_a_sibling_folder_of_another_name(photo, put, tmp_path, place, messages):
    for at in range(2):
        photo(f"a/images/{at}.jpg", at, size=(40, 20))
        put(f"a/labels/{at}.txt", f"0 {BOX}")
        photo(f"b/imgs/{at}.jpg", 5 + at, size=(40, 20))
        put(f"b/{place}/{at}.txt", f"0 {BOX}")
    put("data.yaml", "train: [a/images, b/imgs]\nnames: [nut]\n")
    diagnosis = examine(tmp_path, DETECTION)
    assert (len(diagnosis.table), diagnosis.table.object_counts().tolist()) == (4, [4])
    assert messages(diagnosis, "negative-assumed", "annotation-orphan", "image-unlabelled") == []


def test_fault_22_images_without_labels_never_train_without_a_word(photo, put, tmp_path, messages):
    for at in range(4):
        photo(f"a/images/{at}.jpg", at, size=(40, 20))
        photo(f"b/images/{at}.jpg", 5 + at, size=(40, 20))
    put("a/labels/0.txt", f"0 {BOX}")
    put("a/labels/1.txt", "")
    put("data.yaml", "train: [a/images, b/images]\nnames: [nut]\n")
    diagnosis = examine(tmp_path, DETECTION)
    assert len(diagnosis.table) == 4
    assert messages(diagnosis, "negative-assumed", "image-unlabelled") == [
        "none of the 4 image(s) in b/images has a text file of labels",
        "2 image(s) without a text file, such as a/images/2.jpg, train as images without objects",
    ]


NAME_FILES = ["aerial.names", "classes.txt", "labels/classes.txt", "data/obj.names", "meta/_darknet.labels"]


@pytest.mark.parametrize("file", NAME_FILES)
@pytest.mark.parametrize("layout", ["{}", "images/{}", "data/obj/{}"])
def test_fault_31_names_and_labels_wherever_they_are(photo, put, tmp_path, file, layout, messages):
    for at, name in enumerate("abc"):
        photo(layout.format(f"{name}.jpg"), at, size=(40, 20))
        put(layout.format(f"{name}.txt"), f"{at % 2} {BOX}")
    for text, content in (("README.txt", "the data\n"), ("requirements.txt", "numpy\n"), ("orphan.txt", f"0 {BOX}")):
        put(text, content)
    put(file, "nut\nfig\n")
    diagnosis = examine(tmp_path, DETECTION)
    assert (diagnosis.table.classes, len(diagnosis.table)) == (("fig", "nut"), 3)
    assert messages(diagnosis, "annotation-orphan") == ["1 text file(s) have no image, such as orphan.txt"]
    assert messages(diagnosis, "class-unnamed") == []


def test_fault_31_names_in_a_description_without_places(photo, put, tmp_path):
    photo("imgs/a.jpg", size=(40, 20))
    put("txt/a.txt", f"1 {BOX}")
    put("conf/d.yaml", "names:\n- nut\n- off\nnc: 2\n")
    put("run.yaml", "names: run\n")
    assert examine(tmp_path, DETECTION).table.classes == ("off",)


def test_fault_31_class_numbers_without_names_are_said(photo, put, tmp_path, messages):
    photo("a.jpg", size=(40, 20))
    put("a.txt", f"3 {BOX}")
    diagnosis = examine(tmp_path, DETECTION)
    assert diagnosis.table.classes == ("3",)
    assert len(messages(diagnosis, "class-unnamed")) == 1


def test_fault_31_files_of_names_that_differ_are_said(photo, put, tmp_path, messages):
    photo("images/a.jpg", size=(40, 20))
    put("labels/a.txt", f"1 {BOX}")
    put("classes.txt", "nut\nfig\n")
    put("old/classes.txt", "fig\nnut\n")
    diagnosis = examine(tmp_path, DETECTION)
    assert diagnosis.table.classes == ("fig",)
    assert len(messages(diagnosis, "class-names-differ")) == 1


@pytest.mark.parametrize("lists", [("train.txt", "test.txt"), ("data/train.txt", "data/valid.txt")])
def test_fault_31_darknets_data_file(photo, put, tmp_path, lists):
    """The paths in it are from where darknet is started, and tools leave the names of other lists in it."""
    for at, name in enumerate("abc"):
        photo(f"data/obj/{name}.jpg", at, size=(40, 20))
        put(f"data/obj/{name}.txt", f"0 {BOX}")
    put("data/obj.data", "classes = 1\ntrain = data/train.txt\nvalid = data/test.txt\nnames = data/obj.names\n")
    put("data/obj.names", "nut\n")
    put(lists[0], "data/obj/a.jpg\ndata/obj/b.jpg\n")
    put(lists[1], "data/obj/c.jpg\n")
    table = examine(tmp_path, DETECTION).table
    assert (table.classes, len(table)) == (("nut",), 3)
    assert table.split.tolist() == [0, 0, 1]


def test_numbers_in_texts_that_are_no_labels(photo, put, tmp_path):
    photo("a.jpg")
    put("a.txt", "466 441 493 470 3\n")  # corners in pixels, then the class
    put("b.txt", "a picture of a cat\n")
    put("config.yaml", "names: run\nlr: 0.1\n")
    assert judge(DataSource(tmp_path)) is None


def test_a_folder_that_is_described_is_never_the_whole_file_system(photo, put):
    photo("images/a.jpg")
    with pytest.raises(DataError, match="too large to be searched"):
        examine(put("data.yaml", "train: /\nnames: [nut]\n"), DETECTION)


def test_one_place_for_training_and_validation_has_no_split(photo, tmp_path):
    for number in range(4):
        photo(f"images/all/{number}.jpg", number)
        (tmp_path / f"labels/all/{number}.txt").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"labels/all/{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images/all\nval: images/all\nnames: [cat]\n")
    diagnosis = examine(tmp_path, "image_object_detection")
    assert len(diagnosis.table) == 4
    assert set(diagnosis.table.split) == {-1}
    checks = [finding.check for finding in diagnosis.findings]
    assert "split-shared" in checks
    assert not {"split-leak", "split-empty"} & set(checks)


def test_a_description_that_contradicts_itself_is_told_by_its_check(photo, put, tmp_path):
    photo("images/a.jpg")
    put("labels/a.txt", "0 .5 .5 .2 .2\n")
    put("data.yaml", "train: images\nnc: 2\nnames: [nut]\n")
    with pytest.raises(FindingError) as caught:
        read(tmp_path, DETECTION, ReadingOptions("yolo"))
    assert caught.value.finding.check == "class-names"
