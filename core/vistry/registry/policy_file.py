"""Switching a plugin on or off in a registry.toml, which keeps its comments and its layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import tomlkit

from vistry.errors import RegistryError
from vistry.registry.discovery import Plugin
from vistry.registry.names import is_called
from vistry.registry.policy import Policy, project_file, read_layer, read_policy, user_file


def file_to_write(user: bool = False) -> Path:
    """The project's registry.toml where there is one, else the user's."""
    project = None if user else project_file()
    return project or user_file()


def switch(plugin: Plugin, on: bool, path: Path) -> None:
    """Enable or disable a plugin in a registry.toml, made if there is none. Raises RegistryError."""
    document = _read(path)
    table = document.setdefault("plugins", tomlkit.table())
    names = (plugin.name, plugin.distribution)
    _remove(table, "disable" if on else "enable", names)
    if on and _disabled_without(path, names):
        _add(table, "enable", plugin.handle)
    elif not on:
        _add(table, "disable", plugin.handle)
    if not table:
        document.remove("plugins")
    _write(path, tomlkit.dumps(document))


def _read(path: Path) -> tomlkit.TOMLDocument:
    if not path.exists():
        return tomlkit.document()
    read_layer(path)
    return tomlkit.parse(path.read_bytes().decode("utf-8-sig"))


def _disabled_without(path: Path, names: tuple[str, str]) -> bool:
    others = tuple(layer for layer in read_policy().layers if layer.origin != str(path))
    return Policy(others).disabled_by(*names) is not None


def _remove(table: Any, key: str, names: tuple[str, str]) -> None:
    for name in [word for word in table.get(key, ()) if is_called(word, *names)]:
        table[key].remove(name)
    if key in table and not table[key]:
        table.remove(key)


def _add(table: Any, key: str, name: str) -> None:
    names = table.setdefault(key, tomlkit.array())
    if name not in names:
        names.append(name)


def _write(path: Path, text: str) -> None:
    """Replace the file in one step: a reader sees the old or the new one. Raises RegistryError."""
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8", newline="")
        if target.exists():
            fresh.chmod(target.stat().st_mode)
        fresh.replace(target)
    except OSError as error:
        raise RegistryError(f"{path} can't be written: {error.strerror}") from None
    finally:
        fresh.unlink(missing_ok=True)
