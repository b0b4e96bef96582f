"""The table of data formats: what each is, which tasks it has labels for, and who reads and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.guarded import GuardedReader, GuardedWriter
from vistry.data.readers.reader import SourceReader
from vistry.data.writers.writer import FolderWriter, Writer
from vistry.errors import DataError, suggestion
from vistry.registry.catalogue import Catalogue
from vistry.registry.part_code import load_code
from vistry.registry.part_specs import ReaderSpec
from vistry.registry.parts import Part, PartTable

if TYPE_CHECKING:
    from vistry.data.readers import coco, csv, csv_boxes, custom_vision, folders, jsonl, mask_pictures, masks, voc, yolo
    from vistry.data.readers.tools import cvat, label_studio, labelme, supervisely, via
    from vistry.data.writers import coco as coco_writer
    from vistry.data.writers import csv as csv_writer
    from vistry.data.writers import csv_boxes as csv_boxes_writer
    from vistry.data.writers import jsonl as jsonl_writer
    from vistry.data.writers import voc as voc_writer
    from vistry.data.writers import yolo as yolo_writer

    # The modules that core_parts.toml names, held to their contracts.
    _READERS: tuple[SourceReader, ...] = (
        jsonl,
        coco,
        custom_vision,
        voc,
        yolo,
        csv_boxes,
        csv,
        masks,
        mask_pictures,
        folders,
    )
    _TOOL_READERS: tuple[SourceReader, ...] = (cvat, labelme, label_studio, via, supervisely)
    _WRITERS: tuple[Writer, ...] = (jsonl_writer, coco_writer, csv_boxes_writer, csv_writer)
    _FOLDER_WRITERS: tuple[FolderWriter, ...] = (voc_writer, yolo_writer)


@dataclass(frozen=True)
class DataFormat:
    """A format: its summary completes "this is not ...", `tasks` are those that it is made for."""

    part: Part[ReaderSpec]

    @property
    def summary(self) -> str:
        """What it is, in words."""
        return self.part.spec.summary

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it has labels for."""
        return self.part.spec.tasks

    @property
    def reader(self) -> GuardedReader:
        """Import its reader. Raises BrokenPluginError."""
        return GuardedReader(self.part, load_code(self.part, self.part.spec.reader))

    @property
    def writer(self) -> GuardedWriter | None:
        """Import its writer, if there is one. Raises BrokenPluginError."""
        reference = self.part.spec.writer
        return GuardedWriter(self.part, load_code(self.part, reference)) if reference else None


@dataclass(frozen=True)
class Formats:
    """Every format by name: Vistry's own and those of the plugins in use, in the order in which they are recognised.

    A plugin's are asked after all of Vistry's but for the general ones, such as folders, so that it can't take the data
    of others.
    """

    by_name: Mapping[str, DataFormat]
    absent: Mapping[str, str]

    @classmethod
    def read(cls) -> Formats:
        """The formats under the policy of the working folder. Raises RegistryError for a policy that can't be read."""
        return cls.of(Catalogue.read())

    @classmethod
    def of(cls, catalogue: Catalogue | None) -> Formats:
        """The formats of these plugins, of Vistry alone for None."""
        table = PartTable.of(catalogue, ReaderSpec)
        parts = sorted(table.parts.items(), key=lambda item: item[1].spec.fallback)
        return cls({name: DataFormat(part) for name, part in parts}, table.absent)

    def named(self, name: str) -> DataFormat:
        """The format of this name. Raises FindingError with the reason or a suggestion for an unknown one."""
        if name not in self.by_name:
            reason = f"there is no data format '{name}'"
            remedy = self.absent.get(name) or suggestion(name, list(self.by_name))
            raise FindingError(Finding.of("format-unknown", reason).advising(remedy))
        return self.by_name[name]

    def writer_named(self, name: str) -> GuardedWriter:
        """The writer of a format. Raises DataError with a suggestion for a format that isn't written."""
        written = self.written()
        writer = self.by_name[name].writer if name in written else None
        if writer is None:
            raise DataError(f"there is no data format '{name}' that can be written; {suggestion(name, written)}")
        return writer

    def written(self) -> list[str]:
        """The names of the formats that can be written."""
        return [name for name, entry in self.by_name.items() if entry.part.spec.writer]

    def by_preference(self, task: str | None) -> list[str]:
        """The names of all formats, those first that have labels for the task, by its full name."""
        return sorted(self.by_name, key=lambda name: task is not None and task not in self.by_name[name].tasks)
