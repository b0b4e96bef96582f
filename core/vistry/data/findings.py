"""The catalogue of the doctor's checks, a finding of one, and the error that carries a finding."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vistry.errors import DataError

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Check:
    """A check by its stable id: its severity, a summary for the documentation, and the usual remedy.

    `of_object`: a finding of it concerns one object and costs that object, not its image.
    """

    id: str
    severity: str
    summary: str
    remedy: str
    of_object: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or odd: the check that found it, the reason, where (file and line, from 1), and what to do.

    `subject`: the image that it is about, where file and line don't name it. `count`: how many images, files or labels
    it stands for. `quarantines`: what can't be used because of it: an image, or the line that should have described one
    or an object of it; None where nothing is left out.
    """

    check: str
    severity: str
    reason: str
    remedy: str
    file: str | None = None
    line: int | None = None
    count: int = 1
    subject: str = ""
    quarantines: str | None = None

    @classmethod
    def of(
        cls,
        check: str,
        reason: str,
        file: object = None,
        line: int | None = None,
        *,
        count: int = 1,
    ) -> Finding:
        """A finding of a check in CHECKS, with its severity and its remedy."""
        entry = CHECKS[check]
        return cls(
            check=check,
            severity=entry.severity,
            reason=reason,
            remedy=entry.remedy,
            file=None if file is None else str(file),
            line=line or None,
            count=count,
        )

    def advising(self, remedy: str) -> Finding:
        """The finding with a better remedy than its check's."""
        return replace(self, remedy=remedy)

    @property
    def message(self) -> str:
        """The reason, led by the subject."""
        return f"{self.subject}: {self.reason}" if self.subject else self.reason

    @property
    def where(self) -> str:
        """`file:line`, `file`, or nothing."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def is_of_object(self) -> bool:
        """Whether it concerns one object, and costs that object and not its image."""
        return CHECKS[self.check].of_object

    def __str__(self) -> str:
        head = f"{self.where}: " if self.file else ""
        return f"{head}{self.message}; {self.remedy}" if self.remedy else f"{head}{self.message}"

    def to_dict(self) -> dict[str, str | int | None]:
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

    def quarantine_entry(self) -> dict[str, str | bool | None]:
        """What is left out and why, as plain JSON values."""
        entry: dict[str, str | bool | None] = {
            "image": self.quarantines,
            "reason": self.reason,
            "check": self.check,
        }
        return entry | ({"object": True} if self.is_of_object else {})


class FindingError(DataError):
    """Raised where a `finding` stops the reading of an object, a row or, where nobody catches it, the data set."""

    def __init__(self, finding: Finding):
        self.finding = finding
        super().__init__(str(finding))

    def __reduce__(self) -> tuple[type[FindingError], tuple[Finding]]:
        # Exceptions are pickled by their `args`, the message; one that comes out of a process needs its finding.
        return FindingError, (self.finding,)


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
    Check("annotation-repeated", "warning", "an annotation id given twice; both are used", "number them anew"),
    Check(
        "object-invalid",
        "error",
        "an object that can't be parsed, or has no class",
        "correct the object",
        of_object=True,
    ),
    Check(
        "object-orphan",
        "error",
        "objects of an image that isn't there or isn't listed",
        "restore the image, or remove its objects",
        of_object=True,
    ),
    Check("class-unknown", "error", "an object of a class that is not declared", "declare the class", of_object=True),
    Check("class-unused", "info", "declared classes without an object, which are left out", ""),
    Check("class-names", "error", "class names that contradict their number", "correct one of the two"),
    Check("box-invalid", "error", "a box that is not four finite numbers", "draw the box again", of_object=True),
    Check(
        "box-units",
        "error",
        "pixels where fractions of the image are expected, or the reverse",
        "write all coordinates in the unit of the format",
        of_object=True,
    ),
    Check("box-swapped", "error", "a box whose corners are swapped", "swap the corners", of_object=True),
    Check("box-degenerate", "error", "a box without width or height", "remove or draw the box again", of_object=True),
    Check("box-outside", "error", "a box outside the image", "remove or draw the box again", of_object=True),
    Check(
        "box-clipped",
        "warning",
        "a box that reaches out of the image, of which the part inside is used",
        "check that the box belongs to this image",
        of_object=True,
    ),
    Check(
        "box-duplicate",
        "warning",
        "the same box with the same class twice; one is used",
        "remove one of the two",
        of_object=True,
    ),
    Check(
        "polygon-invalid",
        "error",
        "a polygon that is not pairs of finite numbers",
        "draw the polygon again",
        of_object=True,
    ),
    Check("polygon-short", "error", "a polygon of fewer than three points", "remove the polygon", of_object=True),
    Check(
        "polygon-crossing",
        "warning",
        "a polygon that crosses itself, inside of which parts are outside",
        "draw the polygon again",
        of_object=True,
    ),
    Check(
        "polygon-outside",
        "warning",
        "a polygon that reaches out of the image, of which the part inside is used",
        "check that the polygon belongs to this image",
        of_object=True,
    ),
    Check("mask-missing", "error", "an object without a mask", "draw its outline, or train detection", of_object=True),
    Check("mask-invalid", "error", "a mask that can't be decoded", "write the mask again", of_object=True),
    Check(
        "mask-size",
        "error",
        "a mask of another size than the upright image",
        "draw the mask on the image as it is shown",
        of_object=True,
    ),
    Check("mask-empty", "error", "a mask without a pixel in the image", "remove the object", of_object=True),
    Check(
        "objects-lost",
        "error",
        "an image of whose objects none can be used; as a negative it would teach the opposite",
        "correct its objects",
    ),
    Check("image-background", "info", "images without objects, which train as negatives", ""),
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
    Check("class-empty", "warning", "a class folder without images", "add images or remove the folder"),
    Check(
        "image-unlabelled",
        "warning",
        "images outside a class folder, or without the annotation file or mask they need",
        "label them, or move them into a class folder",
    ),
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
