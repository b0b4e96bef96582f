"""The learning-rate factor, against published values and hand-computed ones."""

from __future__ import annotations

import math

import pytest
import torch
from vistry.errors import RegistryError
from vistry.hyperparameter.schema import schema_of
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.catalogue import Catalogue
from vistry.registry.part_specs import ScheduleSpec
from vistry.registry.parts import core_parts
from vistry.training.schedules import cosine_after_warmup, schedule_of, step_decay

BASE = {
    "learning_rate_scheduler": "warmup_cosine",
    "warmup_cosine_lr_warmup_epochs": 2,
    "warmup_cosine_lr_cycles": 0.45,
    "number_of_epochs": 15,
    "step_lr_gamma": 0.5,
    "step_lr_step_size": 5,
}


def test_defaults_give_the_reference_factors_at_the_start_of_each_epoch() -> None:
    expected = [0, 0.5, 1, 0.988, 0.953, 0.897, 0.822, 0.732, 0.631, 0.524, 0.416, 0.312, 0.216, 0.134, 0.069]
    factor = schedule_of(Hyperparameters.of(BASE), steps_per_epoch=7)
    assert [factor(epoch * 7) for epoch in range(15)] == pytest.approx(expected, abs=1e-3)


def test_warm_up_is_linear_in_batches() -> None:
    factor = cosine_after_warmup(warmup_steps=10, total_steps=100, cycles=0.45)
    assert [factor(step) for step in (0, 1, 5, 9)] == pytest.approx([0, 0.1, 0.5, 0.9])


@pytest.mark.parametrize(("cycles", "end"), [(0.45, 0.0245), (0.5, 0.0), (1.0, 1.0), (0.25, 0.5)])
def test_cycles_decide_where_the_cosine_ends(cycles: float, end: float) -> None:
    assert cosine_after_warmup(0, 1000, cycles)(1000) == pytest.approx(end, abs=1e-4)


def test_step_decay_equals_torchs_step_lr() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.3)
    ours = step_decay(gamma=0.3, every_epochs=3, steps_per_epoch=4)
    for epoch in range(10):
        assert ours(epoch * 4) == pytest.approx(theirs.get_last_lr()[0])
        assert ours(epoch * 4 + 3) == ours(epoch * 4)
        optimizer.step()
        theirs.step()


def test_the_named_scheduler_is_the_one_used() -> None:
    stepped = schedule_of(Hyperparameters.of({**BASE, "learning_rate_scheduler": "step"}), steps_per_epoch=2)
    assert [stepped(step) for step in (0, 9, 10, 20)] == [1, 1, 0.5, 0.25]


def test_an_unknown_scheduler_is_an_error() -> None:
    with pytest.raises(RegistryError, match=r"there is no schedule 'steps'; did you mean 'step'"):
        schedule_of(Hyperparameters.of({**BASE, "learning_rate_scheduler": "steps"}), steps_per_epoch=2)


def test_every_scheduler_that_can_be_chosen_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTRY_DISABLE", "dfine,deimv2,rfdetr")  # which bring schedules of their own
    schema = schema_of(Catalogue.read(), None, "image_classification")
    assert schema.fields["learning_rate_scheduler"].spec.choices == tuple(core_parts(ScheduleSpec))


def test_a_warm_up_longer_than_training_never_leaves_it() -> None:
    factor = schedule_of(Hyperparameters.of({**BASE, "number_of_epochs": 1}), steps_per_epoch=4)
    assert [factor(step) for step in range(4)] == [0, 0.125, 0.25, 0.375]
    assert math.isclose(factor(7), 0.875)
