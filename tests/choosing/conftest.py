from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None) -> None:
    """Every test begins with nobody's policy."""


@pytest.fixture
def tiny_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny plugins, found by discovery in this process and in those it starts."""
    folders = [str(TESTS / name) for name in ("tiny_plugin", "tiny_backbone", "twin_plugin")]
    monkeypatch.setattr(sys, "path", [*folders, *sys.path])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])]))
