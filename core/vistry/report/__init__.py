"""The report of a run."""

from __future__ import annotations

from pathlib import Path

from vistry.runs.folder import Run


def write_report(run: Run) -> Path:
    """Write report.html atomically into the run folder, from the files in it.

    Raises RunError if the folder isn't a run or can't be written.
    """
    from vistry.report.page import REPORT, page_of
    from vistry.runs.files import write_text

    path = run.folder / REPORT
    write_text(path, page_of(run))
    return path
