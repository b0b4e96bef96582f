"""Reading a `plugin.toml`, and deciding from it alone whether this Vistry can use the plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from vistry.errors import Problem, RegistryError
from vistry.registry.api_versions import newer_keys
from vistry.registry.catalogue_file import read_catalogue_file
from vistry.registry.manifest import API, Manifest
from vistry.registry.stamps import file_stamp
from vistry.registry.toml_file import TomlFileError, read_text, read_toml, validated
from vistry.registry.toml_lines import line_of


class IncompatibleError(RegistryError):
    """A manifest written for another version of the plugin interface."""

    def __init__(self, api: str):
        self.api = api
        ours = ".".join(map(str, API))
        super().__init__(f"it was written for plugin API {api}, and this Vistry offers {ours}")

    @property
    def is_newer(self) -> bool:
        """Whether a newer Vistry is needed, and not a newer plugin."""
        return _version(self.api) > API


def read_manifest(path: Path) -> Manifest:
    """Read and check a `plugin.toml` and the catalogue that it names: the same object while both stay as they are.

    Raises TomlFileError or IncompatibleError.
    """
    manifest = _read(path, file_stamp(path))
    if not manifest.catalogue:
        return manifest
    catalogue = path.parent / manifest.catalogue
    return _read_with_catalogue(path, file_stamp(path), catalogue=catalogue, _stamp=file_stamp(catalogue))


@cache
def _read_with_catalogue(path: Path, stamp: object, catalogue: Path, _stamp: object) -> Manifest:
    manifest = _read(path, stamp)
    models = read_catalogue_file(catalogue)
    if twice := sorted(manifest.models.keys() & models):
        where = f"{path}:{line_of(read_text(path), ('models', twice[0])) or 1}"
        message = f"the model '{twice[0]}' is in {catalogue.name}, too"
        raise TomlFileError([Problem(where, message, "leave it out of one of the two files")])
    try:
        return replace(manifest, models={**manifest.models, **models})
    except ValueError as error:
        raise TomlFileError([Problem(str(catalogue), str(error))]) from None


@cache
def _read(path: Path, _stamp: object) -> Manifest:
    text, data = read_toml(path)
    _check_api(data)
    manifest = validated(Manifest, path, text, data=data)
    if problems := list(_problems_of_keys(path, text, data=data, api=manifest.api)):
        raise TomlFileError(problems)
    return manifest


def _check_api(data: dict[str, Any]) -> None:
    """Refuse another major version, and a minor one that this core hasn't reached. Raises IncompatibleError."""
    api = data.get("api")
    if not isinstance(api, str) or not re.fullmatch(r"\d+\.\d+", api):
        return  # the schema says what is wrong with it
    major, minor = _version(api)
    if major != API[0] or minor > API[1]:
        raise IncompatibleError(api)


def _problems_of_keys(path: Path, text: str, data: dict[str, Any], api: str) -> Iterator[Problem]:
    """A problem for each key that a later plugin API added than the one that the manifest names."""
    major, minor = _version(api)
    for key, added in newer_keys(data, minor):
        yield Problem(
            f"{path}:{line_of(text, key) or 1}",
            f"'{'.'.join(key)}' came with plugin API {major}.{added}, and this manifest says api = \"{api}\"",
            f'write api = "{major}.{added}"',
        )


def _version(api: str) -> tuple[int, ...]:
    return tuple(map(int, api.split(".")))
