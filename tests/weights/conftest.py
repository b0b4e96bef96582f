"""A hub on loopback, and caches of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weights.hub_server import Hub, hub_of


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights, `weights`, and the hub's, `hub`, of a machine that may use the network."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VISTRY_OFFLINE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "caches"
    monkeypatch.setenv("VISTRY_WEIGHTS", str(folder / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(folder / "hub"))
    return folder


@pytest.fixture
def hub(caches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub without repositories, which is a folder of the test's; HF_ENDPOINT names it."""
    folder = tmp_path / "hub"
    folder.mkdir()
    with hub_of(folder) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running
