"""The schema of a model and task: defaults and where they were set, all problems at once, JSON Schema."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import vistry
from hypothesis import given
from hypothesis import strategies as st
from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.fields import model_fields
from vistry.hyperparameter.schema import Schema, Source
from vistry.hyperparameter.values import Hyperparameters, format_value
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec
from vistry.registry.tasks import TASK_NAMES


def resolve(model: str | None, task: str, /, **values: Any) -> Hyperparameters:
    return vistry.hyperparameters(model, task).resolve([Source.of(values, "the test")])


def problems(model: str | None, task: str, /, **values: Any) -> list[str]:
    with pytest.raises(HyperparameterError) as caught:
        resolve(model, task, **values)
    assert str(caught.value).splitlines()[1:] == [f"  - {problem}" for problem in caught.value.problems]
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(("model", "task"), [("resnet50", "multiclass"), (None, "detection"), (None, "segmentation")])
def test_each_default_is_on_the_line_it_is_said_to_come_from(model: str | None, task: str) -> None:
    settings = vistry.hyperparameters(model, task).explain()
    for setting in settings:
        path, line = setting.origin.rsplit(":", 1)
        text = Path(path).read_text().splitlines()[int(line) - 1]
        if setting.value is None:
            assert text == f"[{setting.name}]"
        else:
            stated = re.fullmatch(r'default(?:_for\.\w+)? = "?([^"]*)"?', text)
            assert stated is not None
            assert stated[1].replace("false", "0").replace("1e-4", "0.0001") == format_value(setting.value)


def test_all_problems_at_once() -> None:
    found = problems(
        "resnet50",
        "multiclass",
        number_of_epochs=15.5,
        learning_rate="2",
        optimizer="sdg",
        learning_rte=0.1,
        zzz=1,
        min_size=600,
        validation_crop_size=300,
        momentum=0,
    )
    assert found == [
        "number_of_epochs: 15.5, from the test, must be an integer of at least 1",
        "learning_rate: '2', from the test, must be a number in [0, 1]",
        "optimizer: 'sdg', from the test, must be sgd, adam or adamw; did you mean 'sgd'?",
        "learning_rte: from the test: resnet50 has no such hyperparameter; did you mean 'learning_rate'?",
        "zzz: from the test: resnet50 has no such hyperparameter; for their list type: "
        "vistry hyperparameters resnet50 --task multiclass",
        "min_size: from the test: resnet50 doesn't take it; "
        "it is for image_object_detection and image_instance_segmentation",
        "validation_crop_size: a crop of 300 px doesn't fit in images resized to 256 px; "
        "set validation_resize_size to at least 300",
    ]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz_", min_size=1).filter(lambda word: word != "_"))
def test_an_unknown_name_is_always_an_error(name: str) -> None:
    schema = _multiclass()
    if name in schema.fields:
        return
    with pytest.raises(HyperparameterError) as caught:
        schema.resolve([Source.of({name: 1}, "the test")])
    assert [problem.field for problem in caught.value.problems] == [name]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("learning-rate", "learning_rate"),
        ("grad_accumulation_step", "gradient_accumulation_step"),
        ("lr_scheduler", "learning_rate_scheduler"),
        ("amsgrad", "ams_gradient"),
        ("valid_resize_size", "validation_resize_size"),
        ("num_workers", "number_of_workers"),
        ("epochs", "number_of_epochs"),
        ("quux", None),
    ],
)
def test_misspelt_names_and_the_hosted_products_own(misspelt: str, meant: str | None) -> None:
    [found] = problems("resnet50", "multiclass", **{misspelt: 1})
    assert found.endswith(f"did you mean '{meant}'?" if meant else "--task multiclass")


def test_names_that_are_no_text() -> None:
    with pytest.raises(HyperparameterError, match="1: from the test: resnet50 has no such hyperparameter"):
        vistry.hyperparameters("resnet50", "multiclass").resolve([Source.of({1: 2}, "the test")])  # type: ignore[dict-item]


def test_a_model_has_no_more_layers_to_freeze_than_its_list() -> None:
    assert resolve("resnet50", "multiclass", layers_to_freeze=5, weights="imagenet")["layers_to_freeze"] == 5
    assert problems("resnet50", "multiclass", layers_to_freeze=6) == [
        "layers_to_freeze: 6, from the test, must be an integer in [1, 5] (resnet50 has 5 layers to freeze)"
    ]


def test_a_task_the_model_does_not_do() -> None:
    with pytest.raises(RegistryError) as caught:
        vistry.hyperparameters("resnet50", "detection")
    assert str(caught.value) == (
        "resnet50 doesn't do image_object_detection; it does image_classification, image_classification_multilabel"
    )


def test_tiles_are_not_for_segmentation() -> None:
    assert problems(None, "segmentation", tile_grid_size="3x2") == [
        "tile_grid_size: from the test: image_instance_segmentation doesn't take it; it is for image_object_detection"
    ]


def test_resolved_values_survive_json() -> None:
    values = resolve("resnet50", "multiclass", learning_rate="0.02")
    again = Hyperparameters.from_dict(values.to_dict())
    assert dict(again) == dict(values)
    assert again.settings == values.settings
    assert (again.given("learning_rate"), again.given("momentum"), again.given("zzz")) == (True, False, False)
    assert len(again) == len(vistry.hyperparameters("resnet50", "multiclass").fields)


# --- JSON Schema: the few keywords used, read by the book, must agree with what is accepted -----------------


def valid(schema: dict[str, Any], value: Any) -> bool:
    """The draft 2020-12 meaning of the keywords that the schemas use."""
    names = {
        "integer": lambda v: not isinstance(v, bool) and isinstance(v, (int, float)) and v == int(v),
        "number": lambda v: not isinstance(v, bool) and isinstance(v, (int, float)),
        "boolean": lambda v: isinstance(v, bool),
        "string": lambda v: isinstance(v, str),
        "null": lambda v: v is None,
        "object": lambda v: isinstance(v, dict),
    }
    is_number = names["number"](value)
    types = schema.get("type", list(names))
    checks = {
        "type": any(names[name](value) for name in ([types] if isinstance(types, str) else types)),
        "enum": any(
            value == word and isinstance(value, bool) == isinstance(word, bool) for word in schema.get("enum", [value])
        ),
        "minimum": not is_number or value >= schema.get("minimum", value),
        "maximum": not is_number or value <= schema.get("maximum", value),
        "exclusiveMinimum": not is_number or "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"],
        "exclusiveMaximum": not is_number or "exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"],
        "pattern": not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None,
        "additionalProperties": not isinstance(value, dict) or set(value) <= set(schema["properties"]),
        "properties": not isinstance(value, dict)
        or all(valid(schema["properties"][key], entry) for key, entry in value.items() if key in schema["properties"]),
    }
    unread = set(schema) - set(checks) - {"$schema", "title", "default", "description"}
    assert unread == set()
    return all(checks.values())


@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_defaults_are_valid_by_the_json_schema(task: str) -> None:
    schema = vistry.hyperparameters(None, task)
    assert valid(schema.json_schema(), schema.defaults())
    assert valid(schema.json_schema(), {})
    assert not valid(schema.json_schema(), {"learning_rte": 1})
    assert {name: entry["default"] for name, entry in schema.json_schema()["properties"].items()} == schema.defaults()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 400),
    st.floats(-2, 3),
    st.sampled_from(["sgd", "step", "none", "voc", "JPG", "3x2", "x", "auto"]),
)


@given(st.sampled_from(TASK_NAMES), st.data(), VALUES)
def test_what_the_json_schema_allows_is_accepted(task: str, data: st.DataObject, value: Any) -> None:
    schema = SCHEMAS[task]
    name = data.draw(st.sampled_from(sorted(schema.fields)))
    try:
        schema.fields[name].spec.parse(value)
        accepted = True
    except ValueError:
        accepted = False
    if valid(schema.json_schema(), {name: value}):
        assert accepted
    elif accepted:  # read generously: a text or 1.0 for its value, a run's number for its identifier
        kinds = (str, bool, float, int) if schema.fields[name].spec.type == "string" else (str, bool, float)
        assert isinstance(value, kinds)


SCHEMAS: dict[str, Schema] = {}


@pytest.fixture(scope="module", autouse=True)
def _schemas() -> None:
    from vistry.hyperparameter.schema import schema_of
    from vistry.registry.policy import Policy

    catalogue = Catalogue.of([], Policy())
    SCHEMAS.update({task: schema_of(catalogue, None, task) for task in TASK_NAMES})


def _multiclass() -> Schema:
    return SCHEMAS["image_classification"]


def test_the_number_of_layers_limits_whichever_field_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    card = vistry.model("resnet50")
    counted = FieldSpec(type="integer", description="d", minimum=0, default=0, maximum_from="freeze")
    fields = model_fields(
        Catalogue.read(), replace(card, hyperparameters={"thawed_layers": counted}), "image_classification"
    )
    assert fields["thawed_layers"].rule == "an integer in [0, 5] (resnet50 has 5 layers to freeze)"
