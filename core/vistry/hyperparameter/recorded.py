"""Resolved hyperparameters as a run keeps them."""

from __future__ import annotations

from vistry.hyperparameter.values import Hyperparameters, Setting
from vistry.runs.folder import Run
from vistry.runs.records import HyperparameterRecord, HyperparametersRecord


def hyperparameters_record(hyperparameters: Hyperparameters) -> HyperparametersRecord:
    """Keep each value with its origin; warnings were for the moment of the call."""
    return HyperparametersRecord(
        values={
            name: HyperparameterRecord(value=setting.value, origin=setting.origin, given=setting.given)
            for name, setting in hyperparameters.settings.items()
        }
    )


def hyperparameters_of(run: Run) -> Hyperparameters:
    """Read a run's hyperparameters. Raises RunError."""
    return Hyperparameters(
        Setting(name, record.value, record.origin, record.given) for name, record in run.hyperparameters.items()
    )
