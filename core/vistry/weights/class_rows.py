"""Rows of a head by the names of their classes: what was learned of a class goes where that class is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistry.registry.manifest import ClassRows
from vistry.weights.matching import Array, Shapes

ONE_A_CLASS = ClassRows()


@dataclass(frozen=True)
class TakenOver:
    """A head filled by class names: those taken over, those that are new, and the tensors that couldn't be."""

    taken: tuple[str, ...]
    new: tuple[str, ...]
    fresh: tuple[str, ...] = ()

    def sentence(self, source: str) -> str:
        """What the user is told, in one line."""
        count = len(self.taken) + len(self.new)
        text = f"{source}: {len(self.taken)} of {count} classes taken over by name"
        text += f"; new: {_listed(self.new)}" if self.new else ""
        return text + (f"; fresh for all: {_listed(self.fresh)}" if self.fresh else "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def layouts(
    declared: Mapping[str, ClassRows], shapes: Shapes, larger: Shapes, *, num_classes: int
) -> dict[str, ClassRows | None]:
    """The layout of each tensor that depends on the number of classes; None where it can't be told.

    `declared` are layouts by how names begin. Without one, a tensor with as many rows as there are classes has one for
    each. `shapes` are those of the model with `num_classes` classes, `larger` with one more.
    """
    return {
        name: _layout(declared, name, lengths=(shape[0], larger[name][0]), num_classes=num_classes)
        for name, shape in shapes.items()
        if name in larger and larger[name] != shape and shape and larger[name][1:] == shape[1:]
    }


def _layout(
    declared: Mapping[str, ClassRows], name: str, lengths: tuple[int, int], num_classes: int
) -> ClassRows | None:
    stated = [layout for prefix, layout in declared.items() if name.startswith(prefix)]
    for layout in (*stated, ONE_A_CLASS):
        if lengths == (layout.length(num_classes), layout.length(num_classes + 1)):
            return layout
    return None


def by_class_name(
    old: Array, new: Array, layout: ClassRows, classes: tuple[Sequence[str], Sequence[str]]
) -> tuple[Array, bool]:
    """A copy of `new` with the rows of `old` for the classes of both, and for what belongs to no class.

    `classes` are the names before and after. The flag is False where the rows of classes stay those of `new`: where
    one of the two has too few classes for them to be learned, or `old` doesn't have the layout.
    """
    before, after = classes
    if old.shape != (layout.length(len(before)), *new.shape[1:]):
        return new, False
    filled = new.copy()
    rows_before, rows_after = (rows_of(layout, len(names)) for names in classes)
    filled[rows_after.of_none] = old[rows_before.of_none]
    if min(len(before), len(after)) < layout.at_least:
        return filled, False
    for index, name in enumerate(after):
        if name in before:
            filled[rows_after.of_class[index]] = old[rows_before.of_class[before.index(name)]]
    return filled, True


@dataclass(frozen=True)
class Rows:
    """Indices of rows: `of_class` [C, repeats * each], `of_none` those that belong to no class."""

    of_class: npt.NDArray[np.int64]
    of_none: npt.NDArray[np.int64]


def rows_of(layout: ClassRows, num_classes: int) -> Rows:
    """The rows of each class in a tensor of this layout."""
    parts = np.arange(layout.length(num_classes)).reshape(layout.repeats, -1)
    before, of_class, after = np.split(parts, [layout.before, layout.before + layout.each * num_classes], axis=1)
    by_class = of_class.reshape(layout.repeats, num_classes, layout.each).swapaxes(0, 1).reshape(num_classes, -1)
    return Rows(by_class, np.concatenate([before, after], axis=1).reshape(-1))
