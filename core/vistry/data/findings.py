"""A finding of one of the doctor's checks, and the error that carries a finding."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vistry.data.catalogue import CHECKS as CHECKS
from vistry.errors import DataError

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or odd: the check that found it, the reason, where (file and line, from 1), and what to do.

    `subject`: the image that it is about, where file and line don't name it. `count`: how many images, files or labels
    it stands for. `quarantines`: what can't be used because of it: an image, or the line that should have described one
    or an object of it; None where nothing is left out. `image`: the path of an image that shows it.
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
    image: str | None = None

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
            "image": self.image,
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
