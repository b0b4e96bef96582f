"""The words of `--help` that follow from the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vistry.errors import RegistryError
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import BACKENDS
from vistry.registry.tasks import TASKS

if TYPE_CHECKING:
    from vistry.data.formats import Formats


def one_of(names: Sequence[str]) -> str:
    """Return names as an enumeration: "a, b or c"."""
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def task_aliases() -> str:
    """Return the short names of the tasks."""
    return one_of([task.alias for task in TASKS])


def backends() -> str:
    """Return the names of the backends."""
    return one_of(BACKENDS)


def formats() -> str:
    """Return the names of the data formats that can be read."""
    return one_of(list(_formats().by_name))


def primary_metrics() -> str:
    """Return the primary metrics of all tasks."""
    from vistry.evaluation.metric_table import primary_metrics as metrics_of

    try:
        catalogue = Catalogue.read()
    except RegistryError:  # which the command will say
        catalogue = None
    return one_of(list(dict.fromkeys(name for task in TASKS for name in metrics_of(catalogue, task))))


def written_formats() -> list[str]:
    """Return the names of the data formats that can be written."""
    return _formats().written()


def _formats() -> Formats:
    """The formats that there are; where the policy can't be read, which the command will say, Vistry's own."""
    from vistry.data.formats import Formats

    try:
        return Formats.read()
    except RegistryError:
        return Formats.of(None)


def splits() -> str:
    """Return the names of the splits that a data set may have."""
    from vistry.data.table import SPLITS

    return one_of(SPLITS)
