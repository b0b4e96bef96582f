"""The schema of `plugin.toml`: the facts of a plugin, readable without running any of its code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic import Field as Constrained

from vistry.errors import Problem, RegistryError, suggestion
from vistry.registry.task_names import TASK_NAMES
from vistry.registry.toml_lines import line_of

API = (1, 0)
BACKENDS = ("torch", "jax")
WRAPPABLE_HOOKS = (
    "vistry_build_model",
    "vistry_freezing_map",
    "vistry_default_hyperparameters",
    "vistry_check_hyperparameters",
    "vistry_build_loss",
    "vistry_build_postprocess",
    "vistry_preprocessing",
    "vistry_map_weights",
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Scalar = bool | int | float | str


def _known_task(name: str) -> str:
    if name not in TASK_NAMES:
        raise ValueError(f"there is no task '{name}'; {suggestion(name, TASK_NAMES)}")
    return name


def _known_task_or_all(name: str) -> str:
    return name if name == "*" else _known_task(name)


TaskKey = Annotated[str, AfterValidator(_known_task)]
Backend = Literal["torch", "jax"]
Defaults = dict[Annotated[str, AfterValidator(_known_task_or_all)], dict[Name, Scalar]]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(_Table):
    """A hyperparameter: its type, its range, its default and one line about it.

    `flag` is 0 or 1 (true and false are accepted). `maximum` is inclusive unless `below` is used.
    A field with no default is unset until the user sets it.
    """

    type: Literal["integer", "number", "flag", "choice", "string"]
    description: str
    default: Scalar | None = None
    minimum: float | None = None
    maximum: float | None = None
    below: float | None = None
    above: float | None = None
    choices: tuple[Scalar, ...] | None = None
    pattern: str | None = None
    log_scale: bool = False
    unset_means: str = ""
    tasks: tuple[TaskKey, ...] = TASK_NAMES
    default_for: dict[TaskKey, Scalar] = {}

    @model_validator(mode="after")
    def _choices_belong_to_choice(self) -> FieldSpec:
        if (self.type == "choice") != (self.choices is not None):
            raise ValueError("'choices' belongs to type = \"choice\" and only there")
        return self


class Restriction(_Table):
    """A narrower range than the shared table's, and why the family needs it."""

    reason: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Scalar, ...] | None = None


class WeightsSpec(_Table):
    """Published weights: where they are, how to know them, and under which licence."""

    source: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}([0-9a-f]{56})?$")]
    license: str
    classes: int | None = None
    metrics: dict[str, float] = {}


class PreprocessingSpec(_Table):
    """How pixels are normalised: (value / 255 - mean) / std, for R, G and B."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


class GradientClipping(_Table):
    """Gradients are clipped before each optimiser step, by value or by their global norm."""

    by: Literal["value", "norm"] = "value"
    at: Annotated[float, Constrained(gt=0)] = 5.0


class ModelSpec(_Table):
    """One model of a family. What is left out is taken from the family's own keys."""

    summary: str
    parameters: Annotated[int, Constrained(gt=0)]
    tasks: tuple[TaskKey, ...] = ()
    backends: tuple[Backend, ...] = ()
    default_for: tuple[TaskKey, ...] = ()
    args: dict[str, Any] = {}
    weights: dict[Name, WeightsSpec] = {}
    freeze: tuple[tuple[str, ...], ...] = ()
    defaults: Defaults = {}
    restrict: dict[Name, Restriction] = {}
    preprocessing: PreprocessingSpec | None = None


