"""Which of many regions a loss is computed of: a number that is known beforehand, drawn at random."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax


class Sample(NamedTuple):
    """Some regions of each image, the positive ones first.

    `places`: [N, K] which regions. `is_positive`: [N, K]. `counts`: [N, K], False where there were no more.
    """

    places: Array
    is_positive: Array
    counts: Array

    def of_images(self, is_image: Array) -> Sample:
        """Return the sample without what is drawn in images that are none, by `is_image` [N]."""
        return Sample(self.places, self.is_positive & is_image[:, None], self.counts & is_image[:, None])


def balanced_sample(positive: Array, negative: Array, key: Array, size: int, most_positive: int) -> Sample:
    """Draw at most `size` regions of each image, of which at most `most_positive` are positive.

    positive, negative: [N, A] bool, which regions are either. Where there are fewer positive ones, negative ones take
    their places, as in torchvision's BalancedPositiveNegativeSampler.
    """
    size = min(size, positive.shape[1])
    most_positive = min(size, most_positive)
    drawn = jax.random.uniform(key, positive.shape)
    _, first = lax.top_k(jnp.where(positive, drawn, -1), size)
    _, rest = lax.top_k(jnp.where(negative, drawn, -1), size)
    positives = jnp.minimum(positive.sum(1, keepdims=True), most_positive)
    total = jnp.minimum(positives + negative.sum(1, keepdims=True), size)
    place = jnp.arange(size)
    is_positive = place < positives
    after = jnp.take_along_axis(rest, jnp.maximum(place - positives, 0), 1)
    return Sample(jnp.where(is_positive, first, after), is_positive, place < total)
