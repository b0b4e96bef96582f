from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vistry.data.splits import split
from vistry.data.stratification import (
    dealt_to_validation,
    iterative_stratification,
    validation_quota,
    wanted_per_side,
)
from vistry.errors import DataError

MULTICLASS = "image_classification"
MULTILABEL = "image_classification_multilabel"
many = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=8).filter(lambda counts: max(counts) > 1)
fractions = st.floats(0.05, 0.6)
label_sets = st.lists(st.sets(st.integers(0, 5), max_size=4), min_size=2, max_size=60)


def counts_of(table, rows):
    return table.take(rows).class_counts()


def assert_partition(table, parts):
    train, validation = parts
    assert train.dtype == validation.dtype == np.int64
    assert sorted([*train, *validation]) == list(range(len(table)))
    assert list(train) == sorted(train)
    assert list(validation) == sorted(validation)


@many
@given(sizes, fractions, st.integers(0, 3))
def test_multiclass_split_is_a_stratified_partition(table_of, counts, fraction, seed):
    table = table_of([[label] for label, count in enumerate(counts) for _ in range(count)])
    parts = split(table, MULTICLASS, fraction, seed)
    assert_partition(table, parts)
    validation = counts_of(table, parts[1])
    for count, held in zip(counts, validation, strict=True):
        assert abs(held - fraction * count) <= 1
        assert min(count - 1, 1) <= held < count
    raised = sum(fraction * count < 1 for count in counts)
    assert len(parts[1]) <= round(fraction * sum(counts)) + raised


@many
@given(sizes, st.integers(0, 3))
def test_the_seed_decides(table_of, counts, seed):
    table = table_of([[label] for label, count in enumerate(counts) for _ in range(count)])
    for task in (MULTICLASS, MULTILABEL):
        first, second = (split(table, task, seed=seed) for _ in range(2))
        assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_other_seeds_give_other_rows(table_of):
    table = table_of([[row % 2] for row in range(100)])
    for task in (MULTICLASS, MULTILABEL):
        assert len({tuple(split(table, task, seed=seed)[1]) for seed in range(5)}) == 5


@pytest.mark.parametrize(
    ("counts", "fraction", "quota"),
    [
        ([40, 40], 0.2, [8, 8]),
        ([1, 1, 8], 0.2, [0, 0, 2]),
        ([2], 0.2, [1]),
        ([2, 2, 2], 0.2, [1, 1, 1]),
        ([3, 7], 0.2, [1, 1]),
        ([7, 3], 0.2, [1, 1]),
        ([14, 11, 25], 0.2, [3, 2, 5]),
        ([4, 96], 0.2, [1, 19]),
        ([2, 2, 12], 0.25, [1, 1, 3]),
        ([2, 98], 0.9, [1, 89]),
    ],
)
def test_quota_by_hand(counts, fraction, quota):
    assert validation_quota(np.array(counts), fraction).tolist() == quota


@many
@given(label_sets, st.integers(0, 3))
def test_multilabel_split_is_a_partition(table_of, labels, seed):
    table = table_of([*labels, {0}, {0}], classes=6)
    parts = split(table, MULTILABEL, 0.2, seed)
    assert_partition(table, parts)
    assert len(parts[1]) >= 1


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000))
def test_multilabel_shares_are_close(table_of, seed):
    random = np.random.default_rng(seed)
    hot = random.random((400, 8)) < np.array([0.5, 0.3, 0.2, 0.1, 0.05, 0.05, 0.02, 0.02])
    table = table_of([np.flatnonzero(row).tolist() for row in hot], classes=8)
    _, validation = split(table, MULTILABEL, 0.2, seed)
    assert abs(len(validation) - 80) <= 8
    share = 0.2 * table.class_counts()
    assert np.all(np.abs(counts_of(table, validation) - share) <= 2 + 0.05 * table.class_counts())


