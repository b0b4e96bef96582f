"""The check of a format passes for Vistry's own and the template, and fails for each fault with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.data.formats import Formats
from vistry.testing.check_runs import Result, check_runs_of
from vistry.testing.format_checks import check_format

READER, WRITER, MANIFEST = "reader.py", "writer.py", "plugin.toml"
PATH_AND_CLASS = 'yield f"{image}\\t{name}\\n"'


def parts_work(plugin: str) -> Result:
    [run] = [run for run in check_runs_of(plugin) if run.check.name == "parts_work"]
    return run.result()


@pytest.mark.parametrize("name", Formats.of(None).by_name)
def test_vistrys_own_pass(name: str) -> None:
    """Boxes, masks and labels of whole images: what coco and jsonl write is read back."""
    check_format(Formats.of(None).by_name[name].part)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ((MANIFEST, "", ""), ""),
        ((READER, "def guess_task", "def guess"), "vistry_mynet.reader has no 'guess_task', which every reader has"),
        ((WRITER, "SUFFIX: str", "ENDING: str"), "vistry_mynet.writer has no 'SUFFIX', which every writer has"),
        (
            (READER, "return bool(_files(path))", "return True"),
            "its reader takes an empty folder; let it look at names",
        ),
        ((WRITER, '".mynet"', '".txt"'), "its reader doesn't take the file that its writer wrote for image_classif"),
        (
            (READER, "return bool(_files(path))", "return path.suffix == '.mynet'"),
            "its reader doesn't take a folder with the file that its writer wrote",
        ),
        ((READER, 'return TASK, "one', 'return "image_object_detection", "one'), "it guesses image_object_detection"),
        ((WRITER, PATH_AND_CLASS, 'yield f"{image} {name}\\n"'), "labels.mynet:1: there is no tab between path and"),
        ((WRITER, PATH_AND_CLASS, 'yield f"{image}\\tcat\\n"'), "the labels of "),
        (
            (WRITER, PATH_AND_CLASS, 'yield f"{table.images[row][1:]}\\t{name}\\n"'),
            "relative to the folder of the file",
        ),
        ((WRITER, PATH_AND_CLASS, "yield image, name"), "[readers.mynet] failed: write must yield text, got tuple"),
        ((WRITER, PATH_AND_CLASS, "return None"), "'NoneType' object is not iterable"),
        ((WRITER, '".mynet"', '"mynet"'), "[readers.mynet] failed: SUFFIX must be the end of a file's name, such as"),
        ((WRITER, "if any(mark", "if True or any(mark"), "its writer writes none of its tasks: "),
        (
            (WRITER, "[label] = table.labels_of(row)", "label = table.labels_of(row).only"),
            "[readers.mynet] (",
        ),
    ],
)
def test_each_fault_of_a_format_is_found(edit: tuple[str, str, str], reason: str, plugin: Callable[..., Path]) -> None:
    plugin(edit, kind="reader")
    found = parts_work("mynet")
    assert found.status == ("failed" if reason else "passed"), found.reason
    assert reason in found.reason
