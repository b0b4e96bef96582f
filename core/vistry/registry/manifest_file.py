"""Reading a `plugin.toml`, and deciding from it alone whether this Vistry can use the plugin."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from vistry.errors import RegistryError
from vistry.registry.manifest import API, Manifest
from vistry.registry.stamps import file_stamp
from vistry.registry.toml_file import read_toml, validated


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
    """Read and check a `plugin.toml`: the same object while the file stays as it is.

    Raises TomlFileError or IncompatibleError.
    """
    return _read(path, file_stamp(path))


@cache
def _read(path: Path, _stamp: object) -> Manifest:
    text, data = read_toml(path)
    _check_api(data)
    return validated(Manifest, path, text, data=data)


def _check_api(data: dict[str, Any]) -> None:
    """Refuse another major version, and a minor one that this core hasn't reached. Raises IncompatibleError."""
    api = data.get("api")
    if not isinstance(api, str) or not re.fullmatch(r"\d+\.\d+", api):
        return  # the schema says what is wrong with it
    major, minor = _version(api)
    if major != API[0] or minor > API[1]:
        raise IncompatibleError(api)


def _version(api: str) -> tuple[int, ...]:
    return tuple(map(int, api.split(".")))