def test_multilabel_by_hand(table_of):
    table = table_of([[0], [0], [1], [1], [0, 1], [0, 1], [], [], [], []])
    train, validation = split(table, MULTILABEL, 0.5)
    assert len(train) == len(validation) == 5
    assert counts_of(table, validation).tolist() == [2, 2]


def test_wanted_by_hand():
    assert wanted_per_side(np.array([0, 1, 2, 3, 10]), 0.2).tolist() == [[0, 1, 1, 2, 8], [0, 0, 1, 1, 2]]


def test_dealing_by_hand():
    assert dealt_to_validation(5, np.array([4.0, 1.0]), np.array([8.0, 2.0])) == 1
    assert dealt_to_validation(2, np.array([1.0, 1.0]), np.array([8.0, 2.0])) == 1
    assert dealt_to_validation(3, np.array([1.0, 1.0]), np.array([2.0, 8.0])) == 2
    assert dealt_to_validation(0, np.array([1.0, 1.0]), np.array([2.0, 8.0])) == 0


def test_a_label_named_twice_in_a_row_does_not_hang():
    starts, labels = np.array([0, 2, 3, 4]), np.array([0, 0, 0, 1], dtype=np.int32)
    chosen = iterative_stratification(starts, labels, 2, 0.2, np.random.default_rng(0))
    assert chosen.shape == (3,)


def test_the_data_may_say_it_all(table_of):
    table = table_of([[0], [1], [0], [1], [0]], ["train", "validation", "test", "train", "validation"])
    train, validation = split(table, MULTICLASS)
    assert (train.tolist(), validation.tolist()) == ([0, 3], [1, 4])


def test_unassigned_rows_train_beside_given_validation_rows(table_of):
    table = table_of([[0], [1]], ["train", "validation"])
    table.split[0] = -1
    assert [part.tolist() for part in split(table, MULTICLASS)] == [[0], [1]]


def test_test_rows_are_in_neither(table_of):
    table = table_of([[row % 2] for row in range(20)], ["train"] * 10 + ["test"] * 10)
    train, validation = split(table, MULTICLASS)
    assert sorted([*train, *validation]) == list(range(10))


@many
@given(st.lists(st.integers(0, 6), min_size=12, max_size=40), st.integers(0, 3))
def test_groups_stay_together(table_of, groups, seed):
    groups = [*groups, 100, 101, 102]
    table = table_of([[0]] * len(groups))
    for task in (MULTICLASS, MULTILABEL):
        train, validation = split(table, task, 0.3, seed, groups=groups)
        assert_partition(table, (train, validation))
        assert not {groups[row] for row in train} & {groups[row] for row in validation}


@pytest.mark.parametrize("labels", [[], [[0]]])
def test_too_few_images(table_of, labels):
    with pytest.raises(DataError, match=rf"{len(labels)} image\(s\) can't be split into training and validation"):
        split(table_of(labels), MULTICLASS)


def test_nothing_to_hold_out(table_of):
    with pytest.raises(DataError, match="none of the 3 distinct images can be held out: no class has two"):
        split(table_of([[0], [1], [2]]), MULTICLASS)
    with pytest.raises(DataError, match="none of the 1 distinct images can be held out"):
        split(table_of([[0], [0]]), MULTICLASS, groups=[5, 5])


def test_validation_without_training(table_of):
    with pytest.raises(DataError, match="validation images but no training image"):
        split(table_of([[0], [1]], ["validation", "test"]), MULTICLASS)


@pytest.mark.parametrize("fraction", [0, 1, -0.2, 20])
def test_a_fraction_out_of_range(table_of, fraction):
    with pytest.raises(DataError, match=f"fraction must be between 0 and 1, such as 0.2; got {fraction}"):
        split(table_of([[0], [0]]), MULTICLASS, fraction)


def test_images_without_any_label_are_split_too(table_of):
    train, validation = split(table_of([[]] * 10), MULTILABEL, 0.3)
    assert (len(train), len(validation)) == (7, 3)
