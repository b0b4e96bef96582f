"""Job files written into a folder with a little data, and read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.sweep.job_files.job import Job, read_job

MLTABLE = """type: mltable
paths:
  - file: ./annotations.jsonl
transformations:
  - read_json_lines: {encoding: utf8, invalid_lines: error, include_path_column: false}
  - convert_column_types:
      - columns: image_url
        column_type: stream_info
"""
JOBS = Path(__file__).parents[1] / "jobs"
Read = Callable[..., Job]


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None) -> None:
    """Every test begins with nobody's policy."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The five job files beside two folders with an MLTable and the lines that it names."""
    place = tmp_path / "jobs"
    place.mkdir()
    for path in JOBS.glob("*.yml"):
        shutil.copy(path, place)
    for name in ("train", "valid"):
        write_table(place / name)
    return place


def write_table(folder: Path, lines: int = 1) -> Path:
    """Write an MLTable and its annotations."""
    folder.mkdir(parents=True)
    (folder / "MLTable").write_text(MLTABLE)
    records = [{"image_url": f"{place}.jpg", "label": "cat"} for place in range(lines)]
    (folder / "annotations.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


@pytest.fixture
def read(folder: Path) -> Read:
    """Write a text as a job file and read it."""

    def read_text(text: str, **data: str) -> Job:
        path = folder / "job.yml"
        path.write_text(text)
        return read_job(path, {name: folder / place for name, place in data.items()})

    return read_text
