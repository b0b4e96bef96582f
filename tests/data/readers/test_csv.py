from __future__ import annotations

import pytest
from vistry.data.reading import guess_task, read
from vistry.errors import DataError

MULTICLASS = "image_classification"
MULTILABEL = "image_classification_multilabel"


@pytest.fixture(autouse=True)
def _an_image(photo):
    """A folder without an image is no data folder on its own: images are looked for around it."""
    photo("elsewhere.png")


@pytest.fixture
def csv_file(tmp_path):
    def write(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def rows_of(reading):
    table = reading.table
    return {image.removeprefix(f"{table.root}/"): [table.classes[label] for label in labels] for image, labels in table}


@pytest.mark.parametrize(
    "text",
    [
        "image,label\na.jpg,nut\nb.jpg,fig\n",
        "image;label\na.jpg;nut\nb.jpg;fig\n",
        "image\tlabel\na.jpg\tnut\nb.jpg\tfig\n",
        "\ufeffimage,label\r\na.jpg,nut\r\n\r\nb.jpg,fig\r\n",
        "a.jpg,nut\nb.jpg,fig\n",
        "nut,a.jpg\nfig,b.jpg\n",
        "id,Category,File_Name\n1,nut,a.jpg\n2,fig,b.jpg\n",
        'photo,species\n"a.jpg","nut"\n"b.jpg"," fig "\n',
        "image,fig,nut\na.jpg,0,1\nb.jpg,1,0\n",
        "image,photographer,fig,nut\na.jpg,Ann,0,1\nb.jpg,Bob,1.0,0.0\n",
    ],
)
def test_multiclass_in_many_dialects(csv_file, text):
    reading = read(csv_file(text), MULTICLASS)
    assert rows_of(reading) == {"a.jpg": ["nut"], "b.jpg": ["fig"]}
    assert reading.findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "image,labels\na.jpg,nut|fig\nb.jpg,\n",
        'image,labels\na.jpg,"nut,fig"\nb.jpg,\n',
        "image;labels\na.jpg;nut, fig\nb.jpg;\n",
        "image,nut,fig\na.jpg,1,1\nb.jpg,0,0\n",
    ],
)
def test_multilabel_in_many_dialects(csv_file, text):
    assert rows_of(read(csv_file(text), MULTILABEL)) == {"a.jpg": ["nut", "fig"], "b.jpg": []}


def test_rows_with_a_label_each_are_brought_together(csv_file):
    path = csv_file("image,label\na.jpg,nut\nb.jpg,\na.jpg,fig\nc.jpg,fig\na.jpg,nut\n")
    reading = read(path, MULTILABEL)
    assert rows_of(reading) == {"a.jpg": ["nut", "fig"], "b.jpg": [], "c.jpg": ["fig"]}
    assert reading.table.lines.tolist() == [2, 3, 5]
    (fault,) = reading.findings
    assert (fault.check, fault.where) == ("image-repeated", f"{path}:6")
    assert fault.message.endswith("/a.jpg: the row repeats line 2")
    assert guess_task(path) == (MULTILABEL, "several labels, or none, for some image")


def test_an_image_in_two_splits_is_not_brought_together(csv_file):
    path = csv_file("image,label,split\na.jpg,nut,train\na.jpg,fig,test\na.jpg,fig,train\n")
    table = read(path, MULTILABEL).table
    assert table.split.tolist() == [0, 2]
    assert [labels.tolist() for _, labels in table] == [[1, 0], [0]]


def test_whole_lists_are_not_brought_together(csv_file):
    table = read(csv_file("image,labels\na.jpg,nut|fig\na.jpg,date\n"), MULTILABEL).table
    assert [[table.classes[label] for label in labels] for _, labels in table] == [["nut", "fig"], ["date"]]


def test_a_row_for_each_label_is_multilabel_and_a_rare_second_one_a_mistake(csv_file):
    several = "".join(f"{image}.jpg,{label}\n" for image in "abcd" for label in ("nut", "fig"))
    task, reason = guess_task(csv_file("image,label\n" + several))
    assert (task, reason) == (MULTILABEL, "rows with other labels for many an image")
    single = "".join(f"{image}.jpg,nut\n" for image in range(30))
    assert guess_task(csv_file(f"image,label\n{single}0.jpg,fig\n"))[0] == MULTICLASS


