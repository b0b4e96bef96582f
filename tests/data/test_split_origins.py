from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vistry.data.doctor import examine
from vistry.data.split_origins import Division

MULTICLASS = "image_classification"
DETECTION = "image_object_detection"
Photo = Callable[..., Path]


def origins(data: Path, task: str = MULTICLASS) -> dict[str, str]:
    diagnosis = examine(data, task)
    return diagnosis.division.origins(diagnosis.table)


def test_folders_of_classes(photo: Photo, tmp_path: Path) -> None:
    for seed, name in enumerate(("train/cat", "train/dog", "val/cat", "val/dog", "testing/cat")):
        photo(f"{name}/a.jpg", seed)
    assert origins(tmp_path) == {
        "train": "given by the folder train/",
        "validation": "given by the folder val/",
        "test": "given by the folder testing/",
    }


def test_a_column(photo: Photo, tmp_path: Path) -> None:
    for seed in range(4):
        photo(f"{seed}.jpg", seed)
    text = "image,label,set\n0.jpg,cat,train\n1.jpg,dog,train\n2.jpg,cat,val\n3.jpg,dog,val\n"
    (tmp_path / "labels.csv").write_text(text)
    given = "given by the rows of labels.csv"
    assert origins(tmp_path) == {"train": given, "validation": given}


def test_files_named_for_splits(photo: Photo, jsonl: Callable[..., Path], tmp_path: Path) -> None:
    for seed in range(4):
        photo(f"{seed}.jpg", seed)
    jsonl(("0.jpg", "cat"), ("1.jpg", "dog"), name="train_a.jsonl")
    jsonl(("2.jpg", "cat"), name="val.jsonl")
    assert origins(tmp_path) == {
        "train": "given by the file train_a.jsonl",
        "validation": "given by the file val.jsonl",
    }


def test_files_in_folders_named_for_splits(photo: Photo, tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "valid")):
        image = photo(f"{split}/a.jpg", seed)
        content: dict[str, Any] = {
            "images": [{"id": 1, "file_name": image.name, "width": 24, "height": 20}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 2, 9, 9]}],
            "categories": [{"id": 1, "name": "nut"}],
        }
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(content))
    assert origins(tmp_path, DETECTION) == {
        "train": "given by the folder train/",
        "validation": "given by the folder valid/",
    }


def test_a_draw(class_folders: Path) -> None:
    diagnosis = examine(class_folders, MULTICLASS)
    assert diagnosis.division.lines(diagnosis.table) == [
        "training: about 19 images, all others",
        "validation: about 5 images, 20 % drawn by class, seed 0",
    ]
    exact = Division(18, 6, 0.25, seed=3)
    assert exact.lines(diagnosis.table)[1] == "validation: 6 images, 25 % drawn by class, seed 3"


def test_the_diagnosis_says_it_as_json(class_folders: Path) -> None:
    content = json.loads(json.dumps(examine(class_folders, MULTICLASS).to_dict()))
    assert content["split_origins"]["validation"] == "20 % drawn by class, seed 0"
    assert content["format"] == "folders"
