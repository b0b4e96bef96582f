"""Optimisers and schedules of a plugin train in both backends, and a killed training goes on to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vistry
from safetensors.numpy import load_file
from vistry.errors import HyperparameterError, RegistryError
from vistry.registry.policy import DISABLE_VARIABLE
from vistry.runs.folder import Run, find_run
from vistry.training.events import Listener
from vistry.training.session import resume

pytestmark = pytest.mark.usefixtures("extras")

SETTINGS: dict[str, Any] = {
    "task": "multiclass",
    "model": "twin_dropout",
    "number_of_epochs": 3,
    "optimizer": "lion",
    "learning_rate": 0.003,
    "weight_decay": 0.1,
    "learning_rate_scheduler": "polynomial",
    "polynomial_power": 2,
    "precision": "fp32",
}
BACKENDS = pytest.mark.parametrize("backend", ["torch", "jax"])


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing catches it."""


class KilledAt(Listener):
    """Is killed after so many updates."""

    def __init__(self, updates: int):
        self.left = updates

    def update_ended(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def train(digits: Path, backend: str, **changes: Any) -> Run:
    return vistry.train(digits, backend=backend, **{**SETTINGS, **changes}).run


@BACKENDS
def test_killed_and_resumed_it_ends_with_the_same_bits(backend: str, digits: Path, runs: Path) -> None:
    whole = train(digits, backend)
    with pytest.raises(Killed):
        train(digits, backend, listeners=[KilledAt(7)])
    resumed = resume("last").run
    assert resumed.id != whole.id
    for name in ("best_weights", "last_state"):
        ours, theirs = load_file(getattr(resumed, name)), load_file(getattr(whole, name))
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    momentum = {"torch": "optimizer/head.weight.momentum", "jax": "optimizer/head.weight.mu"}[backend]
    assert np.any(load_file(whole.last_state)[momentum])
    # 64 images are 4 batches an epoch, and the last of all 12 is a step before the end.
    assert whole.history()[-1].learning_rate == pytest.approx(0.003 / 12**2)
    assert whole.history()[-1].train_loss < whole.history()[0].train_loss


@BACKENDS
def test_a_step_is_that_of_the_paper(backend: str, digits: Path, runs: Path) -> None:
    """The first momentum is (1 - beta2) times the gradient and the first step of each number the learning rate."""
    once = {"number_of_epochs": 1, "training_batch_size": 100, "weight_decay": 0, "polynomial_power": 1}
    run = train(digits, backend, **once)
    start = train(digits, backend, **{**once, "learning_rate": 0})
    after, before = load_file(run.best_weights), load_file(start.best_weights)
    steps = np.abs(after["head.weight"] - before["head.weight"])
    assert np.isclose(steps, 0.003, rtol=1e-3).mean() > 0.95  # a gradient of exactly 0 makes none


def test_both_backends_take_the_same_steps(digits: Path, runs: Path, tmp_path: Path) -> None:
    """From the same weights, without dropout, over the first updates."""
    first = train(digits, "torch", model="twin", learning_rate=0, number_of_epochs=1)
    once = {"model": "twin", "number_of_epochs": 1, "training_batch_size": 100, "checkpoint_run_id": str(first.folder)}
    ours, theirs = (load_file(train(digits, backend, **once).best_weights) for backend in ("torch", "jax"))
    same = [np.isclose(ours[name].ravel(), theirs[name].ravel(), atol=1e-5).mean() for name in ours]
    assert np.average(same, weights=[value.size for value in ours.values()]) > 0.95


def test_the_run_names_the_plugin(digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Killed):
        train(digits, "torch", listeners=[KilledAt(7)])
    killed = find_run("last")
    assert [(part.kind, part.name, part.plugin, part.distribution) for part in killed.record.parts] == [
        ("optimizers", "lion", "extras", "vistry-extras"),
        ("schedules", "polynomial", "extras", "vistry-extras"),
    ]
    monkeypatch.setenv(DISABLE_VARIABLE, "extras")
    with pytest.raises(RegistryError, match=r"\[optimizers\.lion\] of vistry-extras 0\.1\.0, which is disabled by"):
        resume("last")


def test_a_finished_run_predicts_without_the_plugin(digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(digits, "torch", number_of_epochs=1)
    images = sorted(digits.rglob("*.png"))[:2]
    before = vistry.predict(str(run.folder), images)
    monkeypatch.setenv(DISABLE_VARIABLE, "extras")
    assert vistry.predict(str(run.folder), images) == before
    assert vistry.load(str(run.folder), validation_resize_size=20).hyperparameters.optimizer == "lion"


def test_core_alone_has_no_lion(digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DISABLE_VARIABLE, "extras")
    with pytest.raises(HyperparameterError, match="the plugin 'extras', which is disabled by VISTRY_DISABLE") as caught:
        train(digits, "torch")
    assert "optimizer: 'lion', from the call, must be sgd, adam or adamw" in str(caught.value)


MODULE = """
import torch

class Counting(torch.optim.Optimizer):
    '''Keeps what state an optimiser may keep: numbers, scalars, rows, tensors of the parameter's shape.'''

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state.setdefault("count", 0)
                state.setdefault("scale", 1.0)
                state.setdefault("scalar", torch.zeros(()))
                state.setdefault("rows", torch.zeros(len(p)))
                state.setdefault("ints", torch.zeros(p.shape, dtype=torch.int64))
                state["count"] += 1
                state["scale"] *= 0.9
                state["scalar"] += p.grad.abs().mean()
                state["rows"] += p.grad.reshape(len(p), -1).square().mean(1)
                state["ints"] += (p.grad > 0)
                step = p.grad / (state["rows"].sqrt().reshape(-1, *[1] * (p.dim() - 1)) + 1e-6) * state["scale"]
                p.data.sub_(step * group["lr"] * (1 + 0.1 ** state["count"]) / (1 + state["scalar"]))

def counting(groups, hyperparameters):
    return Counting(groups, {"lr": 0.0})

def raising(groups, hyperparameters):
    optimizer = Counting(groups, {"lr": 0.0})
    optimizer.step = lambda: 1 / 0
    return optimizer

def nothing(groups, hyperparameters):
    return None
"""
MANIFEST = """manifest = 1
api = "1.0"
license = "MIT"
summary = "Optimisers for tests"
"""


def optimizers(*names: str) -> str:
    return MANIFEST + "".join(
        f'[optimizers.{name}]\nsummary = "s"\ntorch = "vistry_odd.odd:{name}"\n' for name in names
    )


@pytest.fixture
def odd(lay_out: Any) -> Path:
    """A plugin of three optimisers for torch alone."""
    folder: Path = lay_out("odd", manifest=optimizers("counting", "raising", "nothing", "absent"))
    (folder / "odd.py").write_text(MODULE)
    return folder


@pytest.mark.usefixtures("odd")
def test_every_kind_of_state_is_kept(digits: Path, runs: Path) -> None:
    settings = {"optimizer": "counting", "learning_rate": 0.01}
    whole = train(digits, "torch", **settings)
    with pytest.raises(Killed):
        train(digits, "torch", listeners=[KilledAt(8)], **settings)
    ours, theirs = load_file(resume("last").run.last_state), load_file(whole.last_state)
    assert ours.keys() == theirs.keys()
    assert {"optimizer/head.weight.count:number", "optimizer/head.weight.rows"} < theirs.keys()
    for key in ours:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


@pytest.mark.usefixtures("odd")
def test_a_backend_that_an_optimiser_lacks_is_an_error_before_any_work(digits: Path, runs: Path) -> None:
    with pytest.raises(HyperparameterError) as caught:
        train(digits, "jax", optimizer="counting")
    assert (
        "optimizer: the optimizer 'counting' of vistry-odd is for torch, and the backend is jax; "
        "use sgd, adam, adamw, lion, or --backend torch" in str(caught.value)
    )
    assert not list(runs.glob("*"))


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raising", r"\(.*vistry_odd/odd\.py:29\) raised ZeroDivisionError: division by zero"),
        ("nothing", r"failed: vistry_odd\.odd:nothing must return a torch\.optim\.Optimizer, got NoneType"),
        ("absent", r"failed: vistry_odd\.odd has no 'absent'"),
    ],
)
def test_a_fault_in_an_optimiser_is_named(name: str, reason: str, digits: Path, runs: Path) -> None:
    with pytest.raises(RegistryError, match=rf"'odd' of vistry-odd .* \[optimizers\.{name}\] {reason}"):
        train(digits, "torch", optimizer=name)


def test_torch_knows_the_optimiser(extras: Path) -> None:
    """By hand: momentum 0, gradients 1 and -3, then again."""
    from vistry_extras.torch_lion import Lion

    parameter = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    lion = Lion([{"params": [parameter], "weight_decay": 0.5}], (0.9, 0.99))
    lion.param_groups[0]["lr"] = 0.1
    for gradient, expected in (([1.0, -3.0], [0.85, 1.05]), ([-0.05, -3.0], [0.7075, 1.0975])):
        parameter.grad = torch.tensor(gradient)
        lion.step()
        assert parameter.tolist() == pytest.approx(expected)
