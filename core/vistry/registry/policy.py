"""`registry.toml`: which plugins are used, which one wins a name, and which defaults are overridden.

Layers, the last one wins a key: the user's file, the project's file, the environment, the command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from vistry.errors import RegistryError
from vistry.registry.field_spec import Scalar
from vistry.registry.manifest import Defaults
from vistry.registry.names import is_called
from vistry.registry.stamps import file_stamp
from vistry.registry.toml_file import read_toml, validated
from vistry.registry.toml_lines import line_of

FILE_NAME = "registry.toml"
DISABLE_VARIABLE = "VISTRY_DISABLE"
KERNELS_VARIABLE = "VISTRY_KERNELS"
_COMMAND_LINE = "VISTRY_COMMAND_LINE_REGISTRY"
_FILE_VARIABLES = ("VISTRY_REGISTRY", _COMMAND_LINE)
_VARIABLES = (*_FILE_VARIABLES, "VISTRY_ENABLE", DISABLE_VARIABLE, KERNELS_VARIABLE)

KernelUse = Literal["off", "auto", "require"]


@dataclass(frozen=True, kw_only=True)
class PluginPolicy:
    """`[plugins]`: names of plugins or distributions. `last`: those whose wrappers come after all others, in order."""

    disable: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()
    last: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelPolicy:
    """`[models.<name>]`: overridden defaults of one model."""

    defaults: Defaults = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WeightsPolicy:
    """`[weights]`: what may be read."""

    allow_pickle: bool | None = None


@dataclass(frozen=True, kw_only=True)
class KernelPolicy:
    """`[kernels]`: whether kernels take the place of their references, and whose where two plugins offer one."""

    use: KernelUse | None = None
    prefer: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PolicyTables:
    """A whole `registry.toml`."""

    plugins: PluginPolicy = field(default_factory=PluginPolicy)
    prefer: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=dict)
    models: dict[str, ModelPolicy] = field(default_factory=dict)
    weights: WeightsPolicy = field(default_factory=WeightsPolicy)
    kernels: KernelPolicy = field(default_factory=KernelPolicy)


@dataclass(frozen=True)
class Layer:
    """One source of policy: a file, or the environment's variables."""

    origin: str
    tables: PolicyTables
    text: str = ""

    def where(self, *path: str | int) -> str:
        """The file and line that set a key."""
        line = line_of(self.text, path)
        return f"{self.origin}:{line}" if line else self.origin


@dataclass(frozen=True)
class PolicyValue:
    """A value that policy sets, and where it is written."""

    value: str
    origin: str


@dataclass(frozen=True)
class Override:
    """A default that a policy layer sets, where, and whether for one model only."""

    field: str
    value: Scalar
    origin: str
    for_one_model: bool


@dataclass(frozen=True)
class Policy:
    """The layers together."""

    layers: tuple[Layer, ...] = ()

    def disabled_by(self, plugin: str, distribution: str) -> str | None:
        """Where the plugin is disabled, or None."""
        origin = None
        for layer in self.layers:
            if any(is_called(name, plugin, distribution) for name in layer.tables.plugins.enable):
                origin = None
            for number, name in enumerate(layer.tables.plugins.disable):
                if is_called(name, plugin, distribution):
                    origin = layer.where("plugins", "disable", number)
        return origin

    def last_plugins(self) -> tuple[str, ...]:
        """The plugins whose wrappers come after all others, the last of which has the last word."""
        lists = [layer.tables.plugins.last for layer in self.layers]
        return next((names for names in reversed(lists) if names), ())

    def preferred(self, model: str) -> PolicyValue | None:
        """The plugin or distribution that wins this model name."""
        return self._last("prefer", lambda tables: tables.prefer, model)

    def aliased(self, name: str) -> PolicyValue | None:
        """The model that an alias stands for."""
        return self._last("aliases", lambda tables: tables.aliases, name)

    def allows_pickle(self) -> bool:
        """Whether other people's pickled weights may be read (never executed)."""
        values = [layer.tables.weights.allow_pickle for layer in self.layers]
        return next((value for value in reversed(values) if value is not None), False)

    def kernel_use(self) -> PolicyValue:
        """`off`, `auto` or `require`, and where that is written; `auto` by default."""
        for layer in reversed(self.layers):
            if use := layer.tables.kernels.use:
                return PolicyValue(use, layer.where("kernels", "use"))
        return PolicyValue("auto", "")

    def preferred_kernel(self, operation: str) -> PolicyValue | None:
        """The plugin or distribution whose kernel wins this operation."""
        for layer in reversed(self.layers):
            if operation in layer.tables.kernels.prefer:
                return PolicyValue(layer.tables.kernels.prefer[operation], layer.where("kernels", "prefer", operation))
        return None

    def overrides(self, task: str, model_names: tuple[str, ...] = ()) -> Iterator[Override]:
        """Overridden defaults for a task and a model (by any of its names), weakest first."""
        for layer in self.layers:
            yield from _overrides(layer, (), layer.tables.defaults, task=task)
            for name in model_names:
                if name in layer.tables.models:
                    yield from _overrides(layer, ("models", name), layer.tables.models[name].defaults, task=task)

    def _last(self, table: str, entries: Callable[[PolicyTables], Mapping[str, str]], key: str) -> PolicyValue | None:
        for layer in reversed(self.layers):
            if key in (values := entries(layer.tables)):
                return PolicyValue(values[key], layer.where(table, key))
        return None


