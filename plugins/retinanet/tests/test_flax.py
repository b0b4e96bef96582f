"""RetinaNet in Flax against its twin in torch: names, loss terms, gradients and detections, on a small backbone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("torchvision")

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch import nn
from vistry.flax_layers import BatchNorm, Conv, valid_rows
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin import Backbone, ImageBatch
from vistry.training.engines.jax.module import (
    SplitModule,
    arrays_of,
    load_arrays,
    parameter_names,
    shapes_of,
)
from vistry_retinanet import flax_model, reference, torch_model
from vistry_retinanet.architecture import ALPHA, GAMMA
from vistry_retinanet.flax_loss import focal_loss

DEPTH = 14  # convolutions from the pixels to a logit of the coarsest level
# Of the largest value: each layer rounds its sums, of up to thousands of values, to 16 units in the last place.
TOLERANCE = 16 * DEPTH * float(np.finfo(np.float32).eps)
# Of a gradient's length: a rectifier whose input is rounded to the other side of 0 passes what torch's holds back.
KINKED = 5e-3
CHANNELS, STRIDES = (8, 12, 16), (8, 16, 32)
HEIGHT, WIDTH, CLASSES, IMAGES, MOST = 64, 96, 3, 3, 6
SIZES = np.array([[64, 96], [50, 96], [64, 80]], np.int32)
HYPERPARAMETERS = Hyperparameters.of(
    {
        "backbone_norm": "frozen",
        "weights": "none",
        "checkpoint_run_id": None,
        "nms_iou_threshold": 0.5,
        "box_score_threshold": 0.3,
        "box_detections_per_image": 60,
        "random_seed": 5,
    }
)
QUICKLY = {"xla_backend_optimization_level": 0}  # halves the time that a network takes to compile

Arrays = dict[str, Any]
Objects = list[tuple[list[list[float]], list[int]]]

OBJECTS: Objects = [
    ([[3, 4, 40, 50], [30, 6, 60, 50], [30, 7, 61, 50]], [2, 0, 1]),
    ([], []),
    ([[0, 0, 80, 48], [10, 10, 16, 17], [40, 21, 47, 45]], [1, 1, 2]),
]


class FlaxBackbone(nnx.Module):
    """A map at each stride: a strided convolution, a norm and a rectifier."""

    def __init__(self, random: np.random.Generator):
        inputs = (3, *CHANNELS)
        for level, (few, more) in enumerate(zip(inputs, CHANNELS, strict=False)):
            kernel = 8 if level == 0 else 2
            setattr(self, f"conv{level}", Conv(few, more, kernel, stride=kernel, use_bias=False, random=random))
            setattr(self, f"bn{level}", BatchNorm(more))

    def __call__(self, x: jax.Array) -> list[jax.Array]:
        maps = []
        for level in range(len(CHANNELS)):
            x = jax.nn.relu(getattr(self, f"bn{level}")(getattr(self, f"conv{level}")(x)))
            maps.append(x)
        return maps


class TorchBackbone(nn.Module):
    """The same in torch."""

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *CHANNELS)
        for level, (few, more) in enumerate(zip(inputs, CHANNELS, strict=False)):
            kernel = 8 if level == 0 else 2
            setattr(self, f"conv{level}", nn.Conv2d(few, more, kernel, stride=kernel, bias=False))
            setattr(self, f"bn{level}", nn.BatchNorm2d(more))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = []
        for level in range(len(CHANNELS)):
            x = getattr(self, f"bn{level}")(getattr(self, f"conv{level}")(x)).relu()
            maps.append(x)
        return maps


class Twins(NamedTuple):
    """Both networks with the same weights, and Flax's in training and evaluation, each compiled once for all tests."""

    flax: flax_model.RetinaNet
    torch: nn.Module
    step: Any
    answer: Any
    tensors: Arrays


def built(norms: str = "frozen") -> tuple[flax_model.RetinaNet, nn.Module]:
    values = HYPERPARAMETERS.changed({"backbone_norm": norms})
    ours = FlaxBackbone(np.random.default_rng(5))
    torch.manual_seed(0)
    flax = flax_model.build(CLASSES, values, Backbone(ours, CHANNELS, STRIDES))
    return flax, torch_model.build(CLASSES, values, Backbone(TorchBackbone(), CHANNELS, STRIDES))


