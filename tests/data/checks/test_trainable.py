from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from vistry.data.checks import trainable
from vistry.data.checks.trainable import trainable_findings
from vistry.data.objects import objects_in_memory
from vistry.data.table import Table

DETECTION = "image_object_detection"
MULTICLASS = "image_classification"


def checks(table: Table, task: str = DETECTION) -> list[str]:
    return [finding.check for finding in trainable_findings(table, task, np.arange(len(table)))]


@pytest.fixture
def objects(table_of: Callable[..., Table]) -> Callable[..., Table]:
    def build(counts: list[int], crowds: Any, splits: list[str] | None = None) -> Table:
        table = table_of([[0] * count for count in counts], splits, classes=1)
        found = objects_in_memory(counts, np.ones((sum(counts), 4)), [9] * len(counts), [9] * len(counts))
        return replace(table, objects=replace(found, crowd=np.broadcast_to(np.asarray(crowds), sum(counts)).copy()))

    return build


def test_objects_that_are_all_crowds(objects: Callable[..., Table], monkeypatch: pytest.MonkeyPatch) -> None:
    table = objects([1] * 10, True)
    assert checks(table) == ["objects-crowd"]
    monkeypatch.setattr(trainable, "SIMULATED", 5)
    assert checks(table) == ["objects-crowd"]
    assert checks(objects([1] * 10, False)) == []


def test_training_or_validation_images_without_an_object(objects: Callable[..., Table]) -> None:
    splits = ["train"] * 3 + ["validation"] * 3
    assert checks(objects([1, 1, 1, 0, 0, 0], False, splits)) == ["validation-unlabelled"]
    assert checks(objects([0, 0, 0, 1, 1, 1], False, splits)) == ["objects-crowd"]
    assert checks(objects([1, 1, 1, 1, 0, 0], [False] * 3 + [True], splits)) == ["validation-unlabelled"]
    assert checks(objects([1, 1, 1, 1, 0, 0], False, splits)) == []


def test_images_that_cannot_be_divided(table_of: Callable[..., Table]) -> None:
    assert checks(table_of([[0], [1]]), MULTICLASS) == ["split-impossible"]
    assert checks(table_of([[0], [0], [1], [1]]), MULTICLASS) == []


def test_data_for_testing_alone_is_no_training_data(table_of: Callable[..., Table]) -> None:
    assert checks(table_of([[0], [1]], ["test", "test"]), MULTICLASS) == []
