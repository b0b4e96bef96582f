"""Downloads against a server that misbehaves: the right file appears, or none, and the reason is said."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from vistry.weights.fetch import Download, FetchError, Patience, fetch, partial_path
from vistry.weights.fetch_progress import Bar, Lines, Silence, fetch_progress, size_text

from tests.weights.file_server import (
    FileServer,
    Step,
    announces,
    another_part,
    answers,
    breaks_off,
    file_server,
    hangs,
    hangs_after,
    hangs_up,
    served,
    whole,
)

CONTENT = random.Random(0).randbytes(40_000)


class Told(Silence):
    """What a download says."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.places: list[tuple[int, int | None]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def moved(self, done: int, total: int | None) -> None:
        self.places.append((done, total))


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server(CONTENT) as running:
        yield running


@pytest.fixture
def download(server: FileServer, tmp_path: Path) -> Download:
    return Download(server.address, tmp_path / "cache" / "weights.bin", server.sha256[:8])


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def patience(waits: list[float]) -> Patience:
    return Patience(attempts=4, timeout=0.3, sleep=waits.append)


def left(download: Download) -> list[str]:
    return sorted(path.name for path in download.path.parent.iterdir())


def test_a_file_is_fetched_and_nothing_else_stays(download: Download, patience: Patience) -> None:
    told = Told()
    fetch(download, told, patience)
    assert download.path.read_bytes() == CONTENT
    assert left(download) == ["weights.bin"]
    assert told.notes == []
    assert told.places[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("steps", "waited"),
    [
        ([breaks_off(100)], [1]),
        ([breaks_off(100), breaks_off(200), breaks_off(0), breaks_off(300)], [1, 1, 2, 1]),
        ([breaks_off(100), whole], [1]),
        ([breaks_off(100), another_part], [1, 2]),
        ([breaks_off(20_000, ranges=False), breaks_off(10_000, ranges=False)], [1, 2]),
        ([answers(503), answers(429, Retry_After=7), answers(500)], [1, 7, 4]),
        ([answers(429, Retry_After=100_000)], [60]),
        ([answers(503, Retry_After="Fri, 31 Dec 2027 23:59:59 GMT")], [1]),
        ([hangs], [1]),
        ([hangs_after(500)], [1]),
        ([hangs_up, hangs_up], [1, 2]),
        ([announces(100_000, CONTENT)], [1]),
        ([announces(None, CONTENT)], []),
        ([answers(302, Location="/elsewhere")], []),
        ([answers(302, Location="/elsewhere"), breaks_off(50), answers(307, Location="/there")], [1]),
    ],
)
def test_what_passes_is_tried_again(
    server: FileServer, download: Download, patience: Patience, waits: list[float], *, steps: list[Step], waited: object
) -> None:
    server.steps = list(steps)
    fetch(download, patience=patience)
    assert download.path.read_bytes() == CONTENT
    assert waits == waited
    assert left(download) == ["weights.bin"]


def test_what_is_there_is_not_asked_for_again(server: FileServer, download: Download, patience: Patience) -> None:
    server.steps = [breaks_off(100), breaks_off(1000)]
    told = Told()
    fetch(download, told, patience)
    assert server.ranges == [None, "bytes=100-", "bytes=1100-"]
    assert told.notes == [
        "the connection broke off after 100 of 40,000 bytes; trying again in 1 s",
        "the connection broke off after 1,100 of 40,000 bytes; trying again in 1 s",
    ]


def test_a_file_that_changes_meanwhile_is_begun_again(
    server: FileServer, download: Download, patience: Patience
) -> None:
    server.content = bytes(30_000)
    server.steps = [breaks_off(1000), lambda handler: (setattr(server, "content", CONTENT), served(handler))[1]]
    fetch(download, patience=patience)
    assert download.path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-"]


@pytest.mark.parametrize(
    ("there", "ranges"),
    [
        (CONTENT[:123], ["bytes=123-"]),
        (CONTENT, ["bytes=40000-"]),
        (bytes(5000), ["bytes=5000-", None]),
        (bytes(50_000), ["bytes=50000-", None]),
    ],
)
def test_a_file_that_a_killed_process_left_is_completed_or_replaced(
    server: FileServer, download: Download, patience: Patience, *, there: bytes, ranges: list[str | None]
) -> None:
    download.path.parent.mkdir()
    partial_path(download.path).write_bytes(there)
    fetch(download, patience=patience)
    assert download.path.read_bytes() == CONTENT
    assert server.ranges == ranges
    assert left(download) == ["weights.bin"]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([answers(404)], "the server answers 404 Not Found"),
        ([answers(403)], "the server answers 403 Forbidden"),
        ([answers(500)] * 4, "the server answers 500 Internal Server Error"),
        ([answers(302, Location="/elsewhere"), answers(404)], "the server answers 404 Not Found"),
        ([answers(302, Location="/weights.bin")] * 20, "the server answers 302 The HTTP server returned a redirect"),
        ([hangs] * 4, r"the server didn't answer for 0\.3 s"),
        ([hangs_up] * 4, "the connection broke off"),
        (
            [breaks_off(100, ranges=False)] * 5,
            "the connection broke off after 100 of 40,000 bytes",
        ),
        (
            [announces(9, b"<p>Log in", Content_Type="text/html; charset=utf-8")],
            "what the server sent is not the file that the plugin names: 9 bytes with SHA-256 [0-9a-f]{16}"
            r"\.\.\., a web page: is there a proxy in between, or a network that wants you to log in\?",
        ),
        ([announces(1000, CONTENT)], "is not the file that the plugin names: 1,000 bytes with SHA-256"),
        ([announces(None, CONTENT[:-1])], "is not the file that the plugin names: 39,999 bytes with SHA-256"),
    ],
)
def test_what_does_not_pass_is_said(
    server: FileServer, download: Download, patience: Patience, *, steps: list[Step], reason: str
) -> None:
    server.steps = list(steps)
    with pytest.raises(FetchError, match=reason):
        fetch(download, patience=patience)
    assert not download.path.exists()
    # What could be a part of the right file stays for the next time.
    assert left(download) == ([partial_path(download.path).name] if "100 of 40,000" in reason else [])


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (whole, "the server has a file of 40,000 bytes, and the plugin names one of 30,000"),
        (announces(None, CONTENT), "the server has a file of more than 30,000 bytes"),
    ],
)
def test_another_size_than_the_plugin_names_is_refused_at_once(
    server: FileServer, download: Download, patience: Patience, *, step: Step, reason: str
) -> None:
    server.steps = [step]
    with pytest.raises(FetchError, match=reason):
        fetch(replace(download, size=30_000), patience=patience)
    assert left(download) == []


