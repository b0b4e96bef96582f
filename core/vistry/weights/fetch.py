"""Download of a file: resumed where it broke off, held against its hash, and in its place only when it is whole.

A partial file lies beside the place of the whole one. One process at a time writes it, under a lock that ends with the
process; the next one goes on from where a killed one stopped.
"""

from __future__ import annotations

import fcntl
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from vistry.runs.files import UNFINISHED
from vistry.weights.fetch_progress import FetchProgress, Silence
from vistry.weights.read import sha256_of

CHUNK = 1 << 18  # bytes; a file of weights need not fit into memory
LONGEST_WAIT = 60.0  # seconds, whatever a server asks for
PASSING = (408, 425, 429, 500, 502, 503, 504)  # statuses that another attempt may not meet


class FetchError(Exception):
    """A download that failed, as a reason that goes into a sentence."""


class _Interruption(Exception):
    """What another attempt may not meet, with the seconds that the server wants it to wait."""

    def __init__(self, reason: str, seconds: float = 0.0):
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True)
class Download:
    """A file to fetch: where it is, where it is to be, and what is known of it beforehand.

    `sha256` may be how the hash begins. Without `size`, in bytes, the server's word is taken for it.
    """

    address: str
    path: Path
    sha256: str
    size: int | None = None


@dataclass(frozen=True)
class Patience:
    """How many attempts in a row may bring nothing new, after how many seconds without an answer one has failed."""

    attempts: int = 4
    timeout: float = 30.0
    sleep: Callable[[float], object] = time.sleep


def fetch(download: Download, progress: FetchProgress | None = None, patience: Patience | None = None) -> None:
    """Download a file, which appears only when it is complete and has its hash. Raises FetchError.

    Where another process is at it, wait for that one.
    """
    progress = progress or Silence()
    try:
        download.path.parent.mkdir(parents=True, exist_ok=True)
        with _partial(download.path, progress) as file:
            if file is not None:
                _fill(_Transfer(download, file, progress, patience=patience or Patience()))
                os.fsync(file.fileno())  # before the rename, else a power cut may leave the name with no content
                partial_path(download.path).replace(download.path)
    except OSError as error:
        raise FetchError(f"{download.path} could not be written: {error.strerror or error}") from None


def partial_path(path: Path) -> Path:
    """Return where a file lies while it is incomplete."""
    return path.with_name(f".{path.name}{UNFINISHED}")


def _fill(transfer: _Transfer) -> None:
    """Fill the partial file. Pieces may be of different files; all is then fetched anew."""
    transfer.run()
    if not transfer.is_right() and transfer.is_pieced:
        transfer.discard()
        transfer.run()
    if not transfer.is_right():
        sent = transfer.describe()
        transfer.discard()
        raise FetchError(f"what the server sent is not the file that the plugin names: {sent}")


