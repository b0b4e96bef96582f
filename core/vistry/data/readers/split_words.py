"""The split that the name of a file, a folder or a value of a column stands for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from vistry.data.table import SPLITS, UNASSIGNED

_SPLITS = {
    "train": ("train", "training", "trn", "tr"),
    "validation": ("val", "valid", "validation", "validate", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst", "te", "holdout"),
}
_SPLIT_OF = {word: SPLITS.index(name) for name, words in _SPLITS.items() for word in words}
# Words that say nothing about which split or which class is meant.
_FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "datasets", "subset", "split", "splits", "part", "folder", "files"),
        *("image", "images", "img", "imgs", "picture", "pictures", "pics", "photos", "seg"),
        *("annotation", "annotations", "label", "labels", "instances", "detections", "boxes", "bbox", "bboxes"),
        *("coco", "voc", "yolo", "csv", "json", "xml", "raw", "copy", "clean", "cleaned", "final", "full", "all"),
    )
)
_UNLABELLED = frozenset(("pred", "predict", "prediction", "unlabelled", "unlabeled", "inference"))
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: 'seg_train', 'TrainSet' and 'val2017' have words for splits."""
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", unicodedata.normalize("NFC", name)))]


def split_of_word(word: str) -> int:
    """The split that 'train', 'valid', 'Test', 'training_set' and the like stand for, an index into SPLITS.

    UNASSIGNED where another word than one for a split, or several, are in the name.
    """
    return _split_of(words_of(word))


def splits_of_siblings(names: Collection[str]) -> dict[str, int]:
    """The split of each of the folders in one folder; words that all with a word for a split have say nothing.

    So 'MNIST - training' and 'MNIST - testing' are two splits.
    """
    words = {name: words_of(name) for name in names}
    telling = [set(parts) for parts in words.values() if not _SPLIT_OF.keys().isdisjoint(parts)]
    shared = set.intersection(*telling) if len(telling) > 1 else set()
    return {name: _split_of([part for part in parts if part not in shared]) for name, parts in words.items()}


def _split_of(words: list[str]) -> int:
    splits = {_SPLIT_OF.get(part, UNASSIGNED) for part in words if part not in _FILLERS}
    return splits.pop() if len(splits) == 1 else UNASSIGNED


def split_of_stem(stem: str) -> int:
    """The split that a file name such as 'train2017', 'val_cleaned' or 'instances_val' begins with, or UNASSIGNED."""
    telling = [part for part in words_of(stem) if part not in _FILLERS]
    return _SPLIT_OF.get(telling[0], UNASSIGNED) if telling else UNASSIGNED


def split_of_path(path: str) -> int:
    """The split of a relative path of a file: of its name, else of the nearest of its folders that names one."""
    *folders, name = path.split("/")
    own = split_of_stem(name.partition(".")[0])
    return own if own != UNASSIGNED else split_of_folders(folders)


def split_of_folders(folders: list[str]) -> int:
    """The split that the last of nested folders to name one stands for, or UNASSIGNED."""
    return next((split for name in reversed(folders) if (split := split_of_word(name)) != UNASSIGNED), UNASSIGNED)


def is_unlabelled(name: str) -> bool:
    """Whether a folder's name says that what is in it waits for predictions."""
    telling = [part for part in words_of(name) if part not in _FILLERS]
    return bool(telling) and all(part in _UNLABELLED for part in telling)
