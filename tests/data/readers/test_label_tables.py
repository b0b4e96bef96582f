"""Tables of labels as tools and people write them: any names of columns, lists in cells, images anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vistry.data.reading import guess_task, read
from vistry.data.source import ReadingOptions
from vistry.errors import DataError

MULTICLASS = "image_classification"
MULTILABEL = "image_classification_multilabel"
Put = Callable[..., Path]
Photo = Callable[..., Path]


def labels(path: Path, task: str, **options: Any) -> dict[str, list[str]]:
    """The labels of each image by its path below the data folder."""
    table = read(path, task, ReadingOptions.of(**options)).table
    return {
        image.removeprefix(f"{table.root}/"): sorted(table.classes[label] for label in names) for image, names in table
    }


def refusal(path: Path, task: str = MULTICLASS, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, task, ReadingOptions.of(**options))
    return str(caught.value)


@pytest.fixture
def pictures(photo: Photo) -> Callable[..., None]:
    """Write images below the test's folder, each other than the others."""

    def write(*names: str) -> None:
        for seed, name in enumerate(names):
            photo(name, seed)

    return write


@pytest.mark.parametrize("folder", ["", "images/", "Some Input/part 1/"])
@pytest.mark.parametrize(
    "header", ["image,label", "image_id,dx", "id,breed", "Image Index,Finding Labels", "fname,tags"]
)
def test_fault_17_names_without_a_suffix_in_any_folder(tmp_path, put, pictures, folder, header):
    pictures(f"{folder}im0.jpg", f"{folder}im1.JPG")
    put("tables/labels.csv", f"{header}\nim0,nut\nim1,fig\n")
    assert labels(tmp_path, MULTICLASS) == {f"{folder}im0.jpg": ["nut"], f"{folder}im1.JPG": ["fig"]}


def test_fault_17_images_beside_the_folder_of_the_table(tmp_path, put, pictures):
    pictures("pictures/a.png", "pictures/b.png")
    put("labels/labels.csv", "image,label\na,nut\nb,fig\n")
    assert sorted(labels(tmp_path / "labels", MULTICLASS).values()) == [["fig"], ["nut"]]
    named = labels(tmp_path / "labels", MULTICLASS, images=tmp_path / "pictures")
    assert sorted(named.values()) == [["fig"], ["nut"]]


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("true", "false"), ("1", "-1")])
def test_fault_18_a_column_of_flags_for_each_class(tmp_path, put, pictures, yes, no):
    pictures("a.jpg", "b.jpg", "c.jpg")
    put("data.csv", f"image,nut,fig\na.jpg,{yes},{no}\nb.jpg,{no},{yes}\nc.jpg,{yes},{yes}\n")
    expected = {"a.jpg": ["nut"], "b.jpg": ["fig"], "c.jpg": ["fig", "nut"]}
    assert guess_task(tmp_path)[0] == MULTILABEL
    assert labels(tmp_path, MULTILABEL) == expected


def test_fault_02_a_table_of_classes_in_each_folder_of_a_split(tmp_path, put, pictures):
    for split in ("train", "valid", "test"):
        pictures(f"{split}/{split}0.jpg", f"{split}/{split}1.jpg")
        put(f"{split}/_classes.csv", f"filename, cat, dog\n{split}0.jpg, 1, 0\n{split}1.jpg, 1, 1\n")
    assert guess_task(tmp_path)[0] == MULTILABEL
    table = read(tmp_path, MULTILABEL).table
    assert table.classes == ("cat", "dog")
    assert {Path(image).name[:-5]: int(split) for image, split in zip(table.images, table.split, strict=True)} == {
        "train": 0,
        "valid": 1,
        "test": 2,
    }


