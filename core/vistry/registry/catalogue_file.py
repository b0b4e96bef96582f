"""Models in a file of their own: what a plugin with a thousand of them has in place of tables in its manifest.

What many models have in common stands there once, under `shared`, and a model names it with `like`. So most of the
file's values are read once, and a model is a handful of them.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from vistry.errors import Problem, suggestion
from vistry.registry.json_lines import line_of
from vistry.registry.manifest import (
    CataloguedModel,
    FeatureMapsSpec,
    ModelName,
    ModelSpec,
    Name,
    WeightsName,
    WeightsSource,
    WeightsSpec,
)
from vistry.registry.stamps import file_stamp
from vistry.registry.toml_file import TomlFileError, in_file, read_text
from vistry.registry.typed_toml import (
    Location,
    Problems,
    Reader,
    make_table,
    problem,
    read_keys,
    reader_of,
    readers_of,
)

Key = tuple[str | int, ...]
Values = dict[str, Any]
_MODEL, _WEIGHTS = "{model}", "{weights}"


@dataclass(frozen=True, kw_only=True)
class CatalogueFile:
    """The keys of the file; those of a model, and of weights, are a manifest's with `like` beside them."""

    catalogue: Literal[1]
    yields: bool = False
    shared: dict[Name, Any] = field(default_factory=dict)
    shared_weights: dict[Name, Any] = field(default_factory=dict)
    models: dict[ModelName, Any] = field(default_factory=dict)


class _RepeatedKeyError(ValueError):
    """A key that an object has twice, of which JSON would take the last."""


def read_catalogue_file(path: Path) -> dict[str, CataloguedModel]:
    """The models of a catalogue file by their names. Raises TomlFileError with every fault and its line."""
    text = read_text(path)
    try:
        data = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise TomlFileError([Problem(f"{path}:{error.lineno}", f"not valid JSON: {error.msg}")]) from None
    except _RepeatedKeyError as error:
        remedy = "leave one of them out"
        raise TomlFileError([Problem(str(path), f"an object has the key '{error}' twice", remedy)]) from None
    problems: Problems = []
    models = _Reading(path, problems).models(data)
    if problems:
        raise TomlFileError(in_file(path, line_of(text, location), fault) for location, fault in problems)
    return models


def place_in_file(path: Path, name: str, key: Key) -> str:
    """`file:line` of a key of a model, there or in what it is like. Raises TomlFileError where the file has gone."""
    return _place(path, file_stamp(path), name, key=key)


@cache
def _place(path: Path, stamp: Hashable, name: str, key: Key) -> str:
    text, data = _content(path, stamp)
    model = data["models"].get(name, {})
    sources: list[tuple[Key, object]] = [(("models", name), model)]
    sources += [(("shared", like), data["shared"].get(like)) for like in reversed(_listed(model.get("like", [])))]
    for prefix, table in sources:
        if _has(table, key):
            return f"{path}:{line_of(text, (*prefix, *key))}"
    return str(path)


@lru_cache(maxsize=1)
def _content(path: Path, _stamp: Hashable) -> tuple[str, Any]:
    text = read_text(path)
    return text, json.loads(text)


def _has(table: Any, key: Key) -> bool:
    for part in key:
        if not isinstance(table, dict) or part not in table:
            return False
        table = table[part]
    return True


def _listed(like: str | list[str]) -> list[str]:
    return [like] if isinstance(like, str) else like


def _unique(pairs: list[tuple[str, Any]]) -> Values:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return values


