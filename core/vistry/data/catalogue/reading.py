"""Checks of files, rows, paths and labels as they are read."""

from __future__ import annotations

from vistry.data.catalogue.check import Check

CHECKS = (
    Check("data-missing", "error", "the path does not exist or can't be read", "check the path"),
    Check("data-empty", "error", "no image with a usable label is left", "add labelled images, or name another folder"),
    Check("format-unknown", "error", "the data fits no known format", "name the format, or convert the data"),
    Check("format-ambiguous", "error", "several annotation files, none named for a split", "name one of the files"),
    Check(
        "task-mismatch",
        "error",
        "labels that don't fit the task",
        "name the task that fits the labels, or change the labels",
    ),
    Check(
        "label-types-mixed",
        "error",
        "some labels are numbers and some are text",
        "write every label as text, or every one as a number",
    ),
    Check("line-invalid", "error", "a line or row that can't be parsed", "correct the line"),
    Check("field-missing", "error", "a row without an image or a label", "add the field"),
    Check("label-invalid", "error", "a label that is neither text nor an integer", "write the label as text"),
    Check("label-empty", "error", "an empty label where one is required", "name the class"),
    Check("label-spaces", "warning", "spaces around a label, which are removed", "remove them in the file"),
    Check(
        "label-forms",
        "warning",
        "a class name in several normal forms of Unicode, which are one class",
        "write it the same way everywhere",
    ),
    Check("split-unknown", "error", "a split that is not train, validation or test", "correct the split"),
    Check(
        "path-escape",
        "error",
        "a path or a link that leads out of the data folder",
        "copy the image into the data folder, or write its absolute path into the annotation file",
    ),
    Check("path-remote", "error", "an address on the network", "download the image and name the local file"),
    Check(
        "path-moved",
        "warning",
        "an absolute path that isn't here; the same name under the data folder is used",
        "write paths relative to the annotation file",
    ),
    Check("name-encoding", "error", "a file or class name that is not valid Unicode", "rename it"),
    Check("file-encoding", "error", "a text file that is not UTF-8", "save it as UTF-8"),
    Check("key-repeated", "error", "a JSON object that names a key twice", "remove one of the two"),
    Check(
        "xml-entities",
        "error",
        "XML that declares entities, which are never expanded",
        "write the text itself in place of the entity, and remove the declaration",
    ),
    Check("id-repeated", "error", "an image or class id given twice; the first one counts", "number them anew"),
    Check("id-gap", "info", "class ids with gaps, which are closed", ""),
    Check(
        "image-size",
        "warning",
        "the annotations state another size than the image has, which is used",
        "check that the annotations belong to this image",
    ),
    Check(
        "image-substituted",
        "warning",
        "the image named isn't there; the one with the annotation file's own name is used",
        "correct the name",
    ),
    Check("file-hidden", "info", "hidden files, which are ignored", ""),
    Check("file-ignored", "info", "files that are not images, which are ignored", ""),
    Check("folder-ignored", "warning", "folders beside train/, validation/ and test/, which are ignored", "move them"),
    Check(
        "image-unlabelled",
        "warning",
        "images outside a class folder, or without the annotation file or mask they need",
        "label them, or move them into a class folder",
    ),
    Check("image-missing", "error", "the image file does not exist", "restore the file or remove the row"),
)
