"""Loss terms and augmentations of a plugin: off by default, computed in both backends, seeded, and named in faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vistry
from safetensors.numpy import load_file
from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.schema import Source
from vistry.runs.folder import Run
from vistry.training.events import Listener, LossComputed
from vistry.training.session import resume

pytestmark = pytest.mark.usefixtures("extras")
SETTINGS: dict[str, Any] = {
    "task": "multiclass",
    "model": "twin",
    "number_of_epochs": 2,
    "learning_rate": 0.05,
    "precision": "fp32",
}
# Both compute the same term, see below, and are given the same pictures.
BACKENDS = pytest.mark.parametrize("backend", ["torch", pytest.param("jax", marks=pytest.mark.long)])
HEAD = 'manifest = 1\napi = "1.0"\nlicense = "MIT"\nsummary = "Parts for tests"\n'
PART = '[{kind}.{name}]\nsummary = "s"\ntasks = ["{task}"]\n{key} = "vistry_odd.code:{name}"\n'
CODE = """
def scalar(logits, targets, hyperparameters):
    return logits.mean()

def cross_entropy(logits, targets, hyperparameters):
    return logits.mean(1)

def smaller(sample, random, hyperparameters):
    return sample[1:]

def raising(sample, random, hyperparameters):
    return sample + missing

def brighter(sample, random, hyperparameters):
    from dataclasses import replace
    return replace(sample, pixels=sample.pixels | 128)
"""


class Terms(Listener):
    def __init__(self) -> None:
        self.terms: list[dict[str, float]] = []

    def loss_computed(self, computed: LossComputed) -> None:
        self.terms.append(dict(computed.terms))


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing catches it."""


class KilledAt(Listener):
    def evaluation_begins(self, epoch: int) -> None:
        if epoch == 1:
            raise Killed


def train(digits: Path, backend: str, **changes: Any) -> Run:
    return vistry.train(digits, backend=backend, **{**SETTINGS, **changes}).run


def weights(run: Run) -> np.ndarray:
    return np.concatenate([value.ravel() for _, value in sorted(load_file(run.best_weights).items())])


@BACKENDS
def test_a_term_is_in_the_loss_with_its_weight(backend: str, digits: Path, runs: Path) -> None:
    terms = {weight: Terms() for weight in (0.0, 0.5, 1.0)}
    for weight, listener in terms.items():
        train(digits, backend, confidence_weight=weight, number_of_epochs=1, listeners=[listener])
    assert all(set(each) == {"cross_entropy"} for each in terms[0.0].terms)
    first_half, first_whole = terms[0.5].terms[0]["confidence"], terms[1.0].terms[0]["confidence"]
    assert -np.log(4) <= first_whole < 0  # the negative entropy of four classes
    assert first_half == pytest.approx(first_whole / 2, rel=1e-5)


def test_both_backends_compute_the_same_term(digits: Path, runs: Path) -> None:
    start = train(digits, "torch", learning_rate=0, number_of_epochs=1)
    first = []
    for backend in ("torch", "jax"):
        terms = Terms()
        train(
            digits,
            backend,
            checkpoint_run_id=str(start.folder),
            confidence_weight=1,
            number_of_epochs=1,
            listeners=[terms],
        )
        first.append(terms.terms[0])
    assert first[0] == pytest.approx(first[1], rel=1e-3)


def test_a_term_is_the_entropy(extras: Path) -> None:
    from vistry_extras.confidence import torch_confidence

    probabilities = torch.tensor([[0.5, 0.25, 0.25], [1.0, 1e-9, 1e-9]])
    values = torch_confidence(probabilities.log(), torch.zeros(2), {})
    assert values.tolist() == pytest.approx([-1.5 * np.log(2), 0.0], abs=1e-5)


@BACKENDS
def test_an_augmentation_changes_the_training_and_a_resumed_one_ends_the_same(
    backend: str, digits: Path, runs: Path
) -> None:
    plain, changed = train(digits, backend), train(digits, backend, cutout_probability=0.7, cutout_side=0.4)
    assert not np.array_equal(weights(plain), weights(changed))
    values = {"cutout_probability": 0.7, "cutout_side": 0.4}
    assert np.array_equal(weights(train(digits, backend, **values, number_of_workers=1)), weights(changed))
    with pytest.raises(Killed):
        train(digits, backend, listeners=[KilledAt()], **values)
    resumed = resume("last").run
    assert np.array_equal(weights(resumed), weights(changed))
    assert [(part.kind, part.name) for part in resumed.record.parts] == [("augmentations", "cutout")]


