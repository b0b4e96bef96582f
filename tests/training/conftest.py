"""Small real data (scikit-learn's handwritten digits) and a network that trains on it in seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny network is faster on one thread

PER_CLASS = 16
DIGITS = 4


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits 0 to 3 as 16 pixel PNG files, a folder a class, 16 images each."""
    root = tmp_path_factory.mktemp("digits")
    found = load_digits()
    for digit in range(DIGITS):
        folder = root / f"digit{digit}"
        folder.mkdir()
        for index, image in enumerate(found.images[found.target == digit][:PER_CLASS]):
            pixels = (image * 15.9).astype(np.uint8)
            Image.fromarray(pixels).resize((16, 16)).save(folder / f"{index:02d}.png")
    return root


@pytest.fixture(scope="session")
def multilabel(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images, labelled with 'even' and 'small' where that holds, as JSON Lines."""
    path = tmp_path_factory.mktemp("multilabel") / "data.jsonl"
    with path.open("w") as file:
        for digit in range(DIGITS):
            labels = (["even"] if digit % 2 == 0 else []) + (["small"] if digit < 2 else [])
            for image in sorted((digits / f"digit{digit}").iterdir()):
                file.write(json.dumps({"image_url": str(image), "label": labels}) + "\n")
    return path


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_plugin: None) -> Path:
    """An empty folder that runs are kept in, and no policy of this checkout."""
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def vistry(runs: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own."""

    def call(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vistry", *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if check:
            assert result.returncode == 0, result.stderr
        return result

    return call
