from __future__ import annotations

import unicodedata

from vistry.data.index import FolderIndex


def test_images_are_found_by_name_stem_and_spelling(photo, tmp_path):
    name = unicodedata.normalize("NFD", "\u00c4pfel 1.JPG")
    for path in ("a/1.jpg", "b/1.jpg", "b/2.png", name):
        photo(path)
    (tmp_path / "b/labels.CSV").touch()
    index = FolderIndex.of(tmp_path)
    assert index.images == sorted([name, "a/1.jpg", "b/1.jpg", "b/2.png"])
    assert (index.named("1.jpg"), index.of_stem("2")) == (["a/1.jpg", "b/1.jpg"], ["b/2.png"])
    assert index.alike("\u00e4pfel 1.jpg") == [name]
    assert index.files((".csv",)) == ["b/labels.CSV"]
    assert index.images_in == {"": 1, "a": 1, "b": 2}


def test_hidden_files_and_links_elsewhere_are_passed_over(photo, tmp_path):
    photo("data/a.jpg")
    photo("data/.cache/b.jpg")
    photo("elsewhere/c.jpg")
    (tmp_path / "data/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/again").symlink_to(tmp_path / "data")
    index = FolderIndex.of(tmp_path / "data")
    assert index.images == ["a.jpg"]
    assert [finding.check for finding in index.links] == ["path-escape"]
    assert index.passed == {"file-hidden": [str(tmp_path / "data/.cache")]}


def test_a_folder_of_many_files_is_given_up(photo, tmp_path):
    for number in range(3):
        photo(f"a/{number}.jpg")
    assert FolderIndex.of_few(tmp_path, 3) is None
    index = FolderIndex.of_few(tmp_path, 4)
    assert index is not None
    assert index.images == ["a/0.jpg", "a/1.jpg", "a/2.jpg"]
    assert index.without({"a/1.jpg"}).images == ["a/0.jpg", "a/2.jpg"]
