"""Faces of packages whose names are loaded when they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

FACES = ["vistry.kernels", "vistry.plugin", "vistry.plugin.data", "vistry.plugin.detection", "vistry.torch_layers"]
CHEAP = """
import sys
import vistry.kernels, vistry.torch_layers
from vistry.kernels import kernels_for, operation
from vistry.torch_layers import norm_kind, resolve_norm
print(sorted({"torch", "torchvision", "triton", "jax", "flax"} & set(sys.modules)))
"""


def test_reading_the_faces_imports_no_tensor_library() -> None:
    process = subprocess.run([sys.executable, "-c", CHEAP], capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"


@pytest.mark.parametrize("face", FACES)
def test_each_name_is_there_and_the_type_checker_sees_the_same(face: str) -> None:
    package = import_module(face)
    assert package.__file__ is not None
    statements = ast.walk(ast.parse(Path(package.__file__).read_text(encoding="utf-8")))
    imports = [node for node in statements if isinstance(node, ast.ImportFrom) and node.module]
    typed = {alias.name: node.module for node in imports for alias in node.names if alias.asname == alias.name}
    assert typed == package._HOMES
    assert dir(package) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None


@pytest.mark.parametrize("face", FACES)
def test_an_unknown_name_is_an_attribute_error(face: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{face}' has no attribute 'operatoin'"):
        _ = import_module(face).operatoin
