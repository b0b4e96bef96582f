"""Download of published weights."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

from vistry.runs.files import replacing

CHUNK = 1 << 20  # bytes; a file of weights need not fit into memory
TIMEOUT = 30  # seconds without an answer


def fetch(address: str, path: Path) -> None:
    """Download an address to a file, which appears only when it is complete. Raises OSError."""
    with (
        urlopen(address, timeout=TIMEOUT) as answer,
        replacing(path) as temporary,
        temporary.open("wb") as file,
    ):
        while chunk := answer.read(CHUNK):
            file.write(chunk)
