"""Plugins, the examples, the template and the documented examples import the declared plugin API, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DECLARED = (
    "vistry.plugin",
    "vistry.plugin.data",
    "vistry.plugin.detection",
    "vistry.torch_layers",
    "vistry.flax_layers",
    "vistry.kernels",
    "vistry.testing",
)
QUESTIONS = {"models"}  # of `vistry`, that a plugin's own commands may ask
PACKAGES = [
    *CHECKOUT.glob("plugins/*/vistry_*"),
    *CHECKOUT.glob("examples/*/vistry_*"),
    *(CHECKOUT / "tests" / path for path in ("tiny_plugin/vistry_tiny", "tiny_backbone/vistry_tinybone")),
    *(CHECKOUT / "tests" / path for path in ("twin_plugin/vistry_twin", "frozen/plugin_api_1_0/vistry_frozen")),
    *(CHECKOUT / "core" / "vistry" / "testing" / "template").glob("*/vistry_mynet"),
]
FILES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
PAGES = [
    *(CHECKOUT / "docs" / "reference" / name for name in ("hooks.md", "kernels.md", "detectors.md", "manifest.md")),
    CHECKOUT / "docs" / "tutorials" / "plugin.md",
    CHECKOUT / "docs" / "how-to" / "backends.md",
    CHECKOUT / "docs" / "how-to" / "policy-plugin.md",
]


def undeclared(source: str, package: str) -> Iterator[str]:
    """Yield what a file of a package imports of Vistry, or of another plugin, beyond the declared API.

    `import vistry` is refused too, because it reaches every other module as an attribute.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if is_foreign(alias.name, package))
            case ast.ImportFrom(module="vistry", level=0, names=names) if {alias.name for alias in names} <= QUESTIONS:
                pass
            case ast.ImportFrom(module=module, level=0, names=names):
                if is_foreign(module or "", package):
                    yield f"{module}: {', '.join(alias.name for alias in names)}"
                elif module in DECLARED:
                    yield from (f"{module}.{alias.name}" for alias in names if is_module(module, alias.name))
            # The packages are flat, so two dots leave them.
            case ast.ImportFrom(module=module, level=level) if level > 1:
                yield f"{'.' * level}{module or ''}"
            case ast.Call(func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module")):
                yield f"an import by name in line {node.lineno}"


def is_foreign(module: str, package: str) -> bool:
    top = module.partition(".")[0]
    return top.partition("_")[0] == "vistry" and top != package and module not in DECLARED


def is_module(face: str, name: str) -> bool:
    """Whether a name is a file of a face, such as `hooks` of `vistry.plugin`, and not something that it exports."""
    folder = CHECKOUT / "core" / Path(*face.split("."))
    return f"{face}.{name}" not in DECLARED and ((folder / f"{name}.py").exists() or (folder / name).is_dir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_plugin_imports_the_declared_api_alone(path: Path) -> None:
    package = next(part for part in path.parts if part.startswith("vistry_"))
    assert list(undeclared(path.read_text(encoding="utf-8"), package)) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_for_authors_imports_the_declared_api_alone(path: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        assert list(undeclared(block, "vistry_mynet")) == []


def test_all_plugins_are_looked_at() -> None:
    packages = {path.parent.name for path in FILES}
    assert packages >= {path.name for path in CHECKOUT.glob("plugins/*/vistry_*")}
    assert packages >= {
        f"vistry_{name}"
        for name in ("efficientnet_lite", "house_policy", "mynet", "frozen", "tiny", "tinybone", "twin")
    }


@pytest.mark.parametrize(
    "source",
    [
        "import vistry",
        "import vistry.plugin.hooks",
        "from vistry import errors",
        "from vistry.plugin import hooks",
        "from vistry.plugin.types import Module",
        "def f():\n    from vistry.registry.cards import ModelCard",
        "from vistry_other.hooks import vistry_build_model",
        "from ..vistry import errors",
        "from .. import vistry",
        "from importlib import import_module\nimport_module('vistry.errors')",
        "import importlib\nimportlib.import_module('vistry.errors')",
        "__import__('vistry.errors')",
    ],
)
def test_an_undeclared_import_is_noticed(source: str) -> None:
    assert list(undeclared(source, "vistry_mine"))


@pytest.mark.parametrize(
    "source",
    [
        "from vistry.plugin import hookimpl, Values",
        "from vistry.plugin.detection import tile_boxes",
        "from vistry.plugin import detection",
        "import vistry.torch_layers",
        "from vistry_mine.network import Net",
        "from .network import Net",
        "import torch",
    ],
)
def test_a_declared_import_is_allowed(source: str) -> None:
    assert not list(undeclared(source, "vistry_mine"))
