"""Which image an annotation means: never a wrong one in silence."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest
from vistry.data.findings import FindingError
from vistry.data.readers.finder import ImageFinder
from vistry.data.source import DataSource, ReadingOptions


@pytest.fixture
def tree(tmp_path):
    """Make empty image files below data/ (or elsewhere), and give a finder there."""

    def make(*images, options=None, **finder):
        for image in images:
            path = tmp_path / "data" / image
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return ImageFinder(DataSource(tmp_path / "data", options or ReadingOptions()), **finder)

    return make


def found(finder, root, name, file="labels.json"):
    return finder.find(name, root / "data" / file).removeprefix(f"{root}/data/")


def checks(finder):
    return {remark.check: remark.count for remark in finder.remarks}


@pytest.mark.parametrize(
    ("images", "file", "name", "expected"),
    [
        (["a.jpg", "images/a.jpg"], "labels.json", "a.jpg", "a.jpg"),
        (["images/a.jpg"], "annotations/x/labels.json", "a.jpg", "images/a.jpg"),
        (["images/a.jpg"], "labels.json", "a", "images/a.jpg"),
        (["images/a.b 1 (copy).jpg"], "labels.json", "a.b 1 (copy)", "images/a.b 1 (copy).jpg"),
        (["images/a.JPG"], "labels.json", "A.jpg", "images/a.JPG"),
        (["images/a.png"], "labels.json", "a.jpg", "images/a.png"),
        (["images/a b.jpg"], "labels.json", "a%20b.jpg", "images/a b.jpg"),
        (["images/1/a.jpg", "images/2/a.jpg"], "labels.json", "C:\\Users\\ann\\2\\a.jpg", "images/2/a.jpg"),
        (["images/1/a.jpg", "images/2/a.jpg"], "labels.json", "/home/ann/x/2/a.jpg", "images/2/a.jpg"),
        (["images/1/a.jpg"], "labels.json", "azureml://subscriptions/s/datastores/d/paths/1/a.jpg", "images/1/a.jpg"),
        (["train/a.jpg", "val/a.jpg"], "annotations/instances_val2017.json", "a.jpg", "val/a.jpg"),
        (["p/train2017/a.jpg", "p/val2017/a.jpg"], "annotations/train.json", "a.jpg", "p/train2017/a.jpg"),
        (["site1/a.jpg", "site2/a.jpg"], "labels/site2.json", "a.jpg", "site2/a.jpg"),
        (["x/images/a.jpg", "y/images/a.jpg"], "y/labels/all.json", "a.jpg", "y/images/a.jpg"),
    ],
)
def test_an_image_is_found(tree, tmp_path, images, file, name, expected):
    assert found(tree(*images), tmp_path, name, file) == expected


def test_names_in_another_normal_form_are_found_and_counted(tree, tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "größe.jpg") for form in ("NFC", "NFD"))
    finder = tree(f"images/{decomposed}")
    assert found(finder, tmp_path, composed) == f"images/{decomposed}"
    assert checks(finder) == {"image-spelling": 1}


def test_between_two_nothing_is_guessed(tree, tmp_path):
    with pytest.raises(FindingError, match=r"'a.jpg' may mean (one|two)/a.jpg and (one|two)/a.jpg") as caught:
        found(tree("one/a.jpg", "two/a.jpg"), tmp_path, "a.jpg")
    assert caught.value.finding.check == "image-ambiguous"


def test_of_two_the_one_among_the_other_images_of_the_file(tree, tmp_path):
    finder = tree("one/a.jpg", "two/a.jpg", "two/b.jpg", "two/c.jpg")
    finder.expect(tmp_path / "data/labels.json", ["a.jpg", "b.jpg", "c.jpg"])
    assert found(finder, tmp_path, "a.jpg") == "two/a.jpg"


@pytest.mark.parametrize(
    ("file", "name"),
    [("train.json", "a.jpg"), ("train/x/labels.json", "a.jpg"), ("labels.json", "train/a.jpg")],
)
def test_an_image_of_another_split_is_another_image(tree, tmp_path, file, name):
    assert not Path(tree("val/a.jpg").find(name, tmp_path / "data" / file)).exists()


def test_a_missing_image_among_others_that_are_there_is_missing(tree, tmp_path):
    """Paths that are right for the others are taken at their word: an image of the name elsewhere is another one."""
    finder = tree("images/a.jpg", "images/b.jpg", "backup/c.jpg")
    names = [f"images/{letter}.jpg" for letter in "abc"]
    assert finder.expect(tmp_path / "data/labels.json", names) == (3, 3)
    assert found(finder, tmp_path, "images/c.jpg") == "images/c.jpg"


def test_two_names_of_a_file_never_mean_one_image(tree, tmp_path):
    finder = tree("pics/1.jpg")
    assert found(finder, tmp_path, "one/1.jpg") == "pics/1.jpg"
    with pytest.raises(FindingError, match="'two/1.jpg' isn't there, and pics/1.jpg, the only image of its name, is"):
        found(finder, tmp_path, "two/1.jpg")
    with pytest.raises(FindingError, match="'one/1.jpg', which isn't there, was taken for pics/1.jpg"):
        found(finder, tmp_path, "pics/1.jpg")


def test_images_outside_are_read_and_said(tree, tmp_path):
    tree("images/b.jpg")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.jpg").touch()
    finder = tree()
    assert finder.find("../other/a.jpg", tmp_path / "data/labels.json") == str(tmp_path / "other/a.jpg")
    (remark,) = finder.remarks
    assert (remark.check, str(tmp_path / "other") in remark.message) == ("path-outside", True)
    named = tree(options=ReadingOptions(images=(tmp_path / "other",)))
    assert named.find("a.jpg", tmp_path / "data/labels.json") == str(tmp_path / "other/a.jpg")
    assert "path-outside" not in checks(named)


def test_ways_are_counted(tree, tmp_path):
    finder = tree("images/a.jpg", "images/b.jpg", "images/c.png", "images/d.jpg")
    for name in ("a.jpg", "/far/away/b.jpg", "c.jpg", "d"):
        found(finder, tmp_path, name)
    assert checks(finder) == {"image-elsewhere": 1, "path-moved": 1, "image-substituted": 1, "image-stem": 1}


@pytest.mark.parametrize("name", ["https://host/a.jpg", "a/..", "", "a/\0.jpg", "\udcff.jpg"])
def test_what_names_no_file_is_refused(tree, tmp_path, name):
    with pytest.raises(FindingError):
        found(tree("a.jpg"), tmp_path, name)


def test_own_names_of_files(tree, tmp_path):
    finder = tree("images/a.jpg", "masks/a.png", "images/b.jpg.jpeg", without=("masks",), a_file_an_image=True)
    for stem in ("a", "b", "b.jpg", "A"):
        image = finder.find_stem(stem, tmp_path / f"data/labels/{stem}.txt")
        assert Path(image).name == ("a.jpg" if stem.lower() == "a" else "b.jpg.jpeg")
    assert finder.find_stem("c", tmp_path / "data/labels/c.txt") == ""


def test_what_lies_around_needs_not_be_readable(tree, tmp_path, monkeypatch):
    finder = tree()
    (tmp_path / "data").mkdir(exist_ok=True)
    monkeypatch.setattr(DataSource, "surroundings", property(lambda _: (_ for _ in ()).throw(PermissionError())))
    assert not Path(finder.find("a.jpg", tmp_path / "data/labels.json")).exists()
    shutil.rmtree(tmp_path / "data")
