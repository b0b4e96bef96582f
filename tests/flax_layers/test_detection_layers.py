"""What detectors share in Flax against torchvision's: norms, pyramid, anchors, boxes and matching."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork, box_iou, clip_boxes_to_image
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7
from vistry import flax_layers, torch_layers
from vistry.plugin import Backbone
from vistry.training.engines.jax.module import arrays_of, load_arrays, parameter_names, shapes_of

RANDOM = np.random.default_rng(0)
EPS = float(np.finfo(np.float32).eps)

ANCHOR_CASES = [
    pytest.param(((32,), (64,), (128,)), id="one size a level"),
    pytest.param(((32, 40, 50), (64, 80, 101), (128, 161, 203)), id="three sizes a level"),
    pytest.param(((7, 11), (23, 3), (5, 200)), id="odd sizes"),
]


def assert_close(ours: Any, theirs: torch.Tensor, layers: int = 1) -> None:
    """Each layer rounds its sums to 16 units in the last place of the largest value."""
    expected = theirs.detach().numpy()
    if expected.ndim == 4:
        expected = expected.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=0, atol=16 * layers * EPS * abs(expected).max())


def maps(*shape: int) -> tuple[torch.Tensor, jax.Array]:
    """The same random values as [N, C, H, W] for torch and [N, H, W, C] for JAX."""
    values = RANDOM.standard_normal(shape, np.float32)
    return torch.from_numpy(values.transpose(0, 3, 1, 2).copy()), jnp.asarray(values)


# Norms


class Nest(nnx.Module):
    """Batch norms as attributes, in a sequence and in a list, and what isn't one."""

    def __init__(self) -> None:
        self.conv = flax_layers.Conv(6, 6, 1, random=np.random.default_rng(0))
        self.bn = flax_layers.BatchNorm(6)
        self.stage = flax_layers.Sequential(jax.nn.relu, flax_layers.BatchNorm(6, eps=1e-3))
        self.m = nnx.List([flax_layers.BatchNorm(6)])

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.m[0](self.stage(self.bn(self.conv(x))))


def torch_nest() -> nn.Module:
    stage = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(6, eps=1e-3))
    parts = {"conv": nn.Conv2d(6, 6, 1), "bn": nn.BatchNorm2d(6), "stage": stage, "m": nn.Sequential(nn.BatchNorm2d(6))}
    return nn.Sequential(OrderedDict(parts))


@pytest.mark.parametrize("kind", ["frozen", "group", "batch"])
def test_norms_are_exchanged_as_in_torch(kind: str) -> None:
    ours, theirs = flax_layers.with_norms(Nest(), kind), torch_layers.with_norms(torch_nest(), kind).eval()
    state = {name: value.numpy().copy() for name, value in theirs.state_dict().items()}
    assert shapes_of(ours) == {name: value.shape for name, value in state.items()}
    assert parameter_names(ours) == {name for name, _ in theirs.named_parameters()}
    drawn = {name: RANDOM.uniform(0.5, 1.5, value.shape).astype(value.dtype) for name, value in state.items()}
    load_arrays(ours, drawn)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in drawn.items()})
    ours.eval()  # type: ignore[no-untyped-call]
    x, same = maps(2, 5, 4, 6)
    assert_close(ours(same), theirs(x), layers=4)  # type: ignore[operator]


def test_frozen_norms_keep_the_tensors_that_were_loaded() -> None:
    nest = Nest()
    load_arrays(nest, {name: np.full_like(value, 2) for name, value in arrays_of(nest).items()})
    frozen = arrays_of(flax_layers.with_norms(nest, "frozen"))
    assert len(frozen) == 2 + 3 * 4
    assert all((value == 2).all() for value in frozen.values())


@pytest.mark.parametrize(("channels", "size"), [(64, (3, 5)), (24, (4, 4)), (3, (2, 2)), (1, (2, 3)), (32, (1, 1))])
def test_group_norm_is_torchs(channels: int, size: tuple[int, int]) -> None:
    ours, theirs = flax_layers.GroupNorm(channels), torch_layers.norms.GroupNorm(channels, 1e-5)
    weights = {name: RANDOM.standard_normal(channels).astype(np.float32) for name in ("weight", "bias")}
    load_arrays(ours, weights)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    x, same = maps(2, *size, channels)
    assert_close(ours(same), theirs(x))
    assert ours(same.astype(jnp.bfloat16)).dtype == jnp.bfloat16


# The pyramid


