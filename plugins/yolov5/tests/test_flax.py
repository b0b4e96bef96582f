"""YOLOv5 in Flax against its twin in torch, and its loss against torch's."""

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
from vistry.flax_layers import valid_rows
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import ImageBatch
from vistry.training.engines.jax.module import (
    SplitModule,
    arrays_of,
    load_arrays,
    parameter_names,
    shapes_of,
    variables_of,
)
from vistry_yolov5 import flax_model, torch_model
from vistry_yolov5.architecture import ANCHORS, STRIDES
from vistry_yolov5.flax_loss import detection_loss
from vistry_yolov5.loss import detection_loss as torch_loss

DEPTH = 57  # layers with a norm
# Of the largest value: each layer rounds its sums, of up to thousands of values, to 16 units in the last place.
TOLERANCE = 16 * DEPTH * float(np.finfo(np.float32).eps)
# How much of an error of logits is left in a score, a product of two sigmoids: s * t * (2 - s - t) at most.
SCORE_SLOPE = 8 / 27
ROUNDED = 4e-4  # after 57 batch norms back, some over 12 values: torch's and Flax's are both up to 1.4e-4 off float64
SIDE, CLASSES, IMAGES, MOST = 64, 3, 4, 6
HYPERPARAMETERS = Hyperparameters.of(
    {
        "model_size": "small",
        "image_size": SIDE,
        "nms_iou_threshold": 0.3,
        "box_score_threshold": 0.3,
        "random_seed": 5,
    }
)
ANCHORS_IN_STRIDES = np.array(ANCHORS, np.float32) / np.array(STRIDES, np.float32)[:, None, None]
QUICKLY = {"xla_backend_optimization_level": 0}  # halves the time that the network takes to compile

Arrays = dict[str, Any]
Objects = list[tuple[list[list[float]], list[int]]]

OBJECTS: Objects = [
    ([[3, 4, 20, 30], [30, 6, 60, 50], [30, 7, 61, 50]], [2, 0, 1]),  # two in one cell
    ([], []),
    ([[0, 0, 64, 64], [10, 10, 16, 17], [40, 41, 47, 55]], [1, 1, 2]),
    ([[50, 2, 63, 60]], [0]),
]


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


def assert_close(ours: Any, theirs: torch.Tensor, name: str = "", tolerance: float = TOLERANCE) -> None:
    expected = theirs.detach().numpy()
    if expected.ndim == 4 and name == "":
        expected = expected.transpose(0, 2, 3, 1)
    largest = abs(expected).max(initial=0)
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=0, atol=tolerance * largest, err_msg=name)


def assert_same_objects(ours: Arrays, theirs: Arrays, score: float) -> None:
    """Each object has its like; scores differ by `score` at most, and nearly equal ones may come in another order.

    A corner, which is a centre and half a width, may differ by what both may, in parts of the largest.
    """
    corner = 2 * TOLERANCE * abs(theirs["boxes"]).max()
    points = [np.column_stack([one["boxes"] / corner, one["scores"] / score]) for one in (ours, theirs)]
    apart = abs(points[0][:, None] - points[1]).max(2)
    apart[ours["labels"][:, None] != theirs["labels"]] = np.inf
    print(
        "APART",
        apart.min(0).max(),
        apart.min(1).max(),
        abs(ours["scores"] - theirs["scores"]).max(),
        score,
        abs(ours["boxes"] - theirs["boxes"]).max() / corner,
    )
    assert (apart.min(0) <= 1).all()
    assert (apart.min(1) <= 1).all()


# The network


class Twins(NamedTuple):
    """Both networks with the same weights, and Flax's in training and evaluation, each compiled once for all tests."""

    flax: flax_model.YOLOv5
    torch: torch_model.YOLOv5
    step: Any
    answer: Any
    tensors: Arrays


