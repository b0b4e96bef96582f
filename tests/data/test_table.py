from __future__ import annotations

import numpy as np
from vistry.data.table import gather_labels


def test_take_keeps_order_labels_and_places(table_of):
    table = table_of([[0], [1, 2], [], [2]], ["train", "test", "train", "validation"]).take([3, 1])
    assert table.images == ["/data/3.jpg", "/data/1.jpg"]
    assert [row.tolist() for _, row in table] == [[2], [1, 2]]
    assert table.split.tolist() == [1, 2]
    assert table.where(1) == "/data/a.jsonl:2"


def test_counts_and_multi_hot(table_of):
    table = table_of([[0], [1, 2], [], [2]])
    assert table.class_counts().tolist() == [1, 1, 2]
    assert table.multi_hot().tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 1]]


def test_classes_without_rows_go(table_of):
    table = table_of([[0], [3], [1, 3]], classes=6).without_empty_classes()
    assert table.classes == ("c0", "c1", "c3")
    assert table.labels.tolist() == [0, 2, 1, 2]


def test_gather_labels_repeats_and_reorders():
    starts, labels = np.array([0, 2, 2, 3]), np.array([7, 8, 9], dtype=np.int32)
    assert gather_labels(starts, labels, np.array([2, 1, 0, 0])).tolist() == [9, 7, 8, 7, 8]
    assert gather_labels(starts, labels, np.array([], dtype=np.int64)).tolist() == []


def test_a_row_of_a_folder_is_its_image(class_folders):
    from vistry.data.reading import read

    table = read(class_folders, "image_classification").table
    assert table.where(0) == str(class_folders / "cat/01.jpg")
    assert table.location(0) == (str(class_folders / "cat/01.jpg"), None)