@pytest.mark.parametrize("extra", ["pool", "p6p7"])
@pytest.mark.parametrize("sizes", [((8, 12), (4, 6), (2, 3)), ((7, 5), (4, 3), (2, 2))], ids=["even", "odd"])
def test_the_pyramid_is_torchvisions(extra: str, sizes: tuple[tuple[int, int], ...]) -> None:
    channels, random = (4, 6, 5), np.random.default_rng(1)
    theirs = FeaturePyramidNetwork(channels, 256, LastLevelMaxPool() if extra == "pool" else LastLevelP6P7(256, 256))
    more: Any = flax_layers.subsampled_level if extra == "pool" else flax_layers.TwoMoreLevels(random)
    ours = flax_layers.FeaturePyramid(channels, more, random)
    state = {name: value.numpy() for name, value in theirs.state_dict().items()}
    assert shapes_of(ours) == {name: value.shape for name, value in state.items()}
    for name, value in arrays_of(ours).items():
        assert value.std() == pytest.approx(state[name].std(), rel=0.1, abs=1e-9)
        assert abs(value).max() == pytest.approx(abs(state[name]).max(), rel=0.05, abs=1e-9)
    load_arrays(ours, state)
    pairs = [maps(2, *size, count) for size, count in zip(sizes, channels, strict=True)]
    expected = theirs(OrderedDict((str(level), x) for level, (x, _) in enumerate(pairs)))
    found = jax.jit(ours)([same for _, same in pairs])
    assert len(found) == len(expected)
    for level, reference in zip(found, expected.values(), strict=True):
        assert_close(level, reference, layers=5)


@pytest.mark.parametrize("pair", [(1, 1), (1, 2), (3, 5), (3, 6), (13, 25), (7, 20), (20, 7), (25, 49), (9, 9)])
def test_maps_are_enlarged_as_in_torch(pair: tuple[int, int]) -> None:
    before, after = pair
    values = np.arange(before * 2, dtype=np.float32).reshape(1, before, 2, 1)
    expected = nn.functional.interpolate(torch.from_numpy(values.transpose(0, 3, 1, 2).copy()), size=(after, 3))
    found = flax_layers.pyramid.enlarged(jnp.asarray(values), (after, 3))
    np.testing.assert_array_equal(np.asarray(found), expected.numpy().transpose(0, 2, 3, 1))


def test_a_pyramid_stands_on_the_maps_at_its_strides() -> None:
    class Body(nnx.Module):
        def __init__(self) -> None:
            self.bn1 = flax_layers.BatchNorm(3)

        def __call__(self, x: jax.Array) -> list[jax.Array]:
            return [self.bn1(x)[:, ::stride, ::stride] for stride in (2, 4, 8)]

    backbone = Backbone(Body(), channels=(3, 3, 3), strides=(2, 4, 8))
    build = flax_layers.Pyramid
    pyramid = build(backbone, (4, 8), flax_layers.subsampled_level, norms="frozen", random=np.random.default_rng(0))
    levels = pyramid(jnp.ones((2, 32, 16, 3)))
    assert [level.shape for level in levels] == [(2, 8, 4, 256), (2, 4, 2, 256), (2, 2, 1, 256)]
    names = {name.rpartition(".")[0] for name in shapes_of(pyramid)}
    assert names == {"body.bn1", *(f"fpn.{kind}_blocks.{level}.0" for kind in ("inner", "layer") for level in (0, 1))}
    assert not any(name.startswith("body") for name in parameter_names(pyramid))