@pytest.fixture(scope="module")
def twins() -> Twins:
    ours = flax_model.build(CLASSES, HYPERPARAMETERS)
    torch.manual_seed(0)
    theirs = torch_model.build(CLASSES, HYPERPARAMETERS)
    enliven(theirs)
    tensors = {name: value.numpy().copy() for name, value in theirs.state_dict().items()}
    load_arrays(ours, tensors)
    tensors = {name: jnp.asarray(value) for name, value in arrays_of(ours).items()}
    trained = parameter_names(ours)
    apart = SplitModule(ours, [])

    def step(tensors: Arrays, images: Any, targets: Arrays, mask: Any) -> Any:
        def total(parameters: Arrays) -> Any:
            module: Any = apart.merge({**tensors, **parameters}, jax.random.key(0))
            with valid_rows(mask):
                terms = module(images, targets)
            return sum(terms.values()), (terms, {n: v for n, v in _state(module).items() if n not in trained})

        return jax.grad(total, has_aux=True)({name: tensors[name] for name in trained})

    def answer(tensors: Arrays, images: Any) -> Any:
        module: Any = apart.merge(tensors)
        return module(images), module.heads(images)

    return Twins(
        ours, theirs, jax.jit(step, compiler_options=QUICKLY), jax.jit(answer, compiler_options=QUICKLY), tensors
    )


def _state(module: Any) -> Arrays:
    return {name: variable.get_value() for name, variable in variables_of(module).items()}


@torch.no_grad()
def enliven(module: torch_model.YOLOv5) -> None:
    """Set weights at which nothing vanishes: norms around 1, statistics of images, anchors and scores of all sizes."""
    random = torch.Generator().manual_seed(0)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.uniform_(0.7, 1.3, generator=random)
        norm.bias.uniform_(-0.3, 0.3, generator=random)
        norm.momentum = 1.0
    state = module.state_dict()
    state["model.24.anchors"].mul_(torch.empty(3, 3, 2).uniform_(0.4, 0.6, generator=random))
    for level in range(3):
        state[f"model.24.m.{level}.bias"].uniform_(-1.5, 1.5, generator=random).view(3, -1)[:, 4] -= 3
        state[f"model.24.m.{level}.weight"].mul_(4)
    module.train()(images(8, seed=2)[0], torch_targets([([], [])] * 8))
    for norm in norms:
        norm.momentum = 0.03


def images(count: int, seed: int) -> tuple[torch.Tensor, jax.Array]:
    """Random ones, light and dark, as torch and as Flax take them."""
    random = np.random.default_rng(seed)
    coarse = random.random((count, SIDE // 8, SIDE // 8, 3), np.float32).repeat(8, 1).repeat(8, 2)
    values = 0.7 * coarse + 0.3 * random.random((count, SIDE, SIDE, 3), np.float32)
    return torch.from_numpy(values.transpose(0, 3, 1, 2).copy()), jnp.asarray(values)


def test_names_shapes_and_parameters_are_torchs(twins: Twins) -> None:
    assert shapes_of(twins.flax) == {name: tuple(value.shape) for name, value in twins.torch.state_dict().items()}
    assert parameter_names(twins.flax) == {name for name, _ in twins.torch.named_parameters()}
    assert "model.24.anchors" in shapes_of(twins.flax)


@pytest.mark.parametrize("real", [IMAGES, 3])
def test_a_step_of_training_agrees(twins: Twins, real: int) -> None:
    pixels, same = images(IMAGES, seed=1)
    twins.torch.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in twins.tensors.items()})
    twins.torch.train().zero_grad()
    expected: Any = twins.torch(pixels[:real], torch_targets(OBJECTS[:real]))
    sum(expected.values()).backward()
    mask = (np.arange(IMAGES) < real).astype(np.float32)
    gradients, (terms, after) = twins.step(twins.tensors, same, flax_targets(OBJECTS), mask)
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert value > 0
        assert float(terms[name]) == pytest.approx(value.item(), rel=TOLERANCE)
    for name, value in twins.torch.named_parameters():
        assert value.grad is not None
        assert_close(gradients[name], value.grad, name, ROUNDED)
    for name, value in twins.torch.named_buffers():
        assert_close(after[name], value, name)
    moved = after["model.9.cv2.bn.running_mean"] - twins.tensors["model.9.cv2.bn.running_mean"]
    assert abs(moved).max() > 1e-3


