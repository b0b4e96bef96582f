"""Non-maximum suppression in JAX: the boxes that torchvision keeps, box for box."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from vistry.flax_layers import batched_nms
from vistry.torch_layers import nms


def _agree(kept: Any, *arguments: Any) -> None:
    np.testing.assert_array_equal(np.asarray(kept), nms.batched_nms(*arguments).numpy())


@pytest.mark.parametrize(
    "arguments", [pytest.param(sample, id=str(i)) for i, sample in enumerate(nms.samples(torch.float32, "cpu"))]
)
def test_the_samples_of_the_kernel(arguments: nms.Arguments) -> None:
    *tensors, score_threshold, iou_threshold, most = arguments
    asked = partial(batched_nms, score_threshold=score_threshold, iou_threshold=iou_threshold, max_detections=most)
    kept = jax.jit(asked)(*(tensor.numpy() for tensor in tensors))
    assert kept.dtype == jnp.int32
    assert kept.shape == (len(tensors[0]), most)
    _agree(kept, *arguments)


@pytest.mark.parametrize("iou_threshold", [0.3, 0.5, 0.7])
def test_many_crowds(iou_threshold: float) -> None:
    """Coordinates are quarters of a pixel, which no offset of torchvision's rounds; every other draw has many ties."""
    compiled: Any = jax.jit(partial(batched_nms, score_threshold=0.1, iou_threshold=iou_threshold, max_detections=12))
    limits = set()
    for seed in range(60):
        random, steps = np.random.default_rng(seed), 8 if seed % 2 else 2**20
        corner = random.integers(1 + 20 * (seed % 4), size=(3, 50, 2)) / 4
        size = random.integers(40, 61, size=(3, 50, 2)) / 4
        boxes = np.concatenate([corner, corner + size], 2).astype(np.float32)
        scores = random.integers(steps, size=(3, 50)) / steps
        labels = random.integers(0, random.integers(1, 6), (3, 50))
        arguments = (boxes, scores.astype(np.float32), labels)
        kept = compiled(*arguments)
        _agree(kept, *(torch.from_numpy(array) for array in arguments), 0.1, iou_threshold, 12)
        limits |= set((np.asarray(kept) >= 0).sum(1).tolist())
    assert min(limits) < max(limits) == 12
    assert compiled._cache_size() == 1


def test_scores_and_boxes_that_are_no_numbers() -> None:
    boxes = jnp.array([[[0, 0, 4, 4], [0, 0, 4, 4], [jnp.nan, 0, 4, 4], [9, 9, 9, 9], [9, 9, 9, 9]]])
    scores = jnp.array([[jnp.nan, 0.9, 0.8, 0.7, jnp.inf]])
    kept = batched_nms(boxes, scores, jnp.zeros((1, 5), jnp.int32), 0.1, 0.5, 6)
    # One without area overlaps nothing, not even itself.
    assert kept.tolist() == [[4, 1, 2, 3, -1, -1]]


def test_the_caller_may_have_gradients() -> None:
    """Through the boxes that are picked, not through the choice."""

    def best(scores: jax.Array) -> jax.Array:
        boxes = jnp.array([[[0.0, 0, 4, 4], [1, 0, 4, 4], [8, 8, 9, 9]]])
        kept = batched_nms(boxes, scores, jnp.zeros((1, 3), jnp.int32), 0.1, 0.5, 2)
        return jnp.take_along_axis(scores, kept, 1).sum()

    assert jax.grad(best)(jnp.array([[0.3, 0.9, 0.5]])).tolist() == [[0.0, 1.0, 1.0]]
