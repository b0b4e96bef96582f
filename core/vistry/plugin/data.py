"""The plugin API for readers of data formats: the table they fill, and findings about what can't be used.

Names are loaded when they are used. `docs/reference/plugin-api.md` lists each with its signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.lazy import lazy_names

if TYPE_CHECKING:
    from vistry.data.findings import Finding as Finding
    from vistry.data.findings import FindingError as FindingError
    from vistry.data.readers.finder import ImageFinder as ImageFinder
    from vistry.data.readers.labels import ClassNames as ClassNames
    from vistry.data.readers.locations import Locator as Locator
    from vistry.data.readers.object_builder import ObjectRecord as ObjectRecord
    from vistry.data.readers.object_builder import ObjectTableBuilder as ObjectTableBuilder
    from vistry.data.readers.object_builder import Shape as Shape
    from vistry.data.readers.reader import Evidence as Evidence
    from vistry.data.readers.reader import Reader as Reader
    from vistry.data.readers.reader import Reading as Reading
    from vistry.data.readers.reader import SourceReader as SourceReader
    from vistry.data.readers.split_words import split_of_word as split_of_word
    from vistry.data.readers.table_builder import TableBuilder as TableBuilder
    from vistry.data.source import DataSource as DataSource
    from vistry.data.table import Table as Table
    from vistry.data.writers.writer import FolderWriter as FolderWriter
    from vistry.data.writers.writer import Writer as Writer

_HOMES = {
    "ClassNames": "vistry.data.readers.labels",
    "DataSource": "vistry.data.source",
    "Evidence": "vistry.data.readers.reader",
    "Finding": "vistry.data.findings",
    "FindingError": "vistry.data.findings",
    "FolderWriter": "vistry.data.writers.writer",
    "ImageFinder": "vistry.data.readers.finder",
    "Locator": "vistry.data.readers.locations",
    "ObjectRecord": "vistry.data.readers.object_builder",
    "ObjectTableBuilder": "vistry.data.readers.object_builder",
    "Reader": "vistry.data.readers.reader",
    "Reading": "vistry.data.readers.reader",
    "Shape": "vistry.data.readers.object_builder",
    "SourceReader": "vistry.data.readers.reader",
    "Table": "vistry.data.table",
    "TableBuilder": "vistry.data.readers.table_builder",
    "Writer": "vistry.data.writers.writer",
    "split_of_word": "vistry.data.readers.split_words",
}
__all__ = list(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
