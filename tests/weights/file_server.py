"""A server of one file on loopback that misbehaves as it is told, a request at a time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Step = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_file: FileServer

    def do_GET(self) -> None:
        server = self.server_of_file
        server.ranges.append(self.headers.get("Range"))
        server.paths.append(self.path)
        step = server.steps.pop(0) if server.steps else served
        self.close_connection = True
        step(self)

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        pass

    def head(self, status: int, **headers: str | int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def asked_from(self) -> int:
        """The first byte that the client wants; 0 where what it has is of another version."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        return int(match[1]) if match and condition in (None, self.server_of_file.etag) else 0


@dataclass
class FileServer:
    """A running server. `steps` are what it does to the next requests; after them it serves the file properly."""

    content: bytes
    address: str = ""
    steps: list[Step] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    closing: Event = field(default_factory=Event)

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def served(handler: Handler) -> None:
    """The file, or the part of it that is asked for."""
    server = handler.server_of_file
    first, size = handler.asked_from(), len(server.content)
    if first >= size:
        handler.head(416, Content_Range=f"bytes */{size}", Content_Length=0)
    elif first:
        place = f"bytes {first}-{size - 1}/{size}"
        handler.head(206, ETag=server.etag, Content_Range=place, Content_Length=size - first)
    else:
        handler.head(200, ETag=server.etag, Content_Length=size)
    handler.wfile.write(server.content[first:])


def whole(handler: Handler) -> None:
    """The whole file, whatever part is asked for."""
    content = handler.server_of_file.content
    handler.head(200, Content_Length=len(content))
    handler.wfile.write(content)


def another_part(handler: Handler) -> None:
    """A part of the file from another place than was asked for."""
    content = handler.server_of_file.content
    handler.head(206, Content_Range=f"bytes 1-{len(content) - 1}/{len(content)}", Content_Length=len(content) - 1)
    handler.wfile.write(content[1:])


def breaks_off(after: int, *, ranges: bool = True) -> Step:
    """So many bytes of what is asked for, then no more, though all are announced."""

    def step(handler: Handler) -> None:
        server = handler.server_of_file
        first, size = handler.asked_from() if ranges else 0, len(server.content)
        if first:
            handler.head(206, Content_Range=f"bytes {first}-{size - 1}/{size}", Content_Length=size - first)
        else:
            handler.head(200, ETag=server.etag, Content_Length=size)
        handler.wfile.write(server.content[first : first + after])

    return step


def announces(length: int | None, content: bytes, **headers: str) -> Step:
    """This content under a wrong length, or under none."""

    def step(handler: Handler) -> None:
        lengths = {} if length is None else {"Content_Length": length}
        handler.head(200, **lengths, **headers)
        handler.wfile.write(content)

    return step


def answers(status: int, **headers: str | int) -> Step:
    """A status, and nothing else."""
    return lambda handler: handler.head(status, Content_Length=0, **headers)


def hangs(handler: Handler) -> None:
    """Nothing at all until the server closes."""
    handler.server_of_file.closing.wait(30)


def hangs_after(count: int) -> Step:
    """So many bytes, then nothing until the server closes."""

    def step(handler: Handler) -> None:
        content = handler.server_of_file.content
        handler.head(200, ETag=handler.server_of_file.etag, Content_Length=len(content))
        handler.wfile.write(content[:count])
        handler.wfile.flush()
        handler.server_of_file.closing.wait(30)

    return step


def hangs_up(handler: Handler) -> None:
    """The connection is closed without an answer."""
    handler.connection.close()


@contextmanager
def file_server(content: bytes) -> Iterator[FileServer]:
    """Serve a file while the block runs."""
    state = FileServer(content)
    handler = type("FileHandler", (Handler,), {"server_of_file": state})

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *arguments: object) -> None:
            pass  # a client that hangs up

    with Server(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        state.address = f"http://127.0.0.1:{server.server_address[1]}/weights.bin"
        try:
            yield state
        finally:
            state.closing.set()
            server.shutdown()
            thread.join()
