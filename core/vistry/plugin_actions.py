"""What can be done with plugins: check them, switch one on or off, begin one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin

if TYPE_CHECKING:
    from vistry.testing.check_runs import Result


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
) -> list[Result]:
    """Make every check on a plugin and on each of its models; return how each ended.

    Args:
        name: the plugin's name or its distribution's.
        heavy: compute all models, or only the smallest one.
        backend: compute in this backend, of the models that have it; by default the first of each.
        expected: the reason for each (model, check) that is to fail.

    Raises RegistryError for a plugin, a model, a check or a backend that isn't there.
    """
    from vistry.testing.check_runs import check_runs_of

    return [check_run.result() for check_run in check_runs_of(name, expected, heavy=heavy, backend=backend)]


def new_plugin(name: str, folder: str | Path = ".") -> Path:
    """Write a plugin that works into `folder`, to make your own of; return the new folder, `vistry-NAME`.

    Raises RegistryError for a name that can't be used, or a folder that exists.
    """
    from vistry.testing.new_plugin import write_plugin

    return write_plugin(name, Path(folder).resolve())[0]


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
