"""What the JAX engine gives a detector: targets of one shape, images with their sizes, as many answers as images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import pytest
from flax import nnx
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import Batch, ImageBatch
from vistry.loading.detection.augmentation import resized_size
from vistry.loading.views import ResizeInfo
from vistry.plugin import FreezingMap
from vistry.registry.manifest import PreprocessingSpec
from vistry.task.detection import ImageObjectDetection
from vistry.training.engines import EngineSettings
from vistry.training.engines.jax.engine import JaxEngine
from vistry.training.engines.jax.padding import Padding, rounded_up

TASK = ImageObjectDetection()
VALUES = Hyperparameters.of(
    {
        "optimizer": "sgd",
        "momentum": 0.0,
        "nesterov": False,
        "weight_decay": 0.0,
        "precision": "fp32",
        "deterministic": False,
        "random_seed": 0,
    }
)
PLAIN = PreprocessingSpec(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class Detector(nnx.Module):
    """Its loss terms say what it was called with; it finds each image's size, and nothing in a second place."""

    def __init__(self) -> None:
        self.weight = nnx.Param(jnp.ones(()))

    def __call__(self, images: Any, targets: Any = None) -> Any:
        pixels, sizes = images if isinstance(images, ImageBatch) else (images, None)
        if targets is not None:
            real = targets["labels"] >= 0
            return {
                "count": self.weight[...] * real.sum(),
                "boxes": jnp.where(real[..., None], targets["boxes"], 0).sum() * 1e-3,
                "room": jnp.float32(real.shape[1]) * 1e-3,
                "light": pixels.sum() * 1e-3,
            }
        count = len(pixels)
        far = jnp.zeros((count, 2)) if sizes is None else sizes[:, ::-1].astype(jnp.float32)
        box = jnp.concatenate([jnp.zeros((count, 2)), far], axis=1)[:, None]
        return {
            "boxes": jnp.concatenate([box, box], axis=1),
            "scores": jnp.tile(jnp.array([0.9, 0.0]), (count, 1)),
            "labels": jnp.tile(jnp.array([1, -1], jnp.int32), (count, 1)),
        }


def engine(lines: list[str]) -> JaxEngine:
    settings = EngineSettings(VALUES, PLAIN, freezing=FreezingMap(()), log=lines.append)
    loss = TASK.build_loss(VALUES, "jax", None)  # type: ignore[arg-type]
    return JaxEngine(Detector(), settings, loss, TASK.build_postprocess(VALUES))


def batch(*counts: int, light: int = 0, sizes: list[tuple[int, int]] | None = None) -> Batch:
    """Images of 8 pixels with so many objects each, all boxes from 0, 0 to 2, 4."""
    targets: list[dict[str, npt.NDArray[Any]]] = [
        {"boxes": np.tile(np.float32([0, 0, 2, 4]), (count, 1)), "labels": np.arange(count)} for count in counts
    ]
    images = np.full((len(counts), 8, 8, 3), light, np.uint8)
    return Batch(images, targets, np.arange(len(counts)), sizes)


def terms_of(found: JaxEngine, given: Batch) -> dict[str, float]:
    return found.accumulate(given, 1.0, 0)


def test_each_object_is_there_once_and_an_image_may_have_none() -> None:
    found = engine([])
    terms = terms_of(found, batch(3, 0, 1))
    assert terms["count"] == 4
    assert np.isclose(terms["boxes"], 4 * 6e-3)


def test_the_room_for_objects_grows_by_doubling_and_is_kept_with_the_state() -> None:
    lines: list[str] = []
    found = engine(lines)
    assert [round(1e3 * terms_of(found, batch(count, 1))["room"]) for count in (2, 8, 9, 3, 16, 17)] == [
        8, 8, 16, 16, 16, 32,
    ]  # fmt: skip
    assert len(lines) == 3  # programs, one for each room
    again = engine([])
    again.load_state(found.state())
    assert round(1e3 * terms_of(again, batch(1))["room"]) == 32