@pytest.mark.parametrize("sizes", [((8, 12), (4, 6), (2, 3), (1, 2), (1, 1)), ((5, 3), (4, 9)), ((1, 1),)])
def test_a_convolution_over_maps_on_one_is_that_over_each(sizes: tuple[tuple[int, int], ...]) -> None:
    layer = flax_layers.Conv(2, 2, 3, padding=1, random=np.random.default_rng(0))
    atlas = flax_layers.Atlas.of(sizes)
    _, levels = zip(*(maps(2, *size, 2) for size in sizes), strict=True)

    @jax.jit  # else each operation is compiled for itself
    def on_one_and_on_each() -> Any:
        on_one = atlas.split(layer(atlas.clear(layer(atlas.join(levels)))))
        return list(on_one), [layer(layer(one)) for one in levels]

    for found, expected in zip(*on_one_and_on_each(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


# Anchors and boxes


@pytest.mark.parametrize("sizes", ANCHOR_CASES)
@pytest.mark.parametrize("image", [(64, 96), (75, 133), (800, 1088)])
def test_anchors_are_torchvisions_number_for_number(sizes: Any, image: tuple[int, int]) -> None:
    ratios = (0.5, 1.0, 2.0)
    map_sizes = [(-(-image[0] // stride), -(-image[1] // stride)) for stride in (8, 16, 32)]
    generator = AnchorGenerator(sizes, (ratios,) * 3)
    features = [torch.zeros(1, 1, *size) for size in map_sizes]
    [expected] = generator(ImageList(torch.zeros(1, 3, *image), [image]), features)
    ours = flax_layers.Anchors(sizes, ratios)
    assert ours.per_place == generator.num_anchors_per_location()[0]
    found = jax.jit(lambda: jnp.concatenate(ours(image, map_sizes)))()
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(np.asarray(found), expected.numpy())


def drawn_boxes(*shape: int, least: float = 1.0) -> Any:
    corners = RANDOM.uniform(0, 80, (*shape, 2)).astype(np.float32)
    sizes = RANDOM.uniform(least, 40, (*shape, 2)).astype(np.float32)
    return np.concatenate([corners, corners + sizes], -1)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)])
def test_boxes_are_encoded_and_decoded_as_in_torchvision(weights: tuple[float, ...]) -> None:
    coder = BoxCoder(weights)  # type: ignore[arg-type]
    boxes, references = drawn_boxes(50), drawn_boxes(50)
    expected = coder.encode_single(torch.from_numpy(boxes), torch.from_numpy(references))
    assert_close(flax_layers.encode_boxes(boxes, references, weights), expected)
    offsets = (3 * RANDOM.standard_normal((50, 4)) * weights).astype(np.float32)
    offsets[:5, 2:] = 30 * weights[2]  # beyond what a side may grow
    expected = coder.decode_single(torch.from_numpy(offsets), torch.from_numpy(references))
    assert_close(flax_layers.decode_boxes(jnp.asarray(offsets), jnp.asarray(references), weights), expected)
    back = flax_layers.decode_boxes(flax_layers.encode_boxes(boxes, references, weights), references, weights)
    np.testing.assert_allclose(np.asarray(back), boxes, atol=1e-3)


def test_boxes_are_cut_at_the_border_of_each_image() -> None:
    boxes, sizes = drawn_boxes(2, 30) * 2 - 40, np.array([[50, 90], [70, 40]], np.int32)
    found = flax_layers.clip_boxes(jnp.asarray(boxes), jnp.asarray(sizes))
    for image, size in enumerate(sizes.tolist()):
        expected = clip_boxes_to_image(torch.from_numpy(boxes[image]), size)
        np.testing.assert_array_equal(np.asarray(found[image]), expected.numpy())


def test_overlaps_are_torchvisions() -> None:
    boxes = np.concatenate([drawn_boxes(40), np.float32([[3, 3, 3, 9], [20, 20, 30, 30]])])
    found = jax.vmap(flax_layers.box_iou, (0, None))(jnp.asarray(boxes), jnp.asarray(boxes[:40]))
    assert_close(found, box_iou(torch.from_numpy(boxes), torch.from_numpy(boxes[:40])))


# Matching


def matched_by_torchvision(boxes: Any, anchors: Any, thresholds: tuple[float, float], every: bool) -> Any:
    if not len(boxes):
        return np.full(len(anchors), -1)
    low, high = thresholds
    overlaps = box_iou(torch.from_numpy(boxes), torch.from_numpy(anchors))
    return Matcher(high, low, allow_low_quality_matches=every)(overlaps).numpy()


@pytest.mark.parametrize("thresholds", [(0.4, 0.5), (0.3, 0.7), (0.5, 0.5)])
@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("own_anchors", [True, False])
def test_anchors_match_as_in_torchvision(thresholds: Any, every: bool, own_anchors: bool) -> None:
    # Whole numbers, so that overlaps are equal where they should be, and often.
    counts, room = (0, 1, 3, 7), 8
    boxes = drawn_boxes(len(counts), room, least=2).round()
    boxes[3, 5] = boxes[3, 2]
    boxes[3, 6] = [200, 200, 220, 220]  # of no anchor
    anchors = drawn_boxes(len(counts), 300, least=2).round()
    is_object = np.arange(room) < np.array(counts)[:, None]
    if not own_anchors:
        anchors[:] = anchors[0]
    given = anchors if own_anchors else anchors[0]
    found = flax_layers.match_boxes(
        jnp.asarray(boxes), jnp.asarray(is_object), jnp.asarray(given), thresholds, every_object=every
    )
    assert found.dtype == jnp.int32
    for image, count in enumerate(counts):
        expected = matched_by_torchvision(boxes[image, :count], anchors[image], thresholds, every)
        np.testing.assert_array_equal(np.asarray(found[image]), expected)


def test_without_a_place_for_objects_all_is_background() -> None:
    nothing, anchors = jnp.zeros((2, 0, 4)), jnp.asarray(drawn_boxes(9))
    matches = flax_layers.match_boxes(nothing, jnp.zeros((2, 0), bool), anchors, (0.4, 0.5), every_object=True)
    np.testing.assert_array_equal(np.asarray(matches), np.full((2, 9), -1))
    assert flax_layers.at_matches(nothing, matches).shape == (2, 9, 4)


def test_each_anchor_has_the_values_of_its_object() -> None:
    labels = jnp.array([[5, 6, 7], [8, 9, 4]])
    matches = jnp.array([[0, 2, -1], [1, -2, 2]])
    assert flax_layers.at_matches(labels, matches).tolist() == [[5, 7, 5], [9, 8, 4]]
