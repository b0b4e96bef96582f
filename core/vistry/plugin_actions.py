"""What can be done with plugins: check them, switch one on or off, begin one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin

if TYPE_CHECKING:
    from vistry.testing.check_runs import Result
    from vistry.testing.new_plugin import PluginKind


def check_plugins() -> list[Plugin]:
    """Import the code of every plugin in use; return every plugin with its state after that."""
    from vistry.testing.plugin_states import check_plugins as check_all

    return check_all(Catalogue.read())


def check_plugin(
    name: str,
    *,
    heavy: Literal["all", "smallest"] = "all",
    backend: str | None = None,
    expected: Mapping[tuple[str, str], str] | None = None,
    models: Collection[str] = (),
    checks: Collection[str] = (),
) -> list[Result]:
    """Make every check on a plugin and on each of its models; return how each ended.

    Args:
        name: the plugin's name or its distribution's, or the folder of one that isn't installed, such as ./mynet.
        heavy: compute all models, or only the smallest one.
        backend: compute in this backend, of the models that have it; by default the first of each.
        expected: the reason for each (model, check) that is to fail.
        models: check these models only.
        checks: make these checks only.

    Raises RegistryError for a plugin, a model, a check or a backend that isn't there.
    """
    from vistry.testing.check_runs import check_runs_of, chosen
    from vistry.testing.plugin_folder import checkable

    with checkable(name) as plugin:
        runs = check_runs_of(plugin, expected, heavy=heavy, backend=backend)
        return [run.result() for run in chosen(runs, models, checks)]


def check_plugin_pair(first: str, second: str) -> list[Result]:
    """Check that two installed plugins go together; return how each check ended. Raises RegistryError."""
    from vistry.testing.check_runs import check_runs_of_pair

    return [run.result() for run in check_runs_of_pair(first, second)]


def new_plugin(name: str, folder: str | Path = ".", *, kind: PluginKind = "classifier") -> Path:
    """Write a plugin that works into `folder`, to make your own of; return the new folder, `vistry-NAME`.

    Args:
        name: the plugin's name.
        folder: where the new folder is made.
        kind: what the plugin brings.

    Raises RegistryError for a name or a kind that can't be used, or a folder that exists.
    """
    from vistry.testing.new_plugin import write_plugin

    return write_plugin(name, Path(folder).resolve(), kind)[0]


def plugin_schema(*, catalogue: bool = False) -> dict[str, object]:
    """Return the JSON Schema of plugin.toml, or with `catalogue` of the catalogue file that it may name."""
    from vistry.registry.manifest_schema import catalogue_schema, manifest_schema

    return catalogue_schema() if catalogue else manifest_schema()


def enable_plugin(name: str, *, user: bool = False) -> Path:
    """Use a plugin again; return the registry.toml that says so now.

    It is the project's, or the user's where there is none or with `user`. Raises RegistryError.
    """
    return _switch(name, on=True, user=user)


def disable_plugin(name: str, *, user: bool = False) -> Path:
    """Stop using a plugin; return the registry.toml that says so now.

    It is the project's, or the user's where there is none or with `user`. Raises RegistryError.
    """
    return _switch(name, on=False, user=user)


def _switch(name: str, *, on: bool, user: bool) -> Path:
    from vistry.registry.policy_file import file_to_write, switch

    path = file_to_write(user)
    switch(Catalogue.read().plugin(name), on, path)
    return path
