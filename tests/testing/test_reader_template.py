"""The format that `vistry plugins new --kind reader` begins with: read line by line, written, and faults named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.errors import DataError


@pytest.fixture
def mynet(plugin: Callable[..., Path]) -> None:
    """The template's plugin, installed."""
    plugin(kind="reader")


@pytest.mark.usefixtures("mynet")
def test_folders_are_written_and_read_back(class_folders: Path, tmp_path: Path) -> None:
    before = vistry.doctor(class_folders).table
    [written] = vistry.convert(class_folders, tmp_path / "lists", to="mynet").files
    assert (written.images, written.objects, written.classes) == (24, 0, 2)
    after = vistry.doctor(tmp_path / "lists").table
    assert (after.format, after.classes, after.images) == ("mynet", before.classes, before.images)
    assert after.labels.tolist() == before.labels.tolist()
    text = (tmp_path / "lists" / "annotations.mynet").read_text()
    assert text.splitlines()[0] == f"{before.images[0]}\tcat"


@pytest.mark.usefixtures("mynet")
def test_paths_beside_the_file_are_relative(class_folders: Path) -> None:
    vistry.convert(class_folders, class_folders / "labels.mynet", to="mynet")
    assert (class_folders / "labels.mynet").read_text().startswith("cat/")
    assert vistry.doctor(class_folders).table.format == "mynet"


@pytest.mark.usefixtures("mynet")
def test_each_bad_line_is_a_finding_with_its_line(class_folders: Path) -> None:
    file = class_folders / "validation.mynet"
    file.write_bytes(
        "\ufeffcat/01.jpg\tcat\r\ncat/03.jpg cat\n../x.jpg\tcat\ncat/05.jpg\t \ndog/00.jpg\tdog\n".encode()
    )
    diagnosis = vistry.doctor(class_folders, task="multiclass")
    assert [Path(image).name for image in diagnosis.table.images] == ["01.jpg", "00.jpg"]
    assert len(diagnosis.table.rows_of("validation")) == 2
    found = {finding.line: finding.check for finding in diagnosis.findings if finding.file == str(file)}
    assert found | {2: "line-invalid", 3: "path-escape", 4: "label-empty"} == found


@pytest.mark.usefixtures("mynet")
def test_what_it_has_no_labels_for_is_refused(class_folders: Path) -> None:
    file = class_folders / "labels.mynet"
    file.write_bytes("cat/00.jpg\tk\xe4tzchen\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"labels\.mynet: this is not UTF-8; save it as UTF-8"):
        vistry.doctor(class_folders)
    with pytest.raises(DataError, match="this format has one class an image; name the task that fits the labels"):
        vistry.doctor(file, task="detection")


@pytest.mark.usefixtures("mynet")
def test_a_name_that_would_break_its_line_is_not_written(class_folders: Path, tmp_path: Path) -> None:
    (class_folders / "cat").rename(class_folders / "black\tcat")
    with pytest.raises(DataError, match=r"a path or class with a tab or a line break can't be written.*; rename it"):
        vistry.convert(class_folders, tmp_path / "lists", to="mynet")
    assert not (tmp_path / "lists").exists()


@pytest.mark.usefixtures("mynet")
def test_labels_of_other_tasks_are_not_written(class_folders: Path, tmp_path: Path) -> None:
    rows = [f"image,label\n{image},cat;dog\n" for image in sorted(class_folders.glob("*/*.jpg"))[:1]]
    (tmp_path / "data.csv").write_text("".join(rows))
    message = "the format 'mynet' has labels of image_classification, and .* those of image_classification_multilabel"
    with pytest.raises(DataError, match=message):
        vistry.convert(tmp_path / "data.csv", tmp_path / "lists", to="mynet", task="multilabel")
