"""A run's report as a page to look at."""

from __future__ import annotations

from pathlib import Path

from vistry.runs.folder import Run


def write_report(run: Run) -> Path:
    """Write report.html into the run folder in one step, from what the folder holds. Raises RunError."""
    from vistry.report.page import REPORT, page_of
    from vistry.runs.files import write_text

    path = run.folder / REPORT
    write_text(path, page_of(run))
    return path
