"""The records of distributions are those that `importlib.metadata` finds, with the same entry points."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest
from vistry.registry.distribution_records import DistributionRecord, distribution_records


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "vistry.plugins"])
def test_what_is_installed_here(group: str) -> None:
    theirs = {
        (str(entry.dist.metadata["Name"]), entry.name, entry.value)
        for entry in metadata.entry_points(group=group)
        if entry.dist is not None
    }
    ours = {
        (name_in(record.metadata), name, value)
        for record in distribution_records(group)
        for name, value in record.entries_of(group)
    }
    assert ours == theirs
    assert ours


def test_sections_comments_and_spaces() -> None:
    text = "[other]\na = b\n\n[wanted]\n# not = this\n  one=two:three.toml\n\nfour  =  five = six\n[last]\nbroken\n"
    record = DistributionRecord(Path(), "", entry_points=text)
    expected = metadata.EntryPoints._from_text_for(text.replace("broken", ""), None).select(group="wanted")  # type: ignore[attr-defined]
    assert list(record.entries_of("wanted")) == [(entry.name, entry.value) for entry in expected]


def test_a_line_that_is_no_entry_point() -> None:
    record = DistributionRecord(Path(), "", entry_points="[wanted]\nalone\n")
    with pytest.raises(ValueError, match=r"'alone' under \[wanted\] is not of the form 'name = value'"):
        list(record.entries_of("wanted"))


def test_files_that_are_not_text_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, entries in (("a-1.dist-info", b"\xff[wanted]"), ("b-1.egg-info", b"[wanted]"), ("c-1.dist-info", None)):
        (tmp_path / name).mkdir()
        if entries is not None:
            (tmp_path / name / "entry_points.txt").write_bytes(entries)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere"), str(tmp_path), str(tmp_path)])
    records = list(distribution_records("wanted"))
    assert len(records) == 2  # a folder that the path has twice counts once
    assert {record.folder for record in records} == {tmp_path.resolve()}


def name_in(text: str) -> str:
    [line] = [line for line in text.partition("\n\n")[0].splitlines() if line.startswith("Name:")]
    return line.removeprefix("Name:").strip()
