"""A plugin's input as core uses it: what fails in it names the plugin, and its first batch and view are checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vistry.data.table import Table
from vistry.loading.batches import Batch, Rows, TrainingDataset
from vistry.loading.views import EvalTransform, ImageView
from vistry.plugin.answers import kind
from vistry.plugin.types import Input
from vistry.registry.plugin_code import PluginCode

# What core calls of an input's parts, looked for when it is built and not in the middle of a training.
_DATASET = ("__len__", "name", "batches", "read", "batch")
_TRANSFORM = ("views", "merge")


@dataclass
class Once:
    """True the first time that it is asked, so that an answer is checked once and costs nothing afterwards."""

    is_over: bool = False

    def __bool__(self) -> bool:
        first, self.is_over = not self.is_over, True
        return first


@dataclass(frozen=True)
class GuardedInput:
    """An input whose `code` is a plugin's, or core's on its behalf."""

    own: Input
    code: PluginCode

    def dataset(self, table: Table) -> GuardedDataset:
        """Return the training samples of a table's rows. Raises BrokenPluginError."""
        with self.code:
            dataset = self.own.dataset(table)
        self.code.require(_missing(dataset, _DATASET, "dataset", protocol="TrainingDataset"))
        return GuardedDataset(dataset, self.code)

    def eval_transform(self) -> GuardedTransform:
        """Return the transform of validation and prediction. Raises BrokenPluginError."""
        with self.code:
            transform = self.own.eval_transform()
        self.code.require(_missing(transform, _TRANSFORM, "eval_transform", protocol="EvalTransform"))
        return GuardedTransform(transform, self.code)

    def input_size(self, training: bool) -> int:
        """Return the side in pixels of a square image. Raises BrokenPluginError."""
        with self.code:
            size = self.own.input_size(training=training)
        wrong = isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1
        self.code.require(f"returned the input_size {size!r}; it must be pixels, at least 1" if wrong else "")
        return size


@dataclass(frozen=True)
class GuardedDataset:
    """Training samples; see `TrainingDataset` for what each method promises."""

    own: TrainingDataset
    code: PluginCode
    _first: Once = field(default_factory=Once)

    def __len__(self) -> int:
        with self.code:
            return len(self.own)

    def name(self, row: int) -> str:
        with self.code:
            return self.own.name(row)

    def batches(self, seed: int, epoch: int) -> list[Rows]:
        with self.code:
            batches = self.own.batches(seed, epoch)
        self.code.require("" if len(batches) else "returned no batches; return the rows of each as an array")
        return batches

    def read(self, row: int, random: np.random.Generator) -> Any:
        with self.code:
            return self.own.read(row, random)

    def batch(self, rows: Rows, read: Sequence[Any]) -> Batch:
        with self.code:
            batch = self.own.batch(rows, read)
        if self._first:
            self.code.require(_wrong_batch(batch, len(rows)))
        return batch


@dataclass(frozen=True)
class GuardedTransform:
    """The transform of validation and prediction; see `EvalTransform` for what each method promises."""

    own: EvalTransform
    code: PluginCode
    _first: Once = field(default_factory=Once)

    @property
    def size_divisor(self) -> int:
        with self.code:
            return self.own.size_divisor

    @property
    def variable_size(self) -> bool:
        with self.code:
            return self.own.variable_size

    def views(self, image: str | Path) -> list[ImageView]:
        with self.code:
            views = self.own.views(image)
        if self._first:
            self.code.require(_wrong_views(views))
        return views

    def merge(self, predictions: Sequence[Any], views: Sequence[ImageView]) -> Any:
        with self.code:
            return self.own.merge(predictions, views)


def _missing(value: object, names: Sequence[str], method: str, protocol: str) -> str:
    for name in names:
        if not callable(getattr(value, name, None)):
            return f"returned {kind(value)} from {method}, which has no method {name}; see vistry.plugin.{protocol}"
    return ""


def _wrong_batch(batch: object, count: int) -> str:
    if not isinstance(batch, Batch):
        return f"returned {kind(batch)} as a batch; return a vistry.plugin.Batch"
    if wrong := _wrong_pixels(batch.images, "the images of a batch", (count, None, None, 3)):
        return wrong
    if len(batch.targets) != count:
        return f"returned {len(batch.targets)} targets for {count} images; return one an image"
    return ""


def _wrong_views(views: object) -> str:
    if not isinstance(views, list | tuple) or not views or not all(isinstance(view, ImageView) for view in views):
        return f"returned {kind(views)} for the views of an image; return a list of vistry.plugin.ImageView"
    return next((wrong for view in views if (wrong := _wrong_pixels(view.pixels, "a view", (None, None, 3)))), "")


def _wrong_pixels(pixels: object, what: str, shape: tuple[int | None, ...]) -> str:
    sizes = getattr(pixels, "shape", ())
    fits = len(sizes) == len(shape) and all(want in (None, size) for want, size in zip(shape, sizes, strict=True))
    if fits and getattr(pixels, "dtype", None) == np.uint8:
        return ""
    wanted = "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
    given = f"{getattr(pixels, 'dtype', kind(pixels))} {list(sizes)}"
    return f"returned {given} for {what}; the pixels must be uint8 {wanted}"
