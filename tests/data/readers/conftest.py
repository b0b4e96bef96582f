"""Files to read, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.data.doctor import Diagnosis
from vistry.data.table import Table


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Write a file below the test's folder."""

    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def boxes() -> Callable[..., list[tuple[str, list[float]]]]:
    """The class and the corners of each object of a row."""

    def of_row(table: Table, row: int = 0) -> list[tuple[str, list[float]]]:
        assert table.objects is not None
        first, last = table.label_starts[row], table.label_starts[row + 1]
        names = [table.classes[label] for label in table.labels[first:last]]
        return list(zip(names, table.objects.boxes[first:last].tolist(), strict=True))

    return of_row


@pytest.fixture
def messages() -> Callable[..., list[str]]:
    """The messages of a diagnosis, of all checks or of these."""

    def of_checks(diagnosis: Diagnosis, *checks: str) -> list[str]:
        return [finding.message for finding in diagnosis.findings if not checks or finding.check in checks]

    return of_checks