LISTS = {
    "Python": ("\"['nut', 'dried fig']\"", "\"['nut']\"", "[]"),
    "JSON": ('"[""nut"", ""dried fig""]"', '"[""nut""]"', "[]"),
    "NumPy": ("\"['nut' 'dried fig']\"", "\"['nut']\"", "[]"),
    "a tuple": ("\"('nut', 'dried fig')\"", "\"('nut',)\"", ""),
    "bare": ('"[nut, dried fig]"', "[nut]", "[]"),
    "choices": ('"{""choices"": [""nut"", ""dried fig""]}"', "nut", ""),
    "bars": ("nut|dried fig", "nut", ""),
    "semicolons": ("nut; dried fig", "nut", ""),
}


@pytest.mark.parametrize("style", LISTS)
def test_fault_07_lists_in_cells(tmp_path, put, pictures, style):
    pictures("a.jpg", "b.jpg", "c.jpg")
    both, one, none = LISTS[style]
    put("data.csv", f"image,labels\na.jpg,{both}\nb.jpg,{one}\nc.jpg,{none}\n")
    assert guess_task(tmp_path)[0] == MULTILABEL
    assert labels(tmp_path, MULTILABEL) == {"a.jpg": ["dried fig", "nut"], "b.jpg": ["nut"], "c.jpg": []}


@pytest.mark.parametrize("separator", [",", ", ", " "])
def test_fault_07_separators_that_may_be_part_of_names(tmp_path, put, pictures, separator):
    pictures("a.jpg", "b.jpg", "c.jpg")
    put("data.csv", f'image,label\na.jpg,"nut{separator}fig"\nb.jpg,nut\nc.jpg,fig\n')
    assert guess_task(tmp_path)[0] == MULTILABEL
    assert labels(tmp_path, MULTILABEL) == {"a.jpg": ["fig", "nut"], "b.jpg": ["nut"], "c.jpg": ["fig"]}


def test_fault_07_a_few_words_in_many_combinations_are_several_labels(tmp_path, put, pictures):
    cells = ["haze primary", "clear primary water", "clear primary", "haze primary water", "clear water"]
    pictures(*(f"{at}.jpg" for at in range(len(cells))))
    put("data.csv", "image_name,tags\n" + "".join(f"{at},{cell}\n" for at, cell in enumerate(cells)))
    assert guess_task(tmp_path)[0] == MULTILABEL
    reading = read(tmp_path, MULTILABEL)
    assert reading.table.classes == ("clear", "haze", "primary", "water")
    assert any("spaces separate the labels in 5 cell(s)" in finding.message for finding in reading.findings)


def test_fault_07_names_of_two_words_stay_whole(tmp_path, put, pictures):
    pictures("a.jpg", "b.jpg", "c.jpg")
    put("data.csv", "image,labels\na.jpg,granny smith\nb.jpg,golden delicious\nc.jpg,red delicious\n")
    assert guess_task(tmp_path)[0] == MULTICLASS
    assert sorted(labels(tmp_path, MULTICLASS).values()) == [["golden delicious"], ["granny smith"], ["red delicious"]]
    reading = read(tmp_path, MULTILABEL)
    assert "granny smith" in reading.table.classes
    assert any("such as 'granny smith', are one name each" in finding.message for finding in reading.findings)


@pytest.mark.parametrize("cell", ["['cat', 'dog'", "['cat' 3 dog']", '{"a": 1}', "[[1, 2]]", "[1.5]"])
def test_fault_07_a_list_that_cannot_be_read_is_an_error_with_its_cell(tmp_path, put, pictures, cell):
    pictures("a.jpg", "b.jpg")
    quoted = cell.replace('"', '""')
    put("data.csv", f'image,labels\na.jpg,"{quoted}"\nb.jpg,nut|fig\n')
    reading = read(tmp_path, MULTILABEL)
    (fault,) = [finding for finding in reading.findings if finding.severity == "error"]
    assert (fault.check, fault.line) == ("label-invalid", 2)
    assert "looks like a list" in fault.message
    assert cell[:4] in fault.message
    assert reading.table.classes == ("fig", "nut")


