"""What trainings need: labels of several kinds, a folder of runs, and a network that trains in seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from vistry.cli import main

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny network is faster on one thread

DIGITS = 4


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
    """Run the command line in this process, which has imported the tensor library already."""

    def call(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert not check or done.exit_code == 0, done.stderr
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    return call


@pytest.fixture
def vistry_process(runs: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own, as a user does."""

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vistry", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return call
