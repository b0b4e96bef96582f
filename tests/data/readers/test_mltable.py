"""MLTables: which files each way of naming them stands for, and what isn't read, with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.data.doctor import examine
from vistry.data.findings import FindingError
from vistry.data.reading import read
from vistry.registry.tasks import MULTICLASS

Put = Callable[..., Path]
STEPS = "transformations:\n  - read_json_lines\n"


def lines(*images: str) -> str:
    return "".join(json.dumps({"image_url": image, "label": image[0]}) + "\n" for image in images)


@pytest.fixture
def table(put: Put, photo: Callable[..., Path], tmp_path: Path) -> Callable[[str], Path]:
    """A folder of lines in several places, below a folder with the MLTable of a test."""
    for seed, name in enumerate("abcd"):
        photo(f"data/{name}.jpg", seed)
    put("data/one.jsonl", lines("a.jpg"))
    put("data/parts/two.jsonl", lines("../b.jpg"))
    put("data/parts/deep/three.jsonl", lines("../../c.jpg"))
    put("data/notes.manifest", lines("d.jpg"))

    def write(text: str) -> Path:
        put("data/MLTable", text)
        return tmp_path / "data"

    return write


@pytest.mark.parametrize(
    ("paths", "images"),
    [
        ("  - file: ./one.jsonl\n", "a"),
        ("  - file: ./one.jsonl\n  - file: parts/two.jsonl\n", "ab"),
        ("  - folder: ./parts\n", "bc"),
        ("  - folder: parts/\n  - file: one.jsonl\n", "abc"),
        ("  - pattern: ./*.jsonl\n", "a"),
        ("  - pattern: ./**/t*.jsonl\n", "bc"),
        ("  - file: ./notes.manifest\n", "d"),
        ("  - file: azureml://datastores/x/paths/far/one.jsonl\n", "a"),
    ],
)
def test_the_files_that_a_table_stands_for(table: Callable[[str], Path], paths: str, images: str) -> None:
    folder = table("type: mltable\npaths:\n" + paths + STEPS)
    assert sorted(Path(image).stem for image in read(folder, MULTICLASS).table.images) == list(images)
    assert sorted(Path(image).stem for image in read(folder / "MLTable", MULTICLASS).table.images) == list(images)


def test_the_doctor_reads_the_folder_of_a_table(table: Callable[[str], Path]) -> None:
    diagnosis = examine(table("paths:\n  - folder: ./parts\n" + STEPS), MULTICLASS)
    assert diagnosis.table.format == "jsonl"
    assert len(diagnosis.table) == 2


PATHS = "paths:\n  - file: ./one.jsonl\n"
REFUSED = {
    "no paths": ("type: mltable\n", "it names no paths"),
    "a list": ("- file: one.jsonl\n", "an MLTable is a mapping with paths"),
    "not yaml": ("paths: [\n", "not valid YAML"),
    "another type": (PATHS + "type: uri_file  #!\n", "its type must be mltable, got 'uri_file'"),
    "a strange key": (PATHS + "transformation: []  #!\n", "'transformation' is no key.*did you mean 'transformations'"),
    "no such file": ("paths:\n  - file: ./gone.jsonl  #!\n", "it names './gone.jsonl', and there is no such file here"),
    "an empty folder": ("paths:\n  - folder: ./none  #!\n", "no JSON Lines file below the folder './none'"),
    "no match": ("paths:\n  - pattern: ./*.txt  #!\n", "no JSON Lines file for the pattern './\\*.txt'"),
    "an address": (
        "paths:\n  - file: azureml:x:1  #!\n",
        "'azureml:x:1', an address of another place, and there is no",
    ),
    "a path of no kind": ("paths:\n  - ./one.jsonl  #!\n", "each of its paths is one of file:, folder: and pattern:"),
    "not said to be lines": ("paths:\n  - file: ./notes.manifest  #!\n", "doesn't say that this is JSON Lines"),
    "tables": (PATHS + "transformations:\n  - read_delimited: {delimiter: ','}  #!\n", "'read_delimited' isn't read"),
    "parquet": (PATHS + "transformations:\n  - read_parquet  #!\n", "'read_parquet' isn't read; known: read_json"),
    "a sample": (PATHS + STEPS + "  - take: 10  #!\n", "the transformation 'take' isn't read"),
    "a filter": (PATHS + STEPS + "  - filter: 'col(\"a\") > 1'  #!\n", "the transformation 'filter' isn't read"),
    "latin": (PATHS + "transformations:\n  - read_json_lines:\n      encoding: latin1  #!\n", "must be utf8 .*UTF-8"),
    "an option": (PATHS + "transformations:\n  - read_json_lines:\n      invalid: drop  #!\n", "no option 'invalid'"),
    "numbers": (
        PATHS + STEPS + "  - convert_column_types:\n      - columns: label  #!\n        column_type: int\n",
        "the column type 'int' isn't read; known: stream_info",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named_with_its_line(table: Callable[[str], Path], name: str) -> None:
    text, expected = REFUSED[name]
    folder = table(text)
    with pytest.raises(FindingError) as caught:
        read(folder, MULTICLASS)
    assert re.search(expected, str(caught.value)), str(caught.value)
    marked = [number for number, line in enumerate(text.splitlines(), start=1) if "#!" in line]
    if marked:
        assert str(caught.value).startswith(f"{folder.resolve() / 'MLTable'}:{marked[0]}: ")


ADDRESSES = [
    "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/images/far.jpg",
    "azureml:cats:1",
    "wasbs://c@account.blob.core.windows.net/far.jpg",
    "abfss://c@account.dfs.core.windows.net/far.jpg",
    "https://example.org/far.jpg",
    "s3://bucket/far.jpg",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_image_of_another_place_is_named_as_that(put: Put, photo: Callable[..., Path], address: str) -> None:
    photo("data/a.jpg")
    path = put("data/lines.jsonl", lines("a.jpg", address))
    (finding,) = [one for one in read(path, MULTICLASS).findings if one.severity == "error"]
    assert (finding.check, finding.line) == ("path-remote", 2)
    assert address in finding.message


@pytest.mark.parametrize("address", [address for address in ADDRESSES if address.endswith("far.jpg")])
def test_an_image_whose_name_is_here_is_that_one(put: Put, photo: Callable[..., Path], address: str) -> None:
    photo("data/pictures/far.jpg")
    folder = put("data/lines.jsonl", lines(address)).parent
    assert [Path(image).name for image in read(folder, MULTICLASS).table.images] == ["far.jpg"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_data_that_is_all_elsewhere_is_named_as_that(put: Put, photo: Callable[..., Path], address: str) -> None:
    photo("data/a.jpg")
    folder = put("data/lines.jsonl", lines(address)).parent
    with pytest.raises(FindingError, match="it names images by addresses such as .*--images DIR"):
        read(folder, MULTICLASS)
