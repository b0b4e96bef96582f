from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.data.doctor import examine
from vistry.data.readers.class_numbers import numbers_from_one

DETECTION = "image_object_detection"


def names(*words: str, first: int = 0) -> dict[int, str]:
    return dict(enumerate(words, start=first))


@pytest.mark.parametrize(
    ("numbers", "declared", "suspect"),
    [
        ({1, 2}, names("cat", "dog"), True),
        ({2}, names("cat", "dog"), True),
        ({1}, names("cat"), True),
        ({0, 2}, names("cat", "dog"), False),
        ({1}, names("cat", "dog"), False),
        ({1, 2, 7}, names("cat", "dog"), False),
        ({1, 2}, names("cat", "dog", first=1), False),
        ({1, 2}, {}, False),
        (set(), names("cat"), False),
    ],
)
def test_numbers_from_one(numbers: set[int], declared: dict[int, str], suspect: bool) -> None:
    assert bool(numbers_from_one(numbers, declared, Path("data"))) == suspect


def test_every_object_would_get_another_class_so_that_nothing_may_be_trained(
    photo: Callable[..., Path], tmp_path: Path
) -> None:
    for number in range(6):
        photo(f"images/{number}.jpg", number)
        label = tmp_path / f"labels/{number}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text(f"{1 + number % 2} .5 .5 .4 .4\n")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (finding,) = [one for one in examine(tmp_path, DETECTION).findings if one.check == "class-numbers"]
    assert (finding.severity, finding.quarantines) == ("error", None)
    assert "counted from 1" in finding.message
    assert "subtract 1" in finding.remedy
