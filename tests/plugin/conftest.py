"""A plugin with a tiny network, into which faults are put, and the commands that meet them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from vistry.cli import main

MANIFEST = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification"]
backends = ["torch"]
freeze = [["conv."]]
defaults."*" = { training_crop_size = 16, validation_crop_size = 16, validation_resize_size = 16 }

[models.{model}]
summary = "A model for tests"
parameters = 10
"""
HOOKS = """from __future__ import annotations

from vistry.plugin import hookimpl


@hookimpl
def vistry_build_model(num_classes):
    from {package}.network import Network

    return Network(num_classes)
"""
NETWORK = """from __future__ import annotations

from torch import nn


class Network(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2)
        self.head = nn.Linear(4, num_classes)

    def forward(self, images):
        return self.head(self.conv(images).mean((2, 3)))
"""


@dataclass(frozen=True)
class Said:
    """What a command said on standard error, and its status."""

    status: int
    text: str

    @property
    def traceback_file(self) -> Path:
        [path] = re.findall(r"; the traceback is in (\S+);", self.text)
        return Path(path)


Run = Callable[..., Said]
WritePlugin = Callable[..., Path]


@pytest.fixture
def run(no_policy: None) -> Run:
    """Run a command of the command line in this process."""

    def invoke(*arguments: object) -> Said:
        result = CliRunner().invoke(main, list(map(str, arguments)))
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return Said(result.exit_code, result.stderr)

    return invoke


@pytest.fixture
def write(lay_out: Callable[..., Path]) -> WritePlugin:
    """Lay a plugin out whose model works, with more hooks, and edits (old, new) of its network."""

    def write_plugin(
        name: str, hooks: str = "", head: str = "", network: tuple[str, str] = ("", ""), **more: str
    ) -> Path:
        manifest = MANIFEST.replace("api =", f"{head}api =", 1)
        folder = lay_out(name, manifest=manifest, hooks="", **more)
        (folder / "hooks.py").write_text(HOOKS.replace("{package}", folder.name) + hooks)
        assert network[0] in NETWORK
        (folder / "network.py").write_text(NETWORK.replace(*network))
        return folder

    return write_plugin


@pytest.fixture
def train(run: Run, class_folders: Path) -> Run:
    """Train a model for an epoch on images of noise."""

    def train_model(model: str, *options: object) -> Said:
        values = ("--number_of_epochs", 1, "--number_of_workers", 1, "--precision", "fp32", "--output", "run")
        return run("train", "--task", "multiclass", "--data", class_folders, "--model", model, *values, *options)

    return train_model
