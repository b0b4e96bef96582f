"""Small real data, and a network in both backends that trains on it in seconds."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

TWIN = Path(__file__).parents[2] / "twin_plugin"


@pytest.fixture(scope="module", autouse=True)
def twin_plugin() -> Iterator[None]:
    """The twin plugin, found by discovery in this process and in those it starts."""
    sys.path.insert(0, str(TWIN))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TWIN), *([before] if before else [])])
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(TWIN))
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits 0 to 3 as 16 pixel PNG files, a folder a class: 24, 24, 24 and 8 images, so that the last is rare."""
    root = tmp_path_factory.mktemp("digits")
    found = load_digits()
    for digit, count in enumerate((24, 24, 24, 8)):
        folder = root / f"digit{digit}"
        folder.mkdir()
        for index, image in enumerate(found.images[found.target == digit][:count]):
            Image.fromarray((image * 15.9).astype(np.uint8)).resize((16, 16)).save(folder / f"{index:02d}.png")
    return root


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that runs are kept in, and no policy of this checkout."""
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"
