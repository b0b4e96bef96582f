from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from vistry.cli import main
from vistry.cli.doctor import MAX_FINDINGS


@pytest.fixture
def doctor():
    def run(*arguments):
        return CliRunner().invoke(main, ["doctor", *map(str, arguments)])

    return run


def test_sound_data(doctor, class_folders):
    result = doctor(class_folders)
    assert result.exit_code == 0
    assert "folders, multiclass (guessed: a folder for each class)" in result.output
    assert "24 usable images, 2 classes, 0 set aside" in result.output
    assert "nothing to complain about" in result.output


def test_warnings_do_not_fail(doctor, class_folders, photo):
    photo("cat/copy.jpg", 1)
    result = doctor(class_folders, "--task", "multiclass")
    assert result.exit_code == 0
    assert "warning image-duplicate" in result.output
    assert "guessed" not in result.output
    assert "found: 1 warning" in result.output


def test_errors_fail_and_are_named_with_the_remedy(doctor, class_folders):
    path = class_folders / "cat" / "odd [1].jpg"
    path.touch()
    result = doctor(class_folders)
    assert result.exit_code == 1
    assert f"error image-empty\n  {path}: the image file has zero bytes\n  -> restore the file" in result.output


def test_many_findings_of_a_kind_are_cut_short(doctor, class_folders):
    for number in range(MAX_FINDINGS + 3):
        (class_folders / f"cat/odd{number}.jpg").touch()
    result = doctor(class_folders)
    assert f"error image-empty ({MAX_FINDINGS + 3})" in result.output
    assert "and 3 more (all of them: --json)" in result.output


def test_json(doctor, class_folders):
    (class_folders / "cat/odd.jpg").touch()
    result = doctor(class_folders, "--json")
    content = json.loads(result.output)
    assert result.exit_code == 1
    assert content["schema"] == 1
    assert content["task"] == "image_classification"
    assert content["task_guessed"] is True
    assert [fault["check"] for fault in content["findings"]] == ["image-empty"]


def test_data_that_cannot_be_read(doctor, tmp_path):
    result = doctor(tmp_path / "nowhere")
    assert result.exit_code == 1
    assert f"error data-missing\n  {tmp_path / 'nowhere'}: there is no such file or folder" in result.output
    result = doctor(tmp_path / "nowhere", "--json")
    assert result.exit_code == 1
    content = json.loads(result.output)
    assert (content["schema"], content["findings"][0]["check"]) == (1, "data-missing")


@pytest.mark.parametrize("more", [[], ["--task", "multiclass"]])
def test_data_that_may_not_be_read(doctor, jsonl, monkeypatch, more):
    path = jsonl(("a.jpg", "cat"))
    original = Path.open

    def refusing(self, *arguments, **options):
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return original(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    result = doctor(path, *more)
    assert result.exit_code == 1
    assert f"error data-missing\n  {path}: can't be read: Permission denied" in result.output


def test_full_decodes_everything(doctor, class_folders, photo):
    path = photo("cat/odd.png", 99, size=(200, 100))
    whole = bytearray(path.read_bytes())
    whole[5_000:5_400] = bytes(400)
    path.write_bytes(whole)
    assert doctor(class_folders).exit_code == 0
    assert doctor(class_folders, "--full").exit_code == 1


def test_labels_that_do_not_fit_a_named_task(doctor, jsonl, photo):
    photo("a.jpg")
    result = doctor(jsonl(("a.jpg", "cat")), "--task", "multilabel")
    assert result.exit_code == 1
    assert "error task-mismatch" in result.output
    assert "-> use --task multiclass for one label an image, or write a list" in result.output


def test_an_unknown_task(doctor, jsonl):
    result = doctor(jsonl(("a.jpg", "cat")), "--task", "multiclas")
    assert result.exit_code == 2
    assert "did you mean 'multiclass'?" in result.output


def test_objects_are_counted(doctor, photo, jsonl):
    box = {"label": "cat", "topX": 0.1, "topY": 0.1, "bottomX": 0.5, "bottomY": 0.5}
    photo("a.jpg")
    result = doctor(jsonl(("a.jpg", [box, box | {"topX": 0.7}])))
    assert result.exit_code == 1
    assert "jsonl, detection (guessed: labels with boxes)" in result.output
    assert "1 usable images, 1 objects, 1 classes, 0 images and 1 objects set aside" in result.output
    assert "data.jsonl:1: a.jpg, object 2: the corners (16.8, 2, 12, 10) are swapped" in result.output


def test_what_was_read_is_said(doctor, class_folders, tmp_path):
    result = doctor(class_folders)
    assert "2 classes: cat (12), dog (12)" in result.output
    assert "validation: about 5 images, 20 % drawn by class, seed 0" in result.output
    assert json.loads(doctor(class_folders, "--json").output)["split_origins"]["train"] == "all others"


def test_a_page(doctor, class_folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    page = tmp_path.parent / "data.html"
    result = doctor(class_folders, "--html", page)
    assert result.exit_code == 0
    assert f"page: {page}" in result.output
    assert "<!doctype html>" in page.read_text()
    assert "page: doctor.html" in doctor(class_folders, "--html").output
    assert json.loads(doctor(class_folders, "--json", "--html", page).stdout)["format"] == "folders"


def test_a_page_is_written_over_no_data(doctor, class_folders):
    target = class_folders / "labels.csv"
    target.write_text("mine")
    result = doctor(class_folders, "--html", target)
    assert result.exit_code == 2
    assert "must end in .html" in result.output
    assert target.read_text() == "mine"
