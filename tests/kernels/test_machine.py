"""What the listing says of this machine without torch is what torch says."""

from __future__ import annotations

from pathlib import Path

import pytest
from vistry.kernels.dispatch import available
from vistry.kernels.machine import absent_device, absent_package


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_devices_are_those_that_torch_sees(device: str) -> None:
    assert (absent_device(device) == "") == available(device)


def test_no_device_is_visible_where_none_shall_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert absent_device("cuda") in ("this machine has no cuda device", "torch is installed without cuda")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os, torch\n", ""),
        ("import no_such_package.part as part\n", "no_such_package is not installed"),
        ("from no_such_package import part\n", "no_such_package is not installed"),
        ("def later():\n    import no_such_package\n", ""),
        ("try:\n    import no_such_package\nexcept ImportError:\n    pass\n", ""),
    ],
)
def test_packages_that_a_module_needs(
    source: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some_kernels").mkdir()
    (tmp_path / "some_kernels" / "__init__.py").touch()
    (tmp_path / "some_kernels" / "fast.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert absent_package("some_kernels.fast:kernel") == expected
    assert absent_package("no_such_package.fast:kernel") == "no_such_package is not installed"
