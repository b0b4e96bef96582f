"""What the doctor can find: the catalogue of checks, a finding, and the error that carries one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vistry.errors import DataError

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Check:
    """A check by its stable id: how grave it is, what it says, and what to do about it."""

    id: str
    severity: str
    summary: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault or remark: what is wrong, where (file and line, from 1), and what to do; `count` where grouped."""

    check: str
    severity: str
    message: str
    remedy: str
    file: str | None = None
    line: int | None = None
    count: int = 1

    @property
    def where(self) -> str:
        """`file:line`, `file`, or nothing."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        head = f"{self.where}: " if self.file else ""
        return f"{head}{self.message}; {self.remedy}" if self.remedy else f"{head}{self.message}"

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return {
            "check": self.check,
            "severity": self.severity,
            "message": self.message,
            "remedy": self.remedy,
            "file": self.file,
            "line": self.line,
            "count": self.count,
        }


class DataSetError(DataError):
    """A fault that stops the reading of the whole data set, as one `finding`."""

    def __init__(self, finding: Finding):
        self.finding = finding
        super().__init__(str(finding))

    def __reduce__(self) -> tuple[type[DataSetError], tuple[Finding]]:
        return DataSetError, (self.finding,)


_CATALOGUE = (
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
    Check("file-hidden", "info", "hidden files, which are ignored", ""),
    Check("file-ignored", "info", "files that are not images, which are ignored", ""),
    Check("folder-ignored", "warning", "folders beside train/, validation/ and test/, which are ignored", "move them"),
    Check("class-empty", "warning", "a class folder without images", "add images or remove the folder"),
    Check("image-unlabelled", "warning", "images outside a class folder", "move them into a class folder"),
    Check("image-missing", "error", "the image file does not exist", "restore the file or remove the row"),
    Check("image-empty", "error", "the image file has zero bytes", "restore the file"),
    Check("image-unreadable", "error", "not an image, or a broken one", "replace the file"),
    Check("image-truncated", "error", "the image ends too early", "copy the file again from its source"),
    Check("image-unsupported", "error", "an image format Vistry doesn't read", "convert it to JPEG or PNG"),
    Check(
        "image-bomb",
        "error",
        "more pixels than the limit, or data that unpacks to too much",
        "replace the file, or scale the image down",
    ),
    Check(
        "image-extension",
        "warning",
        "the extension says another format than the content, which is used",
        "rename the file",
    ),
    Check("image-small", "warning", "the shorter side is under 16 pixels", "check that it is not a thumbnail"),
    Check(
        "image-faint",
        "warning",
        "16-bit pixels below a sixteenth of the range, of which 8 bits keep little",
        "stretch the values over the whole range",
    ),
    Check("image-rotated", "info", "EXIF orientation, which is applied", ""),
    Check("image-cmyk", "info", "CMYK, which is converted to RGB (Adobe inversion undone)", ""),
    Check("image-16bit", "info", "16 bits a channel, which are scaled to 8", ""),
    Check("image-float", "info", "float or 32-bit pixels, scaled from minimum to maximum", ""),
    Check("image-palette", "info", "a palette, which is looked up", ""),
    Check("image-alpha", "info", "transparency, which is laid over white", ""),
    Check("image-grey", "info", "grey or 1-bit pixels, which are repeated in three channels", ""),
    Check("image-colour-space", "info", "LAB, YCbCr or HSV, which is converted to RGB", ""),
    Check("image-frames", "info", "several frames or pages, of which the first is used", ""),
    Check(
        "image-repeated",
        "warning",
        "an image listed again with the same labels; the first row is used",
        "remove the row",
    ),
    Check(
        "image-duplicate",
        "warning",
        "files with the same bytes, which are kept in one split",
        "remove all but one",
    ),
    Check("label-conflict", "warning", "the same image with different labels", "correct the wrong label"),
    Check(
        "split-leak",
        "error",
        "the same image in two splits; the training copy is left out",
        "remove one of the two",
    ),
    Check(
        "label-similar",
        "warning",
        "class names that differ by case, spaces or a letter",
        "if they are one class, give them one name",
    ),
    Check("class-few", "warning", "a class with fewer than 10 images", "add images of this class"),
    Check(
        "class-imbalance",
        "warning",
        "the largest class has over 10 times the images of the smallest",
        "try weighted_loss, or add images of the small classes",
    ),
    Check("class-single", "error", "a single class, so that there is nothing to learn", "add images of another class"),
    Check("class-untrained", "warning", "a class without training images", "add training images of this class"),
    Check(
        "split-empty",
        "error",
        "a split of which no image can be used",
        "replace its images, or take the split out of the data",
    ),
    Check("data-small", "warning", "fewer than 10 training images", "add images"),
)
CHECKS = {check.id: check for check in _CATALOGUE}


def finding(
    check: str,
    message: str,
    file: object = None,
    line: int | None = None,
    *,
    count: int = 1,
    remedy: str | None = None,
) -> Finding:
    """A finding of this check, with the catalogue's severity, and its remedy unless another is given."""
    known = CHECKS[check]
    return Finding(
        check,
        known.severity,
        message,
        known.remedy if remedy is None else remedy,
        None if file is None else str(file),
        line or None,
        count,
    )