def test_the_share_that_is_changed(extras: Path) -> None:
    from vistry.loading.augmented import Augmentation
    from vistry.registry.part_specs import AugmentationSpec
    from vistry.registry.parts import Part
    from vistry_extras.cutout import cutout

    spec = AugmentationSpec(summary="s", tasks=("image_classification",), function="vistry_extras.cutout:cutout")
    part = Part("cutout", spec, extras / "plugin.toml")
    white = np.full((16, 16, 3), 255, np.uint8)
    for probability in (0.0, 0.3, 1.0):
        augment = Augmentation(part, cutout, probability, hyperparameters={"cutout_side": 0.5})
        images = [augment(white, np.random.default_rng(seed)) for seed in range(300)]
        assert np.mean([bool((image < 255).any()) for image in images]) == pytest.approx(probability, abs=0.1)
        assert all((image == 128).sum() <= 3 * 8 * 8 for image in images)


def test_they_are_hyperparameters_of_their_tasks_alone() -> None:
    fields = vistry.hyperparameters(None, "multiclass").fields
    assert fields["confidence_weight"].default == fields["cutout_probability"].default == 0
    assert fields["confidence_weight"].origin.endswith("vistry_extras/plugin.toml:48")
    assert "confidence_weight" not in vistry.hyperparameters(None, "multilabel").fields
    assert "cutout_side" in vistry.hyperparameters(None, "multilabel").fields
    assert "cutout_side" not in vistry.hyperparameters(None, "detection").fields
    schema = vistry.hyperparameters("resnet50", "multiclass")
    [warning] = schema.resolve([Source.of({"cutout_side": 0.2}, "the test")]).warnings
    assert str(warning) == "cutout_side: has no effect while cutout_probability is 0; leave it out, or raise that"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("losses", "scalar", r"\[losses\.scalar\] failed: it must return a number for each of \d+ images, got \[\]"),
        (
            "losses",
            "cross_entropy",
            r"\[losses\.cross_entropy\] failed: the model's own loss has a term 'cross_entropy'",
        ),
        ("augmentations", "smaller", r"it must return \[16, 16, 3\] uint8, as it was given, got \[15, 16, 3\] uint8"),
        (
            "augmentations",
            "raising",
            r"\[augmentations\.raising\] \(.*code\.py:12\) raised NameError: name 'missing' is not defined",
        ),
    ],
)
def test_a_fault_is_named(
    kind: str, name: str, message: str, lay_out: Callable[..., Path], digits: Path, runs: Path
) -> None:
    key, switch = {"losses": ("torch", "weight"), "augmentations": ("function", "probability")}[kind]
    manifest = HEAD + PART.format(kind=kind, name=name, task="image_classification", key=key)
    (lay_out("odd", manifest=manifest) / "code.py").write_text(CODE)
    with pytest.raises(RegistryError, match=rf"'odd' of vistry-odd .*{message}"):
        train(digits, "torch", **{f"{name}_{switch}": 1})


def test_a_term_without_the_backend_is_an_error_before_any_work(
    lay_out: Callable[..., Path], digits: Path, runs: Path
) -> None:
    lay_out("odd", manifest=HEAD + PART.format(kind="losses", name="a", task="image_classification", key="torch"))
    with pytest.raises(HyperparameterError, match="a_weight: the loss term 'a' of vistry-odd is for torch, and"):
        train(digits, "jax", a_weight=1)
    assert not list(runs.glob("*"))


def test_a_detector_has_no_terms(lay_out: Callable[..., Path]) -> None:
    lay_out("odd", manifest=HEAD + PART.format(kind="losses", name="a", task="image_object_detection", key="torch"))
    assert "can't be for image_object_detection: a detector computes its own loss" in vistry.find_plugin("odd").reason
