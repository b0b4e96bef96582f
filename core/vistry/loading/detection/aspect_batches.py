"""Batches of images of similar shape, so that little of what a detector computes is padding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.loading.batches import Rows, even_batches

# The aspects between one shape and the next, a third of an octave apart: narrow enough to tell 4:3 from 3:2.
SHAPES = 2 ** (np.arange(-8.5, 9) / 3)


def aspect_batches(aspects: npt.NDArray[np.floating], order: Rows, batch_size: int) -> list[Rows]:
    """The rows of `order`, shuffled for an epoch, in batches of similar aspect.

    `aspects`: [N] width over height of every row that `order` may name. The rows of one shape follow one another as in
    `order`, and all are cut as by `even_batches`: there are as many batches as without shapes, in every epoch, and only
    the few between two shapes hold both.
    """
    by_shape = order[np.argsort(np.searchsorted(SHAPES, aspects[order]), kind="stable")]
    place = np.empty(len(aspects), dtype=np.int64)
    place[order] = np.arange(len(order))
    # By the place of one row that is the same whatever the order: by the first, rare shapes would come early.
    return sorted(even_batches(by_shape, batch_size), key=lambda batch: int(place[batch.min()]))
