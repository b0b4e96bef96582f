"""The classes of a data set as a model numbers them."""

from __future__ import annotations

from dataclasses import replace

from vistry.data.readers.masks import ONLY_CLASS
from vistry.data.table import Table
from vistry.errors import DataError, suggestion


def with_models_classes(table: Table, classes: tuple[str, ...]) -> tuple[Table, list[str]]:
    """Renumber a table's classes as a model has them, and say what was taken for what.

    Where both have one class and one of the two is without a name, it is the other. Raises DataError for a class that
    the model doesn't know.
    """
    if _is_one_without_a_name(table, classes):
        [given], [known] = table.classes, classes
        named = replace(table, classes=classes)
        return named, [f"the only class of the data, '{given}', is taken for the only one of the run, '{known}'"]
    unknown = [name for name in table.classes if name not in classes]
    if unknown:
        hint = suggestion(unknown[0], classes)
        raise DataError(
            f"the model doesn't know the class '{unknown[0]}' of {table.root}; {hint}; it was trained on "
            f"{len(classes)} classes"
        )
    return table.with_classes(classes), []


def _is_one_without_a_name(table: Table, classes: tuple[str, ...]) -> bool:
    # An object of no name is an object; a folder of images has a name that somebody gave it.
    if table.objects is None or len(table.classes) != 1 or len(classes) != 1 or table.classes == classes:
        return False
    return any(map(_is_no_name, (*table.classes, *classes)))


def _is_no_name(name: str) -> bool:
    """Whether a reader made a name up, because the data has masks or numbers alone."""
    return name == ONLY_CLASS or name.isdecimal()
