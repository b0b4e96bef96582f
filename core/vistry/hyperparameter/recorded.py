"""Resolved hyperparameters as a run keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.field_spec import FieldSpec, to_json
from vistry.runs.folder import Run
from vistry.runs.records import HyperparameterRecord, HyperparametersRecord


def hyperparameters_record(hyperparameters: Hyperparameters) -> HyperparametersRecord:
    """Keep each value with its origin; warnings were for the moment of the call."""
    return HyperparametersRecord(
        values={
            name: HyperparameterRecord(value=to_json(setting.value), origin=setting.origin, given=setting.given)
            for name, setting in hyperparameters.settings.items()
        }
    )


def hyperparameters_of(run: Run, family_fields: Mapping[str, FieldSpec] | None = None) -> Hyperparameters:
    """Read a run's hyperparameters; `family_fields` are those that its model's family adds. Raises RunError."""
    records = {name: vars(record) for name, record in run.hyperparameters.items()}
    return Hyperparameters.from_dict(records, family_fields)
