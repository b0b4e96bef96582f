from __future__ import annotations

import os

import pytest
from vistry.data.reading import read
from vistry.data.source import ReadingOptions
from vistry.errors import DataError

MULTICLASS = "image_classification"


def found(reading):
    table = reading.table
    return {
        image.removeprefix(f"{table.root}/"): table.classes[int(table.labels_of(row)[0])]
        for row, image in enumerate(table.images)
    }


def checks(reading):
    return {fault.check: fault for fault in reading.findings}


def test_a_folder_for_each_class(class_folders):
    table = read(class_folders, MULTICLASS).table
    assert table.classes == ("cat", "dog")
    assert table.class_counts().tolist() == [12, 12]
    assert set(table.split.tolist()) == {-1}
    assert table.images == sorted(table.images)


def test_nested_folders_belong_to_their_class(photo, tmp_path):
    photo("cat/indoors/a.jpg")
    photo("dog/b.jpg")
    assert found(read(tmp_path, MULTICLASS)) == {"cat/indoors/a.jpg": "cat", "dog/b.jpg": "dog"}


def test_split_folders_on_top(photo, tmp_path):
    for name in ("train/cat/a.jpg", "train/dog/b.jpg", "valid/cat/c.jpg", "test/dog/d.jpg", "extra/dog/e.jpg"):
        photo(name)
    reading = read(tmp_path, MULTICLASS)
    assert reading.table.split.tolist() == [2, 0, 0, 1]
    ignored = checks(reading)["folder-ignored"]
    assert ignored.message == f"1 folder(s) ignored beside the splits and classes, such as {tmp_path / 'extra'}"


def test_a_class_may_be_called_test(photo, tmp_path):
    photo("test/a.jpg")
    photo("rest/b.jpg")
    assert read(tmp_path, MULTICLASS).table.classes == ("rest", "test")


def test_a_class_may_be_called_train_where_it_holds_no_folders(photo, tmp_path):
    photo("train/a.jpg")
    photo("tram/b.jpg")
    assert read(tmp_path, MULTICLASS).table.classes == ("train", "tram")


def test_images_by_suffix_in_any_case_and_by_content(photo, tmp_path):
    photo("cat/UPPER.JPG")
    photo("cat/a.jpg").rename(tmp_path / "cat/no_suffix")
    (tmp_path / "cat/LICENSE").write_text("free")
    (tmp_path / "cat/notes.txt").write_text("hello")
    reading = read(tmp_path, MULTICLASS)
    assert list(found(reading)) == ["cat/UPPER.JPG", "cat/no_suffix"]
    assert checks(reading)["file-ignored"].count == 2


def test_what_is_passed_over_is_told(photo, tmp_path):
    photo("cat/a.jpg")
    photo("loose.jpg")
    (tmp_path / "cat/._a.jpg").write_bytes(b"\0")
    (tmp_path / ".git").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "empty").mkdir()
    reading = read(tmp_path, MULTICLASS)
    assert list(found(reading)) == ["cat/a.jpg"]
    told = checks(reading)
    assert (told["file-hidden"].count, told["file-hidden"].severity) == (3, "info")
    assert told["image-unlabelled"].file == str(tmp_path / "loose.jpg")
    assert told["class-empty"].message == "no image in the class folder 'empty'"


def test_a_folder_name_loses_its_spaces(photo, tmp_path):
    photo("cat /a.jpg")
    photo("cat/b.jpg")
    assert read(tmp_path, MULTICLASS).table.classes == ("cat",)


def test_a_link_to_a_folder_elsewhere_is_refused(photo, tmp_path):
    photo("data/cat/a.jpg")
    photo("private/b.jpg")
    (tmp_path / "data/dog").symlink_to(tmp_path / "private")
    reading = read(tmp_path / "data", MULTICLASS)
    assert list(found(reading)) == ["cat/a.jpg"]
    assert checks(reading)["path-escape"].file == str(tmp_path / "data/dog")


def test_a_link_in_a_circle_ends(photo, tmp_path):
    photo("cat/a.jpg")
    (tmp_path / "cat/again").symlink_to(tmp_path)
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog/cats").symlink_to(tmp_path / "cat")
    assert list(found(read(tmp_path, MULTICLASS))) == ["cat/a.jpg", "dog/cats/a.jpg"]


