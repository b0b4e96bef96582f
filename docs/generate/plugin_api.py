"""The plugin API: the signature of each of its names, and the page that explains them.

`python docs/generate/plugin_api.py` prints the signatures, one a line: tests/frozen/plugin_api_1_0.txt holds those of
plugin API 1.0.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, is_typeddict

from markdown_text import page
from python_api import signature_text
from vistry.plugin import hooks
from vistry.plugin.calls import HOOK_NAMES
from vistry.registry.manifest import API

FACES = (
    "vistry.plugin",
    "vistry.plugin.data",
    "vistry.plugin.detection",
    "vistry.torch_layers",
    "vistry.flax_layers",
    "vistry.kernels",
    "vistry.testing",
)
VERSION = ".".join(map(str, API))

_INTRODUCTION = f"""# Plugin API

This page is generated from signatures and docstrings: `make docs`.

A plugin imports from these modules of Vistry, and from no other. They are plugin API {VERSION}, which a manifest names
as `api = "{VERSION}"`. The API only grows: a later minor version may add a name, an argument with a default, or a hook,
and none changes its meaning. What begins with an underscore isn't part of it. Names are loaded when they are used, so
importing `vistry.plugin`, `vistry.torch_layers` or `vistry.kernels` costs no tensor library.

[Hooks](hooks.md) says what each hook is asked for and when."""


class Alias(NamedTuple):
    """A name that stands for another type: its definition, and the text below it in the file."""

    definition: str
    text: str


def signatures() -> list[str]:
    """Each public name of the plugin API with its signature, fields and methods, sorted."""
    lines = [f"hook {_line(name, getattr(hooks, name))}" for name in HOOK_NAMES]
    for face in FACES:
        for name in _names(face):
            lines += _lines(f"{face}.{name}", _value(face, name))
    return sorted(lines)


def plugin_api() -> str:
    """The page in Markdown."""
    return page(_INTRODUCTION, *(part for face in FACES for part in _section(face)))


def _names(face: str) -> list[str]:
    names: list[str] = import_module(face).__all__
    return sorted(names)


def _value(face: str, name: str) -> Any:
    return _alias(face, name) or getattr(import_module(face), name)


@cache
def _homes(face: str) -> dict[str, str]:
    """The module that each name of a face comes from, by the imports in its file."""
    nodes = ast.walk(_parsed(import_module(face)))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: node.module or "" for node in imports for alias in node.names}


def _alias(face: str, name: str) -> Alias | None:
    """The definition of a name that is assigned in its module, such as `Pixels`."""
    body = _parsed(import_module(_homes(face)[name])).body
    for place, node in enumerate(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                pass
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                pass
            case _:
                continue
        following = body[place + 1] if place + 1 < len(body) else None
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                return Alias(_unquoted(value), inspect.cleandoc(text))
        return Alias(_unquoted(value), "")
    return None


def _unquoted(value: ast.expr) -> str:
    """A definition as code; one that is written as a text, for names the file doesn't import, without its quotes."""
    return (
        value.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
        else ast.unparse(value).replace("'", '"')
    )


@cache
def _parsed(module: ModuleType) -> ast.Module:
    return ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))


def _lines(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Alias):
        yield f"{name} = {value.definition}"
    elif not inspect.isclass(value):
        yield _line(name, value)
    else:
        yield _line(name, value) if _is_built(value) else _class_line(name, value)
        for attribute, member in _members(value):
            yield f"{name}.{attribute}: {member}" if isinstance(member, str) else _line(f"{name}.{attribute}", member)


def _line(name: str, value: Any) -> str:
    """A signature in one line."""
    return " ".join(signature_text(name, value, width=10**6).split())


def _is_built(value: type) -> bool:
    """Whether a class has a constructor of Vistry's own; protocols have none, and others inherit a library's."""
    if is_typeddict(value) or getattr(value, "_is_protocol", False):
        return False
    return hasattr(value, "_fields") or any("__init__" in vars(one) for one in _own_classes(value))


def _own_classes(value: type) -> list[type]:
    """A class and what it inherits from, as far as Vistry defines them, from the most general one on."""
    return [one for one in reversed(value.__mro__) if one.__module__.startswith("vistry.")]


def _class_line(name: str, value: type) -> str:
    """A class without a constructor of its own, with what it inherits from."""
    bases = [base.__name__ for base in value.__bases__ if base not in (object, dict)]
    return f"class {name}({', '.join(bases)})" if bases else f"class {name}"


def _members(value: type) -> Iterator[tuple[str, Any]]:
    """The public methods of a class, `__call__` included, and the type of each field and property, as texts."""
    own = _own_classes(value)
    annotations = {name: text for one in own for name, text in inspect.get_annotations(one).items()}
    for name, annotation in annotations.items():
        if not name.startswith("_"):
            yield name, annotation if isinstance(annotation, str) else _type_text(annotation)
    for name, member in {name: member for one in own for name, member in vars(one).items()}.items():
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(member, property | cached_property):
            function = member.fget if isinstance(member, property) else member.func
            yield name, str(inspect.signature(function).return_annotation)  # type: ignore[arg-type]
        elif isinstance(member, staticmethod | classmethod) or inspect.isfunction(member):
            yield name, getattr(value, name) if isinstance(member, classmethod) else getattr(member, "__func__", member)


def _type_text(annotation: Any) -> str:
    return getattr(annotation, "__forward_arg__", None) or inspect.formatannotation(annotation)


def _section(face: str) -> Iterator[str]:
    yield f"## `{face}`"
    yield (inspect.getdoc(import_module(face)) or "").partition("\n\n")[0]
    for name in _names(face):
        value = _value(face, name)
        yield f"### `{face}.{name}`"
        yield "```python\n" + "\n".join(_printed(name, value)) + "\n```"
        yield value.text if isinstance(value, Alias) else _own_text(value)


def _printed(name: str, value: Any) -> Iterator[str]:
    """The signature of a name, and the members of a class, as a page prints them."""
    if isinstance(value, Alias):
        yield f"{name} = {value.definition}"
    elif not inspect.isclass(value):
        yield signature_text(name, value)
    else:
        yield signature_text(name, value) if _is_built(value) else _class_line(name, value)
        fields = set(inspect.signature(value).parameters) if _is_built(value) else set()
        for attribute, member in _members(value):
            if isinstance(member, str):
                yield from () if attribute in fields else (f"{name}.{attribute}: {member}",)
            else:
                yield signature_text(f"{name}.{attribute}", member)


def _own_text(value: Any) -> str:
    """The docstring; a dataclass's generated one, which repeats the fields, is left out."""
    text = inspect.getdoc(value) or ""
    is_generated = dataclasses.is_dataclass(value) and text.startswith(f"{getattr(value, '__name__', '')}(")
    return "" if is_generated else text


if __name__ == "__main__":
    print("\n".join(signatures()))
