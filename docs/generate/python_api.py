"""The page of the Python API: the public names of `vistry`, and the types that its functions return."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import Any, is_typeddict

import vistry
from markdown_text import page

_INTRODUCTION = """# Python API

This page is generated from signatures and docstrings: `make docs`.

These names are public: `import vistry`, then `vistry.NAME`, and `vistry.__version__`. Each command of the
[command line](command-line.md) has its function here. Importing `vistry` imports no tensor library; `train`, `resume`,
`load`, `predict`, `evaluate` and `create` import the engine that they need. Every error that a user can cause is a
`vistry.VistryError`, whose text says what is wrong and what to do."""
WIDTH = 100


def python_api() -> str:
    """The page in Markdown."""
    public = {name: getattr(import_module(vistry.HOME[name]), name) for name in sorted(vistry.__all__)}
    functions = {name: value for name, value in public.items() if inspect.isfunction(value)}
    classes = {name: value for name, value in public.items() if inspect.isclass(value)}
    errors = {name: value for name, value in classes.items() if issubclass(value, Exception)}
    others = {name: value for name, value in classes.items() if name not in errors}
    returned: dict[str, type] = {}
    taken: dict[str, type] = {}
    for function in functions.values():
        signature, module = inspect.signature(function), inspect.getmodule(function)
        returned |= _types_in(str(signature.return_annotation), module)
        taken |= _types_in(" ".join(re.findall(r"Unpack\[(\w+)\]", str(signature))), module)
    for value in [*returned.values(), *others.values()]:
        returned |= _types_of_members(value)
    returned = {name: value for name, value in returned.items() if name not in classes}
    return page(
        _INTRODUCTION,
        "## Functions",
        *(part for name, function in functions.items() for part in _function(f"vistry.{name}", function)),
        "## What the functions take",
        *(part for name, value in sorted(taken.items()) for part in _class(name, value)),
        "## Classes",
        *(part for name, value in others.items() for part in _class(f"vistry.{name}", value)),
        "## Errors",
        *(part for name, value in errors.items() for part in _class(f"vistry.{name}", value)),
        "## What the functions return",
        *(part for name, value in sorted(returned.items()) for part in _class(name, value)),
    )


def _types_of_members(value: type) -> dict[str, type]:
    """The classes that a class's fields and methods name; those of manifests have a page of their own."""
    members = [member for name, member in vars(value).items() if inspect.isfunction(member) and name[0] != "_"]
    annotations = [str(inspect.signature(member).return_annotation) for member in members]
    if dataclasses.is_dataclass(value):
        annotations += [str(field.type) for field in dataclasses.fields(value)]
    types = _types_in(" ".join(annotations), inspect.getmodule(value))
    return {name: found for name, found in types.items() if not found.__module__.startswith("vistry.registry")}


def _types_in(annotation: str, module: Any) -> dict[str, type]:
    """The classes of Vistry's own that an annotation names, wherever its module has them from."""
    names = set(re.findall(r"\b[A-Z]\w+", annotation))
    homes = {name: module.__name__ for name in names if hasattr(module, name)}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            homes |= {alias.name: node.module for alias in node.names if alias.name in names}
    found = {name: getattr(import_module(home), name) for name, home in homes.items()}
    return {name: value for name, value in found.items() if getattr(value, "__module__", "").startswith("vistry")}


def _function(name: str, function: Callable[..., Any], level: int = 3) -> Iterator[str]:
    yield f"{'#' * level} `{name}`"
    yield f"```python\n{signature_text(name, function)}\n```"
    yield _docstring(function)


def signature_text(name: str, function: Callable[..., Any], width: int = WIDTH) -> str:
    """The signature as code, without `self`, a parameter a line where it is longer than `width`."""
    signature = _signature(function)
    parameters = [value for key, value in signature.parameters.items() if key not in ("self", "cls")]
    signature = signature.replace(parameters=parameters)
    text = f"{name}{_code(str(signature))}"
    if len(text) <= width:
        return text
    lines, previous = [], None
    for parameter in parameters:
        keyword_only = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        if keyword_only and (previous is None or previous.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD):
            lines.append("    *,")
        lines.append(f"    {_code(str(parameter))},")
        previous = parameter
    result = signature.return_annotation
    end = ")" if result is inspect.Signature.empty else f") -> {_code(str(result))}"
    return "\n".join([f"{name}(", *lines, end])


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function, or of a class's own constructor, which a metaclass may hide."""
    if inspect.isclass(function) and inspect.isfunction(vars(function).get("__init__")):
        return inspect.signature(function.__init__).replace(return_annotation=inspect.Signature.empty)
    return inspect.signature(function)


def _code(text: str) -> str:
    """A signature as code: without the quotes around annotations, and with the name of a function as a default."""
    text = re.sub(r"<function (\w+) at 0x\w+>", r"\1", re.sub(r"ForwardRef\('([^']*)'\)", r"\1", text))
    return re.sub(r"(: |-> )(['\"])(.*?)\2(?=[,)=\s]|$)", r"\1\3", text)


def _docstring(thing: Any) -> str:
    """The docstring, its arguments as a list."""
    lines, section = [], ""
    for line in (inspect.getdoc(thing) or "").splitlines():
        if line and not line.startswith(" "):
            section = line
        if section == "Args:" != line:
            lines.append(re.sub(r"^    (\w+): ", r"- `\1`: ", line).removeprefix("  "))
        elif line != "Args:":
            lines.append(line.removeprefix("    ") if section == "Returns:" else line)
    return "\n".join(lines)


def _class(name: str, value: type) -> Iterator[str]:
    """A class: what it is, its fields, and its public methods and properties."""
    yield f"### `{name}`"
    yield "" if _is_generated(value) else _docstring(value)
    if dataclasses.is_dataclass(value):
        yield "\n".join(
            f"- `{field.name}`: `{field.type}`" for field in dataclasses.fields(value) if field.name[0] != "_"
        )
    elif is_typeddict(value):
        types = {key: getattr(hint, "__forward_arg__", hint) for key, hint in value.__annotations__.items()}
        yield "\n".join(f"- `{key}`: `{hint}`" for key, hint in types.items())
    for attribute, member in vars(value).items():
        if attribute.startswith("_"):
            continue
        if isinstance(member, classmethod) and name.startswith("vistry."):
            member = member.__func__
        if isinstance(member, (property, cached_property)):
            yield f"**`{attribute}`**: {_docstring(member)}"
        elif inspect.isfunction(member):
            yield f"```python\n{signature_text(f'{value.__name__}.{attribute}', member)}\n```"
            yield _docstring(member)


def _is_generated(value: type) -> bool:
    """Whether the docstring is a dataclass's own, which repeats the fields."""
    return (value.__doc__ or "").startswith(f"{value.__name__}(")