def test_fault_07_flags_that_are_no_classes_are_said(tmp_path, put, pictures):
    pictures("a.jpg", "b.jpg")
    put("data.csv", "image,nut,fig,is_valid,occluded\na.jpg,1,0,1,0\nb.jpg,0,1,0,1\n")
    reading = read(tmp_path, MULTICLASS)
    assert reading.table.classes == ("fig", "nut")
    (said,) = [finding for finding in reading.findings if finding.check == "column-flags"]
    assert said.message.endswith("is_valid, occluded")


def test_a_confidence_of_0_says_that_a_class_is_not_there(tmp_path, put, pictures):
    pictures("a.jpg", "b.jpg")
    put("labels.csv", "ImageID,Source,LabelName,Confidence\na,human,nut,1\na,human,fig,0\nb,human,fig,1\n")
    assert labels(tmp_path, MULTILABEL) == {"a.jpg": ["nut"], "b.jpg": ["fig"]}
    findings = read(tmp_path, MULTILABEL).findings
    assert any("1 row(s) say with a confidence of 0" in finding.message for finding in findings)


def test_names_count_where_numbers_say_the_same(tmp_path, put, pictures):
    pictures("a.jpg", "b.jpg", "c.jpg")
    put("data.csv", "image,label,class_name,weight\na.jpg,0,nut,3\nb.jpg,1,fig,4\nc.jpg,0,nut,5\n")
    assert labels(tmp_path, MULTICLASS) == {"a.jpg": ["nut"], "b.jpg": ["fig"], "c.jpg": ["nut"]}


@pytest.mark.parametrize("text", ["id;dx;age\na;nut;3\nb;fig;4\n", "\ufeffid,dx,age\r\na,nut,3\r\nb,fig,4\r\n"])
def test_columns_that_the_user_names(tmp_path, put, pictures, text):
    pictures("deep/down/a.jpg", "deep/down/b.jpg")
    path = put("data.csv", text)
    expected = {"deep/down/a.jpg": ["3"], "deep/down/b.jpg": ["4"]}
    assert labels(tmp_path, MULTICLASS, columns={"image": "id", "label": "age"}) == expected
    assert labels(path, MULTICLASS, columns={"label": "AGE"}) == expected
    message = refusal(path, columns={"label": "breed"})
    assert "no column 'breed' for the label; the table has id, dx, age" in message


def test_a_table_whose_label_cannot_be_told_lists_its_columns_with_what_to_type(tmp_path, put, pictures):
    pictures("a.jpg", "b.jpg")
    put("data.csv", "file,shape,colour\na.jpg,round,red\nb.jpg,long,blue\n")
    message = refusal(tmp_path)
    assert "no column of labels among file, shape, colour" in message
    assert "--columns image=file,label=shape" in message


@pytest.mark.parametrize(
    "words", [("train", "valid", "test"), ("TRAIN", "VALIDATION", "TEST"), ("training", "dev", "holdout")]
)
def test_a_column_of_splits_by_its_words(tmp_path, put, pictures, words):
    pictures("a.jpg", "b.jpg", "c.jpg")
    rows = "".join(f"{image}.jpg,nut,{word}\n" for image, word in zip("abc", words, strict=True))
    put("data.csv", f"filepaths,labels,data set\n{rows}")
    assert read(tmp_path, MULTICLASS).table.split.tolist() == [0, 1, 2]


def test_a_column_called_dataset_that_names_no_splits_is_none(tmp_path, put, pictures):
    pictures("a.jpg", "b.jpg")
    put("data.csv", "image_id,dx,dataset\na,nut,vidir\nb,fig,rosendahl\n")
    assert read(tmp_path, MULTICLASS).table.split.tolist() == [-1, -1]


def test_the_folders_of_images_are_their_splits_where_nothing_else_is(tmp_path, put, pictures):
    pictures("train/a.jpg", "test/b.jpg")
    put("labels.csv", "image,label\na.jpg,nut\nb.jpg,nut\n")
    assert read(tmp_path, MULTICLASS).table.split.tolist() == [0, 2]


