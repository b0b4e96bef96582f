"""Writing files so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vistry.errors import RunError

UNFINISHED = ".part"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, which takes its place when the block ends well, and else is removed.

    Raises RunError where the disk is full or the folder can't be written; the old file is then untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=UNFINISHED, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _write_error(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # before the rename, else a power cut may leave the new name with no content
        temporary.chmod(0o644)  # mkstemp lets the owner alone read
        temporary.replace(path)
    except BrokenPipeError:
        raise  # the reader of the command's output has gone: not an error of this file
    except OSError as error:
        raise _write_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def lines_to(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Give a function that writes a line to the file; without a path it drops the line.

    The file appears when the block ends well. Raises RunError, at once where the place can't be written.
    """
    if path is None:
        yield lambda line: None  # noqa: ARG005
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield lambda line: print(line, file=file)


def remove_unfinished(folder: Path) -> None:
    """Remove the half-written files of a process that was killed, in a folder and below it."""
    for path in folder.rglob(f".*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def _write_error(path: Path, error: OSError) -> RunError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunError(f"the disk is full: {path} could not be written; what was saved before is intact")
    return RunError(f"{path} could not be written: {error.strerror or error}; what was saved before is intact")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically, indented for people."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
