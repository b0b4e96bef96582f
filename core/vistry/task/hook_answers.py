"""The tasks' answers to hooks, for owners of models that don't implement them or build on them."""

from __future__ import annotations

from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.hooks import hookimpl
from vistry.plugin.types import Input, Loss, Postprocess, TrainingData, Values
from vistry.task import behaviour_of


def task_loss(task: str, hyperparameters: Values, backend: str, data: TrainingData) -> Loss:
    """Build the loss of a task for a backend, "torch" or "jax"."""
    return behaviour_of(task).build_loss(_typed(hyperparameters), backend, data)


def task_postprocess(task: str, hyperparameters: Values) -> Postprocess:
    """Build the function that turns model outputs into predictions of a task."""
    return behaviour_of(task).build_postprocess(_typed(hyperparameters))


def task_input(task: str, hyperparameters: Values) -> Input:
    """Build how images reach a network of a task: augmented in training, resized in validation and prediction."""
    return behaviour_of(task).build_input(_typed(hyperparameters))


@hookimpl(trylast=True)
def vistry_build_loss(task: str, hyperparameters: Values, backend: str, data: TrainingData) -> Loss:
    """Build the task's loss."""
    return task_loss(task, hyperparameters, backend=backend, data=data)


@hookimpl(trylast=True)
def vistry_build_postprocess(task: str, hyperparameters: Values) -> Postprocess:
    """Build the task's function from model outputs to predictions."""
    return task_postprocess(task, hyperparameters)


@hookimpl(trylast=True)
def vistry_build_input(task: str, hyperparameters: Values) -> Input:
    """Build the task's input."""
    return task_input(task, hyperparameters)


def _typed(values: Values) -> Hyperparameters:
    """Return what a hook was given as core's type; a plugin may pass a mapping that it changed."""
    return values if isinstance(values, Hyperparameters) else Hyperparameters.of(values)
