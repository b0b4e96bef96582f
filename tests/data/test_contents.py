"""Contents of files against hashlib, with files that are gone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from vistry.data.contents import DIGEST_BYTES, MISSING, contents_of, digest_of, sizes_of


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Files of 0 bytes to 700 kB, more than a thread takes at a time, and one that is gone."""
    paths = []
    for number in range(300):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(bytes([number % 251]) * (700_000 if number == 7 else number))
        paths.append(str(path))
    return [*paths, str(tmp_path / "gone"), str(tmp_path), "a\0b"]


def test_sizes_and_hashes_are_those_of_the_files(files: list[str]) -> None:
    contents = contents_of(files)
    expected = [Path(path).read_bytes() for path in files[:300]]
    assert contents.sizes.tolist() == [*map(len, expected), MISSING, MISSING, MISSING]
    hashes = [hashlib.sha256(data).digest()[:DIGEST_BYTES] for data in expected]
    assert contents.identities() == [*hashes, None, None, None]
    assert digest_of(files[7]) == hashes[7]
    assert sizes_of(files[:301]).tolist() == contents.sizes[:301].tolist()


def test_no_file_has_no_contents() -> None:
    contents = contents_of([])
    assert contents.identities() == []
    assert contents.digests.shape == (0, DIGEST_BYTES)
    assert sizes_of([]).tolist() == []
