"""Every model in Flax against its twin in torch: names, shapes, logits, statistics, and how its weights are drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import vistry
from flax import nnx
from vistry.training.engines.jax.module import arrays_of, load_arrays, parameter_names, shapes_of

SIZES = {"vits16r224": 32, "vitb16r224": 32, "vitl16r224": 32, "seresnext": 224}
# The others take half a minute each to compile. Some have the same blocks in other numbers; of those with blocks of
# their own the kit compares the backends in evaluation, after a step: resnest50, seresnext, resnet50 under RetinaNet.
WHOLE = [
    "mobilenetv2", "resnet18", "vits16r224",
    *(
        pytest.param(name, marks=pytest.mark.long)
        for name in (
            "resnet34", "resnet50", "resnet101", "resnet152", "resnest50", "resnest101", "seresnext", "vitb16r224",
            "vitl16r224",
        )
    ),
]  # fmt: skip
TOLERANCE = 1e-4  # of the largest logit, in float32


@pytest.fixture(autouse=True)
def no_policy(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def _twins(name: str, **hyperparameters: Any) -> tuple[Any, torch.nn.Module]:
    size = SIZES.get(name, 64)
    if name.startswith("vit"):
        hyperparameters |= {"training_crop_size": size, "validation_crop_size": size}
    asked = {"task": "multiclass", "num_classes": 5, "hyperparameters": hyperparameters}
    ours = vistry.create(name, backend="jax", **asked)
    theirs = vistry.create(name, backend="torch", **asked)
    _enliven(theirs, name)
    load_arrays(ours, {key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


@torch.no_grad()
def _enliven(module: torch.nn.Module, name: str) -> None:
    """Set weights at which nothing vanishes: no branch off, norms around 1, statistics of images.

    The norm that ends a bottleneck is around 0.3: where all are around 1, rounding grows so from block to block that
    resnet101 in torch's float32 is 5e-4 off its float64.
    """
    random = torch.Generator().manual_seed(0)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for path, part in module.named_modules():
        if isinstance(part, torch.nn.BatchNorm2d | torch.nn.LayerNorm):
            part.weight.uniform_(0.7, 1.3, generator=random).mul_(0.3 if path.endswith("bn3") else 1)
            part.bias.uniform_(-0.3, 0.3, generator=random)
        elif isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    module.train()(_images(name, 4, seed=2)[0])
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum


def _images(name: str, count: int, seed: int = 1) -> tuple[torch.Tensor, jax.Array]:
    size = SIZES.get(name, 64)
    values = np.random.default_rng(seed).standard_normal((count, size, size, 3), np.float32)
    return torch.from_numpy(values.transpose(0, 3, 1, 2).copy()), jnp.asarray(values)


@nnx.jit
def _call(module: Any, images: jax.Array) -> Any:
    return module(images)


def _assert_close(ours: Any, theirs: torch.Tensor, tolerance: float = TOLERANCE) -> None:
    expected = theirs.detach().numpy()
    assert expected.std(0).min() > 0.01 * abs(expected).max() > 0, "each logit has to differ between images"
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=0, atol=tolerance * abs(expected).max())


@pytest.mark.parametrize("name", WHOLE)
def test_logits_and_statistics_agree_in_training_and_evaluation(name: str) -> None:
    ours, theirs = _twins(name)
    pixels, same = _images(name, 2 if name == "seresnext" else 8)
    for part in nnx.iter_modules(ours):
        if isinstance(part[1], nnx.Dropout):
            part[1].rate = 0.0
    ours.train()
    _assert_close(_call(ours, same), theirs.train()(pixels))
    found = arrays_of(ours)
    for key, value in theirs.state_dict().items():
        if "running" in key:
            _assert_close_statistics(found[key], value, key)
    ours.eval()
    _assert_close(_call(ours, same), theirs.eval()(pixels))


def _assert_close_statistics(ours: Any, theirs: torch.Tensor, name: str) -> None:
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-4 * abs(theirs).max().item(), err_msg=name)


def test_weights_of_tensorflow_are_padded_as_there() -> None:
    ours, theirs = _twins("mobilenetv2", weights_convention="tensorflow")
    pixels, same = _images("mobilenetv2", 2)
    ours.eval()
    _assert_close(_call(ours, same), theirs.eval()(pixels))


def _names() -> Iterator[str]:
    return (card.name for card in vistry.models(task="multiclass", backend="jax") if card.family != "twin")


def test_all_twelve_names_are_there() -> None:
    assert len(list(_names())) == 12


@pytest.mark.parametrize(
    "name",
    [
        "mobilenetv2", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnest50", "resnest101",
        "seresnext", "vits16r224", "vitb16r224", "vitl16r224",
    ],
)  # fmt: skip
def test_names_shapes_and_counts_are_torchs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"task": "multiclass", "num_classes": 1000}
    monkeypatch.setattr(np.random, "default_rng", lambda seed: _Nothing())
    build = partial(vistry.create, name, backend="jax", **asked)
    ours = nnx.eval_shape(build) if name.startswith("vit") else build()  # the large ones take a gigabyte
    with torch.device("meta"):
        theirs = vistry.create(name, backend="torch", **asked)
    shapes, parameters = shapes_of(ours), parameter_names(ours)
    assert shapes == {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
    assert parameters == {key for key, _ in theirs.named_parameters()}
    assert sum(int(np.prod(shapes[key])) for key in parameters) == vistry.model(name).parameters
    for prefix in (prefix for group in vistry.layers_to_freeze(name) for prefix in group):
        assert any(key.startswith(prefix) for key in parameters), prefix


@pytest.mark.long  # test_two_engines.py in tests/detection does so with a detector
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_a_transformer_trains_and_is_evaluated_alike_by_torch(task: str, digits: Path, tmp_path: Path) -> None:
    data = digits
    if task == "multilabel":
        data = tmp_path / "data.jsonl"
        rows = ({"image_url": str(path), "label": [path.parent.name]} for path in sorted(digits.rglob("*.png"))[::4])
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sizes = {"training_crop_size": 32, "validation_crop_size": 32, "validation_resize_size": 32}
    run = vistry.train(
        data, task=task, model="vits16r224", backend="jax", output=tmp_path / "run", weights="none", number_of_epochs=1,
        training_batch_size=8, validation_batch_size=8, layers_to_freeze=11, learning_rate_scheduler="step",
        precision="fp32", **sizes,
    ).run  # fmt: skip
    ours, theirs = (vistry.evaluate(run.folder, data, backend=backend).metrics for backend in ("jax", "torch"))
    assert ours == pytest.approx(theirs, abs=1e-4)


class _Nothing:
    """Draws zeros that take no memory."""

    def random(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return np.broadcast_to(np.zeros((), dtype), shape)

    def standard_normal(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return np.broadcast_to(np.zeros((), dtype), shape)


@pytest.mark.parametrize("name", ["mobilenetv2", "resnet18", "resnest50", "vits16r224"])
def test_initial_weights_come_from_torchs_distributions(name: str) -> None:
    asked = {"task": "multiclass", "num_classes": 100}
    ours = arrays_of(vistry.create(name, backend="jax", **asked))
    theirs = vistry.create(name, backend="torch", **asked).state_dict()
    for key, value in ours.items():
        expected = theirs[key].numpy()
        if expected.size > 1000:
            assert value.std() == pytest.approx(expected.std(), rel=0.15), key
            assert np.quantile(abs(value), 0.95) == pytest.approx(np.quantile(abs(expected), 0.95), rel=0.15), key
        elif expected.size > 1 and expected.std() == 0:
            np.testing.assert_array_equal(value, expected, err_msg=key)


def test_the_seed_draws_the_weights() -> None:
    def weights(seed: int) -> Any:
        asked = {"task": "multiclass", "num_classes": 2, "hyperparameters": {"random_seed": seed}}
        return arrays_of(vistry.create("resnet18", backend="jax", **asked))["conv1.weight"]

    assert (weights(1) == weights(1)).all()
    assert (weights(1) != weights(2)).any()