@pytest.fixture(scope="module")
def twins() -> Twins:
    ours, theirs = built()
    enliven(theirs)
    load_arrays(ours, {name: value.numpy().copy() for name, value in theirs.state_dict().items()})
    tensors = {name: jnp.asarray(value) for name, value in arrays_of(ours).items()}
    trained = parameter_names(ours)
    apart = SplitModule(ours, [])

    def step(tensors: Arrays, images: ImageBatch, targets: Arrays, mask: Any) -> Any:
        def total(parameters: Arrays) -> Any:
            module: Any = apart.merge({**tensors, **parameters}, jax.random.key(0))
            with valid_rows(mask):
                terms = module(images, targets)
            return sum(terms.values()), terms

        return jax.grad(total, has_aux=True)({name: tensors[name] for name in trained})

    def answer(tensors: Arrays, images: ImageBatch) -> Any:
        module: Any = apart.merge(tensors)
        return module(images)

    compiled = (jax.jit(function, compiler_options=QUICKLY) for function in (step, answer))
    return Twins(ours, theirs, *compiled, tensors)


@torch.no_grad()
def enliven(module: nn.Module) -> None:
    """Set weights at which scores and boxes differ widely from anchor to anchor."""
    random = torch.Generator().manual_seed(0)
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=random)
        elif name.startswith("head") and name.endswith("weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=random)
        elif value.is_floating_point():
            value.add_(torch.randn(value.shape, generator=random), alpha=0.05)
    module.state_dict()["head.regression_head.bbox_reg.weight"].mul_(0.2)


def images(seed: int, count: int = IMAGES) -> tuple[ImageBatch, ImageBatch]:
    """Random ones of several sizes, 0 beyond each, as torch and as Flax take them."""
    values = np.random.default_rng(seed).standard_normal((count, HEIGHT, WIDTH, 3), np.float32)
    for image, (height, width) in zip(values, SIZES, strict=False):
        image[height:], image[:, width:] = 0, 0
    pixels = torch.from_numpy(values.transpose(0, 3, 1, 2).copy())
    return ImageBatch(pixels, SIZES[:count].tolist()), ImageBatch(jnp.asarray(values), jnp.asarray(SIZES[:count]))


def torch_targets(objects: Objects) -> list[dict[str, torch.Tensor]]:
    return [
        {"boxes": torch.tensor(boxes, dtype=torch.float32).view(-1, 4), "labels": torch.tensor(labels).long()}
        for boxes, labels in objects
    ]


def flax_targets(objects: Objects, most: int = MOST) -> Arrays:
    boxes = np.zeros((len(objects), most, 4), np.float32)
    labels = np.full((len(objects), most), -1, np.int32)
    for image, (some, named) in enumerate(objects):
        boxes[image, : len(some)] = np.reshape(some, (-1, 4))
        labels[image, : len(some)] = named
    return {"boxes": boxes, "labels": labels}


def assert_close(ours: Any, theirs: torch.Tensor, name: str = "") -> None:
    expected = theirs.detach().numpy()
    largest = abs(expected).max(initial=0)
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=0, atol=TOLERANCE * largest, err_msg=name)


