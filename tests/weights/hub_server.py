"""A hub on loopback, as far as huggingface_hub asks one for files, filled from a folder.

`OWNER/NAME/...` in the folder is a repository with one commit, its main branch; any other path is served as a plain
file. By hand: `python -m tests.weights.hub_server FOLDER --port 0` prints the address for HF_ENDPOINT.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

_RESOLVE = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_API = re.compile(r"/api/models/(?P<repository>[^/]+/[^/]+)(?:/(?P<what>revision|tree)/(?P<revision>[^/]+))?/?")
CHUNK = 1 << 20


@lru_cache
def _sha256(path: Path, changed: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, computed again when the file changes."""
    status = path.stat()
    return _sha256(path, status.st_mtime_ns, status.st_size)


@dataclass(frozen=True)
class Repository:
    """A folder as a repository: its commit follows from what is in it."""

    folder: Path

    def files(self) -> dict[str, Path]:
        """Every file by its path in the repository."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in paths}

    def commit(self) -> str:
        """40 hexadecimal digits, others when a file changes."""
        content = "".join(f"{name} {sha256_of(path)}\n" for name, path in self.files().items())
        return hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Hub:
    """A running hub: its address, and each request that reached it, as `METHOD path`."""

    folder: Path
    address: str
    requests: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        if match := _API.fullmatch(path):
            self._about(**match.groupdict())
        elif match := _RESOLVE.fullmatch(path):
            self._resolved(**match.groupdict())
        elif (file := self._inside(path)) and file.is_file():
            self._send_file(file, {"ETag": f'"{sha256_of(file)}"'})
        else:
            self._refuse("there is no such file")

    def _inside(self, path: str) -> Path | None:
        """The path in the served folder; None where it leads out of it."""
        root = self.hub.folder.resolve()
        found = (root / path.lstrip("/")).resolve()
        return found if found.is_relative_to(root) else None

    def _repository(self, name: str, revision: str | None) -> Repository | None:
        folder = self._inside(name)
        if folder is None or not folder.is_dir():
            self._refuse("Repository not found", "RepoNotFound")
            return None
        repository = Repository(folder)
        if revision not in (None, "main", repository.commit()):
            self._refuse("Invalid rev id", "RevisionNotFound")
            return None
        return repository

    def _resolved(self, repository: str, revision: str, file: str) -> None:
        found = self._repository(repository, revision)
        if found is None:
            return
        path, commit = found.files().get(file), {"X-Repo-Commit": found.commit()}
        if path is None:
            self._refuse("Entry not found", "EntryNotFound", commit)
            return
        etag, size = f'"{sha256_of(path)}"', str(path.stat().st_size)
        self._send_file(path, {**commit, "ETag": etag, "X-Linked-ETag": etag, "X-Linked-Size": size})

    def _about(self, repository: str, what: str | None, revision: str | None) -> None:
        found = self._repository(repository, revision)
        if found is None:
            return
        files = found.files()
        about: Any = {"id": repository, "modelId": repository, "sha": found.commit(), "private": False, "tags": []}
        about["siblings"] = [{"rfilename": name} for name in files]
        if what == "tree":
            about = [
                {"type": "file", "path": name, "size": path.stat().st_size, "oid": sha256_of(path)[:40]}
                for name, path in files.items()
            ]
        self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def _refuse(self, message: str, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        more = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._send(404, message.encode(), {**more, **(headers or {})})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_file(self, path: Path, headers: Mapping[str, str]) -> None:
        size = path.stat().st_size
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(match[1]) if match else 0
        last = min(int(match[2]), size - 1) if match and match[2] else size - 1
        if match and first >= size:
            self._send(416, b"", {"Content-Range": f"bytes */{size}"})
            return
        self.send_response(206 if match else 200)
        headers = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(last - first + 1)}
        if match:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        with path.open("rb") as file:
            file.seek(first)
            left = last - first + 1
            while left and (chunk := file.read(min(CHUNK, left))):
                self.wfile.write(chunk)
                left -= len(chunk)


def server(folder: Path, port: int = 0) -> tuple[ThreadingHTTPServer, Hub]:
    """A server on loopback that isn't serving yet, and the hub that it is."""
    handler = type("Handler", (_Handler,), {})
    made = ThreadingHTTPServer(("127.0.0.1", port), handler)
    made.daemon_threads = True
    hub = Hub(folder, f"http://127.0.0.1:{made.server_address[1]}")
    handler.hub = hub  # type: ignore[attr-defined]
    return made, hub


@contextmanager
def hub_of(folder: Path) -> Iterator[Hub]:
    """Serve a folder as a hub while the block runs."""
    made, hub = server(folder)
    thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


def main() -> None:
    """Serve a folder until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    made, hub = server(arguments.folder, arguments.port)
    print(f"HF_ENDPOINT={hub.address}", flush=True)
    try:
        made.serve_forever()
    except KeyboardInterrupt:
        made.server_close()


if __name__ == "__main__":
    main()
