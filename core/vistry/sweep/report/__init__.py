"""The report of a sweep."""

from __future__ import annotations

from pathlib import Path

from vistry.sweep.folder import SweepFolder


def write_sweep_report(sweep: SweepFolder) -> Path:
    """Write report.html atomically into the sweep's folder, from the files in it, also while it runs.

    Raises RunError if the folder isn't a sweep or can't be written.
    """
    from vistry.report.page import REPORT
    from vistry.runs.files import write_text
    from vistry.sweep.report.page import page_of

    path = sweep.path / REPORT
    write_text(path, page_of(sweep))
    return path
