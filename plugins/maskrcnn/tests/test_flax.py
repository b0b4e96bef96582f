"""Mask R-CNN in Flax, and with it Faster R-CNN, against the twin of torchvision's parts: terms, gradients, objects."""

from __future__ import annotations

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
from vistry.flax_layers import Conv, Objects, RegionCounts, RegionHeads, SampledRegions, valid_rows
from vistry.flax_layers.region_sampling import Sample
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import ImageBatch
from vistry.plugin import Backbone
from vistry.training.engines.jax.module import SplitModule, arrays_of, load_arrays, parameter_names, shapes_of
from vistry_maskrcnn import flax_model, torch_model

DEPTH = 14  # layers one after the other, of the backbone, the pyramid, and the longest head
EPS = float(np.finfo(np.float32).eps)
# Of the largest value: each layer rounds its sums, of up to thousands of values, to 16 units in the last place.
TOLERANCE = 16 * DEPTH * EPS
ROUNDED = 20 * TOLERANCE  # of gradients, which add up over all places of a map
# Before a rectifier whose input is 0 but for rounding: in this network each engine is up to 3e-3 off float64.
BEFORE_RECTIFIERS = 1e-2
LAST_LAYERS = ("cls_score", "bbox_pred", "cls_logits", "mask_fcn_logits", "rpn.head.conv")
CHANNELS, STRIDES = (8, 16, 24, 32), (4, 8, 16, 32)
HEIGHT, WIDTH, SIZES = 64, 96, ((64, 96), (50, 70))
CLASSES, MOST = 3, 4
REGIONS = 24
# More than there are, so that both engines' losses are of all regions, and none of them draws.
EVERY = 10**6
VALUES = Hyperparameters.of(
    {
        "backbone_norm": "batch",
        "box_score_threshold": 0.3,
        "nms_iou_threshold": 0.5,
        "box_detections_per_image": 12,
        "random_seed": 1,
    }
)
BOXES = ([[3, 4, 50, 60], [30, 6, 90, 62], [60, 30, 95, 64]], [[10, 10, 50, 49]])
LABELS = ([0, 2, 1], [1])

Arrays = dict[str, Any]


