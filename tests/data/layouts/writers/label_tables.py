"""Tables of labels: a row an image or a row a label, one column, a column a class, or a list in a cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture

Rows = Iterable[list[str]]


def write(tree: Tree) -> None:
    for path, pictures in tree.by_file(tree.layout.labels):
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=tree.option("delimiter", ",").replace("tab", "\t"), lineterminator="\n")
        writer.writerows(_rows(tree, pictures, path))
        tree.write(path, stream.getvalue())


def _rows(tree: Tree, pictures: list[Picture], path: str) -> Rows:
    header, cells = STYLES[tree.option("style", "column")]
    image, label = tree.option("columns", "image,label").split(",")
    extra = [name for name in tree.option("extra").split(",") if name]
    split = [tree.option("split_column")] if tree.option("split_column") else []
    if tree.option("header", "yes") == "yes":
        yield [image, *header(tree, label), *extra, *split]
    for picture in pictures:
        for row in cells(tree, picture):
            more = [str(picture.number * 7 % 5) for _ in extra]
            word = [tree.layout.splits[picture.split]] if split else []
            yield [tree.reference(picture, path), *row, *more, *word]


def _one_column(tree: Tree, label: str) -> list[str]:
    return [label]


def _class_columns(tree: Tree, label: str) -> list[str]:
    return list(tree.truth.classes)


def _cell(tree: Tree, picture: Picture) -> Rows:
    yield [picture.label]


def _several_rows(tree: Tree, picture: Picture) -> Rows:
    yield from ([label] for label in picture.labels)


def _flags(yes: str, no: str) -> Callable[[Tree, Picture], Rows]:
    def cells(tree: Tree, picture: Picture) -> Rows:
        yield [yes if name in picture.labels else no for name in tree.truth.classes]

    return cells


def _joined(by: str) -> Callable[[Tree, Picture], Rows]:
    def cells(tree: Tree, picture: Picture) -> Rows:
        yield [by.join(picture.labels)]

    return cells


def _python_list(tree: Tree, picture: Picture) -> Rows:
    yield [str(list(picture.labels))]


def _json_list(tree: Tree, picture: Picture) -> Rows:
    yield [json.dumps(list(picture.labels), ensure_ascii=False)]


def _choices(tree: Tree, picture: Picture) -> Rows:
    """Label Studio writes one choice as text, and several as an object."""
    names = list(picture.labels)
    yield [names[0] if len(names) == 1 else json.dumps({"choices": names}, ensure_ascii=False)]


STYLES: dict[str, tuple[Callable[[Tree, str], list[str]], Callable[[Tree, Picture], Rows]]] = {
    "column": (_one_column, _cell),
    "rows": (_one_column, _several_rows),
    "flags": (_class_columns, _flags("1", "0")),
    "floats": (_class_columns, _flags("1.0", "0.0")),
    "booleans": (_class_columns, _flags("True", "False")),
    "bars": (_one_column, _joined("|")),
    "commas": (_one_column, _joined(",")),
    "spaces": (_one_column, _joined(" ")),
    "semicolons": (_one_column, _joined(";")),
    "python lists": (_one_column, _python_list),
    "JSON lists": (_one_column, _json_list),
    "choices": (_one_column, _choices),
}