def test_a_server_that_is_not_there(download: Download, patience: Patience, waits: list[float]) -> None:
    with pytest.raises(FetchError, match="Connection refused"):
        fetch(replace(download, address="http://127.0.0.1:9/weights.bin"), patience=patience)
    assert waits == [1, 2, 4]
    assert left(download) == []


def test_a_place_that_can_not_be_written(download: Download, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FetchError, match=r"file/weights\.bin could not be written: (Not a directory|File exists)"):
        fetch(replace(download, path=tmp_path / "file" / "weights.bin"))


def test_the_proxy_of_the_environment_is_asked(
    server: FileServer, download: Download, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.address.removesuffix("/weights.bin"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    fetch(replace(download, address="http://weights.invalid/there.bin"), patience=patience)
    assert download.path.read_bytes() == CONTENT
    assert server.paths == ["http://weights.invalid/there.bin"]


CHILD = """
import sys, time
from pathlib import Path
from vistry.weights.fetch import Download, Patience, fetch
from vistry.weights.fetch_progress import Lines
address, path, sha256 = sys.argv[1:]
fetch(Download(address, Path(path), sha256), Lines(sys.stderr), Patience(timeout=20))
print(Path(path).stat().st_size)
"""


def child(download: Download) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CHILD, download.address, str(download.path), download.sha256]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(condition: object) -> None:
    """Wait for something to be so, at most 30 seconds."""
    assert callable(condition)
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_partly_there(download: Download) -> bool:
    partial = partial_path(download.path)
    return partial.is_file() and partial.stat().st_size > 0


def test_two_processes_fetch_one_file_once(server: FileServer, download: Download) -> None:
    gate = server.closing

    def slow(handler: object) -> None:
        assert gate.wait(30)
        served(handler)  # type: ignore[arg-type]

    server.steps = [slow]
    first = child(download)
    until(lambda: len(server.ranges) == 1)
    second = child(download)
    assert second.stderr is not None
    assert second.stderr.readline() == "another process is fetching it; waiting for that\n"
    gate.set()
    assert [process.communicate(timeout=30)[0] for process in (first, second)] == ["40000\n"] * 2
    assert server.ranges == [None]
    assert left(download) == ["weights.bin"]


def test_a_killed_fetch_is_resumed_by_who_waited(server: FileServer, download: Download) -> None:
    server.steps = [hangs_after(777)]
    first = child(download)
    until(lambda: is_partly_there(download))
    second = child(download)
    assert second.stderr is not None
    assert second.stderr.readline() == "another process is fetching it; waiting for that\n"
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait(30) == -signal.SIGKILL
    first.communicate()
    assert second.communicate(timeout=30)[0] == "40000\n"
    assert server.ranges == [None, "bytes=777-"]
    assert hashlib.sha256(download.path.read_bytes()).hexdigest() == server.sha256


def test_lines_say_now_and_then_how_far_it_is() -> None:
    seconds = iter(range(0, 1000, 12))
    stream = io.StringIO()
    lines = Lines(stream, lambda: float(next(seconds)))
    with lines.bar():
        for done in range(1, 8):
            lines.moved(done * 1_000_000, 20_000_000)
        lines.moved(8_000_000, None)
    assert stream.getvalue() == "3.0 MB of 20.0 MB\n6.0 MB of 20.0 MB\n"


def test_a_bar_is_for_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(fetch_progress(io.StringIO()), Lines)
    bar = fetch_progress(Terminal())
    assert isinstance(bar, Bar)
    monkeypatch.setenv("TERM", "dumb")
    with bar.bar():
        bar.moved(10, None)
        bar.moved(10, 100)
        bar.note("a [sentence]")
    bar.moved(20, 100)
    assert "a [sentence]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("size", "text"), [(999, "999 bytes"), (1500, "1.5 kB"), (102_540_417, "102.5 MB"), (1_200_000_000, "1.2 GB")]
)
def test_sizes_are_written_as_people_do(size: int, text: str) -> None:
    assert size_text(size) == text
