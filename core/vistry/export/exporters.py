"""The formats that a run can be exported to: core's own, and those of installed distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol

from vistry.errors import VistryError, suggestion
from vistry.export.model import ExportableModel
from vistry.inference.exported_record import ParityRecord

GROUP = "vistry.exporters"


class Exporter(Protocol):
    """A function that writes a model in a format. A distribution names its own under the entry point group GROUP."""

    def __call__(self, model: ExportableModel, folder: Path) -> ParityRecord:
        """Write the files of the format into an empty folder, check them, and return what the check measured.

        `model.check` makes the check. The files are moved to where the user wants them when all is done; where
        anything is raised they are removed.
        """


def _onnx() -> Exporter:
    from vistry.export.onnx_format.writing import export_onnx

    return export_onnx


OWN: Mapping[str, Callable[[], Exporter]] = {"onnx": _onnx}


def format_names() -> list[str]:
    """The names of all formats, core's own first."""
    return [*OWN, *sorted(_installed().keys() - OWN.keys())]


def exporter_named(name: str) -> Exporter:
    """Import the exporter of a format. Raises VistryError for a name that none has, or that several have."""
    if name in OWN:
        return OWN[name]()
    rivals = _installed().get(name, [])
    if not rivals:
        raise VistryError(f"there is no exporter '{name}'; {suggestion(name, format_names())}")
    if len(rivals) > 1:
        names = " and ".join(_distribution(rival) for rival in rivals)
        raise VistryError(f"the exporter '{name}' is of {names}; uninstall all but one of them")
    try:
        exporter: Exporter = rivals[0].load()
    except Exception as error:  # the code of others may raise anything
        raise _failed(rivals[0], error) from error
    return _Guarded(exporter, rivals[0])


class _Guarded:
    """Another distribution's exporter, whose faults name it."""

    def __init__(self, exporter: Exporter, entry: EntryPoint):
        self._exporter, self._entry = exporter, entry

    def __call__(self, model: ExportableModel, folder: Path) -> ParityRecord:
        try:
            parity = self._exporter(model, folder)
        except VistryError:
            raise
        except Exception as error:
            raise _failed(self._entry, error) from error
        if not isinstance(parity, ParityRecord):
            raise VistryError(
                f"the exporter '{self._entry.name}' of {_distribution(self._entry)} returned "
                f"{type(parity).__name__}; it has to return what model.check returns"
            )
        return parity


def _installed() -> dict[str, list[EntryPoint]]:
    entries: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        entries.setdefault(entry.name, []).append(entry)
    return entries


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def _failed(entry: EntryPoint, error: Exception) -> VistryError:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return VistryError(f"the exporter '{entry.name}' of {_distribution(entry)} failed: {reason}; tell its author")