class Manifest(_Table):
    """A whole `plugin.toml`."""

    manifest: Literal[1]
    api: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")]
    license: str
    summary: str
    hooks: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$")]
    wraps: tuple[Literal[WRAPPABLE_HOOKS], ...] = ()
    computes_defaults: bool = False
    tasks: tuple[TaskKey, ...] = ()
    backends: tuple[Backend, ...] = ()
    freeze: tuple[tuple[str, ...], ...] = ()
    preprocessing: PreprocessingSpec = PreprocessingSpec()
    gradient_clipping: GradientClipping = GradientClipping()
    hyperparameters: dict[Name, FieldSpec] = {}
    exclude: dict[Name, str] = {}
    restrict: dict[Name, Restriction] = {}
    defaults: Defaults = {}
    models: dict[ModelName, ModelSpec] = {}

    @model_validator(mode="after")
    def _each_model_is_complete(self) -> Manifest:
        for name, model in self.models.items():
            for key in ("tasks", "backends"):
                if not (getattr(model, key) or getattr(self, key)):
                    raise ValueError(
                        f"model '{name}' has no {key}: set '{key}' there or at the top of the file"
                    )
        return self


class ManifestError(RegistryError):
    """A `plugin.toml` that can't be used: every problem, each with its line."""

    def __init__(self, path: Path, problems: list[Problem]):
        self.path = path
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems))


def _known_keys(location: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys allowed in the table that holds the unknown key at `location`."""
    table: type[BaseModel]
    match location[:-1]:
        case ():
            table = Manifest
        case ("models", _):
            table = ModelSpec
        case ("hyperparameters", _):
            table = FieldSpec
        case (*_, "restrict", _):
            table = Restriction
        case (*_, "weights", _):
            table = WeightsSpec
        case (*_, "preprocessing"):
            table = PreprocessingSpec
        case (*_, "gradient_clipping"):
            table = GradientClipping
        case _:
            return ()
    return tuple(table.model_fields)


def _problems(path: Path, text: str, error: ValidationError) -> list[Problem]:
    problems = []
    for item in error.errors(include_url=False):
        location = tuple(part for part in item["loc"] if part != "[key]")
        where = f"{path}:{line_of(text, location) or 1}"
        key = ".".join(str(part) for part in location)
        if item["type"] == "extra_forbidden":
            known = _known_keys(location)
            message = f"unknown key '{key}'"
            remedy = suggestion(str(location[-1]), known)
        elif item["type"] == "missing":
            message, remedy = f"the key '{key}' is missing", f"add {location[-1]} = ..."
        else:
            message = item["msg"].removeprefix("Value error, ")
            message, remedy = (f"'{key}': {message}" if key else message), ""
        problems.append(Problem(where, message, remedy))
    return problems


@lru_cache(maxsize=1024)
def _read(path: Path, modified_ns: int, size: int) -> Manifest:
    text = path.read_text(encoding="utf-8-sig")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(path, [Problem(str(path), f"not valid TOML: {error}")]) from None
    declared = data.get("api")
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        if isinstance(declared, str) and not is_compatible(declared):
            raise IncompatibleError(declared) from None
        raise ManifestError(path, _problems(path, text, error)) from None


class IncompatibleError(RegistryError):
    """A manifest written for another version of the plugin interface."""

    def __init__(self, api: str):
        self.api = api
        ours = ".".join(map(str, API))
        super().__init__(f"it was written for plugin API {api}, and this Vistry offers {ours}")


def is_compatible(api: str) -> bool:
    """Same major version, and a minor version that this core has reached."""
    if not re.fullmatch(r"\d+\.\d+", api):
        return True  # the schema says what is wrong with it
    major, minor = map(int, api.split("."))
    return major == API[0] and minor <= API[1]


def read_manifest(path: Path) -> Manifest:
    """Read and check a `plugin.toml`. Raises ManifestError or IncompatibleError."""
    try:
        status = path.stat()
        manifest = _read(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ManifestError(path, [Problem(str(path), f"can't be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ManifestError(path, [Problem(str(path), "is not UTF-8 text")]) from None
    if not is_compatible(manifest.api):
        raise IncompatibleError(manifest.api)
    return manifest


def merged_defaults(layers: Mapping[str, Mapping[str, Scalar]], task: str) -> dict[str, Scalar]:
    """The defaults of a `[defaults]` table that hold for a task: those under "*", then the task's."""
    return {**layers.get("*", {}), **layers.get(task, {})}
