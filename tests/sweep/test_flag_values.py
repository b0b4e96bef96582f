from __future__ import annotations

from typing import Any

import pytest
from vistry.hyperparameter.fields import Field
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec
from vistry.sweep.distribution import Distribution
from vistry.sweep.flag_values import distribution_of, is_searched, requests_of_flags

TASK = "image_classification"


def field(default: Any = None, **keys: Any) -> Field:
    spec = FieldSpec(**{"type": "number", "description": "", "default": default, **keys})
    return Field("x", spec, default, "here")


RATE = field(0.01, minimum=0, maximum=1, log_scale=True)
DROPOUT = field(0.2, minimum=0, below=1)
EPOCHS = field(15, type="integer", minimum=1)
SIZE = field(256, type="integer", minimum=64, maximum=512, multiple_of=32)


def uniform(low: float, high: float, **keys: Any) -> Distribution:
    return Distribution(kind="uniform", low=low, high=high, **keys)


def loguniform(low: float, high: float, **keys: Any) -> Distribution:
    return Distribution(kind="loguniform", low=low, high=high, **keys)


def choice(*choices: Any) -> Distribution:
    return Distribution(kind="choice", choices=choices)


CASES = [
    ("0.001..0.1", RATE, loguniform(0.001, 0.1)),
    (" 1e-3 .. .1 ", RATE, loguniform(0.001, 0.1)),
    ("0.001..", RATE, loguniform(0.001, 1.0)),
    ("..0.1", RATE, loguniform(0.0001, 0.1)),
    ("..", RATE, loguniform(0.0001, 1.0)),
    ("..", field(0.01, minimum=0, maximum=1, log_scale=True, search=(0.001, 0.2)), loguniform(0.001, 0.2)),
    ("0.1..", field(0.01, minimum=0, maximum=1, search=(0.001, 0.2)), uniform(0.1, 1.0)),
    ("0.1..0.3", DROPOUT, uniform(0.1, 0.3)),
    ("..", field(3, minimum=0, maximum=9, above=0.5), uniform(0.5000000000000001, 9)),
    ("5..30", EPOCHS, uniform(5, 30, is_integer=True)),
    ("..30", EPOCHS, uniform(1, 30, is_integer=True)),
    ("..", field(3, type="integer", above=2, below=8), uniform(3, 7, is_integer=True)),
    ("100..300", SIZE, uniform(100, 300, step=32, is_integer=True)),
    ("..", SIZE, uniform(64, 512, step=32, is_integer=True)),
    ("8..64", field(16, type="integer", minimum=1, log_scale=True), loguniform(8, 64, is_integer=True)),
    ("-1..1", field(0, minimum=-2), uniform(-1, 1)),
    ("sgd, adamw", field("sgd", type="choice", choices=("sgd", "adam", "adamw")), choice("sgd", "adamw")),
    ("..", field("sgd", type="choice", choices=("sgd", "adam")), choice("sgd", "adam")),
    ("..", field(1, type="flag"), choice(False, True)),
    ("0,1", field(1, type="flag"), choice("0", "1")),
    ("../a,b", field("a", type="string"), choice("../a", "b")),
    ("2x2,3x2", field("2x2", type="grid"), choice("2x2", "3x2")),
    ("5", EPOCHS, choice("5")),
    # What can't be read stays as it is, for the check to say so.
    ("5..", EPOCHS, choice("5..")),
    ("a..b", RATE, choice("a..b")),
    ("sgd..adam", field("sgd", type="choice", choices=("sgd", "adam")), choice("sgd..adam")),
    ("1..2", None, choice("1..2")),
]


@pytest.mark.parametrize(("text", "of", "expected"), CASES, ids=[f"{text} {at}" for at, (text, *_) in enumerate(CASES)])
def test_what_a_text_stands_for(text: str, of: Field | None, expected: Distribution) -> None:
    assert distribution_of(text, of) == expected


def test_below_is_not_reached() -> None:
    drawn = distribution_of("..", DROPOUT)
    assert drawn.high < 1
    assert DROPOUT.spec.parse(drawn.value(1.0)) == drawn.high


@pytest.mark.parametrize(
    ("text", "is_many"),
    [
        ("5", False),
        ("sgd", False),
        ("a,b", True),
        ("1..2", True),
        ("..", True),
        ("1..", True),
        ("../net.safetensors", False),
    ],
)
def test_one_value_is_fixed_and_more_are_searched(text: str, is_many: bool) -> None:
    assert is_searched(text) == is_many


def test_flags_become_a_group_a_model_and_values_that_all_have() -> None:
    texts = {"learning_rate": "0.001..0.1", "layers_to_freeze": "..", "number_of_epochs": "5", "lr": "1,2"}
    groups, fixed = requests_of_flags(texts, ["resnet18", "mobilenetv2"], catalogue=Catalogue.read(), task=TASK)
    assert [group.models for group in groups] == [("resnet18",), ("mobilenetv2",)]
    assert [group.parameters["layers_to_freeze"].high for group in groups] == [5, 19]
    assert all(group.parameters["lr"] == choice("1", "2") for group in groups), "for the check to say that none has it"
    assert groups[0].where["learning_rate"] == "--learning_rate"
    assert [dict(source.values) for source in fixed] == [{"number_of_epochs": "5"}]
    assert fixed[0].where("number_of_epochs") == "--number_of_epochs"


def test_what_some_models_lack_is_left_out_for_them() -> None:
    texts = {"image_size": "320,640", "min_size": "300..600"}
    names = ["yolov5", "fasterrcnn_resnet50_fpn"]
    groups, fixed = requests_of_flags(texts, names, catalogue=Catalogue.read(), task="image_object_detection")
    assert [set(group.parameters) for group in groups] == [{"image_size"}, {"min_size"}]
    assert fixed == ()


def test_without_a_model_it_is_the_tasks_own() -> None:
    groups, _ = requests_of_flags({"optimizer": ".."}, [], catalogue=Catalogue.read(), task=TASK)
    assert [group.models for group in groups] == [()]
    assert set(groups[0].parameters["optimizer"].choices) >= {"sgd", "adam", "adamw"}