def test_evaluation_agrees(twins: Twins) -> None:
    pixels, same = images(IMAGES, seed=3)
    twins.torch.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in twins.tensors.items()})
    twins.torch.eval()
    with torch.no_grad():
        expected: Any = twins.torch(pixels)
        expected_heads = twins.torch.heads(pixels)
    found, heads = twins.answer(twins.tensors, same)
    logit_error = 0.0
    for ours, theirs in zip(heads, expected_heads, strict=True):
        assert theirs.std() > 0.1
        assert_close(ours, theirs)
        logit_error = max(logit_error, float(abs(np.asarray(ours).transpose(0, 3, 1, 2) - theirs.numpy()).max()))
    fields = [head.reshape(IMAGES, -1, 5 + CLASSES) for head in heads]
    shares = jax.nn.sigmoid(jnp.concatenate(fields, 1))
    scores = shares[..., 4] * shares[..., 5:].max(-1)
    assert {name: value.shape[1:] for name, value in found.items()} == {
        "boxes": (300, 4), "scores": (300,), "labels": (300,),
    }  # fmt: skip
    for image, theirs in enumerate(expected):
        count = len(theirs["scores"])
        assert 10 < count < (scores[image] > 0.01).sum() - 10, "some boxes have to be left out"
        assert len(theirs["labels"].unique()) > 1
        ours = {name: np.asarray(value[image, :count]) for name, value in found.items()}
        assert_same_objects(ours, {name: value.numpy() for name, value in theirs.items()}, SCORE_SLOPE * logit_error)
        assert (found["labels"][image, count:] == -1).all()
        assert (found["scores"][image, count:] == 0).all()
        assert (found["boxes"][image, count:] == 0).all()


def test_one_shape_is_compiled_once_whatever_the_objects(twins: Twins) -> None:
    _, same = images(IMAGES, seed=1)
    nothing: Objects = [([], [])] * IMAGES
    for objects in (OBJECTS, nothing, OBJECTS[::-1]):
        for real in (IMAGES, 1):
            mask = (np.arange(IMAGES) < real).astype(np.float32)
            gradients, (terms, _) = twins.step(twins.tensors, same, flax_targets(objects), mask)
            assert all(np.isfinite(float(value)) for value in terms.values())
            assert all(np.isfinite(np.asarray(value)).all() for value in gradients.values())
    assert twins.step._cache_size() == 1


def test_training_needs_targets_and_images_multiples_of_32(twins: Twins) -> None:
    twins.flax.train()  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match="in training needs targets: call it with targets, or call eval"):
        twins.flax(jnp.zeros((1, 64, 64, 3)))
    with pytest.raises(ValueError, match="multiples of 32, got 64 x 40; pad or resize"):
        twins.flax(ImageBatch(jnp.zeros((1, 64, 40, 3)), np.array([[64, 40]])), flax_targets([([], [])]))


