"""What belongs together stays on one side of the split, by a column or by a pattern on the path."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vistry.data.grouping import grouping_of, joined, names_by_split, straddling
from vistry.data.reading import read
from vistry.data.splits import split_by_groups
from vistry.data.table import Table
from vistry.errors import DataError

many = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
LARGEST = 8  # images of a group
TableOf = Callable[..., Table]


@many
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=2, max_size=80), st.integers(0, 3))
def test_each_group_is_on_one_side(table_of: TableOf, rows: list[tuple[int, int]], seed: int) -> None:
    table, groups = table_of([[label] for _, label in rows]), np.array([group for group, _ in rows])
    try:
        training, validation = split_by_groups(table, groups, 0.25, seed)
    except DataError:
        owners = [set(groups[table.labels == label]) for label in set(table.labels)]
        assert len(set(groups)) == 1 or all({group} in owners for group in groups)
        return
    assert sorted([*training, *validation]) == list(range(len(rows)))
    assert not set(groups[training]) & set(groups[validation])
    assert set(table.labels[training]) == set(table.labels), "every class keeps a group for training"


@many
@given(st.integers(0, 50))
def test_classes_keep_their_shares_where_groups_are_small(table_of: TableOf, seed: int) -> None:
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), random.integers(3, LARGEST + 1, 60))
    labels = random.choice(4, 60, p=[0.4, 0.3, 0.2, 0.1])[groups]
    table = table_of([[int(label)] for label in labels], classes=4)
    _, validation = split_by_groups(table, groups, 0.25, seed)
    assert abs(len(validation) - 0.25 * len(labels)) <= LARGEST
    for label in range(4):
        of_class = labels == label
        if len(set(groups[of_class])) > 1:
            assert abs(of_class[validation].sum() - 0.25 * of_class.sum()) <= LARGEST


def test_the_seed_decides(table_of: TableOf) -> None:
    table, groups = table_of([[row % 2] for row in range(60)]), np.arange(60) // 3
    drawn = [split_by_groups(table, groups, 0.2, seed)[1].tolist() for seed in (0, 0, 1, 2)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2] or drawn[0] != drawn[3]


def test_the_datas_own_validation_rows_stay(table_of: TableOf) -> None:
    table = table_of([[0], [1], [0], [1]], ["train", "train", "validation", "test"])
    training, validation = split_by_groups(table, np.zeros(4, int))
    assert (training.tolist(), validation.tolist()) == ([0, 1], [2])


@pytest.mark.parametrize(
    ("groups", "message"),
    [([5] * 4, "all 4 images belong together"), ([0, 0, 1, 1], "none of the 2 groups of images can be held out")],
)
def test_what_cannot_be_divided_is_said(table_of: TableOf, groups: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_by_groups(table_of([[0], [0], [1], [1]]), groups)


@many
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30))
def test_two_groupings_join_what_either_connects(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    reached = (first[:, None] == first) | (second[:, None] == second)
    for _ in pairs:
        reached = (reached.astype(int) @ reached) > 0
    groups = joined(first, second)
    assert ((groups[:, None] == groups) == reached).all()


def table_at(table_of: TableOf, *names: str) -> Table:
    return replace(table_of([[0]] * len(names)), images=[f"/data/{name}" for name in names])


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        ("{group}_*.png", ["p1", "p1", "p2", ""]),
        ("{group}_*", ["p1", "p1", "p2", ""]),
        ("{group}_{group}_*", ["p1/a", "", "p2/b", ""]),
        ("{group}/*", ["cat", "dog", "cat", "dog"]),
        ("*/{group}*_*.png", ["p", "p", "p", ""]),
        ("site1/{group}/*", ["", "", "", ""]),
        ("*/*/{group}_*", ["", "", "", ""]),
        ("{group}.jpg", ["", "", "", "x"]),
    ],
)
def test_patterns_are_about_the_end_of_the_path(table_of: TableOf, pattern: str, groups: list[str]) -> None:
    table = table_at(table_of, "cat/p1_a_1.png", "dog/p1_2.png", "cat/p2_b_1.png", "dog/x.jpg")
    if any(groups):
        assert list(grouping_of(table, pattern).names) == groups
    else:
        with pytest.raises(DataError) as caught:
            grouping_of(table, pattern)
        assert f"'{pattern}' matches none of the 4 images, such as cat/p1_a_1.png" in str(caught.value)


def test_an_image_of_no_group_stands_alone(table_of: TableOf) -> None:
    grouping = grouping_of(table_at(table_of, "a_1.png", "b.png", "c.png", "a_2.png"), "{group}_*")
    assert (grouping.count, grouping.ungrouped) == (1, 2)
    first, second, third, fourth = grouping.indices().tolist()
    assert first == fourth
    assert len({first, second, third}) == 3
    assert str(grouping) == "by {group}_*, 1 group and 2 images in none"


@pytest.fixture
def listed(photo: Any, tmp_path: Path) -> Callable[[str], Path]:
    """Four images in a file of rows with patients."""

    def build(kind: str) -> Path:
        rows = [(photo(f"i/{at}.png", at).relative_to(tmp_path), "ab"[at % 2], f"p{at // 2}") for at in range(4)]
        path = tmp_path / f"all.{kind}"
        if kind == "jsonl":
            lines = [
                json.dumps({"image_url": str(image), "label": label, "Patient": who}) for image, label, who in rows
            ]
        else:
            mark = {"csv": ";", "tsv": "\t"}[kind]
            cells = [("image", "label", " Patient "), *rows]
            lines = [mark.join(f'"{cell}"' if kind == "csv" else str(cell) for cell in row) for row in cells]
        path.write_text("\ufeff" + "\n\n".join(lines) + "\n", encoding="utf-8")
        return path

    return build


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("column", ["Patient", "patient"])
def test_a_column_of_the_file(listed: Callable[[str], Path], kind: str, column: str) -> None:
    table = read(listed(kind), "image_classification").table
    assert grouping_of(table, column).names == ("p0", "p0", "p1", "p1")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_that_is_not_there(listed: Callable[[str], Path], kind: str) -> None:
    table = read(listed(kind), "image_classification").table
    with pytest.raises(
        DataError, match=r"there is no column 'scene'; the columns are image.*, label, Patient\. A pattern"
    ):
        grouping_of(table, "scene")


def test_folders_have_no_columns(class_folders: Path) -> None:
    table = read(class_folders, "image_classification").table
    with pytest.raises(
        DataError, match=r"data in the format 'folders' has no columns\. A pattern .* '\{group\}_\*\.jpg'"
    ):
        grouping_of(table, "patient")


def test_groups_in_several_splits_are_counted(table_of: TableOf) -> None:
    table = table_at(table_of, "a_1", "a_2", "b_1", "b_2", "c_1", "d")
    table = replace(table, split=np.array([0, 1, -1, 2, 1, 0], np.int8))
    grouping = grouping_of(table, "{group}_*")
    [finding] = straddling("{group}_*", names_by_split(table, grouping), "/data")
    assert finding.severity == "warning"
    assert finding.reason == "2 of 3 groups by {group}_* are in more than one of train and validation and test: a, b"
    assert not list(straddling("x", {"train": ["a", ""], "validation": ["b", ""]}, "/data"))
