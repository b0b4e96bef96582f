"""Every check has an input that triggers it here, and nothing else may be in the catalogue."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vistry.data.checks.classes import similar_pairs
from vistry.data.doctor import examine, without_leaks
from vistry.data.findings import CHECKS, SEVERITIES, Finding, FindingError
from vistry.data.splits import split

MULTICLASS = "image_classification"
MULTILABEL = "image_classification_multilabel"
DETECTION = "image_object_detection"
SEGMENTATION = "image_instance_segmentation"
Photo = Callable[..., Path]
Setup = Callable[[Path, Photo], Any]


def rows(root: Path, *pairs: tuple[str, Any], name: str = "data.jsonl") -> None:
    text = "".join(json.dumps({"image_url": url, "label": label}) + "\n" for url, label in pairs)
    (root / name).write_text(text)


def lines(root: Path, *texts: str) -> None:
    good = json.dumps({"image_url": "dog/00.jpg", "label": "dog"})
    (root / "data.jsonl").write_text("\n".join([*texts, good]))


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def cut(path: Path, fraction: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * fraction)])


def image(root: Path, mode: str, colour: Any, name: str = "cat/odd.png", **options: Any) -> None:
    Image.new(mode, (20, 20), colour).save(root / name, **options)


def bomb(root: Path, _: Photo) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    put(root / "cat/odd.png", b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 100) + b"IDAT")


def rotated(root: Path, photo: Photo) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo("cat/odd.jpg", 99, exif=exif)


def frames(root: Path, _: Photo) -> None:
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    first.save(root / "cat/odd.gif", save_all=True, append_images=[second])


def moved(root: Path, _: Photo) -> None:
    rows(root, ("/nowhere/on/this/machine/cat/01.jpg", "cat"), ("dog/00.jpg", "dog"))


def link(root: Path, photo: Photo) -> None:
    shutil.copy(photo("cat/odd.jpg", 77), root.parent / "elsewhere.jpg")
    (root / "cat/odd.jpg").unlink()
    (root / "cat/odd.jpg").symlink_to(root.parent / "elsewhere.jpg")


def leak(root: Path, photo: Photo) -> None:
    for seed in range(4):
        photo(f"splits/train/{'cat' if seed % 2 else 'dog'}/{seed}.jpg", seed)
    photo("splits/val/cat/copy.jpg", 1)
    for name in ("cat", "dog"):
        shutil.rmtree(root / name)
    shutil.move(root / "splits/train", root / "train")
    shutil.move(root / "splits/val", root / "val")
    (root / "splits").rmdir()


def imbalance(root: Path, photo: Photo) -> None:
    for seed in range(2, 12):
        (root / f"dog/{2 * seed:02d}.jpg").unlink()
    for seed in range(100, 120):
        photo(f"cat/{seed}.jpg", seed)


BOX = {"label": "cat", "topX": 0.1, "topY": 0.1, "bottomX": 0.5, "bottomY": 0.5}
NUT = {"id": 1, "name": "nut"}


def labelled(**changes: Any) -> Setup:
    """JSON Lines with a good box, and one with these changes, on another image."""
    bad = {name: value for name, value in (BOX | changes).items() if value is not None}
    return lambda root, _: rows(root, ("dog/00.jpg", [BOX]), ("cat/01.jpg", [bad]))


def outlined(*polygons: list[float]) -> Setup:
    good = {"label": "cat", "polygon": [[0.1, 0.1, 0.5, 0.1, 0.5, 0.5]]}
    return lambda root, _: rows(root, ("dog/00.jpg", [good]), ("cat/01.jpg", [good, {**good, "polygon": polygons}]))


def coco(*annotations: dict[str, Any], categories: Any = (NUT,), images: Any = None, **size: int) -> Setup:
    """A COCO file with these annotations, boxes on the first of two images of 24 x 20 unless they say otherwise."""
    names = ("dog/00.jpg", "cat/01.jpg")
    listed = [{"id": at, "file_name": name, "width": 24, "height": 20} | size for at, name in enumerate(names, 1)]
    plain = {"image_id": 1, "category_id": 1, "bbox": [2, 3, 10, 8]}
    content = {
        "images": listed if images is None else images,
        "annotations": [{"id": at} | plain | annotation for at, annotation in enumerate(annotations, 1)],
        "categories": list(categories),
    }
    return lambda root, _: put(root / "data.json", json.dumps(content).encode())


def runs(size: list[int], *counts: int) -> dict[str, Any]:
    return {"segmentation": {"size": size, "counts": list(counts)}}


def voc(text: str) -> Setup:
    texts = {"00": text, "02": XML.format(name="02.jpg")}
    return lambda root, _: [put(root / "dog" / f"{name}.xml", one.encode()) for name, one in texts.items()]


XML = "<annotation><filename>{name}</filename><object><name>nut</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
XML += "<xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
ENTITIES = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + XML.format(name="&e;")

OBJECT_CASES: dict[str, tuple[str, Setup]] = {
    "label-separator": (
        MULTILABEL,
        lambda root, _: put(root / "a.csv", b"image,label\ncat/01.jpg,cat dog\ndog/00.jpg,dog\ncat/03.jpg,cat\n"),
    ),
    "units-guessed": (
        DETECTION,
        lambda root, _: put(root / "a.csv", b"image,xmin,ymin,xmax,ymax,label\ncat/01.jpg,0,0,1,1,cat\n"),
    ),
    "file-encoding": (DETECTION, lambda root, _: put(root / "data.jsonl", "{}".encode("utf-16"))),
    "key-repeated": (
        DETECTION,
        lambda root, _: put(root / "a.jsonl", b'{"label": [], "label": []}\n{"image_url": "cat/01.jpg", "label": []}'),
    ),
    "xml-entities": (DETECTION, voc(ENTITIES)),
    "id-repeated": (DETECTION, coco({}, categories=(NUT, {"id": 1, "name": "fig"}))),
    "id-gap": (DETECTION, coco({}, categories=(NUT, {"id": 90, "name": "fig"}))),
    "annotation-repeated": (DETECTION, coco({"id": 7}, {"id": 7, "bbox": [1, 1, 5, 5]})),
    "object-invalid": (DETECTION, labelled(label=None)),
    "object-orphan": (DETECTION, coco({}, {"image_id": 3})),
    "class-unknown": (DETECTION, coco({}, {"category_id": 3})),
    "class-unused": (DETECTION, coco({}, categories=(NUT, {"id": 2, "name": "fig"}))),
    "class-numbers": (
        DETECTION,
        lambda root, _: [
            put(root / "data.yaml", b"train: dog\nnames: [nut, fig]\n"),
            *(put(root / f"dog/{at:02d}.txt", b"%d .5 .5 .2 .2" % (1 + at // 2 % 2)) for at in range(0, 24, 2)),
        ],
    ),
    "box-contradiction": (DETECTION, coco({"bbox": [2, 3, 12, 11], "area": 80})),
    "objects-crowd": (DETECTION, coco({"iscrowd": 1}, {"iscrowd": 1, "image_id": 2})),
    "validation-unlabelled": (
        DETECTION,
        lambda root, _: [
            rows(root, ("dog/00.jpg", [BOX]), name="train.jsonl"),
            rows(root, ("cat/01.jpg", []), name="val.jsonl"),
        ],
    ),
    "box-invalid": (DETECTION, coco({}, {"bbox": [float("nan"), 1, 2, 3]})),
    "box-units": (DETECTION, labelled(bottomX=16, bottomY=12)),
    "box-swapped": (DETECTION, labelled(topX=0.6)),
    "box-degenerate": (DETECTION, labelled(bottomX=0.1)),
    "box-outside": (DETECTION, labelled(topX=1.1, bottomX=1.2)),
    "box-clipped": (DETECTION, labelled(bottomX=1.2)),
    "box-duplicate": (DETECTION, lambda root, _: rows(root, ("dog/00.jpg", [BOX, BOX]))),
    "polygon-invalid": (SEGMENTATION, outlined([0.1, 0.1, 0.2, 0.2, 0.3, 0.1, 0.4])),
    "polygon-short": (SEGMENTATION, outlined([0.1, 0.1, 0.2, 0.2])),
    "polygon-crossing": (SEGMENTATION, outlined([0.1, 0.1, 0.5, 0.5, 0.5, 0.1, 0.1, 0.5])),
    "polygon-outside": (SEGMENTATION, outlined([0.1, 0.1, 1.2, 0.1, 0.5, 0.5])),
    "mask-missing": (SEGMENTATION, coco({})),
    "mask-invalid": (SEGMENTATION, coco(runs([20, 24], 10, 10))),
    "mask-size": (SEGMENTATION, coco(runs([24, 20], 10, 10, 460))),
    "mask-empty": (SEGMENTATION, coco(runs([20, 24], 480))),
    "objects-lost": (DETECTION, labelled(topX="left")),
    "image-background": (DETECTION, coco({})),
    "image-size": (DETECTION, coco({}, width=20, height=24)),
    "image-substituted": (DETECTION, voc(XML.format(name="gone.jpg"))),
}


def videos(root: Path, _: Photo) -> None:
    """Two videos a class, of twelve frames that hardly differ."""
    for video in range(4):
        scene = np.random.default_rng(video).integers(0, 250, (8, 8, 3), dtype=np.uint8)
        for frame in range(12):
            path = root / ("cat", "dog")[video % 2] / f"v{video}_{frame}.png"
            Image.fromarray(scene + np.uint8(frame % 5)).save(path)


# Checks that tests of the readers trigger, each where its format's other tests are.
OF_READERS = (
    *("annotation-orphan", "class-names", "class-names-differ", "class-same-name", "class-unnamed", "filename-stale"),
    *("format-chosen", "image-ambiguous", "image-elsewhere", "image-merged", "image-spelling"),
    *("image-stem", "image-unreferenced", "labels-from-objects", "masks-connected", "negative-assumed", "object-form"),
    *("path-outside", "split-shared"),
)
# A check of what --group-by names, which the doctor isn't told: tests/training/test_group_by.py has its cases.
OF_TRAINING = ("group-straddles",)

CASES: dict[str, Setup] = {
    "group-suspected": videos,
    "data-missing": lambda root, _: shutil.rmtree(root),
    "data-empty": lambda root, _: [put(image, b"") for image in root.rglob("*.jpg")],
    "format-unknown": lambda root, _: [shutil.rmtree(root / name) for name in ("cat", "dog")],
    "format-ambiguous": lambda root, _: [
        rows(root, ("cat/01.jpg", label), ("dog/00.jpg", "dog"), name=f"{label}.jsonl") for label in ("cat", "dog")
    ],
    "task-mismatch": lambda root, _: rows(root, ("cat/01.jpg", ["cat"])),
    "label-types-mixed": lambda root, _: rows(root, ("cat/01.jpg", "cat"), ("dog/00.jpg", 3)),
    "line-invalid": lambda root, _: lines(root, '{"image_url": "a.jpg",}'),
    "field-missing": lambda root, _: lines(root, '{"image_url": "a.jpg"}'),
    "label-invalid": lambda root, _: rows(root, ("cat/01.jpg", None), ("dog/00.jpg", "dog")),
    "label-empty": lambda root, _: rows(root, ("cat/01.jpg", ""), ("dog/00.jpg", "dog")),
    "label-forms": lambda root, photo: (photo("cafe\u0301/odd.jpg", 98), photo("caf\u00e9/odd.jpg", 99)),
    "label-spaces": lambda root, _: rows(root, ("cat/01.jpg", "cat "), ("dog/00.jpg", "dog")),
    "split-unknown": lambda root, _: (root / "a.csv").write_text(
        "image,label,split\na.jpg,cat,some\ndog/00.jpg,dog,train\n"
    ),
    "table-ignored": lambda root, _: [
        put(root / "a.csv", b"image,label\ncat/01.jpg,cat\ndog/00.jpg,dog\n"),
        put(root / "b.csv", b"image\ncat/03.jpg\n"),
    ],
    "column-flags": lambda root, _: put(
        root / "a.csv", b"image,cat,dog,is_valid\ncat/01.jpg,1,0,1\ndog/00.jpg,0,1,0\n"
    ),
    "path-escape": lambda root, _: (root / "far").symlink_to(root.parent),
    "path-remote": lambda root, _: rows(root, ("https://example.org/a.jpg", "cat"), ("dog/00.jpg", "dog")),
    "path-moved": moved,
    "name-encoding": lambda root, _: lines(root, '{"image_url": "\\ud800.jpg", "label": "cat"}'),
    "file-hidden": lambda root, _: put(root / "cat/._01.jpg", b"\0\5\x16\7"),
    "file-ignored": lambda root, _: put(root / "cat/notes.txt", b"hello"),
    "folder-ignored": lambda root, photo: (leak(root, photo), photo("extra/odd.jpg", 9)),
    "class-empty": lambda root, _: (root / "bird").mkdir(),
    "image-unlabelled": lambda _, photo: photo("loose.jpg"),
    "image-missing": lambda root, _: rows(root, ("cat/gone.jpeg", "cat"), ("dog/00.jpg", "dog")),
    "image-empty": lambda root, _: put(root / "cat/odd.jpg", b""),
    "image-unreadable": lambda root, _: put(root / "cat/odd.jpg", b"<html>404</html>"),
    "image-truncated": lambda _, photo: cut(photo("cat/odd.jpg", 99), 0.6),
    "image-unsupported": lambda root, _: put(root / "cat/odd.heic", b"\0\0\0\x18ftypheic"),
    "image-bomb": bomb,
    "image-extension": lambda root, photo: photo("cat/odd.jpg", 99).rename(root / "cat/odd.png"),
    "image-small": lambda _, photo: photo("cat/odd.jpg", size=(15, 40)),
    "image-rotated": rotated,
    "image-cmyk": lambda root, _: image(root, "CMYK", (0, 1, 2, 3), "cat/odd.jpg"),
    "image-16bit": lambda root, _: image(root, "I;16", 4096),
    "image-faint": lambda root, _: image(root, "I;16", 4095),
    "image-float": lambda root, _: image(root, "F", 0.5, "cat/odd.tif"),
    "image-palette": lambda root, _: image(root, "P", 0),
    "image-alpha": lambda root, _: image(root, "RGBA", (1, 2, 3, 4)),
    "image-grey": lambda root, _: image(root, "L", 9),
    "image-colour-space": lambda root, _: image(root, "LAB", (9, 9, 9), "cat/odd.tif"),
    "image-frames": frames,
    "image-repeated": lambda root, _: rows(root, ("cat/01.jpg", "cat"), ("./cat/01.jpg", "cat"), ("dog/00.jpg", "dog")),
    "image-duplicate": lambda _, photo: photo("cat/odd.jpg", 1),
    "label-conflict": lambda _, photo: photo("dog/odd.jpg", 1),
    "split-leak": leak,
    "label-similar": lambda root, _: (root / "dog").rename(root / "Cat"),
    "class-few": lambda root, _: [(root / f"cat/{seed:02d}.jpg").unlink() for seed in (1, 3, 5)],
    "class-imbalance": imbalance,
    "class-single": lambda root, _: shutil.rmtree(root / "dog"),
    "class-unvalidated": lambda root, photo: (leak(root, photo), photo("val/bird/odd.jpg", 5)),
    "split-impossible": lambda root, _: rows(root, ("cat/01.jpg", "cat"), ("dog/00.jpg", "dog")),
    "class-untrained": lambda root, photo: (leak(root, photo), photo("val/bird/odd.jpg", 5)),
    "split-empty": lambda root, photo: (leak(root, photo), put(root / "val/cat/copy.jpg", b"")),
    "data-small": leak,
}


@pytest.fixture
def data(class_folders: Path, tmp_path: Path) -> Path:
    return class_folders


def findings_of(path: Path, task: str = MULTICLASS) -> tuple[Finding, ...]:
    try:
        return examine(path, task).findings
    except FindingError as error:
        return (error.finding,)


def test_a_sound_data_set_has_no_findings(data):
    diagnosis = examine(data, MULTICLASS)
    assert diagnosis.findings == ()
    assert diagnosis.quarantined == ()
    assert not diagnosis.has_errors
    assert diagnosis.groups.tolist() == list(range(24))


def test_every_check_has_a_case_and_every_case_a_check():
    assert sorted([*CASES, *OBJECT_CASES, *OF_TRAINING, *OF_READERS]) == sorted(CHECKS)
    tests = "".join(
        path.read_text() for path in Path(__file__).parent.rglob("test_*.py") if path.name != "test_doctor.py"
    )
    assert [check for check in OF_READERS if f'"{check}"' not in tests] == []
    assert {check.severity for check in CHECKS.values()} == set(SEVERITIES)


@pytest.mark.parametrize("check", CASES)
def test_the_check_is_triggered(check, data, photo):
    CASES[check](data, photo)
    found = findings_of(data)
    mine = [fault for fault in found if fault.check == check]
    assert mine, [str(fault) for fault in found]
    assert mine[0].severity == CHECKS[check].severity
    assert mine[0].message


@pytest.mark.parametrize("check", OBJECT_CASES)
def test_the_check_of_objects_is_triggered(check, data, photo):
    task, setup = OBJECT_CASES[check]
    setup(data, photo)
    found = findings_of(data, task)
    mine = [fault for fault in found if fault.check == check]
    assert mine, [str(fault) for fault in found]
    assert mine[0].severity == CHECKS[check].severity
    assert mine[0].message


COSTING_AN_OBJECT = [check for check in OBJECT_CASES if CHECKS[check].of_object and CHECKS[check].severity == "error"]


@pytest.mark.parametrize("check", COSTING_AN_OBJECT)
def test_a_bad_object_is_named_and_set_aside(check, data, photo):
    task, setup = OBJECT_CASES[check]
    setup(data, photo)
    diagnosis = examine(data, task)
    (fault,) = (fault for fault in diagnosis.findings if fault.check == check)
    assert fault.line
    assert [entry.check for entry in diagnosis.quarantined if entry.is_of_object][:1] == [check]
    assert all(entry.check == "objects-lost" for entry in diagnosis.quarantined if not entry.is_of_object)


QUARANTINING = [
    "image-missing",
    "image-empty",
    "image-unreadable",
    "image-truncated",
    "image-unsupported",
    "image-bomb",
    "image-repeated",
]


def test_the_error_survives_another_process():
    error = pickle.loads(pickle.dumps(FindingError(Finding("data-empty", "error", "none", "add some", "a.csv", 3))))
    assert str(error) == "a.csv:3: none; add some"
    assert error.finding.line == 3


@pytest.mark.parametrize("check", QUARANTINING)
def test_what_cannot_be_used_is_quarantined(check, data, photo):
    CASES[check](data, photo)
    diagnosis = examine(data, MULTICLASS)
    (entry,) = diagnosis.quarantined
    assert entry.check == check
    assert entry.reason
    assert Path(entry.quarantines).parent == data / "cat"
    assert entry.quarantines not in diagnosis.table.images or check == "image-repeated"
    assert len(diagnosis.table) == len(diagnosis.groups)


def test_lines_that_could_not_be_read_are_quarantined_by_place(data):
    rows(data, ("https://example.org/a.jpg", "cat"), ("dog/00.jpg", "dog"))
    diagnosis = examine(data, MULTICLASS)
    (entry,) = diagnosis.quarantined
    assert (entry.quarantines, entry.check) == (f"{data / 'data.jsonl'}:1", "path-remote")
    assert "'https://example.org/a.jpg' is on the network" in entry.reason


def test_a_fault_names_annotation_line_and_image(data):
    put(data / "cat/01.jpg", b"")
    rows(data, ("dog/00.jpg", "dog"), ("cat/01.jpg", "cat"))
    fault = next(fault for fault in findings_of(data) if fault.check == "image-empty")
    assert str(fault) == f"{data}/data.jsonl:2: cat/01.jpg: the image file has zero bytes; restore the file"


def test_a_file_of_another_case_is_found_and_said(data):
    rows(data, ("cat/01.JPG", "cat"), ("dog/00.jpg", "dog"), ("bird/a.jpg", "cat"))
    messages = [fault.message for fault in findings_of(data) if fault.check in ("image-missing", "image-spelling")]
    assert [message.partition(",")[0] for message in messages] == [
        "1 image(s) were found by their names in another spelling (case",
        "bird/a.jpg: the image file does not exist",
    ]


def test_a_link_out_of_the_folder_is_quarantined_unless_named_absolutely(data, photo):
    link(data, photo)
    assert [entry.check for entry in examine(data, MULTICLASS).quarantined] == ["path-escape"]
    rows(data, (str(data.parent / "elsewhere.jpg"), "cat"), ("dog/00.jpg", "dog"))
    assert examine(data, MULTICLASS).quarantined == ()


def test_nothing_usable_is_said_and_the_split_refuses(data):
    rows(data, ("cat/01.jpg", "cat"), ("dog/00.jpg", "dog"))
    for image in ("cat/01.jpg", "dog/00.jpg"):
        put(data / image, b"")
    diagnosis = examine(data, MULTICLASS)
    [said] = [fault.message for fault in diagnosis.findings if fault.check == "data-empty"]
    assert said == "none of the 2 images can be used; the most frequent reason: the image file has zero bytes"
    with pytest.raises(FindingError, match=r"0 image\(s\) can't be split"):
        split(diagnosis.table, MULTICLASS)


def test_a_class_without_usable_images_is_told_and_dropped(data, photo):
    put(data / "bird/a.jpg", b"")
    diagnosis = examine(data, MULTICLASS)
    assert diagnosis.table.classes == ("cat", "dog")
    assert "no image of class 'bird' can be used" in [fault.message for fault in diagnosis.findings]


def test_a_leak_costs_the_training_copy(data, photo):
    leak(data, photo)
    diagnosis = examine(data, MULTICLASS)
    (entry,) = diagnosis.quarantined
    assert entry.quarantines == str(data / "train/cat/1.jpg")
    assert entry.reason == f"the same image is in train and, as {data / 'val/cat/copy.jpg'}, in validation"


def test_copies_share_a_group_and_a_split(data, photo):
    for number in range(6):
        photo(f"cat/copy{number}.jpg", 1)
    diagnosis = examine(data, MULTICLASS)
    same = [row for row, name in enumerate(diagnosis.table.images) if "copy" in name or name.endswith("01.jpg")]
    assert len(set(diagnosis.groups[same].tolist())) == 1
    train, _ = split(diagnosis.table, MULTICLASS, seed=3, groups=diagnosis.groups)
    assert len({row in train for row in same}) == 1


def test_files_of_equal_size_and_ends_are_compared_in_full(data):
    for number, middle in enumerate((0, 255, 0)):
        pixels = np.zeros((40, 40, 3), dtype=np.uint8)
        pixels[20, 20] = middle
        Image.fromarray(pixels).save(data / f"cat/{number}.bmp")
    (fault,) = [fault for fault in findings_of(data) if fault.check == "image-duplicate"]
    assert fault.message == f"2 files have the same bytes: {data / 'cat/0.bmp'}, {data / 'cat/2.bmp'}"


def test_validation_data_of_its_own_may_leak_too(data, photo, tmp_path_factory):
    other = tmp_path_factory.mktemp("validation")
    for number, name in enumerate(("cat", "dog")):
        (other / name).mkdir()
        shutil.copy(photo(f"spare{number}.jpg", 50 + number), other / name / "new.jpg")
        (data / f"spare{number}.jpg").unlink()
    shutil.copy(data / "dog/04.jpg", other / "dog/copy.jpg")
    training = without_leaks(examine(data, MULTICLASS), examine(other, MULTICLASS))
    assert len(training.table) == len(training.groups) == 23
    (entry,) = training.quarantined
    assert (entry.quarantines, entry.check) == (str(data / "dog/04.jpg"), "split-leak")
    assert entry.reason == f"the same image is in the validation data, at {other / 'dog/copy.jpg'}"
    assert training.has_errors


@pytest.mark.parametrize("name", ["odd.jpg", "odd.png", "odd.gif", "odd.webp", "odd.bmp", "odd.tif"])
def test_truncation_is_seen_without_decoding_all(data, photo, name):
    cut(photo(f"cat/{name}", 99, size=(200, 100)), 0.9)
    faults = examine(data, MULTICLASS).quarantined
    assert [fault.quarantines for fault in faults] == [str(data / "cat" / name)]


def test_bytes_after_a_whole_jpeg_are_no_fault(data):
    with (data / "cat/01.jpg").open("ab") as stream:
        stream.write(b"a trailer, as telephones write it" * 10)
    assert examine(data, MULTICLASS).findings == ()


def test_only_full_decoding_sees_a_hole_in_the_middle(data, photo):
    path = photo("cat/odd.png", 99, size=(200, 100))
    whole = bytearray(path.read_bytes())
    whole[5_000:5_400] = bytes(400)
    path.write_bytes(whole)
    assert examine(data, MULTICLASS).quarantined == ()
    assert len(examine(data, MULTICLASS, pixels="full").quarantined) == 1


def test_without_pixels_no_image_is_opened(data):
    for path in (data / "cat").iterdir():
        path.write_bytes(b"not an image")
    diagnosis = examine(data, MULTICLASS, pixels="none")
    assert (len(diagnosis.table), diagnosis.quarantined) == (24, ())


def test_progress_counts_up_to_all(data):
    calls: list[tuple[int, int]] = []
    examine(data, MULTICLASS, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (24, 24)


def test_handled_modes_are_one_finding_a_kind(data):
    for number in range(3):
        image(data, "L", number * 9, f"cat/grey{number}.png")
    (fault,) = findings_of(data)
    assert (fault.check, fault.count, fault.severity) == ("image-grey", 3, "info")
    assert "3 image(s), such as cat/grey0.png" in fault.message


def test_the_diagnosis_as_json(data, photo):
    put(data / "cat/odd.jpg", b"")
    content = json.loads(json.dumps(examine(data, MULTICLASS).to_dict()))
    assert content["schema"] == 1
    assert content["classes"] == {"cat": 12, "dog": 12}
    assert content["severities"] == {"error": 1, "warning": 0, "info": 0}
    assert content["quarantined"] == [
        {"image": str(data / "cat/odd.jpg"), "reason": "the image file has zero bytes", "check": "image-empty"}
    ]
    assert set(content["findings"][0]) == {"check", "severity", "message", "remedy", "file", "line", "count", "image"}


def test_multilabel_data(data):
    rows(data, *[(f"cat/{seed:02d}.jpg", ["cat", "pet"]) for seed in range(1, 24, 2)], ("dog/00.jpg", []))
    diagnosis = examine(data, MULTILABEL)
    assert diagnosis.table.classes == ("cat", "pet")
    assert [finding.check for finding in diagnosis.findings] == ["image-unreferenced"]


def test_multilabel_data_without_any_label(data):
    rows(data, ("cat/01.jpg", []), ("dog/00.jpg", []))
    messages = [fault.message for fault in examine(data, MULTILABEL).findings if fault.check == "class-single"]
    assert messages == [f"{MULTILABEL} needs at least 1 class(es) to learn; the labels name none"]


@pytest.mark.parametrize(
    ("first", "second", "counts", "similar"),
    [
        ("cat", "Cat", (10, 10), True),
        ("hot dog", "hot_dog", (10, 10), True),
        ("rose", "roses", (10, 10), True),
        ("sunflower", "sunflowers", (10, 10), True),
        ("dandelion", "dandelon", (10, 10), True),
        ("dandelion", "dandeloin", (10, 10), True),
        ("shirt", "skirt", (10, 10), False),
        ("shirt", "skirt", (10, 2), True),
        ("cat", "car", (10, 1), False),
        ("grade 1", "grade 2", (10, 1), False),
        ("spot-12345678", "spot-12345679", (10, 1), False),
        ("apple", "banana", (10, 1), False),
    ],
)
def test_names_that_are_nearly_the_same(first, second, counts, similar):
    assert similar_pairs((first, second), np.array(counts)) == ([(0, 1)] if similar else [])


def test_a_similar_name_is_shown_where_the_rarer_one_stands(data):
    rows(data, ("dog/00.jpg", "dog"), ("dog/02.jpg", "dog"), ("dog/04.jpg", "Dog"), ("cat/01.jpg", "cat"))
    (fault,) = [fault for fault in findings_of(data) if fault.check == "label-similar"]
    assert fault.where == f"{data / 'data.jsonl'}:3"
    assert fault.message == "'Dog' (1 images) and 'dog' (2 images) are nearly the same name"


def test_many_classes_are_cut_short_in_a_message(data):
    rows(data, *[(f"dog/{2 * at:02d}.jpg", f"kind {at}") for at in range(12)])
    (fault,) = [fault for fault in findings_of(data) if fault.check == "class-few"]
    assert fault.message.startswith("12 class(es) have fewer than 10 images: 'kind 0' (1), ")
    assert fault.message.endswith(" and 4 more")
