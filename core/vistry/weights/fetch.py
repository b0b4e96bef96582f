"""Published weights from the network, atomically."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

from vistry.runs.files import replacing

CHUNK = 1 << 20


def fetch(address: str, path: Path) -> None:
    """Write what is at an address to a file, which is there whole or not at all. Raises OSError."""
    with (
        urlopen(address, timeout=30) as answer,
        replacing(path) as temporary,
        temporary.open("wb") as file,
    ):
        while chunk := answer.read(CHUNK):
            file.write(chunk)
