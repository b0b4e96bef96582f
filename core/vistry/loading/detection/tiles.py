"""Tiles of an image, for objects that are small in it: where they lie, which objects they hold, and merging detections.

The rules are those of docs/reference/behaviour.md, 3.12; the method is that of Unel et al., The Power of Tiling for
Small Object Detection, CVPR Workshops 2019.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vistry.data.offsets import offsets_from_counts, segment_ids
from vistry.loading.detection.sample import DetectionSample
from vistry.registry.tile_grid import TileGrid

Boxes = npt.NDArray[np.floating]
Tiles = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Bounds the memory of `_conflicts`: this many pairs of boxes are compared at once.
PAIRS_AT_ONCE = 1_000_000


class Tiling(NamedTuple):
    """How images are cut: the grid, and the share of their width or height that neighbours have in common."""

    grid: TileGrid
    overlap: float = 0.0

    def tiles(self, width: int, height: int) -> Tiles:
        """[T, 4] the tiles of an image of this size, see `tile_boxes`."""
        return tile_boxes(width, height, self.grid, overlap=self.overlap)


def tile_boxes(width: int, height: int, grid: TileGrid, overlap: float) -> Tiles:
    """[T, 4] left, top, right and bottom of each tile in whole pixels, row by row; together they cover the image.

    Neighbours share `overlap`, in [0, 1), of their width or height. There are columns * rows tiles, fewer where the
    image has not a pixel for each.
    """
    left, right = _cuts(width, grid.columns, overlap)
    top, bottom = _cuts(height, grid.rows, overlap)
    x, y = (axis.reshape(-1) for axis in np.meshgrid(np.arange(grid.columns), np.arange(grid.rows)))
    tiles = np.stack([left[x], top[y], right[x], bottom[y]], axis=1)
    return tiles[(tiles[:, 2:] > tiles[:, :2]).all(axis=1)]


def tiles_with_objects(boxes: Boxes, tiles: Tiles) -> Flags:
    """[T] whether a tile shows a pixel or more, across and down, of any of the boxes."""
    return np.asarray(_intersects(boxes, tiles).any(axis=0))


def tile_sample(sample: DetectionSample, tile: npt.NDArray[np.int64]) -> DetectionSample:
    """A tile ([4], left, top, right, bottom) as a sample of its own, with the objects it shows, clipped to it."""
    left, top, right, bottom = tile.tolist()
    return sample.take(_intersects(sample.boxes, tile[None])[:, 0]).crop(left, top, right, bottom)


def nms_across_tiles(
    boxes: Boxes, scores: npt.NDArray[np.floating], labels: Indices, tile_of: Indices, iou: float
) -> Indices:
    """Non-maximum suppression between tiles: the indices of the boxes to keep, the highest score first.

    `boxes`: [K, 4] x1, y1, x2, y2 in the image; `scores`, `labels` and `tile_of`: [K], where the whole image counts as
    a tile too. From the highest score down, and the first of equal ones, a box is kept unless a kept one of the same
    label and of another tile overlaps it with an IoU above `iou`. Boxes of one tile never remove each other: the
    model's own suppression has been through them.
    """
    order = np.argsort(-scores, kind="stable")
    survives = [True] * len(order)
    for higher, lower in _conflicts(boxes[order].astype(np.float64), labels[order], tile_of[order], iou=iou).tolist():
        if survives[higher]:
            survives[lower] = False
    return np.asarray(order[np.array(survives, dtype=bool)])


def _cuts(length: int, count: int, overlap: float) -> tuple[Tiles, Tiles]:
    """Where the tiles along a side of an image begin and end."""
    size = length / (overlap + (1 - overlap) * count)
    starts = np.arange(count) * (1 - overlap) * size
    return np.rint(starts).astype(np.int64), np.rint(starts + size).astype(np.int64)


def _intersects(boxes: Boxes, tiles: Tiles) -> Flags:
    """[K, T] whether a tile shows a pixel or more of a box, across and down."""
    corners = boxes[:, None]
    sides = np.minimum(corners[..., 2:], tiles[:, 2:]) - np.maximum(corners[..., :2], tiles[:, :2])
    return np.asarray((sides >= 1).all(axis=2))


def _conflicts(boxes: Boxes, labels: Indices, tile_of: Indices, iou: float) -> Indices:
    """[P, 2] the pairs of one label and of two tiles with an IoU above `iou`, sorted by the first, the lower index.

    Along x, of the boxes of its label, only those that begin between a box's left and right edge are looked at.
    """
    # Integers that sort by label, then by x: how many boxes begin further left.
    begins = np.sort(boxes[:, 0])
    left_key, right_key = (
        labels.astype(np.int64) * (len(boxes) + 1) + np.searchsorted(begins, boxes[:, side]) for side in (0, 2)
    )
    sweep = np.argsort(left_key, kind="stable")
    ends = np.searchsorted(left_key[sweep], right_key[sweep])
    counts = np.maximum(ends - np.arange(len(boxes)) - 1, 0)
    cuts = np.searchsorted(np.cumsum(counts), np.arange(PAIRS_AT_ONCE, counts.sum(), PAIRS_AT_ONCE))
    overlapping = [np.zeros((2, 0), dtype=np.int64)]
    for places in np.split(np.arange(len(boxes)), cuts):
        starts = offsets_from_counts(counts[places])
        of_place = segment_ids(starts)
        one = sweep[places[of_place]]
        other = sweep[places[of_place] + 1 + np.arange(starts[-1]) - starts[of_place]]
        overlapping.append(_overlapping(boxes, tile_of, np.stack([one, other]), iou=iou))
    pairs = np.sort(np.concatenate(overlapping, axis=1), axis=0)
    return pairs[:, np.argsort(pairs[0], kind="stable")].T


def _overlapping(boxes: Boxes, tile_of: Indices, pairs: Indices, iou: float) -> Indices:
    """[2, Q] those of the pairs [2, P] that are of two tiles and overlap by more than `iou`."""
    top, bottom = boxes[:, 1], boxes[:, 3]
    one, other = pairs
    meet = (top[one] < bottom[other]) & (top[other] < bottom[one]) & (tile_of[one] != tile_of[other])
    pairs = pairs[:, meet]
    a, b = boxes[pairs[0]], boxes[pairs[1]]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = sides.clip(0).prod(axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return pairs[:, shared > iou * (areas[pairs].sum(axis=0) - shared)]
