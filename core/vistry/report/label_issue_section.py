"""The section about labels that are probably wrong: each with its picture, the most suspect first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from markupsafe import Markup

from vistry.registry.tasks import task_named
from vistry.report.detection_picture import Outline, object_picture
from vistry.report.gallery import Card, gallery
from vistry.report.markup import Content, element, text_of
from vistry.report.numbers import count, score
from vistry.report.section import Section
from vistry.report.tasks.classification import verdict
from vistry.report.thumbnail import thumbnail
from vistry.runs.label_issues import LabelIssue, LabelIssues

ANCHOR = "labels"
TITLE = "Labels that are probably wrong"
PICTURES = 48
# What each kind means, in a few words under the picture.
MEANINGS = {
    "unlabelled": "probably there, and not labelled",
    "mistaken": "labelled, and probably not there",
    "missing": "an object that nobody annotated?",
    "class": "annotated as another class?",
    "location": "badly placed?",
    "not found": "annotated, and never found",
}
ABOUT_IMAGES = (
    "Each image is judged by a model that never saw it. How many labels of each class are wrong is estimated from the "
    "images that are as sure of another class as that class's own are on average; so many are listed, in the order of "
    "the margin between the two (confident learning; Northcutt, Jiang and Chuang 2021)."
)
ABOUT_OBJECTS = (
    "Each image is judged by a detector that never saw it. A detection counts where its score reaches the mean score "
    "of its class's hits: with nothing annotated there, an object may be missing; over an object of another class, or "
    "one that it overlaps by less than half, the annotation may be wrong. Last come annotated objects that no "
    "detection found, in classes that are found elsewhere (after ObjectLab; Tkachenko, Thyagarajan and Mueller 2023)."
)


def label_issue_section(suspects: LabelIssues, cards: Sequence[Card] | None = None, note: str = "") -> Section:
    """Draw the section; `cards` are those of the first issues, and `note` is put behind the explanation."""
    about = ABOUT_OBJECTS if task_named(suspects.task).has_boxes else ABOUT_IMAGES
    number = len(suspects.issues)
    if not number:
        none = f"There are none among {count(suspects.images, 'image')}."
        return Section(ANCHOR, TITLE, f"{none} {about} {note}", parts=[])
    drawn = [issue_card(issue) for issue in suspects.issues[:PICTURES]] if cards is None else cards
    shown = f"{len(drawn)} of {number:,}" if len(drawn) < number else f"{number:,}"
    first = f"{shown} in {count(suspects.images, 'image')}; all are in labels.csv. "
    return Section(ANCHOR, TITLE, f"{first}{about} {note}", parts=[gallery(drawn)])


def issue_card(issue: LabelIssue) -> Card:
    """Draw its picture, with what the data says, what the model says, and where the label stands."""
    if issue.box is None:
        return Card(issue.image, tuple(_lines(issue)), thumbnail(issue.image))
    outline = Outline(issue.box, "predicted" if issue.suggested else "true")
    return Card(issue.image, tuple(_lines(issue)), object_picture(issue.image, outline.box, [outline]))


def _lines(issue: LabelIssue) -> Iterator[Content]:
    if issue.suggested:
        yield verdict("predicted", issue.suggested, _share(issue.suggested_probability, issue.score))
    if issue.given:
        yield verdict("true", issue.given, _share(issue.given_probability, issue.iou))
    meaning = MEANINGS.get(issue.kind)
    if meaning and issue.box is not None and issue.given and issue.suggested:
        meaning = f"{meaning} IoU {score(issue.iou, 2)}"
    if meaning:
        yield meaning
    if issue.where != issue.image:
        yield _place(issue.where)


def _share(*values: float | None) -> float:
    return next((value for value in values if value is not None), 0.0)


def _place(where: str) -> Markup:
    return element("span", text_of(PurePath(where).name), title=where, class_="file")
