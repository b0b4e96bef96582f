"""The typed properties of the shared tables' keys, and that core reads no key as text, which mypy couldn't check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import vistry
from vistry.hyperparameter import shared_values
from vistry.hyperparameter.offer import shared_fields
from vistry.hyperparameter.shared_values import SharedValues
from vistry.hyperparameter.shared_values_source import source
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.tasks import TASK_NAMES

CORE = Path(vistry.__file__).parent
KEYS = shared_fields()


def test_the_properties_are_those_of_the_tables() -> None:
    assert Path(shared_values.__file__).read_text(encoding="utf-8") == source()


def test_each_key_is_a_property_and_hides_no_other_attribute() -> None:
    assert {name for name, value in vars(SharedValues).items() if isinstance(value, property)} == set(KEYS)
    assert not set(KEYS) & set(vars(Hyperparameters))


@pytest.mark.parametrize("task", TASK_NAMES)
def test_each_default_has_the_type_that_its_property_states(task: str) -> None:
    values = vistry.hyperparameters(None, task).resolve()
    for name, value in values.items():
        returned = get_type_hints(getattr(SharedValues, name).fget)["return"]
        assert fits(value, returned), name
        assert getattr(values, name) == value


def fits(value: Any, annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return value in get_args(annotation)
    if members := get_args(annotation):
        return any(fits(value, member) for member in members)
    return type(value) is annotation


def test_an_optional_key_that_the_model_lacks_is_none_and_another_is_an_error() -> None:
    values = Hyperparameters.of({})
    assert values.checkpoint_frequency is None
    with pytest.raises(KeyError, match="learning_rate"):
        _ = values.learning_rate


def constant_keys(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and key of each `x["key"]`, `x.get("key")` and `"key" in x` where x is declared or named as values."""
    declared = set(names_of_values(tree))

    def holds_values(node: ast.expr) -> bool:
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        return name in declared

    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(key))):
                pass
            case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[ast.Constant(value=str(key)), *_]):
                pass
            case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()], comparators=[owner]):
                pass
            case _:
                continue
        if holds_values(owner):
            yield node.lineno, key


def names_of_values(tree: ast.Module) -> Iterator[str]:
    """Arguments, attributes and variables that are `Hyperparameters`, by annotation or by what they are set to."""
    yield "hyperparameters"
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name, annotation=ast.Name(id="Hyperparameters")):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="Hyperparameters")):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr="hyperparameters")):
                yield name
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id="Hyperparameters"))),
            ):
                yield name


@pytest.mark.parametrize(
    "line",
    [
        'def f(values: Hyperparameters): return values["learning_rat"]',
        'def f(self): return self.hyperparameters["min_size"]',
        'values = plan.hyperparameters\nrate = values.get("learning_rate", 0.1)',
        'values = Hyperparameters.from_dict({})\nrate = values["learning_rate"]',
        'class A:\n    chosen: Hyperparameters\n    def f(self): return "min_size" in self.chosen',
    ],
)
def test_a_key_as_text_is_noticed(line: str) -> None:
    assert list(constant_keys(ast.parse(line)))


# Plugins call the first with the mapping that their hooks are given; the second reads a run that may be damaged.
MAPPINGS = ("torch_layers/backbone_norm.py", "report/header.py", "training/small_objects.py")


def test_core_reads_no_key_as_text() -> None:
    places = {
        (path.relative_to(CORE).as_posix(), key): line
        for path in sorted(CORE.rglob("*.py"))
        if "template" not in path.parts and path.name != "shared_values.py"
        for line, key in constant_keys(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {place: line for place, line in places.items() if place[0] not in MAPPINGS} == {}
