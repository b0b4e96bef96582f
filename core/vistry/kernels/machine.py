"""What this machine has for kernels: devices and packages. Nothing is imported to tell."""

from __future__ import annotations

import ast
import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any

from vistry.registry.package_files import package_file

# The driver's own library: it tells whether there is a GPU in milliseconds, where importing torch takes seconds.
_NVML = {"linux": "libnvidia-ml.so.1", "win32": "nvml.dll"}


def absent_device(device: str) -> str:
    """Return why torch can't use a type of device on this machine, "" if it can."""
    if find_spec("torch") is None:
        return "torch is not installed"
    if device == "cpu":
        return ""
    if device == "mps":
        return "" if (sys.platform, platform.machine()) == ("darwin", "arm64") else "this machine has no mps device"
    built = _torch_build()
    if not (built.get(device) or (device == "cuda" and built.get("hip"))):
        return f"torch is installed without {device}"
    is_here = _has_gpu(of_amd=bool(built.get("hip"))) if device == "cuda" else Path("/dev/dri").exists()
    return "" if is_here else f"this machine has no {device} device"


def absent_package(implementation: str) -> str:
    """Return which package the module of a `module:name` can't import, "" if it can import all."""
    module = implementation.partition(":")[0]
    package, *parts = module.split(".")
    if (spec := find_spec(package)) is None:
        return f"{package} is not installed"
    try:
        path = package_file(package, f"{'/'.join(parts)}.py") if parts else Path(spec.origin or "")
        tree = ast.parse(path.read_bytes())
    except (ValueError, OSError, SyntaxError):
        return ""  # no source to look at: importing it will tell
    missing = (name for name in _imports(tree) if find_spec(name) is None)
    return next((f"{name} is not installed" for name in missing), "")


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield the packages that a module imports whenever it is imported."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module.partition(".")[0]


@cache
def _torch_build() -> dict[str, Any]:
    """Return what torch was built with, by the names of its file of versions."""
    try:
        return run_path(str(package_file("torch", "version.py")))
    except (ValueError, OSError):
        return {}


def _has_gpu(of_amd: bool) -> bool:
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return False
    return Path("/dev/kfd").exists() if of_amd else _nvidia_gpus() > 0


@cache
def _nvidia_gpus() -> int:
    """Count NVIDIA's GPUs as the driver's management library does, which leaves CUDA itself untouched."""
    count = ctypes.c_uint(0)
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(_NVML.get(sys.platform, ""))
        if sys.platform in _NVML and library.nvmlInit_v2() == 0:
            library.nvmlDeviceGetCount_v2(ctypes.byref(count))
            library.nvmlShutdown()
    return count.value
