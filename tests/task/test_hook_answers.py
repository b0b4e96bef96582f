"""A plugin builds on what a task does, with the mapping that its hook was given or one that it changed."""

from __future__ import annotations

from vistry.hyperparameter.schema import schema_of
from vistry.plugin import ResizeInfo, TrainingData, task_input, task_loss, task_postprocess
from vistry.registry.catalogue import Catalogue

TASK = "image_classification"
VALUES = schema_of(Catalogue.read(), None, TASK).defaults()


def test_the_input_takes_a_changed_mapping() -> None:
    changed = {**VALUES, "validation_crop_size": 96, "training_crop_size": 64}
    assert task_input(TASK, changed).input_size(training=False) == 96
    assert task_input(TASK, changed).input_size(training=True) == 64


def test_the_loss_is_the_cross_entropy_of_the_task() -> None:
    import torch

    loss = task_loss(TASK, VALUES, "torch", TrainingData(("a", "b"), (1, 1), 2))
    [term] = loss(torch.nn.Identity(), torch.zeros(2, 2), torch.tensor([0, 1])).values()
    torch.testing.assert_close(term, torch.tensor(2.0).log())


def test_the_postprocess_gives_probabilities() -> None:
    import torch

    outputs = task_postprocess(TASK, VALUES)(torch.zeros(1, 4), [ResizeInfo(8, 8, 8, 8)])
    assert outputs[0].tolist() == [0.25] * 4