def test_a_comma_is_part_of_a_label_where_bars_separate(csv_file):
    reading = read(csv_file('image,labels\na.jpg,"shirt, blue|hat"\nb.jpg,"shirt, blue"\n'), MULTILABEL)
    assert rows_of(reading) == {"a.jpg": ["shirt, blue", "hat"], "b.jpg": ["shirt, blue"]}


def test_nan_and_na_are_text(csv_file):
    assert read(csv_file("image,label\na.jpg,nan\nb.jpg,NA\nc.jpg,null\n"), MULTICLASS).table.classes == (
        "NA",
        "nan",
        "null",
    )


def test_a_split_column(csv_file):
    text = "image,label,split\na.jpg,nut,train\nb.jpg,fig,Valid\nc.jpg,fig,test\nd.jpg,fig,\ne.jpg,fig,fold3\n"
    reading = read(csv_file(text), MULTICLASS)
    assert reading.table.split.tolist() == [0, 1, 2, -1]
    (fault,) = reading.findings
    assert (fault.check, fault.line) == ("split-unknown", 6)
    assert fault.message == "'fold3' is not a split; use train, validation or test"


def test_files_named_for_splits(csv_file, tmp_path, photo):
    photo("a.jpg")
    photo("b.jpg")
    csv_file("image,label\na.jpg,nut\n", "train.csv")
    csv_file("image,label\nb.jpg,nut\n", "val.csv")
    assert read(tmp_path, MULTICLASS).table.split.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("row", "check", "message"),
    [
        ("b.jpg", "line-invalid", "1 cells where the first line has 2 columns"),
        ("b.jpg,nut,fig", "line-invalid", "3 cells where the first line has 2 columns"),
        (",nut", "field-missing", "the image cell is empty"),
        ("b.jpg,", "label-empty", "the label is empty"),
    ],
)
def test_a_bad_row_costs_that_row_only(csv_file, row, check, message):
    path = csv_file(f"image,label\na.jpg,nut\n{row}\nc.jpg,fig\n")
    reading = read(path, MULTICLASS)
    assert rows_of(reading) == {"a.jpg": ["nut"], "c.jpg": ["fig"]}
    (fault,) = reading.findings
    assert (fault.check, fault.message, fault.where) == (check, message, f"{path}:3")


@pytest.mark.parametrize(
    ("text", "task", "message"),
    [
        ("image,label\na.jpg,nut|fig\n", MULTICLASS, ":2: 'nut|fig' looks like several labels"),
        ("image,nut,fig\na.jpg,1,0\nb.jpg,1,1\n", MULTICLASS, ":3: 2 columns are 1, but image_classification takes"),
        ("name,kind\nx,nut\n", MULTICLASS, ":1: no column of images among name, kind"),
        ("image,width,height\na.jpg,640,480\n", MULTICLASS, ":1: no column of labels among image, width, height"),
        (
            "a.jpg,nut,fig\nb.jpg,nut,fig\n",
            MULTICLASS,
            ":1: without a header the label can't be told apart",
        ),
        ("", MULTICLASS, ": the data set is empty: no labelled image was found"),
        ("image,label\n", MULTICLASS, ": the data set is empty: no labelled image was found"),
    ],
)
def test_a_file_that_cannot_be_used(csv_file, text, task, message):
    path = csv_file(text)
    with pytest.raises(DataError) as caught:
        read(path, task)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_file_that_is_not_utf8(csv_file):
    with pytest.raises(DataError, match=r"not UTF-8 \(byte .*; save it as CSV UTF-8"):
        read(csv_file("image,label\na.jpg,Käse\n", encoding="latin-1"), MULTICLASS)


def test_a_cell_too_large_for_csv(csv_file):
    with pytest.raises(DataError, match="not CSV: field larger than field limit"):
        read(csv_file("image,label\na.jpg," + "x" * 200_000), MULTICLASS)