class _Reading:
    """The reading of one file, which notes its problems."""

    def __init__(self, path: Path, problems: Problems):
        self._path = path
        self._problems = problems
        own = {key: reader for key, reader in readers_of(ModelSpec).items() if key not in ("backbone", "weights")}
        self._shared_keys: dict[str, Reader] = {**own, "feature_maps": partial(_keys, readers_of(FeatureMapsSpec))}
        self._weights_keys: dict[str, Reader] = {**readers_of(WeightsSpec), "source": _source, "like": _like}
        weights = partial(_tables, reader_of(WeightsName), partial(_keys, self._weights_keys))
        self._model_keys: dict[str, Reader] = {**self._shared_keys, "weights": weights, "like": _like}
        self._bases: dict[tuple[str, tuple[str, ...]], Values] = {}

    def models(self, data: object) -> dict[str, CataloguedModel]:
        """The models of the file's content; what can't be read is left out, and noted."""
        head = read_keys(readers_of(CatalogueFile), data, (), problems=self._problems)
        file = None if self._problems else make_table(CatalogueFile, head, (), problems=self._problems)
        if file is None:
            return {}
        self._shared = {
            "shared": self._tables_of("shared", file.shared, self._shared_keys),
            "shared_weights": self._tables_of("shared_weights", file.shared_weights, self._weights_keys),
        }
        extra = {"path": self._path, "yields": file.yields}
        models = {}
        for name, values in self._tables_of("models", file.models, self._model_keys).items():
            if model := self._model(name, values, extra):
                models[name] = model
        return models

    def _tables_of(self, name: str, tables: Mapping[str, Any], keys: Mapping[str, Reader]) -> dict[str, Values]:
        return {
            entry: read_keys(keys, table, (name, entry), problems=self._problems) for entry, table in tables.items()
        }

    def _model(self, name: str, own: Values, extra: Values) -> CataloguedModel | None:
        location: Location = ("models", name)
        values = {**self._with_shared("shared", own, location), **extra}
        if "feature_maps" in values:
            place = (*location, "feature_maps")
            values["feature_maps"] = make_table(FeatureMapsSpec, values["feature_maps"], place, problems=self._problems)
        if "weights" in values:
            values["weights"] = {
                weights: self._weights(entry, name, (*location, "weights", weights))
                for weights, entry in values["weights"].items()
            }
        model: CataloguedModel | None = make_table(CataloguedModel, values, location, problems=self._problems)
        return model

    def _weights(self, own: Values, model: str, location: Location) -> Any:
        values = self._with_shared("shared_weights", own, location)
        if "source" in values:
            source = values["source"].replace(_MODEL, model).replace(_WEIGHTS, str(location[-1]))
            values = {**values, "source": source}
        return make_table(WeightsSpec, values, location, problems=self._problems)

    def _with_shared(self, table: str, own: Values, location: Location) -> Values:
        """The keys of a model or of weights, over those of what it is like."""
        like = own.pop("like", None)
        if not like:
            return own
        if (table, like) not in self._bases:
            base: Values = {}
            for name in like:
                if name in self._shared[table]:
                    base = _merged(base, self._shared[table][name])
                else:
                    hint = suggestion(name, list(self._shared[table]))
                    message = f"names '{name}', which '{table}' doesn't have"
                    self._problems.append(problem((*location, "like"), message, hint))
            self._bases[table, like] = base
        return _merged(self._bases[table, like], own)


def _merged(base: Values, own: Values) -> Values:
    """Two tables in one, in which tables are merged again and other values are those of the second."""
    both = {**base, **own}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            both[key] = _merged(base[key], value)
    return both


def _keys(readers: Mapping[str, Reader], value: object, location: Location, problems: Problems) -> Values:
    return read_keys(readers, value, location, problems=problems)


def _tables(key: Reader, entry: Reader, value: object, location: Location, problems: Problems) -> Values:
    if not isinstance(value, dict):
        problems.append(problem(location, "must be a table"))
        return {}
    return {
        key(name, (*location, name), problems): entry(content, (*location, name), problems)
        for name, content in value.items()
    }


def _like(value: object, location: Location, problems: Problems) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        problems.append(problem(location, "must be a name, or an array of names"))
        return ()
    return tuple(names)


def _source(value: object, location: Location, problems: Problems) -> object:
    """A source in which {model} and {weights} may stand for names."""
    filled = value.replace(_MODEL, "model").replace(_WEIGHTS, "weights") if isinstance(value, str) else value
    reader_of(WeightsSource)(filled, location, problems)
    return value