@pytest.mark.parametrize("norms", ["frozen", "group", "batch"])
def test_names_shapes_and_parameters_are_torchs(norms: str) -> None:
    ours, theirs = built(norms)
    assert shapes_of(ours) == {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    assert parameter_names(ours) == {name for name, _ in theirs.named_parameters()}
    assert "head.classification_head.conv.3.0.weight" in shapes_of(ours)


def test_initial_weights_come_from_torchs_distributions_and_the_seed() -> None:
    ours, theirs = built()
    weights = arrays_of(ours)
    for name, value in theirs.state_dict().items():
        expected = value.numpy()
        if expected.std() == 0:
            np.testing.assert_allclose(weights[name], expected, rtol=1e-6, err_msg=name)
        elif expected.size > 1000:
            assert weights[name].std() == pytest.approx(expected.std(), rel=0.1), name
    again, other = arrays_of(built()[0]), HYPERPARAMETERS.changed({"random_seed": 6})
    backbone = Backbone(FlaxBackbone(np.random.default_rng(5)), CHANNELS, STRIDES)
    others = arrays_of(flax_model.build(CLASSES, other, backbone))
    name = "head.regression_head.conv.0.0.weight"
    assert (weights[name] == again[name]).all()
    assert (weights[name] != others[name]).any()


def cases() -> Iterator[Any]:
    yield pytest.param(OBJECTS, IMAGES, id="several")
    yield pytest.param(OBJECTS, 2, id="a row of padding")
    yield pytest.param([([], [])] * IMAGES, IMAGES, id="no objects")
    yield pytest.param([([[1, 2, 3, 4], [90, 60, 96, 64]], [0, 2])] * IMAGES, IMAGES, id="smaller than any anchor")
    yield pytest.param([([[10, 10, 50, 50]] * MOST, [0, 1, 2, 0, 1, 2])] * IMAGES, IMAGES, id="one box, many classes")


@pytest.mark.parametrize(("objects", "real"), list(cases()))
def test_terms_and_gradients_agree(twins: Twins, objects: Objects, real: int) -> None:
    batch, same = images(seed=1)
    few = ImageBatch(batch.pixels[:real], batch.sizes[:real])
    twins.torch.train().zero_grad()
    expected: Any = twins.torch(few, torch_targets(objects[:real]))
    sum(expected.values()).backward()
    mask = (np.arange(IMAGES) < real).astype(np.float32)
    gradients, terms = twins.step(twins.tensors, same, flax_targets(objects), mask)
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value.item(), rel=TOLERANCE)
        assert (value > 0) == (name == "classification" or any(labels for _, labels in objects))
    for name, value in twins.torch.named_parameters():
        assert value.grad is not None
        apart = np.linalg.norm(np.asarray(gradients[name]) - value.grad.numpy())
        assert apart <= KINKED * value.grad.norm().item(), name


def test_detections_agree(twins: Twins) -> None:
    batch, same = images(seed=3)
    twins.torch.eval()
    with torch.no_grad():
        expected: Any = twins.torch(batch)
    found = twins.answer(twins.tensors, same)
    assert {name: value.shape[1:] for name, value in found.items()} == {
        "boxes": (60, 4),
        "scores": (60,),
        "labels": (60,),
    }
    for image, theirs in enumerate(expected):
        count = len(theirs["scores"])
        assert count > 10
        assert len(theirs["labels"].unique()) > 1
        assert (theirs["boxes"][:, 2] <= SIZES[image, 1]).all()
        ours = {name: np.asarray(value[image]) for name, value in found.items()}
        np.testing.assert_array_equal(ours["labels"][:count], theirs["labels"].numpy())
        assert_close(ours["boxes"][:count], theirs["boxes"])
        assert_close(ours["scores"][:count], theirs["scores"])
        assert (ours["labels"][count:] == -1).all()
        assert not ours["scores"][count:].any()
        assert not ours["boxes"][count:].any()


def test_one_shape_is_compiled_once_whatever_the_objects(twins: Twins) -> None:
    _, same = images(seed=1)
    nothing: Objects = [([], [])] * IMAGES
    for objects, real in ((OBJECTS, IMAGES), (nothing, 1)):
        mask = (np.arange(IMAGES) < real).astype(np.float32)
        gradients, _ = twins.step(twins.tensors, same, flax_targets(objects), mask)
        assert all(np.isfinite(np.asarray(value)).all() for value in gradients.values())
    assert twins.step._cache_size() == 1


def test_training_needs_targets(twins: Twins) -> None:
    twins.flax.train()  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="in training needs targets: call it with targets, or call eval"):
        twins.flax(images(seed=1)[1])


@jax.jit
def focal_loss_and_gradient(logits: jax.Array, classes: jax.Array) -> tuple[jax.Array, jax.Array]:
    found, back = jax.vjp(lambda logits: focal_loss(logits, classes), logits)
    return found, back(jnp.ones_like(found))[0]


@pytest.mark.parametrize("seed", range(4))
def test_the_focal_loss_is_torchvisions(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = (random.standard_normal((2, 50, 4)) * (1, 5, 30, 100)[seed]).astype(np.float32)
    classes = random.integers(-2, 4, (2, 50))
    theirs = torch.from_numpy(logits).requires_grad_()
    expected = reference.sigmoid_focal_loss(theirs, torch.from_numpy(classes), ALPHA, GAMMA)
    expected.sum().backward()  # type: ignore[no-untyped-call]
    found, gradient = focal_loss_and_gradient(jnp.asarray(logits), jnp.asarray(classes))
    assert theirs.grad is not None
    assert_close(found, expected)
    assert_close(gradient, theirs.grad)
