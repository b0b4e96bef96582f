"""What the parts of a two-stage detector hand each other, with as many rows in every image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from vistry.flax_layers.normalisation import current_valid_rows


@dataclass(frozen=True)
class RegionCounts:
    """How many regions of each image a detector looks at, as in torchvision.

    `candidates` are those of a level before suppression, `survivors` those of an image after it, each in training and
    in evaluation. Losses are computed of `sampled_anchors` and `sampled_regions`.
    """

    candidates: tuple[int, int] = (2000, 1000)
    survivors: tuple[int, int] = (2000, 1000)
    sampled_anchors: int = 256
    sampled_regions: int = 512

    @property
    def most_objects(self) -> int:
        """How many of the sampled regions may be positive."""
        return self.sampled_regions // 4

    def proposals(self, training: bool) -> tuple[int, int]:
        """Return how many candidates a level has, and how many proposals an image."""
        place = 0 if training else 1
        return self.candidates[place], self.survivors[place]


class Objects(NamedTuple):
    """The objects of each image: `boxes` [N, M, 4], `labels` [N, M] from 0, `is_object` [N, M].

    `sizes`: [N, 2] height and width of the images. `masks`: [N, M, H, W] of 0 and 1 where they are given. `is_image`:
    [N], False where an image is padding of the batch.
    """

    boxes: Array
    labels: Array
    is_object: Array
    sizes: Array
    is_image: Array
    masks: Array | None

    @classmethod
    def of(cls, targets: Mapping[str, Array], sizes: Array) -> Objects:
        """Return the objects of the targets that a detector is given, where a label of -1 is no object."""
        boxes, labels = targets["boxes"].astype(jnp.float32), targets["labels"]
        rows = current_valid_rows()
        is_image = jnp.ones(len(labels), bool) if rows is None else rows > 0
        return cls(boxes, labels, labels >= 0, sizes=sizes, is_image=is_image, masks=targets.get("masks"))


class Regions(NamedTuple):
    """Regions of each image: `boxes` [N, K, 4] in pixels, and `is_region` [N, K], False for padding."""

    boxes: Array
    is_region: Array
