"""Checks of a plugin as a whole: its manifest, its wheel and its imports."""

from __future__ import annotations

import os
import subprocess
import sys

from vistry.plugin.calls import BrokenPluginError, OwnerHooks, load
from vistry.registry.installed import GROUP
from vistry.testing.check import CheckFailed, listed, require
from vistry.testing.model_subject import PluginSubject
from vistry.testing.wheel import entry_points_of, missing_modules, packages_of

TENSOR_LIBRARIES = ("torch", "torchvision", "jax", "flax", "tensorflow")
# Run in a process of its own: this one has torch already.
_QUERIES = """
import sys
import vistry
from vistry.hyperparameter.schema import schema_of
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import discover
from vistry.registry.policy import Policy

plugins = [plugin for plugin in discover() if plugin.handle == sys.argv[1]]
catalogue = Catalogue.of(plugins, Policy())
for card in catalogue.cards[:: len(catalogue.cards) // 40 + 1]:  # of a thousand, some from each part of the list
    for task in card.tasks:
        schema_of(catalogue, card, task).json_schema()
        vistry.layers_to_freeze(card.full_name, task)
print(*{name.partition(".")[0] for name in sys.modules})
"""


def manifest_is_valid(subject: PluginSubject) -> None:
    """Its plugin.toml can be located, follows the schema and is for this plugin API."""
    plugin = subject.plugin
    require(plugin.state == "ok", f"{plugin.reason}; {plugin.remedy}")


def manifest_is_in_the_wheel(subject: PluginSubject) -> None:
    """Its wheel has the manifest with the catalogue that it names, and an entry point that refers to it."""
    name, path, package = subject.plugin.name, subject.manifest_path, subject.package
    files = subject.wheel
    catalogue = subject.plugin.manifest.catalogue if subject.plugin.manifest else ""
    for inside in [f"{package}/{file}" for file in (path.name, catalogue) if file]:
        require(
            inside in files,
            f"the wheel has no {inside}, so the plugin doesn't work where it is installed from the wheel; "
            "add the file to the wheel in pyproject.toml",
        )
    require(
        f"{name} = {package}:{path.name}" in entry_points_of(files),
        "the wheel has no entry point of the plugin; write in pyproject.toml, under "
        f'[project.entry-points."{GROUP}"]: {name} = "{package}:{path.name}"',
    )


def code_is_in_the_wheel(subject: PluginSubject) -> None:
    """Its wheel has every module of its source tree that a file in the wheel imports."""
    packages = packages_of(subject.plugin.distribution, subject.package, subject.manifest_path)
    missing = missing_modules(subject.wheel, packages)
    lacks = [f"{module.replace('.', '/')}.py, which {file} imports" for module, file in missing.items()]
    require(
        not lacks,
        f"the wheel has no {listed(lacks)}; where it is installed from the wheel, that import fails; "
        "add the file to the wheel in pyproject.toml",
    )


def hooks_are_known(subject: PluginSubject) -> None:
    """Its code can be imported, and each of its hooks and their arguments is part of the plugin API."""
    try:
        load(subject.plugin)
        for card in subject.catalogue.cards:
            OwnerHooks.of_model(subject.catalogue, card)
    except BrokenPluginError as error:
        raise CheckFailed(f"{error.reason}; {error.remedy}") from error


def queries_import_no_tensor_library(subject: PluginSubject) -> None:
    """A query for its models, hyperparameters and freezing maps imports no tensor library."""
    # The child discovers the plugins that this process does, also those below a folder added to sys.path.
    search = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", _QUERIES, subject.plugin.handle],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
    )
    last = done.stderr.strip().rpartition("\n")[2].removeprefix(f"{BrokenPluginError.__module__}.BrokenPluginError: ")
    require(done.returncode == 0, f"a query for its hyperparameters and freezing maps fails: {last}")
    imported = [name for name in TENSOR_LIBRARIES if name in done.stdout.split()]
    require(
        not imported,
        f"a query imports {', '.join(imported)}, which takes seconds; "
        "in the hooks module import it inside the functions that need it",
    )