def test_the_data_folder_itself_may_be_a_link(class_folders, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "data"
    link.symlink_to(class_folders)
    assert len(read(link, MULTICLASS).table) == 24


def test_a_file_name_that_is_not_unicode(photo, tmp_path):
    photo("cat/a.jpg")
    try:
        photo("cat/b.jpg").rename(tmp_path / os.fsdecode(b"cat/\xff.jpg"))
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    reading = read(tmp_path, MULTICLASS)
    assert list(found(reading)) == ["cat/a.jpg"]
    assert checks(reading)["name-encoding"].severity == "error"


def test_folders_cannot_label_other_tasks(class_folders):
    with pytest.raises(DataError, match="a folder for each class gives an image one label, which is not what"):
        read(class_folders, "image_classification_multilabel", ReadingOptions("folders"))


def tree(photo, *paths):
    """A picture at each path, all of other bytes."""
    for path in paths:
        photo(path)


def in_each(layout, labels=("cat", "dog"), count=2):
    return [layout.format(label=label, file=f"{label}{number}.jpg") for label in labels for number in range(count)]


SPLIT_TREES = {
    "doubled": ("seg_train/seg_train/{label}/{file}", "seg_test/seg_test/{label}/a{file}"),
    "sets": ("training_set/{label}/{file}", "test_set/{label}/a{file}"),
    "years": ("train2017/{label}/{file}", "test2017/{label}/a{file}"),
    "wrapped": ("archive/Data/Train/{label}/{file}", "archive/Data/Test/{label}/a{file}"),
    "below the classes": ("{label}/train/{file}", "{label}/test/a{file}"),
    "one word of a name": ("PLANTS - JPG - training/{label}/{file}", "PLANTS - JPG - testing/{label}/a{file}"),
    "camel": ("TrainSet/{label}/{file}", "TestSet/{label}/a{file}"),
}


@pytest.mark.parametrize("layout", SPLIT_TREES)
@pytest.mark.parametrize("beside", [(), ("docs/figure.jpg", "samples/a.jpg")])
def test_fault_01_folders_of_splits_are_no_classes(photo, tmp_path, layout, beside):
    train, test = SPLIT_TREES[layout]
    tree(photo, *in_each(train), *in_each(test), *beside)
    reading = read(tmp_path, MULTICLASS)
    assert reading.table.classes == ("cat", "dog")
    assert [len(reading.table.rows_of(split)) for split in ("train", "test")] == [4, 4]
    assert checks(reading).get("folder-ignored", checks(reading)).count == 2 if beside else True


def test_fault_01_pictures_without_labels_are_counted(photo, tmp_path):
    tree(photo, *in_each("seg_train/seg_train/{label}/{file}"), "seg_pred/seg_pred/1.jpg", "seg_pred/seg_pred/2.jpg")
    reading = read(tmp_path, MULTICLASS)
    assert reading.table.classes == ("cat", "dog")
    assert checks(reading)["image-unlabelled"].count == 2


REFUSED = {
    "splits without classes": (("train/cat.1.jpg", "train/dog.1.jpg", "test/1.jpg"), "lie in test/, train/ without"),
    "containers": (("Dataset/1.jpg", "Examples/2.jpg"), "hardly a class's name"),
    "one container": (("images/1.jpg", "images/2.jpg"), "without folders for classes"),
    "all loose": (("1.jpg", "2.jpg"), "2 images lie in the data folder itself without folders"),
    "nested": (in_each("food/{label}/{file}") + in_each("tools/{label}/{file}", ("saw", "axe")), "hold folders that"),
    "one set of names": (in_each("day/{label}/{file}") + in_each("night/{label}/{file}"), "holds the same folders"),
    "other classes": (in_each("train/{label}/{file}") + in_each("val/{label}/{file}", ("x", "y")), "none of which is"),
    "pairs": (in_each("{label}/{file}") + [p.replace("jpg", "bmp") for p in in_each("{label}/{file}")], "second one"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_fault_29_a_tree_with_another_sense_is_refused(photo, tmp_path, kind):
    paths, reason = REFUSED[kind]
    tree(photo, *paths)
    with pytest.raises(DataError, match=reason):
        read(tmp_path, MULTICLASS)


def test_fault_29_the_level_of_the_classes_can_be_said(photo, tmp_path):
    for split in ("train", "val"):
        tree(photo, *in_each(split + "/food/{label}/{file}"), *in_each(split + "/tools/{label}/{file}", ("saw", "axe")))
    with pytest.raises(DataError) as caught:
        read(tmp_path, MULTICLASS)
    assert "--format folders --classes-at 2 (2 classes: food, tools)" in str(caught.value)
    assert "--classes-at 3 (4 classes: axe, cat, dog, saw)" in str(caught.value)
    assert read(tmp_path, MULTICLASS, ReadingOptions(classes_at=2)).table.classes == ("food", "tools")
    table = read(tmp_path, MULTICLASS, ReadingOptions(classes_at=3)).table
    assert (table.classes, table.split.tolist()) == (("axe", "cat", "dog", "saw"), [0] * 8 + [1] * 8)


def test_a_name_for_a_container_is_a_class_where_the_user_says_so(photo, tmp_path):
    tree(photo, "images/1.jpg", "text/2.jpg")
    with pytest.raises(DataError, match="type --format folders"):
        read(tmp_path, MULTICLASS)
    assert read(tmp_path, MULTICLASS, ReadingOptions("folders")).table.classes == ("images", "text")


def test_a_test_folder_whose_pictures_have_no_class(photo, tmp_path):
    tree(photo, *in_each("train/{label}/{file}"), "test/test/1.jpg")
    reading = read(tmp_path, MULTICLASS)
    assert (reading.table.classes, len(reading.table)) == (("cat", "dog"), 4)
    assert checks(reading)["image-unlabelled"].count == 1


def test_names_in_several_normal_forms_are_one_class(photo, tmp_path):
    for seed, name in enumerate(("cafe\u0301", "caf\u00e9", "th\u00e9")):
        photo(f"{'train' if seed else 'val'}/{name}/{seed}.jpg", seed)
    reading = read(tmp_path, "image_classification")
    assert reading.table.classes == ("caf\u00e9", "th\u00e9")
    assert [finding.check for finding in reading.findings] == ["label-forms"]
