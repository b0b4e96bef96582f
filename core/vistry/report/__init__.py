"""The report of a run."""

from __future__ import annotations

import sys
from pathlib import Path

from vistry.callable_package import CallablePackage
from vistry.runs.folder import Run

sys.modules[__name__].__class__ = CallablePackage


def write_report(run: Run) -> Path:
    """Write report.html atomically into the run folder, from the files in it.

    Raises RunError if the folder isn't a run or can't be written.
    """
    from vistry.report.page import REPORT, page_of
    from vistry.runs.files import write_text

    path = run.folder / REPORT
    write_text(path, page_of(run))
    return path