class TorchBody(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        for before, after in zip((3, *CHANNELS), CHANNELS, strict=False):
            self.stages.append(nn.Conv2d(before, after, 3, stride=4 if before == 3 else 2, padding=1))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = [x]
        for stage in self.stages:
            maps.append(stage(maps[-1]).relu())
        return maps[1:]


class FlaxBody(nnx.Module):
    def __init__(self, random: np.random.Generator):
        self.stages = nnx.List(
            [
                Conv(before, after, 3, stride=4 if before == 3 else 2, padding=1, random=random)
                for before, after in zip((3, *CHANNELS), CHANNELS, strict=False)
            ]
        )

    def __call__(self, x: jax.Array) -> list[jax.Array]:
        maps = [x]
        for stage in self.stages:
            maps.append(jax.nn.relu(stage(maps[-1])))
        return maps[1:]


class Twins(NamedTuple):
    """Both networks with the same weights, and Flax's in training and evaluation, each compiled once for all tests."""

    flax: Any
    torch: Any
    step: Any
    answer: Any
    tensors: Arrays


@pytest.fixture(scope="module")
def twins() -> Twins:
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    theirs: Any = torch_model.build(CLASSES, VALUES, Backbone(TorchBody(), CHANNELS, STRIDES))
    ours: Any = flax_model.build(CLASSES, VALUES, Backbone(FlaxBody(random), CHANNELS, STRIDES))
    few = {"training": REGIONS, "testing": REGIONS}
    theirs.rpn._pre_nms_top_n, theirs.rpn._post_nms_top_n = few, few
    theirs.rpn.fg_bg_sampler.batch_size_per_image = theirs.roi_heads.fg_bg_sampler.batch_size_per_image = EVERY
    ours.rpn.counts = ours.roi_heads.counts = RegionCounts((REGIONS,) * 2, (REGIONS,) * 2, EVERY, EVERY)
    enliven(theirs)
    load_arrays(ours, {name: value.numpy().copy() for name, value in theirs.state_dict().items()})
    tensors = {name: jnp.asarray(value) for name, value in arrays_of(ours).items()}
    trained, apart = parameter_names(ours), SplitModule(ours, [])

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

    return Twins(ours, theirs, jax.jit(step), jax.jit(answer), tensors)


@torch.no_grad()
def enliven(module: nn.Module) -> None:
    """Set weights at which no two anchors, regions and classes are nearly alike."""
    random = torch.Generator().manual_seed(0)
    scales = {"rpn.head": 4, "box_predictor": 4, "mask_fcn": 100}
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            parameter.uniform_(-0.1, 0.1, generator=random)
        for part, scale in scales.items():
            if part in name and name.endswith("weight"):
                parameter.mul_(scale)


def images() -> tuple[ImageBatch, ImageBatch]:
    """Two of different sizes, as torch and as Flax take them."""
    pixels = np.random.default_rng(1).standard_normal((len(SIZES), HEIGHT, WIDTH, 3)).astype(np.float32)
    for image, (height, width) in zip(pixels, SIZES, strict=True):
        image[height:], image[:, width:] = 0, 0
    theirs = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
    return ImageBatch(theirs, SIZES), ImageBatch(jnp.asarray(pixels), np.array(SIZES, np.int32))


def targets(count: int = 2) -> tuple[list[dict[str, torch.Tensor]], Arrays]:
    """Objects with masks of which no two rows are alike; those of the first `count` images alone."""
    random = np.random.default_rng(2)
    boxes = np.zeros((len(SIZES), MOST, 4), np.float32)
    labels = np.full((len(SIZES), MOST), -1, np.int32)
    masks = np.zeros((len(SIZES), MOST, HEIGHT, WIDTH), np.uint8)
    theirs = []
    for image, (height, width) in enumerate(SIZES[:count]):
        some = len(LABELS[image])
        boxes[image, :some], labels[image, :some] = BOXES[image], LABELS[image]
        for place, (left, top, right, bottom) in enumerate(BOXES[image]):
            masks[image, place, top:bottom, left:right] = random.random((bottom - top, right - left)) < 0.7
        own = {"boxes": boxes[image, :some], "labels": labels[image, :some].astype(np.int64)}
        own["masks"] = masks[image, :some, :height, :width].copy()
        theirs.append({name: torch.from_numpy(value) for name, value in own.items()})
    return theirs, {"boxes": boxes, "labels": labels, "masks": masks}


def test_names_shapes_and_parameters_are_torchs(twins: Twins) -> None:
    assert shapes_of(twins.flax) == {name: tuple(value.shape) for name, value in twins.torch.state_dict().items()}
    assert parameter_names(twins.flax) == {name for name, _ in twins.torch.named_parameters()}


def test_initial_weights_are_drawn_as_torchs() -> None:
    theirs = torch_model.build(CLASSES, VALUES, Backbone(TorchBody(), CHANNELS, STRIDES)).state_dict()
    random = np.random.default_rng(0)
    ours = arrays_of(flax_model.build(CLASSES, VALUES, Backbone(FlaxBody(random), CHANNELS, STRIDES)))
    for name, value in ours.items():
        if value.size >= 256:
            assert value.std() == pytest.approx(float(theirs[name].std()), rel=0.2, abs=1e-9), name
            assert abs(value).max() == pytest.approx(float(abs(theirs[name]).max()), rel=0.5, abs=1e-9), name


@pytest.mark.parametrize("real", [2, 1])
def test_terms_and_gradients_agree(twins: Twins, real: int) -> None:
    pixels, same = images()
    objects, padded = targets(real)
    twins.torch.train().zero_grad()
    expected = twins.torch(ImageBatch(pixels.pixels[:real], SIZES[:real]), objects)
    sum(expected.values()).backward()
    mask = (np.arange(len(SIZES)) < real).astype(np.float32)
    gradients, terms = twins.step(twins.tensors, same, padded, mask)
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert value > 0
        assert float(terms[name]) == pytest.approx(value.item(), rel=TOLERANCE), name
    for name, value in twins.torch.named_parameters():
        largest = float(abs(value.grad).max())
        assert largest > 0
        atol = largest * (ROUNDED if any(part in name for part in LAST_LAYERS) else BEFORE_RECTIFIERS)
        np.testing.assert_allclose(gradients[name], value.grad.numpy(), rtol=0, atol=atol, err_msg=name)


def test_the_terms_of_boxes_are_of_all_regions_and_that_of_masks_of_the_objects(twins: Twins) -> None:
    heads, sampled = twins.flax.roi_heads, 8
    _, same = images()
    objects = Objects.of({name: jnp.asarray(value) for name, value in targets()[1].items()}, same.sizes)
    ours = RegionCounts(sampled_regions=sampled)
    boxes = jnp.concatenate([objects.boxes[:, :1], jnp.tile(jnp.array([0.0, 0, 9, 9]), (2, sampled - 1, 1))], 1)
    is_positive = jnp.arange(sampled)[None].repeat(2, 0) < 1
    places = jnp.where(is_positive, 0, -1)
    regions = SampledRegions(boxes, places, Sample(places, is_positive, jnp.ones_like(is_positive)))

    @jax.jit  # else each operation is compiled for itself
    def all_losses(pixels: jax.Array) -> Any:
        maps = twins.flax.backbone(pixels)
        return (
            heads.losses(maps, regions, objects),
            RegionHeads.losses(heads, maps, regions, objects),
            heads.losses(maps, regions.first(1), objects),
        )

    before, heads.counts = heads.counts, ours
    terms, of_boxes, first = all_losses(same.pixels)
    heads.counts = before
    assert {name: float(terms[name]) for name in of_boxes} == {name: float(of_boxes[name]) for name in of_boxes}
    assert float(terms["loss_mask"]) == pytest.approx(float(first["loss_mask"]), rel=TOLERANCE)
    assert float(terms["loss_classifier"]) != pytest.approx(float(first["loss_classifier"]), rel=0.01)


def test_what_is_found_agrees(twins: Twins) -> None:
    pixels, same = images()
    twins.torch.eval()
    with torch.no_grad():
        expected = twins.torch(pixels)
    answer = twins.answer(twins.tensors, same)
    shapes = {name: value.shape[2:] for name, value in answer.items()}
    assert shapes == {"boxes": (4,), "scores": (), "labels": (), "masks": (1, 28, 28)}
    for image, theirs in enumerate(expected):
        count = len(theirs["labels"])
        assert count > 3
        ours = {name: np.asarray(value[image, :count]) for name, value in answer.items()}
        np.testing.assert_array_equal(ours["labels"], theirs["labels"].numpy())
        for name in ("boxes", "scores", "masks"):
            largest = float(abs(theirs[name]).max())
            np.testing.assert_allclose(ours[name], theirs[name].numpy(), rtol=0, atol=4 * TOLERANCE * largest)
        assert theirs["masks"].std() > 0.01
        assert (answer["labels"][image, count:] == -1).all()
        assert not answer["boxes"][image, count:].any()


def test_boxes_are_float32_where_the_networks_compute_in_bfloat16(twins: Twins) -> None:
    tensors = {name: value.astype(jnp.bfloat16) for name, value in twins.tensors.items()}
    _, same = images()
    pixels = same._replace(pixels=same.pixels.astype(jnp.bfloat16))
    answer = jax.eval_shape(lambda: twins.answer(tensors, pixels))
    assert {value.dtype for name, value in answer.items() if name != "labels"} == {jnp.dtype(jnp.float32)}
    operations = str(jax.make_jaxpr(lambda: twins.answer(tensors, pixels))())
    products = [line for line in operations.splitlines() if "dot_general" in line or "conv_general" in line]
    assert sum("bf16[" in line.split(" = ")[0] for line in products) > 20


def test_one_shape_is_compiled_once_whatever_the_objects(twins: Twins) -> None:
    _, same = images()
    for count in (2, 0):
        gradients, terms = twins.step(twins.tensors, same, targets(count)[1], np.ones(2, np.float32))
        assert all(np.isfinite(float(value)) for value in terms.values())
        assert all(np.isfinite(np.asarray(value)).all() for value in gradients.values())
    assert float(terms["loss_mask"]) == float(terms["loss_box_reg"]) == 0
    assert twins.step._cache_size() == 1
