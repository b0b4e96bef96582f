"""The sides that an input may have, against what the model's own hyperparameters let through."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.hyperparameter.offer import shared_fields
from vistry.hyperparameter.schema import Source
from vistry.registry.field_spec import FieldSpec, Restriction, narrowed
from vistry.registry.input_sizes import InputSizes
from vistry.registry.tasks import TASKS

LayOut = Callable[..., Path]
LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"minimum": 16},
    {"minimum": 15.5, "maximum": 300},
    {"multiple_of": 12},
    {"minimum": 30, "multiple_of": 32},
    {"choices": (96, 224)},
    {"choices": (224,)},
)


def accepted(limit: dict[str, Any], side: int) -> bool:
    """Whether a size of the shared tables, narrowed so, takes a value."""
    spec = shared_fields()["training_crop_size"].spec
    try:
        return narrowed(spec, Restriction(reason="r", **limit)).parse(side) == side
    except ValueError:
        return False


@pytest.mark.parametrize(("first", "second"), list(product(LIMITS, LIMITS)))
def test_a_side_is_allowed_where_each_hyperparameter_takes_it(first: dict[str, Any], second: dict[str, Any]) -> None:
    sizes = InputSizes.under([Restriction(reason="r", **limit) for limit in (first, second)])
    for side in (*range(1, 100), 192, 223, 224, 225, 288, 300, 301, 384):
        assert sizes.allows(side) == (accepted(first, side) and accepted(second, side)), side


def test_bounds_of_a_familys_own_size_may_leave_their_ends_out() -> None:
    spec = FieldSpec(type="integer", description="d", unit="pixels", default=64, above=31, below=128.5)
    assert InputSizes.under([spec]) == InputSizes(smallest=32, largest=128)


def test_the_tasks_name_the_shared_sizes_of_the_input() -> None:
    """Each size in pixels of the shared tables but the one before the crop."""
    for task in TASKS:
        specs = {name: definition.spec for name, definition in shared_fields().items()}
        pixels = {name for name, spec in specs.items() if spec.unit == "pixels" and task.name in spec.tasks}
        assert set(task.input_sizes) == pixels - {"validation_resize_size"}


def test_of_the_built_in_models() -> None:
    def sizes(name: str) -> InputSizes:
        return vistry.model(name).input_sizes

    assert sizes("seresnext").sizes == (224,)
    assert sizes("vits16r224") == InputSizes(smallest=16)
    assert sizes("resnet50") == sizes("yolov5") == InputSizes()


def test_restrictions_of_something_else_and_excluded_ones_count_for_nothing(lay_out: LayOut) -> None:
    lay_out(
        "one",
        more='[restrict.training_batch_size]\nreason = "r"\nminimum = 3\n[restrict.training_crop_size]\nreason = "r"\n'
        'minimum = 32\nmultiple_of = 32\n[exclude]\nvalidation_crop_size = "e"\n'
        '[restrict.validation_crop_size]\nreason = "r"\nmaximum = 64\n',
    )
    assert vistry.model("onenet").input_sizes == InputSizes(smallest=32, multiple_of=32)
    field = vistry.hyperparameters("onenet", "multiclass").fields["training_crop_size"]
    assert field.rule == "an integer of at least 32, a multiple of 32 (r)"
    assert field.json_schema()["multipleOf"] == field.to_dict()["multiple_of"] == 32
    with pytest.raises(
        vistry.VistryError, match="training_crop_size: 48, from x, must be an integer of at least 32, a"
    ):
        vistry.hyperparameters("onenet", "multiclass").resolve([Source.of({"training_crop_size": 48}, "x")])


def test_the_preprocessing_is_the_manifests(lay_out: LayOut) -> None:
    lay_out(
        "one",
        more='preprocessing = { mean = [0.5, 0, 1], std = [1, 1, 1] }\n[defaults."*"]\nvalidation_resize_size = 300\n'
        "validation_crop_size = 250\n[defaults.image_classification]\nvalidation_crop_size = 280\n",
    )
    expected = {"mean": [0.5, 0, 1], "std": [1, 1, 1], "interpolation": "bilinear", "resize": 300, "crop": 280}
    assert vistry.model("onenet").to_dict()["preprocessing"] == expected
    of_seresnext, of_resnet, of_detector = (
        vistry.model(name).to_dict()["preprocessing"] for name in ("seresnext", "resnet50", "yolov5")
    )
    assert (of_seresnext["resize"], of_seresnext["crop"]) == (256, 224)
    assert (of_resnet["resize"], of_resnet["crop"]) == (None, None)
    assert (of_detector["resize"], of_detector["crop"]) == (None, None)
