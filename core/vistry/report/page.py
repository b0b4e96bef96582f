"""The report of a run: one self-contained page that requests nothing from the network."""

from __future__ import annotations

from collections.abc import Sequence

from vistry.report.data_section import data_section
from vistry.report.header import header
from vistry.report.html_page import html_page
from vistry.report.hyperparameter_section import hyperparameter_section
from vistry.report.run_contents import Contents, contents_of
from vistry.report.section import Section
from vistry.report.tasks import task_sections
from vistry.report.threshold_section import threshold_section
from vistry.report.training_sections import metrics_section, timing_section, training_section
from vistry.runs.folder import REPORT as REPORT
from vistry.runs.folder import Run


def page_of(run: Run) -> str:
    """Return the page as HTML. Raises RunError if the folder isn't a run."""
    contents = contents_of(run)
    title = f"{contents.record.model.name} · {contents.run.id}"
    return html_page(title, header(contents), sections_of(contents))


def sections_of(contents: Contents) -> list[Section]:
    """Return the sections in order; those about the task stand in the middle."""
    sections = [
        training_section(contents),
        threshold_section(contents),
        *_task_sections(contents),
        metrics_section(contents),
        data_section(contents),
        hyperparameter_section(contents),
        timing_section(contents),
    ]
    return [section for section in sections if section is not None]


def _task_sections(contents: Contents) -> Sequence[Section]:
    if contents.inputs is None:
        return [Section("evaluation", "Evaluation", contents.reason, parts=[])]
    return task_sections(contents.record.task, contents.inputs)
