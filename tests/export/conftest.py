"""A trained classifier of a stranger's, and the file that it is exported to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.export.session import Exported
from vistry.runs.folder import Run

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny network is faster on one thread

SETTINGS: dict[str, Any] = {
    "number_of_epochs": 2,
    "warmup_cosine_lr_warmup_epochs": 1,
    "learning_rate": 0.1,
    "precision": "bf16",
    "validation_resize_size": 20,
}


@pytest.fixture(scope="module")
def run(digits: Path, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose plugin has no word about exports; it was trained in bf16, and resizes before it crops."""
    output = tmp_path_factory.mktemp("export") / "run"
    return vistry.train(digits, task="multiclass", model="tiny", output=output, **SETTINGS).run


@pytest.fixture(scope="module")
def exported(run: Run) -> Exported:
    return vistry.export(run.folder)


@pytest.fixture(scope="module")
def file(exported: Exported) -> Path:
    [path] = exported.files
    return path
