"""Predictions for a stream of images: read ahead by threads, shown to the engine in batches, one prediction each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from vistry.errors import DataError
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import default_workers, stack_padded
from vistry.loading.views import EvalTransform, ImageView, ResizeInfo
from vistry.plugin.types import Predictions

# The views of a batch of images, still being read.
Pending = list[Future[list[ImageView]]]


class ImagePredictor(Protocol):
    """What predicts a batch: an engine, or an exported file."""

    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Predictions:
        """Return N predictions of images [N, H, W, 3] uint8, as an engine does."""


def predictions_of(
    engine: ImagePredictor,
    eval_transform: EvalTransform,
    images: Iterable[str | Path],
    *,
    batch_size: int,
    workers: int | None = None,
) -> Iterator[Any]:
    """Yield the prediction for each image in order, or the DataError that says why it can't be read.

    The next `batch_size` images are read by `workers` threads while the engine predicts the present ones.
    """
    unread = iter(images)
    with ThreadPoolExecutor(workers or default_workers(), thread_name_prefix="vistry-images") as pool:

        def start() -> Pending:
            return [pool.submit(eval_transform.views, image) for image in islice(unread, batch_size)]

        try:
            ahead = start()
            while ahead:
                current, ahead = ahead, start()
                yield from _predictions(
                    engine, eval_transform, [_result(future) for future in current], batch_size=batch_size
                )
        finally:  # a caller who stops early doesn't wait for images that nobody needs
            pool.shutdown(wait=False, cancel_futures=True)


def _batches(views: Sequence[ImageView], size_divisor: int, batch_size: int) -> Iterator[list[int]]:
    """Yield the indices of views that are padded to one size.

    A network sees the padding: what it says of an image must not depend on the images that happen to be beside it.
    """
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, view in enumerate(views):
        size = tuple(-(-side // size_divisor) for side in view.pixels.shape[:2])
        by_size.setdefault(size, []).append(index)
    for indices in by_size.values():
        for start in range(0, len(indices), batch_size):
            yield indices[start : start + batch_size]


def _result(future: Future[list[ImageView]]) -> list[ImageView] | DataError:
    try:
        return future.result()
    except DataError as error:
        return error


def _predictions(
    engine: ImagePredictor,
    eval_transform: EvalTransform,
    images: Sequence[list[ImageView] | DataError],
    batch_size: int,
) -> Iterator[Any]:
    """Predict a few images, whose views fill the batches together: an image that is tiled has several."""
    views = [view for image in images if not isinstance(image, DataError) for view in image]
    of_views: dict[int, Any] = {}
    for part in _batches(views, eval_transform.size_divisor, batch_size):
        pixels = stack_padded([views[index].pixels for index in part], eval_transform.size_divisor)
        sizes = [views[index].resize_info for index in part] if eval_transform.variable_size else None
        of_views |= zip(part, engine.predict(pixels, sizes), strict=True)
    remaining = iter(of_views[index] for index in range(len(views)))
    for image in images:
        if isinstance(image, DataError):
            yield image
        else:
            yield eval_transform.merge(list(islice(remaining, len(image))), image)
