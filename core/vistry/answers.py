"""What `--json` prints for each question to the registry, as types; `registry_schema` makes JSON Schemas of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from vistry.choosing.comparison import ComparisonRecord
from vistry.choosing.facts import ModelFactsRecord
from vistry.choosing.measurement import MeasurementRecord
from vistry.hyperparameter.fields import HyperparameterRecord, ResolvedHyperparameterRecord
from vistry.kernels.listing import KernelRecord
from vistry.registry.json_schema import json_schema
from vistry.registry.policy import KernelUse
from vistry.registry.records import SCHEMA, ModelRecord, PluginRecord, ShownPluginRecord, TaskRecord
from vistry.weights.published import PublishedWeightsRecord

Version = Annotated[Literal[1], "changes when a key is removed or changes its meaning"]


class Models(TypedDict):
    """`vistry models --json`."""

    schema: Version
    models: list[ModelRecord]


class Model(TypedDict):
    """`vistry models show NAME --json`."""

    schema: Version
    model: ModelRecord
    facts: ModelFactsRecord
    measured: Annotated[MeasurementRecord | None, "null: not asked for, with --measure"]


class ModelComparison(ComparisonRecord):
    """`vistry models compare NAME NAME --json`."""

    schema: Version


class Plugins(TypedDict):
    """`vistry plugins --json`."""

    schema: Version
    plugins: list[PluginRecord]
    notices: Annotated[list[str], "what in registry.toml matches nothing that is installed"]


class Plugin(TypedDict):
    """`vistry plugins show NAME --json`."""

    schema: Version
    plugin: ShownPluginRecord


class Tasks(TypedDict):
    """`vistry tasks --json`."""

    schema: Version
    tasks: list[TaskRecord]


class Task(TypedDict):
    """`vistry tasks show NAME --json`."""

    schema: Version
    task: TaskRecord


class Hyperparameters(TypedDict):
    """`vistry hyperparameters MODEL --task TASK --json`."""

    schema: Version
    task: str
    model: Annotated[str | None, "full name; null: what all models of the task share"]
    hyperparameters: list[ResolvedHyperparameterRecord]


class Hyperparameter(TypedDict):
    """`vistry hyperparameters show NAME --task TASK --json`."""

    schema: Version
    task: str
    model: Annotated[str | None, "full name; null: as all models of the task share it"]
    hyperparameter: HyperparameterRecord


class Weights(TypedDict):
    """`vistry weights --json`."""

    schema: Version
    weights: list[PublishedWeightsRecord]


class WeightsOfName(TypedDict):
    """`vistry weights show NAME --json`."""

    schema: Version
    weights: PublishedWeightsRecord


class KernelsOfOperation(TypedDict):
    """`vistry kernels show OPERATION --json`."""

    schema: Version
    kernels: list[KernelRecord]


class Kernels(KernelsOfOperation):
    """`vistry kernels --json`."""

    use: Annotated[KernelUse, "whether kernels take the place of their references"]
    origin: Annotated[str, "where `use` is set; empty where nobody set it"]


# By the names that `vistry schema` knows.
ANSWERS = {
    "models": Models,
    "model": Model,
    "model_comparison": ModelComparison,
    "plugins": Plugins,
    "plugin": Plugin,
    "tasks": Tasks,
    "task": Task,
    "hyperparameters": Hyperparameters,
    "hyperparameter": Hyperparameter,
    "weights": Weights,
    "weights_of_name": WeightsOfName,
    "kernels": Kernels,
    "kernels_of_operation": KernelsOfOperation,
}


def registry_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of each answer that `--json` prints, by the answer's name.

    Beside the answers, `schema` is their version, the number that each answer says, too.
    """
    return {"schema": SCHEMA, **{name: json_schema(form) for name, form in ANSWERS.items()}}
