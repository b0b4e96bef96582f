"""A copy of a run, which stands for itself, too: a reader sees the whole of it or nothing."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from vistry.errors import RunError
from vistry.runs.files import UNFINISHED
from vistry.runs.folder import Run, is_run


def check_target(folder: Path) -> None:
    """Raise RunError where a folder that is to get a run holds something that isn't a run."""
    if folder.exists() and not is_run(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}, which is to get the best run, holds something else; name another folder")


def copy_run(run: Run, folder: Path) -> Run:
    """Copy a run to a folder, in the place of another run where there is one. Raises RunError."""
    check_target(folder)
    beside = folder.parent / f".{folder.name}.{secrets.token_hex(4)}{UNFINISHED}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(run.folder, beside)
        # A folder can only be renamed onto an empty one.
        before = beside.with_name(f"{beside.name}.old{UNFINISHED}")
        if folder.exists():
            folder.replace(before)
        beside.replace(folder)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise RunError(
            f"the best run can't be copied to {folder}: {error.strerror or error}; copy {run.folder}"
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Run(folder)
