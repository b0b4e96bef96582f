"""An operation with two kernels for the processor, as plugins that aren't installed would bring them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import KernelSpec, Manifest
from vistry.registry.policy import KernelPolicy, Layer, Policy, PolicyTables

OPERATIONS = '''
import torch


def reference(x, y):
    return torch.relu(x * y)


def fast(x, y):
    return (x * y).clamp(min=0)


def tagged(x, y):
    """To be told from the others by its result."""
    return torch.full_like(x, 7)


def samples(dtype, device):
    draw = torch.Generator().manual_seed(0)
    for size in (3, 50):
        yield tuple(torch.randn(size, generator=draw).to(device, dtype) for _ in range(2))


def no_samples(dtype, device):
    return ()
'''

Make = Callable[..., KernelSpec]


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None) -> None:
    """Every test begins with nobody's policy."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules to import, here and in processes started meanwhile."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "operations.py").write_text(OPERATIONS)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def kernel(place: Path) -> Make:
    """A kernel for the processor that agrees with its reference, with what is told changed."""
    spec = KernelSpec(
        operation="multiply_relu",
        summary="relu(x * y)",
        devices=("cpu",),
        implementation="operations:fast",
        reference="operations:reference",
        samples="operations:samples",
        tolerance={"float32": 1e-6, "bfloat16": 8e-3},
    )

    def changed(**changes: Any) -> KernelSpec:
        return replace(spec, **changes)

    return changed


def catalogue(*plugins: tuple[str, KernelSpec], use: Any = None, prefer: str = "") -> Catalogue:
    """Plugins by name with a kernel each, under a policy."""
    tables = PolicyTables(kernels=KernelPolicy(use=use, prefer={"multiply_relu": prefer} if prefer else {}))
    found = [
        Plugin(
            name,
            f"vistry-{name}",
            "1.0",
            manifest=Manifest(manifest=1, api="1.0", license="MIT", summary="s", hooks="none", kernels=(spec,)),
        )
        for name, spec in plugins
    ]
    return Catalogue.of(found, Policy((Layer("the policy", tables),)))