class _Transfer:
    """One download into an open partial file, over as many attempts as it takes."""

    def __init__(self, download: Download, file: BinaryIO, progress: FetchProgress, *, patience: Patience):
        self._download, self._file = download, file
        self._progress, self._patience = progress, patience
        self._validator = ""  # tells a server that a part is of the same file as before
        self._type = ""
        self.done = file.seek(0, os.SEEK_END)
        self.is_pieced = self.done > 0

    def run(self) -> None:
        """Receive until the file is whole. Raises FetchError."""
        failures, furthest = 0, self.done
        with self._progress.bar():
            while True:
                try:
                    return self._receive()
                except _Interruption as interruption:
                    failures = 1 if self.done > furthest else failures + 1
                    furthest = max(furthest, self.done)
                    if failures >= self._patience.attempts:
                        raise FetchError(str(interruption)) from None
                    seconds = min(max(2.0 ** (failures - 1), interruption.seconds), LONGEST_WAIT)
                    self._progress.note(f"{interruption}; trying again in {seconds:g} s")
                    self._patience.sleep(seconds)

    def discard(self) -> None:
        """Throw away what was received, of which nothing can be used."""
        self._file.truncate(0)
        self.done = self._file.seek(0)
        self.is_pieced = False

    def is_right(self) -> bool:
        """Whether the file has the hash that it should have."""
        return self._sha256().startswith(self._download.sha256)

    def describe(self) -> str:
        """What was received instead of the right file."""
        hint = ""
        if self._type == "text/html":
            hint = ", a web page: is there a proxy in between, or a network that wants you to log in?"
        return f"{self.done:,} bytes with SHA-256 {self._sha256()[:16]}...{hint}"

    def _sha256(self) -> str:
        return sha256_of(partial_path(self._download.path))

    def _receive(self) -> None:
        """Ask for what is missing, once. Raises _Interruption or FetchError."""
        with self._answer() as answer:
            if answer is None:
                return
            self._place(answer)
            etag = answer.headers.get("ETag", "")
            self._validator = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
            self._type = answer.headers.get_content_type()
            length = answer.headers.get("Content-Length")
            total = self.done + int(length) if length and length.isdigit() else None
            self._check_size(total)
            for chunk in _chunks(answer, self._patience.timeout):
                self._file.write(chunk)
                self._file.flush()  # so that nothing of it is lost with the process
                self.done += len(chunk)
                self._progress.moved(self.done, total or self._download.size)
                self._check_size(total)
            if total is not None and self.done < total:
                raise _Interruption(f"the connection broke off after {self.done:,} of {total:,} bytes")

    def _place(self, answer: HTTPResponse) -> None:
        """Go to where an answer begins: servers may ignore what part was asked for, and then send all."""
        part = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        begins = int(part[1]) if part and answer.status == 206 else 0
        if begins == self.done:
            self.is_pieced = self.done > 0
            return
        self.discard()
        if begins:
            raise _Interruption("the server sent another part than it was asked for")

    def _check_size(self, total: int | None) -> None:
        """Raise FetchError where the file can't be the right one, before the rest of it is received."""
        expected = self._download.size
        if expected is not None and (self.done > expected or total not in (None, expected)):
            size = f"more than {expected:,}" if total in (None, expected) else f"{total:,}"
            self.discard()
            raise FetchError(f"the server has a file of {size} bytes, and the plugin names one of {expected:,}")

    @contextmanager
    def _answer(self) -> Iterator[HTTPResponse | None]:
        """The server's answer; None where it says that nothing is missing."""
        request = Request(self._download.address, headers={"User-Agent": "vistry"})
        if self.done:
            request.add_header("Range", f"bytes={self.done}-")
            if self._validator:
                request.add_header("If-Range", self._validator)
        try:
            # An opener of its own: the variables that name proxies are read when one is made.
            answer = build_opener().open(request, timeout=self._patience.timeout)
        except HTTPError as error:
            with error:
                if error.code == 416 and self.done:
                    answer = None
                else:
                    self._refused(error)
        except (URLError, HTTPException, OSError) as error:
            raise _unreachable(error, self._patience.timeout) from None
        if answer is None:
            yield None
            return
        with answer:
            yield answer

    def _refused(self, error: HTTPError) -> None:
        reason = f"the server answers {error.code} {error.reason}".rstrip()
        if error.code not in PASSING:
            raise FetchError(reason) from None
        after = error.headers.get("Retry-After", "")
        raise _Interruption(reason, float(after) if after.isdigit() else 0.0) from None


def _chunks(answer: HTTPResponse, timeout: float) -> Iterator[bytes]:
    try:
        while chunk := answer.read1(CHUNK):
            yield chunk
    except (OSError, HTTPException) as error:
        raise _unreachable(error, timeout) from None


def _unreachable(error: Exception, timeout: float) -> Exception:
    """The error for a server that can't be reached, or no longer."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    if isinstance(cause, TimeoutError):
        return _Interruption(f"the server didn't answer for {timeout:g} s")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchError(f"the server's certificate can't be trusted: {cause.verify_message}")
    if isinstance(error, HTTPException):
        return _Interruption("the connection broke off")
    return _Interruption(str(getattr(cause, "strerror", None) or getattr(error, "reason", None) or cause))


@contextmanager
def _partial(path: Path, progress: FetchProgress) -> Iterator[BinaryIO | None]:
    """Open the partial file under its lock; None where another process has completed the file meanwhile.

    The lock is on the partial file itself: whoever waited for one that was completed or removed asks again.
    """
    partial = partial_path(path)
    while True:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            _lock(file, progress)
            if not _is_at(file, partial):
                continue
            if path.is_file():
                partial.unlink()
                yield None
                return
            try:
                yield file
            finally:
                if _is_at(file, partial) and not partial.stat().st_size:
                    partial.unlink()
            return


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO, progress: FetchProgress) -> None:
    """Take the lock on a file, waiting for it. On a file system without locks nothing is kept out."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress.note("another process is fetching it; waiting for that")
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return