def test_masks_have_the_size_of_the_batch_and_a_place_for_each_object() -> None:
    own = [np.ones((2, 5, 8), np.uint8), np.zeros((0, 8, 6), np.uint8), np.full((1, 8, 6), 1, np.uint8)]
    targets = [
        {"boxes": np.zeros((len(masks), 4), np.float32), "labels": np.zeros(len(masks), int), "masks": masks}
        for masks in own
    ]
    padding = Padding()
    padding.images(np.zeros((4, 8, 8, 3), np.uint8))
    padded = padding.targets(targets, padding.images(np.zeros((3, 8, 8, 3), np.uint8)))
    assert padded["masks"].shape == (4, 8, 8, 8)
    assert padded["masks"].dtype == np.uint8
    for image, masks in enumerate([*own, own[0]]):  # the row added is a copy of the first
        count, height, width = masks.shape
        np.testing.assert_array_equal(padded["masks"][image, :count, :height, :width], masks)
        assert padded["masks"][image].sum() == masks.sum()


def test_pixels_beyond_an_image_are_zero_whatever_the_normalisation() -> None:
    whole = terms_of(engine([]), batch(1, 1, light=255, sizes=[(8, 8), (8, 8)]))
    part = terms_of(engine([]), batch(1, 1, light=255, sizes=[(8, 8), (2, 4)]))
    assert np.isclose(whole["light"], 2 * 64 * 3e-3)
    assert np.isclose(part["light"], (64 + 8) * 3e-3)


def test_images_of_many_sizes_need_few_programs() -> None:
    aspects, padding = 2 ** np.random.default_rng(0).uniform(-1.5, 1.5, 500), Padding()
    shown = [resized_size(round(1000 * aspect), 1000, 600, max_size=1333) for aspect in aspects]
    sizes = [(-(-height // 32) * 32, -(-width // 32) * 32) for width, height in shown]
    for size in sizes:
        canvas = padding.canvas(size)
        assert canvas[0] >= size[0]
        assert canvas[1] >= size[1]
        assert canvas[0] * canvas[1] <= 25 / 16 * size[0] * size[1]
        assert not canvas[0] % 32
        assert not canvas[1] % 32
    assert len(set(sizes)) > 40
    assert len(padding.state()["canvases"]) <= 10
    again = Padding()
    again.load_state(padding.state())
    assert [again.canvas(size) for size in sizes] == [padding.canvas(size) for size in sizes]


@pytest.mark.parametrize(
    ("size", "canvas"),
    [((1, 33), (32, 64)), ((256, 257), (256, 320)), ((512, 520), (512, 640)), ((800, 1333), (896, 1536))],
)
def test_sides_are_rounded_to_an_eighth_of_a_power_of_two(size: tuple[int, int], canvas: tuple[int, int]) -> None:
    assert rounded_up(size) == canvas


def test_batches_of_sizes_that_fit_a_program_share_it() -> None:
    lines: list[str] = []
    found = engine(lines)
    for height, width in ((320, 448), (320, 416), (288, 448), (448, 320), (320, 448)):
        given = batch(1, 2, light=255, sizes=[(height, width), (2, 4)])
        terms = terms_of(found, replace(given, images=np.full((2, height, width, 3), 255, np.uint8)))
        assert np.isclose(terms["light"], (height * width + 8) * 3e-3)
    assert len(lines) == 2


def test_what_is_found_in_an_image_does_not_depend_on_those_before_it() -> None:
    lines: list[str] = []
    found = engine(lines)
    for height, width in ((320, 448), (300, 400), (290, 430)):
        found.predict(np.zeros((1, height, width, 3), np.uint8), [ResizeInfo(height, width, height, width)])
    assert len(lines) == 1
    found.predict(np.zeros((1, 200, 200, 3), np.uint8), [ResizeInfo(200, 200, 200, 200)])
    assert len(lines) == 2


def test_predictions_are_in_pixels_of_what_is_shown_and_places_that_hold_nothing_are_left_out() -> None:
    images = np.zeros((2, 8, 8, 3), np.uint8)
    found = engine([]).predict(images, [ResizeInfo(8, 6, 16, 12), ResizeInfo(4, 8, 4, 8)])
    assert [one.boxes.tolist() for one in found] == [[[0, 0, 12, 16]], [[0, 0, 8, 4]]]
    assert [one.labels.tolist() for one in found] == [[1], [1]]
    assert [one.scores.round(3).tolist() for one in found] == [[np.float32(0.9).round(3)], [np.float32(0.9).round(3)]]
