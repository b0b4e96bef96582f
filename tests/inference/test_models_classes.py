"""One class without a name is the one that a model knows; any other class has to be one of the model's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vistry.data import doctor
from vistry.data.table import Table
from vistry.errors import DataError
from vistry.inference.models_classes import with_models_classes


@pytest.fixture
def masks(tmp_path: Path) -> Callable[..., Table]:
    """Two images with two masks each, a file an object, in folders of classes where these are given."""

    def build(*classes: str) -> Table:
        for name in ("one", "two"):
            for number, kind in enumerate(classes or ("", "")):
                mask = np.zeros((20, 30), np.uint8)
                mask[2 + 8 * number : 8 + 8 * number, 3:12] = 255
                place = tmp_path / name / "masks" / kind / f"{number}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(place)
            (tmp_path / name / "images").mkdir()
            pixels = np.random.default_rng(len(name) + ord(name[0])).integers(0, 255, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / "images" / f"{name}.png")
        return doctor.examine(tmp_path, "image_instance_segmentation").table

    return build


def test_masks_without_a_class_are_the_runs_only_one(masks: Callable[..., Table]) -> None:
    table = masks()
    named, notes = with_models_classes(table, ("nucleus",))
    assert (named.classes, named.object_counts().tolist()) == (("nucleus",), [4])
    assert notes == ["the only class of the data, 'object', is taken for the only one of the run, 'nucleus'"]


@pytest.mark.parametrize("data_class", ["0", "1"])
def test_so_is_a_class_that_is_only_a_number(masks: Callable[..., Table], data_class: str) -> None:
    table = replace(masks(), classes=(data_class,))
    assert with_models_classes(table, ("nucleus",))[0].classes == ("nucleus",)


def test_a_run_without_a_name_takes_the_datas_only_class(masks: Callable[..., Table]) -> None:
    named, notes = with_models_classes(replace(masks(), classes=("nucleus",)), ("object",))
    assert named.classes == ("object",)
    assert len(notes) == 1


def test_the_same_name_needs_no_word(masks: Callable[..., Table]) -> None:
    assert with_models_classes(masks(), ("object",))[1] == []


def test_another_name_is_another_class(masks: Callable[..., Table]) -> None:
    with pytest.raises(DataError, match="doesn't know the class 'cell'"):
        with_models_classes(replace(masks(), classes=("cell",)), ("nucleus",))


def test_of_two_classes_none_is_guessed(masks: Callable[..., Table]) -> None:
    with pytest.raises(DataError, match="doesn't know the class 'object'"):
        with_models_classes(masks(), ("nucleus", "vessel"))


def test_two_classes_of_the_data_are_not_one(masks: Callable[..., Table]) -> None:
    with pytest.raises(DataError, match="doesn't know the class 'cell'"):
        with_models_classes(masks("cell", "object"), ("nucleus",))


def test_labels_of_whole_images_are_never_guessed(table_of: Callable[..., Table]) -> None:
    with pytest.raises(DataError, match="doesn't know the class '0'"):
        with_models_classes(replace(table_of([[0], [0]]), classes=("0",)), ("cat",))
