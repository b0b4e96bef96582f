"""Labels that are probably wrong, as far as they are still in a data set."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vistry.data.table import Table
from vistry.report.numbers import count
from vistry.runs.label_issues import LabelIssue, LabelIssues


@dataclass(frozen=True)
class Suspects:
    """What is probably wrong in a data set as it is now, and a sentence about what isn't in it any more."""

    labels: LabelIssues
    gone: str = ""

    @classmethod
    def in_table(cls, labels: LabelIssues, table: Table) -> Suspects:
        """Leave out the images that the table lacks, and the labels that were mended since."""
        rows = {image: row for row, image in enumerate(table.images)}
        there = [issue for issue in labels.issues if issue.image in rows]
        left = tuple(issue for issue in there if _holds(issue, table, rows[issue.image]))
        gone = len(labels.issues) - len(left)
        sentence = f"{count(gone, 'other')} of the list changed since, or isn't in this data." if gone else ""
        return cls(replace(labels, issues=left), sentence)


def _holds(issue: LabelIssue, table: Table, row: int) -> bool:
    """Whether an image still has, or still lacks, the label that is probably wrong."""
    names = {table.classes[label] for label in table.labels_of(row).tolist()}
    if issue.given:
        return issue.given in names
    return issue.box is not None or issue.suggested not in names
