"""The top of the page: what was trained, how good it is, and how it ended."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from vistry.registry.tasks import TASKS
from vistry.report.doubt import interval_text, last_scores_text
from vistry.report.markup import Content, element, name_of, text_of
from vistry.report.numbers import UNDEFINED, count, duration, score
from vistry.report.run_contents import Contents
from vistry.report.tile import tile
from vistry.runs.last_scores import last_scores

# Classes of style.css; other states are "mixed".
STATUS_CLASSES = {"completed": "good", "failed": "bad", "running": "busy"}


def header(contents: Contents) -> Markup:
    """Draw the header with its tiles."""
    record, status = contents.record, contents.status
    chip = element("span", status.status, class_=f"chip {STATUS_CLASSES.get(status.status, 'mixed')}")
    title = element("h1", name_of(record.model.name), " ", chip)
    under = element("p", task_in_words(record.task), " · run ", name_of(contents.run.id), class_="under")
    reason = element("p", text_of(status.reason), class_="reason") if status.reason else ""
    return element("header", title, under, reason, element("div", *_tiles(contents), class_="tiles"))


def task_in_words(name: str) -> str:
    """Write the task's name with spaces, followed by its meaning if the registry has it."""
    words = name.replace("_", " ").capitalize()
    summary = next((task.summary for task in TASKS if task.name == name), "")
    return f"{words}: {summary}" if summary else words


def _tiles(contents: Contents) -> list[Markup]:
    data = contents.record.data
    number_of_epochs = contents.hyperparameters.get("number_of_epochs")
    epochs = UNDEFINED if number_of_epochs is None else number_of_epochs.value
    best = f"epoch {contents.best.epoch} was the best" if contents.best else "none evaluated"
    classes = count(len(contents.record.classes), "class", "classes")
    images = f"{data.validation_images:,} to validate, {classes}"
    return [
        tile(contents.primary, score(contents.score, 4), _doubt(contents), main=True),
        tile("epochs", f"{len(contents.history)} of {epochs}", best),
        tile("images to train", f"{data.training_images:,}", images),
        tile(
            "time",
            duration(contents.seconds),
            readable_time(contents.status.started),
        ),
    ]


def _doubt(contents: Contents) -> Content:
    """How sure the score is, as far as the run says it."""
    last = last_scores(contents.history, contents.primary)
    parts = [
        "on the validation images",
        *([interval_text(contents.status.interval)] if contents.status.interval else []),
        *([last_scores_text(last)] if last else []),
    ]
    return text_of("; ".join(parts))


def readable_time(stamp: str) -> str:
    """Write an ISO time stamp as `5 March 2026, 14:07`; other text stays as it is."""
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    return f"{time.day} {time:%B %Y, %H:%M}"