def test_tables_without_labels_and_examples_of_submissions_are_left_out_and_said(tmp_path, put, pictures):
    pictures("train/a.jpg", "train/b.jpg", "test/c.jpg")
    put("train.csv", "id,label\na,nut\nb,fig\n")
    put("test.csv", "id\nc\n")
    put("sample_submission.csv", "id,label\nc,nut\n")
    put("results.csv", "epoch,loss\n1,0.5\n")
    reading = read(tmp_path, MULTICLASS)
    assert [Path(image).name for image in reading.table.images] == ["a.jpg", "b.jpg"]
    said = {Path(str(finding.file)).name for finding in reading.findings if finding.check == "table-ignored"}
    assert said == {"test.csv", "sample_submission.csv"}


def test_tables_about_other_images_are_read_together_and_others_are_one_too_many(tmp_path, put, pictures):
    pictures("one/a.jpg", "two/a.jpg")
    put("one/labels.csv", "image,label\na.jpg,nut\n")
    put("two/labels.csv", "image,label\na.jpg,fig\n")
    assert labels(tmp_path, MULTICLASS) == {"one/a.jpg": ["nut"], "two/a.jpg": ["fig"]}
    put("one/again.csv", "image,label\na.jpg,fig\n")
    assert "3 annotation files (one/again.csv, one/labels.csv, two/labels.csv), none named train" in refusal(tmp_path)


def test_a_table_in_another_encoding_is_named_and_not_passed_over(tmp_path, put, pictures):
    pictures("nut/a.jpg", "fig/b.jpg")
    put("labels.csv", "image,label\na.jpg,Käse\nb.jpg,Brot\n".encode("latin-1"))
    message = refusal(tmp_path)
    assert "labels.csv, but it is not UTF-8" in message
    assert "save it as CSV UTF-8" in message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.csv", "package,version\nnumpy,2\n"),
        ("results.csv", "epoch,train/loss,val/loss\n1,0.5,0.6\n"),
        ("classes.csv", "id,name\n0,nut\n1,fig\n"),
    ],
)
def test_tables_about_no_image_are_no_data_set(tmp_path, put, pictures, name, text):
    pictures("nut/a.jpg", "nut/b.jpg", "fig/c.jpg", "fig/d.jpg")
    put(name, text)
    table = read(tmp_path, MULTICLASS).table
    assert (table.format, table.classes) == ("folders", ("fig", "nut"))


@pytest.mark.parametrize(
    "name",
    [
        "images\\1/{}.png",
        "C:\\Users\\ann\\images\\{}.png",
        "/data/upload/1/0a1b2c3d-{}.png",
        "/data/local-files/?d=some/where/{}.png",
        "/data/local-files/?d={}.png",
        "http://localhost:8080/data/upload/7/{}.png",
        "http://localhost:8080/data/local-files/?d=some%20where/{}.png",
        "https://example.org/bucket/{}.png?key=1",
        "gs://bucket/folder/{}.png",
    ],
)
def test_fault_19_paths_and_addresses_of_tools_are_found_by_their_names(tmp_path, put, pictures, name):
    pictures("images/cat one.png", "images/two.png")
    put("data.csv", f"image,choice\n{name.format('cat one')},nut\n{name.format('two')},fig\n")
    reading = read(tmp_path, MULTICLASS)
    assert labels(tmp_path, MULTICLASS) == {"images/cat one.png": ["nut"], "images/two.png": ["fig"]}
    assert sum(finding.count for finding in reading.findings if finding.check in ("image-elsewhere", "path-moved")) == 2


def test_fault_19_an_address_of_nothing_here_is_an_error(tmp_path, put, pictures):
    pictures("images/one.png")
    put("data.csv", "image,label\nimages/one.png,nut\nhttps://example.org/two.png,fig\n")
    reading = read(tmp_path, MULTICLASS)
    (fault,) = [finding for finding in reading.findings if finding.severity == "error"]
    assert (fault.check, fault.line) == ("path-remote", 3)