def test_initial_weights_come_from_torchs_distributions_and_the_seed() -> None:
    ours = arrays_of(flax_model.build(80, HYPERPARAMETERS))
    theirs = torch_model.build(80, HYPERPARAMETERS).state_dict()
    for name, value in ours.items():
        expected = theirs[name].numpy()
        if name.startswith("model.24.m") and name.endswith("bias"):
            ours_by_field, theirs_by_field = value.reshape(3, -1), expected.reshape(3, -1)
            np.testing.assert_allclose(ours_by_field[:, 4:], theirs_by_field[:, 4:], atol=0.2)
            np.testing.assert_allclose(ours_by_field[:, :4], theirs_by_field[:, :4], atol=0.2)
        elif expected.size > 1000:
            assert value.std() == pytest.approx(expected.std(), rel=0.1), name
            assert abs(value).max() == pytest.approx(abs(expected).max(), rel=0.05), name
        else:
            np.testing.assert_array_equal(value, expected, err_msg=name)
    again = arrays_of(flax_model.build(80, HYPERPARAMETERS))
    other = arrays_of(flax_model.build(80, HYPERPARAMETERS.changed({"random_seed": 6})))
    assert (ours["model.0.conv.weight"] == again["model.0.conv.weight"]).all()
    assert (ours["model.0.conv.weight"] != other["model.0.conv.weight"]).any()


# The loss