def _overrides(layer: Layer, prefix: tuple[str, ...], defaults: Defaults, task: str) -> Iterator[Override]:
    for scope in ("*", task):
        for name, value in defaults.get(scope, {}).items():
            origin = layer.where(*prefix, "defaults", scope, name)
            yield Override(name, value, origin, for_one_model=bool(prefix))


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
    text, data = read_toml(path)
    return _consistent(Layer(str(path), validated(PolicyTables, path, text, data=data), text))


def _consistent(layer: Layer) -> Layer:
    plugins = layer.tables.plugins
    for number, name in enumerate(plugins.disable):
        if name in plugins.enable:
            where = layer.where("plugins", "disable", number)
            raise RegistryError(f"{where}: '{name}' is both enabled and disabled; keep one of the two")
    return layer


def _listed(variable: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in os.environ.get(variable, "").split(",") if name.strip())


def _named_by(variable: str, source: str) -> Iterator[Layer]:
    """The layer of the file that a variable names, if any; `source` is the variable in words. Raises RegistryError."""
    if not (named := os.environ.get(variable)):
        return
    if not Path(named).is_file():
        raise RegistryError(f"{source} names {named}, which is not a file; correct the path or leave it out")
    yield read_layer(Path(named))


def _from_variables() -> Iterator[Layer]:
    enable, disable = _listed("VISTRY_ENABLE"), _listed(DISABLE_VARIABLE)
    if enable or disable:
        tables = PolicyTables(plugins=PluginPolicy(enable=enable, disable=disable))
        yield _consistent(Layer(DISABLE_VARIABLE, tables))
    if use := os.environ.get(KERNELS_VARIABLE):
        if use not in get_args(KernelUse):
            raise RegistryError(f"{KERNELS_VARIABLE} = '{use}': must be off, auto or require")
        yield Layer(KERNELS_VARIABLE, PolicyTables(kernels=KernelPolicy(use=cast(KernelUse, use))))


@contextmanager
def command_line_file(path: Path) -> Iterator[None]:
    """Make a file the strongest layer, here and in the processes started meanwhile."""
    before = os.environ.get(_COMMAND_LINE)
    os.environ[_COMMAND_LINE] = str(path.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[_COMMAND_LINE]
        else:
            os.environ[_COMMAND_LINE] = before


def policy_stamp(folder: Path | None = None) -> Hashable:
    """A value that changes with every file and variable that `read_policy` reads."""
    named = [Path(name) for variable in _FILE_VARIABLES if (name := os.environ.get(variable))]
    files = [user_file(), project_file(folder), *named]
    return (
        tuple((str(path), file_stamp(path)) for path in files if path is not None),
        tuple(os.environ.get(variable) for variable in _VARIABLES),
    )


def read_policy(folder: Path | None = None) -> Policy:
    """The policy in force in a folder. Raises RegistryError where a file can't be used.

    The environment's layers are the file that VISTRY_REGISTRY names, then the comma-separated plugin names
    in VISTRY_ENABLE and VISTRY_DISABLE, then VISTRY_KERNELS. The strongest is the file given on the command line.
    """
    files = dict.fromkeys(path for path in (user_file(), project_file(folder)) if path and path.is_file())
    return Policy(
        (
            *(read_layer(path) for path in files),
            *_named_by("VISTRY_REGISTRY", "the environment variable VISTRY_REGISTRY"),
            *_from_variables(),
            *_named_by(_COMMAND_LINE, "--registry"),
        )
    )
