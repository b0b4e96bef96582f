"""Records from JSON and back, and the sentence for each thing that can be wrong with a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vistry.errors import RunError
from vistry.runs import records
from vistry.runs.folder import FILES, Run
from vistry.runs.json_records import from_json, json_text, to_json
from vistry.runs.records import EpochEntry, HyperparameterRecord, RunRecord, RunStatus

FROZEN = Path(__file__).parent.parent / "frozen"
RECORDS = [
    value for value in vars(records).values() if isinstance(value, type) and value.__module__ == records.__name__
]
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return st.one_of([_values(kind) for kind in arguments])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(_values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(_values, arguments))
    if origin is Mapping:
        return st.dictionaries(st.text(max_size=5), _values(arguments[1]), max_size=3)
    if is_dataclass(hint):
        return _records(hint)
    plain = {str: st.text(max_size=9), int: st.integers(), float: NUMBERS, bool: st.booleans(), type(None): st.none()}
    return plain[hint]


def _records(kind: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: _values(hint) for name, hint in get_type_hints(kind).items()})


@pytest.mark.parametrize("kind", RECORDS)
@given(data=st.data())
def test_a_record_that_was_written_is_read_as_it_was(kind: Any, data: st.DataObject) -> None:
    record = data.draw(_records(kind))
    again = from_json(kind, json.loads(json_text(record)), "file")
    assert again == record
    assert json_text(again) == json_text(record)  # as 1, 1.0 and true are equal in Python


def test_all_that_a_frozen_run_holds_is_read_and_written_again() -> None:
    for folder in FROZEN.glob("*run_schema_1"):
        for kind, name in FILES.items():
            data = json.loads((folder / name).read_text())
            assert _lost(data, {"schema": 1, **to_json(from_json(kind, data, name))}) == []
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        assert [to_json(entry) for entry in Run(folder).history()] == [json.loads(line) for line in lines]


def _lost(old: Any, new: Any, place: str = "") -> list[str]:
    """The places whose value isn't the same in the new JSON; null may be a missing key there."""
    if isinstance(old, dict):
        return [lost for name, value in old.items() for lost in _lost(value, new.get(name), f"{place}.{name}")]
    if isinstance(old, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [lost for index, pair in pairs for lost in _lost(*pair, f"{place}[{index}]")]
    return [] if old == new else [place]


def test_keys_of_a_later_version_are_ignored() -> None:
    status = from_json(
        RunStatus, {"status": "parked", "reason": "", "started": "now", "colour": {"a": 1}}, "status.json"
    )
    assert status == RunStatus(status="parked", reason="", started="now")


ENTRY = {"epoch": 0, "train_loss": 1.5, "learning_rate": 0.1, "train_seconds": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": "first"}, "'epoch': expected a whole number, got \"first\""),
        ({"epoch": True}, "'epoch': expected a whole number, got true"),
        ({"epoch": 1.0}, "'epoch': expected a whole number, got 1.0"),
        ({"train_loss": None}, "'train_loss': expected a number, got null"),
        ({"train_loss": False}, "'train_loss': expected a number, got false"),
        ({"metrics": {"accuracy": "good"}}, "'metrics.accuracy': expected a number, got \"good\""),
        ({"metrics": [1.0]}, "'metrics': expected an object, got [1.0]"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError) as raised:
        from_json(EpochEntry, {**ENTRY, **changes}, "metrics.jsonl:1")
    assert str(raised.value).startswith(f"invalid metrics.jsonl:1: {message}; ")


@pytest.mark.parametrize("kind", RECORDS)
def test_a_missing_key_is_named(kind: Any) -> None:
    required = [field.name for field in fields(kind) if field.default is field.default_factory]
    if required:
        with pytest.raises(RunError, match=f"^invalid file: missing key '{required[0]}'; "):
            from_json(kind, {}, "file")


def test_a_key_inside_another_is_named_with_its_place() -> None:
    data = json.loads((FROZEN / "run_schema_1" / "run.json").read_text())
    del data["data"]["training_images"]
    with pytest.raises(RunError, match=r"missing key 'data\.training_images'"):
        from_json(RunRecord, data, "run.json")
    data["data"]["training_images"], data["classes"][1] = 5, 7
    with pytest.raises(RunError, match=r"'classes\[1\]': expected a text, got 7"):
        from_json(RunRecord, data, "run.json")
    data["classes"][1], data["preprocessing"]["mean"] = "b", [0.5]
    with pytest.raises(RunError, match=r"'preprocessing\.mean': expected 3 items, got 1"):
        from_json(RunRecord, data, "run.json")


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_what_is_not_an_object_is_refused(data: Any) -> None:
    with pytest.raises(RunError, match="^invalid run.json: expected an object, got "):
        from_json(RunRecord, data, "run.json")


@pytest.mark.parametrize("value", [1, 1.0, True, "1", None])
def test_a_hyperparameter_keeps_the_type_of_its_value(value: Any) -> None:
    record = from_json(HyperparameterRecord, {"value": value, "origin": "", "given": True}, "file")
    assert type(record.value) is type(value)
    assert record.value == value


@dataclass(frozen=True)
class Later:
    """A record that a later version added a field to."""

    name: str
    colour: str | None = None


def test_an_added_field_is_left_out_while_it_says_nothing() -> None:
    assert to_json(Later("a")) == {"name": "a"}
    assert to_json(Later("a", "red")) == {"name": "a", "colour": "red"}