class Loss:
    """Both losses and their gradients by the logits, for heads of a size and a number of classes."""

    def __init__(self, num_classes: int, height: int = 64, width: int = 96, count: int = IMAGES):
        random = np.random.default_rng(7)
        self.num_classes = num_classes
        shapes = [(count, height // stride, width // stride, 3 * (5 + num_classes)) for stride in STRIDES]
        self.heads = [1.5 * random.standard_normal(shape, np.float32) for shape in shapes]
        self.flax = jax.jit(jax.grad(self._flax, has_aux=True), compiler_options=QUICKLY)

    def _flax(self, heads: Any, targets: Arrays, mask: Any) -> Any:
        with valid_rows(mask):
            terms = detection_loss(heads, targets, jnp.array(ANCHORS_IN_STRIDES), STRIDES, self.num_classes, 320)
        return sum(terms.values()), terms

    def of_flax(self, targets: Arrays, mask: Any = None) -> tuple[list[jax.Array], Arrays]:
        gradients, terms = self.flax(self.heads, targets, np.ones(IMAGES, np.float32) if mask is None else mask)
        return gradients, {name: float(value) for name, value in terms.items()}

    def of_torch(self, objects: Objects) -> tuple[list[torch.Tensor], dict[str, float]]:
        heads = [torch.from_numpy(head[: len(objects)].transpose(0, 3, 1, 2).copy()) for head in self.heads]
        for head in heads:
            head.requires_grad_()
        anchors = torch.from_numpy(ANCHORS_IN_STRIDES)
        terms = torch_loss(heads, torch_targets(objects), anchors, STRIDES, self.num_classes, 320)
        sum(terms.values()).backward()  # type: ignore[union-attr]
        return [head.grad for head in heads], {name: value.item() for name, value in terms.items()}  # type: ignore[misc]


@pytest.fixture(scope="module", params=[3, 1])
def both(request: pytest.FixtureRequest) -> Loss:
    return Loss(request.param)


def drawn(seed: int) -> Objects:
    """Up to 6 objects in each image of 96 x 64, some of which share cells, touch the border or lie between cells."""
    random = np.random.default_rng(seed)
    found: Objects = []
    for count in random.integers(0, MOST + 1, IMAGES):
        corners = random.integers(0, 25, (count, 2, 2)) * (4 if seed % 2 else 3.7) * [1, 2 / 3]
        boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
        if count > 2:
            boxes[1] = boxes[0] + [0.5, 0, 0.25, 0.5]
        found.append((boxes.tolist(), random.integers(0, 3, count).tolist()))
    return found


def cases() -> Iterator[Any]:
    yield from (pytest.param(drawn(seed), id=f"drawn {seed}") for seed in range(12))
    yield pytest.param([([], [])] * IMAGES, id="no objects")
    yield pytest.param([([], [])] * 3 + [([[8, 8, 40, 40]], [0])], id="one object")
    yield pytest.param(
        [([[8, 8, 8, 40]], [0]), ([[8, 8, 8, 8], [3, 3, 30, 30]], [1, 2]), ([], []), ([], [])], id="empty"
    )
    yield pytest.param([([[90, 60, 102, 68], [-6, -6, 6, 6], [96, 0, 112, 64]], [0, 1, 2])] * IMAGES, id="border")


@pytest.mark.parametrize("objects", list(cases()))
def test_loss_and_gradients_agree(both: Loss, objects: Objects) -> None:
    if both.num_classes == 1:
        objects = [(boxes, [0] * len(labels)) for boxes, labels in objects]
    expected_gradients, expected = both.of_torch(objects)
    gradients, found = both.of_flax(flax_targets(objects))
    assert found == pytest.approx(expected, rel=TOLERANCE, abs=1e-8)
    assert (found["class"] == 0) == (both.num_classes == 1 or expected["class"] == 0)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        assert_close(ours, theirs)


def test_the_largest_overlap_is_the_objectness_in_any_order(both: Loss) -> None:
    shared = [[30.0, 20.0, 50.0, 41.0], [31.0, 19.0, 52.0, 40.0], [29.5, 20.0, 51.0, 40.0]]
    results = []
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        objects: Objects = [([shared[place] for place in order], [0, 0, 0])] * IMAGES
        results.append((both.of_flax(flax_targets(objects))[1], both.of_torch(objects)[1]))
    for ours, theirs in results:
        assert ours == pytest.approx(results[0][0], rel=1e-6)
        assert theirs == pytest.approx(results[0][1], rel=1e-6)


def test_padding_of_the_batch_counts_for_nothing(both: Loss) -> None:
    objects = [(boxes, [0] * len(labels)) for boxes, labels in drawn(3)]
    mask = np.array([1, 1, 0, 0], np.float32)
    gradients, found = both.of_flax(flax_targets(objects), mask)
    expected_gradients, expected = both.of_torch(objects[:2])
    assert found == pytest.approx(expected, rel=TOLERANCE)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        assert_close(ours[:2], theirs)
        assert not np.asarray(ours[2:]).any()


def test_places_without_objects_count_for_nothing(both: Loss) -> None:
    """What a place holds doesn't matter where its label is -1, nor where among the places the objects are."""
    targets = flax_targets([(boxes[:3], [0] * len(boxes[:3])) for boxes, _ in drawn(5)])
    moved = {name: np.roll(value, 2, 1) for name, value in targets.items()}
    moved["boxes"][moved["labels"] < 0] = [-1e3, 5, 1e6, 20]
    for ours, theirs in zip(both.of_flax(targets)[0], both.of_flax(moved)[0], strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=0, atol=1e-6 * float(abs(theirs).max()))


@pytest.mark.parametrize("both", [3], indirect=True)
def test_a_batch_without_a_place_for_objects(both: Loss) -> None:
    nothing: Objects = [([], [])] * IMAGES
    gradients, found = both.of_flax(flax_targets(nothing, most=0))
    _, expected = both.of_torch(nothing)
    assert found == pytest.approx(expected)
    assert found["box"] == found["class"] == 0 < found["objectness"]
    assert all(np.isfinite(np.asarray(gradient)).all() for gradient in gradients)


@pytest.mark.parametrize("both", [3], indirect=True)
def test_heads_in_half_precision_give_a_loss_in_float32(both: Loss) -> None:
    halves = [jnp.asarray(head, jnp.bfloat16) for head in both.heads]
    targets, all_rows = flax_targets(drawn(1)), np.ones(IMAGES, np.float32)
    gradients, terms = both.flax(halves, targets, all_rows)
    _, exact = both.flax([head.astype(jnp.float32) for head in halves], targets, all_rows)
    assert {gradient.dtype for gradient in gradients} == {jnp.dtype(jnp.bfloat16)}
    for name, value in terms.items():
        assert value.dtype == jnp.float32
        assert float(value) == pytest.approx(float(exact[name]), rel=1e-6)
