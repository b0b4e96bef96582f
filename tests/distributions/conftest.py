"""Wheels of this checkout and small plugins of our own, installed by pip into throw-away environments, offline."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A Python that has only what a test installed, and the libraries of the one that runs the tests."""

    folder: Path

    def run(self, *command: str, cwd: Path | str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("VISTRY_", "PYTHON"))}
        home = self.folder / "home"
        environment = {**clean, "XDG_CONFIG_HOME": str(home / ".config"), "HOME": str(home), **variables}
        program = self.folder / "bin" / command[0]
        return subprocess.run(
            [program, *command[1:]], cwd=cwd or self.folder, env=environment, capture_output=True, text=True
        )

    def json(self, *command: str, **variables: str) -> Any:
        done = self.run("vistry", *command, "--json", **variables)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def python(self, code: str, **variables: str) -> str:
        done = self.run("python", "-c", code, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each distribution of the checkout, by name."""
    folder = tmp_path_factory.mktemp("wheels")
    names = ["core", *(f"plugins/{path.parent.name}" for path in (CHECKOUT / "plugins").glob("*/pyproject.toml"))]
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), *(f"./{name}" for name in names))
    return {path.name.split("-")[0].replace("_", "-"): path for path in folder.glob("*.whl")}


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The third-party libraries of the Python that runs the tests, and nothing of Vistry."""
    folder = tmp_path_factory.mktemp("libraries")
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(site).iterdir():
            if "vistry" not in path.name and path.suffix != ".pth":
                (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory, libraries: Path) -> Callable[..., Environment]:
    """Make an environment and let pip install wheels into it, with all their requirements checked."""

    def make(*installed: Path) -> Environment:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, with_pip=False, symlinks=True)
        (folder / "home").mkdir()
        [site] = folder.glob("lib/python*/site-packages")
        (site / "libraries.pth").write_text(f"{libraries}\n")
        pip("--python", str(folder / "bin" / "python"), "install", "--no-compile", *map(str, installed))
        return Environment(folder)

    return make


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--no-index", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def write_wheel(folder: Path, name: str, files: dict[str, str], entry_point: str, version: str = "1.0") -> Path:
    """A wheel of a plugin: what a build backend would make of these files."""
    title = name.replace("-", "_")
    info = f"{title}-{version}.dist-info"
    key = title.removeprefix("vistry_")
    members = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: vistry<0.2\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[vistry.plugins]\n{key} = {entry_point}\n",
    }
    members[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*members, f"{info}/RECORD"])
    wheel = folder / f"{title}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return wheel


MANIFEST = """
manifest = 1
api = "1.0"
hooks = "{reference}"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification"]
backends = ["torch"]

[models.{model}]
summary = "A model for tests"
parameters = 10
"""
HOOKS = """
from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model(num_classes):
    import torch

    return torch.nn.Linear(1, num_classes)
"""


WRAPPED = '["vistry_default_hyperparameters"]'
WRAPPER = """
@hookimpl(wrapper=True)
def vistry_default_hyperparameters(card):
    found = yield
    return {**found, "weight_decay": 0.5}
"""


@pytest.fixture(scope="session")
def plugin_wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A good plugin, and one for each way to be bad."""
    folder = tmp_path_factory.mktemp("plugins")

    def plugin(
        name: str, model: str = "", hooks: str = HOOKS, entry: str = "", reference: str = "", **replaced: str
    ) -> Path:
        package = f"vistry_{name}"
        reference = reference or f"{package}.hooks"
        manifest = MANIFEST.format(reference=reference, model=model or f"{name}net")
        for line, text in replaced.items():
            manifest = re.sub(rf"^{line} = .*", text, manifest, flags=re.MULTILINE)
        files = {f"{package}/__init__.py": "", f"{package}/plugin.toml": manifest, f"{package}/hooks.py": hooks}
        return write_wheel(folder, f"vistry-{name}", files, entry or f"{package}:plugin.toml")

    wheels = [
        plugin("good"),
        plugin("rival", model="goodnet"),
        plugin("raising", hooks="raise RuntimeError('no such driver')\n"),
        plugin("faulty", license="licence = 'MIT'"),
        plugin("future", api='api = "2.0"\nquantum = true'),
        plugin("newer", api='api = "1.7"'),
        plugin("older", api='api = "0.9"'),
        plugin("misspelt", hooks=HOOKS.replace("build_model", "build_modle")),
        plugin("unmarked", hooks=HOOKS.replace("@hookimpl", "")),
        plugin("missing", reference="vistry_missing.hooks:thing"),
        plugin("dotted", entry="vistry_dotted.inner:plugin.toml"),
        plugin("absent", entry="vistry_abscent:plugin.toml"),
        plugin("wrapping", hooks=HOOKS + WRAPPER, manifest=f"manifest = 1\nwraps = {WRAPPED}"),
    ]
    return {wheel.name.split("-")[0].removeprefix("vistry_"): wheel for wheel in wheels}
