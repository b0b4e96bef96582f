"""`registry.toml`: which plugins are used, which one wins a name, and which defaults are overridden.

Layers, the last one wins a key: the user's file, the project's file, the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vistry.errors import RegistryError, suggestion
from vistry.registry.manifest import Defaults, Scalar
from vistry.registry.toml_lines import line_of

FILE_NAME = "registry.toml"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PluginPolicy(_Table):
    """`[plugins]`: names of plugins or distributions."""

    disable: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()


class ModelPolicy(_Table):
    """`[models.<name>]`: overridden defaults of one model."""

    defaults: Defaults = {}


class WeightsPolicy(_Table):
    """`[weights]`: what may be read."""

    allow_pickle: bool | None = None


class PolicyTables(_Table):
    """A whole `registry.toml`."""

    plugins: PluginPolicy = PluginPolicy()
    prefer: dict[str, str] = {}
    aliases: dict[str, str] = {}
    defaults: Defaults = {}
    models: dict[str, ModelPolicy] = {}
    weights: WeightsPolicy = WeightsPolicy()


_KEYS: dict[tuple[str, ...], tuple[str, ...]] = {
    (): tuple(PolicyTables.model_fields),
    ("plugins",): tuple(PluginPolicy.model_fields),
    ("weights",): tuple(WeightsPolicy.model_fields),
}


@dataclass(frozen=True)
class Layer:
    """One source of policy: a file, or the environment's variables."""

    origin: str
    tables: PolicyTables
    text: str = ""

    def where(self, *path: str) -> str:
        """The file and line that set a key."""
        line = line_of(self.text, path) if self.text else None
        return f"{self.origin}:{line}" if line else self.origin


@dataclass(frozen=True)
class Override:
    """A default that a policy layer sets, and where."""

    field: str
    value: Scalar
    origin: str


@dataclass(frozen=True)
class Policy:
    """The layers together."""

    layers: tuple[Layer, ...] = ()

    def disabled_by(self, plugin: str, distribution: str) -> str | None:
        """Where the plugin is disabled, or None."""
        origin = None
        for layer in self.layers:
            names = {plugin, distribution}
            if names & set(layer.tables.plugins.enable):
                origin = None
            if names & set(layer.tables.plugins.disable):
                origin = layer.where("plugins", "disable")
        return origin

    def preferred(self, model: str) -> str | None:
        """The plugin or distribution that wins this model name."""
        return self._last({layer: layer.tables.prefer for layer in self.layers}, model)

    def aliased(self, name: str) -> str:
        """The name an alias stands for, or the name itself."""
        return self._last({layer: layer.tables.aliases for layer in self.layers}, name) or name

    def allows_pickle(self) -> bool:
        """Whether other people's pickled weights may be read (never executed)."""
        said = [layer.tables.weights.allow_pickle for layer in self.layers]
        return next((value for value in reversed(said) if value is not None), False)

    def overrides(self, task: str, model_names: tuple[str, ...]) -> Iterator[Override]:
        """Overridden defaults for a task and a model (by any of its names), weakest first."""
        for layer in self.layers:
            tables: list[tuple[tuple[str, ...], Defaults]] = [((), layer.tables.defaults)]
            for name in model_names:
                if name in layer.tables.models:
                    tables.append((("models", name), layer.tables.models[name].defaults))
            for prefix, defaults in tables:
                for scope in ("*", task):
                    for field, value in defaults.get(scope, {}).items():
                        yield Override(field, value, layer.where(*prefix, "defaults", scope, field))

    @staticmethod
    def _last(tables: Mapping[Layer, Mapping[str, str]], key: str) -> str | None:
        found = [table[key] for table in tables.values() if key in table]
        return found[-1] if found else None


def user_file() -> Path:
    """The user's own registry.toml."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "vistry" / FILE_NAME


def project_file(folder: Path | None = None) -> Path | None:
    """The nearest registry.toml from `folder` (the working folder) upwards."""
    start = (folder or Path.cwd()).resolve()
    for place in (start, *start.parents):
        if (path := place / FILE_NAME).is_file():
            return path
    return None


def read_layer(path: Path) -> Layer:
    """Read and check one registry.toml. Raises RegistryError with file, line and remedy."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        tables = PolicyTables.model_validate(tomllib.loads(text))
    except OSError as error:
        raise RegistryError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RegistryError(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        raise RegistryError("\n".join(_explain(path, text, error))) from None
    twice = set(tables.plugins.enable) & set(tables.plugins.disable)
    if twice:
        line = line_of(text, ("plugins", "disable"))
        raise RegistryError(f"{path}:{line}: '{min(twice)}' is both enabled and disabled; keep one of the two")
    return Layer(str(path), tables, text)


def _explain(path: Path, text: str, error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False):
        location = tuple(str(part) for part in item["loc"] if part != "[key]")
        where = f"{path}:{line_of(text, location) or 1}"
        key = ".".join(location)
        if item["type"] == "extra_forbidden":
            hint = suggestion(location[-1], _KEYS.get(location[:-1], ()))
            yield f"{where}: unknown key '{key}'" + (f"; {hint}" if hint else "")
        else:
            yield f"{where}: '{key}': {item['msg'].removeprefix('Value error, ')}"


def _listed(variable: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in os.environ.get(variable, "").split(",") if name.strip())


def read_policy(folder: Path | None = None) -> Policy:
    """The policy in force in a folder. Raises RegistryError where a file can't be used.

    The environment's layer is the file that VISTRY_REGISTRY names, then the comma-separated plugin names
    in VISTRY_ENABLE and VISTRY_DISABLE.
    """
    paths = [user_file(), project_file(folder)]
    layers = [read_layer(path) for path in dict.fromkeys(paths) if path and path.is_file()]
    if named := os.environ.get("VISTRY_REGISTRY"):
        layers.append(read_layer(Path(named)))
    enable, disable = _listed("VISTRY_ENABLE"), _listed("VISTRY_DISABLE")
    if enable or disable:
        tables = PolicyTables(plugins=PluginPolicy(enable=enable, disable=disable))
        layers.append(Layer("the environment", tables))
    return Policy(tuple(layers))
