"""The rows of a head go by the names of their classes, whatever else stands in the same tensor."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from vistry.registry.manifest import ClassRows
from vistry.weights.class_rows import TakenOver, by_class_name, layouts, rows_of

PAIRS = [
    (("cat", "dog"), ("dog", "kitten")),
    (("a", "b", "c"), ("c", "a", "b")),
    (("a",), ("b", "a", "c")),
    (("a", "b", "c", "d"), ("d", "b")),
    (("a", "b"), ("c", "d")),
]
LAYOUTS = [
    ClassRows(repeats=r, before=b, each=e, after=a)
    for r, b, e, a in itertools.product((1, 2, 3), (0, 1, 5), (1, 4), (0, 1))
]


def labels(layout: ClassRows, classes: Sequence[str]) -> list[str]:
    """What each row is about, spelled out."""
    return [
        f"{part}/{owner}/{number}"
        for part in range(layout.repeats)
        for owner, count in (("", layout.before), *((name, layout.each) for name in classes), ("end", layout.after))
        for number in range(count)
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("classes", PAIRS)
def test_each_row_of_a_class_of_both_is_where_the_class_is_now(
    layout: ClassRows, classes: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    before, after = (labels(layout, names) for names in classes)
    old, new = np.array([[f"old {row}"] for row in before]), np.array([[f"new {row}"] for row in after])
    filled, by_name = by_class_name(old, new, layout, classes)
    assert by_name
    assert filled[:, 0].tolist() == [f"old {row}" if row in before else f"new {row}" for row in after]


def test_rows_that_too_few_classes_learn_nothing_in_stay_new() -> None:
    layout = ClassRows(before=1, at_least=2)
    filled, by_name = by_class_name(np.array([1, 2]), np.array([7, 8, 9]), layout, classes=(("a",), ("a", "b")))
    assert (filled.tolist(), by_name) == ([1, 8, 9], False)


def test_a_tensor_of_another_length_stays_new() -> None:
    filled, by_name = by_class_name(np.zeros(5), np.ones(3), ClassRows(), classes=(("a", "b"), ("a", "b", "c")))
    assert (filled.tolist(), by_name) == ([1, 1, 1], False)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_row_belongs_to_a_class_or_to_none(layout: ClassRows) -> None:
    rows = rows_of(layout, 3)
    assert sorted([*rows.of_class.reshape(-1), *rows.of_none]) == list(range(layout.length(3)))


def test_layouts_are_told_by_what_another_class_adds() -> None:
    shapes = {"body": (3, 7), "head": (3, 7), "boxes": (12, 7), "anchors": (24,), "odd": (6,), "wide": (7, 3)}
    larger = {**shapes, "head": (4, 7), "boxes": (16, 7), "anchors": (27,), "odd": (8,), "wide": (7, 4)}
    declared = {"boxes": ClassRows(each=4), "anchors": ClassRows(repeats=3, before=5), "odd": ClassRows(before=9)}
    assert layouts(declared, shapes, larger, num_classes=3) == {
        "head": ClassRows(),
        "boxes": ClassRows(each=4),
        "anchors": ClassRows(repeats=3, before=5),
        "odd": None,
    }


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [
        (TakenOver(("cat", "dog"), ("kitten",)), "X: 2 of 3 classes taken over by name; new: kitten"),
        (TakenOver(("cat", "dog"), ()), "X: 2 of 2 classes taken over by name"),
        (TakenOver(("cat",), ("b",), ("box",)), "X: 1 of 2 classes taken over by name; new: b; fresh for all: box"),
        (TakenOver((), tuple("abcdefghijkl")), "X: 0 of 12 classes taken over by name; new: a, b, c, d, e, f, g, h, "),
    ],
)
def test_one_line_says_what_was_taken_over(taken: TakenOver, sentence: str) -> None:
    assert taken.sentence("X").startswith(sentence)
