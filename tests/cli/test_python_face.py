"""What the command line does, Python does: each command has a public function of the same verb."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
import vistry
from vistry.cli import main

CHECKOUT = Path(__file__).parents[2]
# Where Python's name isn't the command's own.
FUNCTIONS = {
    "models list": "models",
    "models show": "model_facts",
    "models compare": "compare_models",
    "tasks list": "tasks",
    "tasks show": "find_task",
    "plugins list": "plugins",
    "plugins show": "find_plugin",
    "plugins check": "check_plugin",
    "plugins new": "new_plugin",
    "plugins schema": "plugin_schema",
    "plugins enable": "enable_plugin",
    "plugins disable": "disable_plugin",
    "hyperparameters list": "hyperparameters",
    "hyperparameters show": "hyperparameters",
    "kernels list": "kernels",
    "kernels show": "find_kernels",
    "job run": "run_job",
    "runs list": "runs",
    "runs show": "find_run",
    "schema": "registry_schema",
    "sweep export": "export_sweep",
    "sweep run": "sweep",
    "sweep show": "find_sweep",
    "weights list": "weights",
    "weights show": "find_weights",
    "weights import": "import_weights",
    "weights fetch": "fetch_weights",
    "weights path": "weights_path",
    "weights remove": "remove_weights",
    "weights verify": "verify_weights",
}


def commands(command: click.Command = main, path: str = "") -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from commands(child, f"{path} {name}".strip())


@pytest.mark.parametrize("command", list(commands()))
def test_each_command_has_its_function(command: str) -> None:
    name = FUNCTIONS.get(command, command)
    assert name in vistry.__all__
    function = getattr(import_module(vistry.HOME[name]), name)
    assert inspect.isfunction(function)
    assert callable(getattr(vistry, name))


@pytest.mark.parametrize("name", vistry.__all__)
def test_each_public_name_is_typed_documented_and_on_the_page(name: str) -> None:
    assert f"### `vistry.{name}`\n" in (CHECKOUT / "docs" / "reference" / "python.md").read_text()
    value = getattr(import_module(vistry.HOME[name]), name)
    assert inspect.getdoc(value)
    if not inspect.isfunction(value):
        return
    signature = inspect.signature(value)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
    if len(signature.parameters) > 3:
        for parameter_name in signature.parameters:
            assert f"    {parameter_name}: " in inspect.getdoc(value).split("Args:\n")[1]


def test_type_checkers_and_python_see_the_same_names() -> None:
    """The imports for the type checker name the modules that `HOME` names."""
    tree = ast.parse(Path(vistry.__file__).read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = {
        alias.asname: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert imports == vistry.HOME


@pytest.mark.parametrize("name", ["kernels", "report", "runs", "weights"])
@pytest.mark.parametrize("first", ["import vistry.{}", "import vistry; vistry.{}", "from vistry import {}"])
def test_a_package_with_a_functions_name_is_callable(name: str, first: str) -> None:
    code = (
        f"{first.format(name)}\nimport inspect, vistry, vistry.queries\n"
        f"vistry.queries.{name} = lambda *args, **options: (args, options)\n"
        f"assert inspect.ismodule(vistry.{name}) and vistry.{name}.__path__\n"
        f"assert vistry.{name}('a', b=1) == (('a',), {{'b': 1}})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_version_and_an_unknown_name() -> None:
    from importlib.metadata import version

    assert vistry.__version__ == version("vistry")
    assert {"__version__", "train", "runs"} <= set(dir(vistry))
    with pytest.raises(AttributeError, match="module 'vistry' has no attribute 'trian'"):
        vistry.trian  # type: ignore[attr-defined]  # noqa: B018
