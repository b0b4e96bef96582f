"""Imports of core point one way, in the order that CONTRIBUTING.md states, and no files import each other in a circle.

Every import counts: at the top of a file, inside a function, and for the type checker alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CORE = Path(__file__).parents[1] / "core" / "vistry"
CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"

# Plugins import tensor libraries where they build a model; in core these rooms alone may do so at the top of a file.
TENSOR_LIBRARIES = {"torch", "torchvision", "timm", "triton", "jax", "flax", "optax"}
# What plugins import from core: names of many rooms, loaded when they are used.
PLUGIN_FACES = ("plugin", "plugin.data", "plugin.detection")
TENSOR_ROOMS = ("training.engines.torch", "training.engines.jax", "torch_layers", "flax_layers")


def floors() -> list[list[str]]:
    """The rooms from top to bottom, those of one floor together, as CONTRIBUTING.md states them."""
    [block] = re.findall(r"<!-- import order -->\n```\n(.*?)```", CONTRIBUTING.read_text(encoding="utf-8"), re.DOTALL)
    return [[room.strip() for room in floor.split(",")] for floor in block.replace("\n", " ").split("->")]


@cache
def modules() -> dict[str, Path]:
    """Each file of core by its dotted name below `vistry`; the package itself is "face"."""
    names = {}
    for path in sorted(CORE.rglob("*.py")):
        relative = path.relative_to(CORE)
        if "template" not in relative.parts:
            parts = relative.with_suffix("").parts
            names[".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "face"] = path
    return names


def imported(path: Path) -> Iterator[str]:
    """The files of core that a file imports, by their names in `modules`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("vistry.") for alias in node.names if alias.name.startswith("vistry."))
            yield from ("face" for alias in node.names if alias.name == "vistry")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vistry":
            package = (node.module or "").removeprefix("vistry").lstrip(".")
            for alias in node.names:
                inner = f"{package}.{alias.name}".lstrip(".")
                yield inner if inner in modules() else package or "face"


def room_of(name: str) -> str:
    return "plugin face" if name in PLUGIN_FACES else name.partition(".")[0]


def test_every_room_stands_in_the_order() -> None:
    stated = {room for floor in floors() for room in floor}
    assert {room_of(name) for name in modules()} == stated


def test_no_import_points_up() -> None:
    height = {room: -number for number, floor in enumerate(floors()) for room in floor}
    upwards = [
        f"{name} imports {other}"
        for name, path in modules().items()
        for other in imported(path)
        if height[room_of(other)] > height[room_of(name)]
    ]
    assert upwards == []


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {name: sorted({other for other in imported(path) if other != name}) for name, path in modules().items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for other in graph[name]:
            if circle := visit(other, (*trail, name)):
                return circle
        done.add(name)
        return []

    assert [circle for name in graph if (circle := visit(name, ()))] == []


def test_tensor_libraries_are_imported_by_their_own_rooms() -> None:
    strangers = []
    for name, path in modules().items():
        top = ast.parse(path.read_text(encoding="utf-8")).body
        names = [alias.name for node in top if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in top if isinstance(node, ast.ImportFrom)]
        if not name.startswith(TENSOR_ROOMS):
            strangers += [f"{name} imports {one}" for one in names if one.partition(".")[0] in TENSOR_LIBRARIES]
    assert strangers == []
