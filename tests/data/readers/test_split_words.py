from __future__ import annotations

import pytest
from vistry.data.readers.split_words import (
    is_unlabelled,
    split_of_path,
    split_of_stem,
    split_of_word,
    splits_of_siblings,
    words_of,
)
from vistry.data.table import SPLITS, UNASSIGNED

NAMES = {
    "train": [
        "train",
        "Training",
        "TRAIN",
        "train2017",
        "seg_train",
        "training_set",
        "TrainSet",
        "train_images",
        "trn",
    ],
    "validation": ["val", "valid", "validation", "Val2017", "dev", "eval", "validation_data"],
    "test": ["test", "testing", "Test", "test_images", "seg_test", "tst"],
    "": ["trainer", "tram", "testtube", "test tube", "train_dog", "contest", "1", "", "train_val", "latest", "images"],
}


@pytest.mark.parametrize(("split", "name"), [(split, name) for split, names in NAMES.items() for name in names])
def test_the_split_of_a_folder(split, name):
    assert split_of_word(name) == (SPLITS.index(split) if split else UNASSIGNED)


@pytest.mark.parametrize(
    ("stem", "split"),
    [("train_cleaned", 0), ("instances_val2017", 1), ("test-dev", 2), ("cleaned_up", UNASSIGNED), ("dog_train", -1)],
)
def test_the_split_of_a_file_is_its_first_telling_word(stem, split):
    assert split_of_stem(stem) == split


def test_a_path_has_the_split_of_its_nearest_name():
    assert split_of_path("test/train.json") == 0
    assert split_of_path("data/valid/_annotations.coco.json") == 1
    assert split_of_path("data/labels.json") == UNASSIGNED


def test_siblings_are_told_apart_by_what_they_do_not_share():
    names = ("MNIST - JPG - testing", "MNIST - JPG - training", "docs")
    assert splits_of_siblings(names) == {names[0]: 2, names[1]: 0, "docs": UNASSIGNED}


def test_words_in_any_normal_form():
    assert words_of("the\u0301_a") == words_of("th\u00e9_a") == ["th\u00e9", "a"]


def test_folders_that_wait_for_predictions():
    assert [is_unlabelled(name) for name in ("seg_pred", "unlabelled", "prediction_images", "predator")] == [1, 1, 1, 0]
