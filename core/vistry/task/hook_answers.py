"""The tasks' answers to hooks, for owners of models that don't implement them."""

from __future__ import annotations

from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.hooks import hookimpl
from vistry.plugin.types import Input, Loss, Postprocess, TrainingData
from vistry.task import behaviour_of


@hookimpl(trylast=True)
def vistry_build_loss(task: str, hyperparameters: Hyperparameters, backend: str, data: TrainingData) -> Loss:
    """Build the task's loss."""
    return behaviour_of(task).build_loss(hyperparameters, backend, data)


@hookimpl(trylast=True)
def vistry_build_postprocess(task: str, hyperparameters: Hyperparameters) -> Postprocess:
    """Build the task's reading of a model's outputs."""
    return behaviour_of(task).build_postprocess(hyperparameters)


@hookimpl(trylast=True)
def vistry_build_input(task: str, hyperparameters: Hyperparameters) -> Input:
    """Build the task's way to read and show images."""
    return behaviour_of(task).build_input(hyperparameters)
