"""Where an image is: from what an annotation file says to an absolute path inside the data folder."""

# ruff: noqa: PTH112, PTH118  # text and not Path objects: a million rows pass here

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from vistry.data.findings import Finding, FindingError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_DATASTORE_PATHS = re.compile(r"^(?:.*?/datastores/[^/]+/paths|[^/]+)/(.*)$", re.DOTALL)


class Locator:
    """Turns `image_url` values into absolute paths; each distinct folder is looked up once.

    A relative path belongs to `root` and may not leave it, by `..` or by a link to a folder elsewhere. An absolute path
    or file:// URL is the user's own word and is taken as it is; where its folder isn't here, and for azureml:// and
    AmlDatastore:// URLs, the longest tail of the folder that exists under `root` is used.
    """

    def __init__(self, root: Path):
        self.root = str(root)
        self.remarks: list[Finding] = []
        self._relative: dict[str, str] = {}
        self._foreign: dict[str, str] = {}
        self._absolute: dict[str, str] = {}

    def locate(self, url: str) -> str:
        """The absolute path of an image. Raises FindingError without file and line where the path is refused."""
        if not is_unicode(url):
            raise FindingError(Finding.of("name-encoding", f"the path {url!r} is not valid Unicode"))
        scheme = _SCHEME.match(url)
        if scheme is not None:
            return self._from_url(scheme[1].lower(), url[scheme.end() :], url)
        if "\\" in url:
            url = url.replace("\\", "/")
        if url.startswith("/") or url[1:3] == ":/":
            return self._resolve(self._absolute, self._here_or_moved, url)
        return self._resolve(self._relative, self._inside, url)

    def _from_url(self, scheme: str, rest: str, url: str) -> str:
        if scheme == "file":
            return self._resolve(self._absolute, self._here_or_moved, "/" + rest.partition("/")[2])
        if scheme in ("azureml", "amldatastore"):
            inside = _DATASTORE_PATHS.match(rest)
            return self._resolve(self._foreign, self._longest_tail, inside[1] if inside else rest)
        raise FindingError(Finding.of("path-remote", f"'{url}' is on the network, and Vistry downloads no images"))

    def _resolve(self, cache: dict[str, str], look_up: Callable[[str], str], path: str) -> str:
        folder, slash, name = path.rpartition("/")
        if name in ("", ".", "..") or "\0" in path:
            raise FindingError(Finding.of("field-missing", f"'{path}' doesn't name an image file"))
        place = cache.get(folder + slash)
        if place is None:
            place = cache[folder + slash] = look_up(folder + slash)
        if not place:
            message = f"'{path}' leads out of the data folder {self.root}"
            raise FindingError(Finding.of("path-escape", message))
        image = f"{place}/{name}"
        return self._decoded(image) if "%" in name else image

    def _decoded(self, path: str) -> str:
        """The literal name where it exists, else the name without its URL encoding."""
        if os.path.lexists(path):
            return path
        folder, _, name = path.rpartition("/")
        plain = unquote(name)
        return path if plain in (".", "..") or "/" in plain or "\0" in plain else f"{folder}/{plain}"

    def _inside(self, folder: str) -> str:
        """The absolute folder of a relative one, or nothing where it leaves the root."""
        for candidate in (folder, unquote(folder)):
            place = os.path.normpath(os.path.join(self.root, candidate))
            if not is_inside(place, self.root) or not is_inside(os.path.realpath(place), self.root):
                return ""
            if os.path.isdir(place):
                return place
        return os.path.normpath(os.path.join(self.root, folder))

    def _here_or_moved(self, folder: str) -> str:
        place = os.path.normpath(folder)
        if os.path.isdir(place):
            return place
        moved = self._longest_tail(folder)
        message = f"the folder '{folder}' is not on this machine; looked in {moved} instead"
        self.remarks.append(Finding.of("path-moved", message))
        return moved

    def _longest_tail(self, folder: str) -> str:
        parts = [part for part in PurePosixPath(unquote(folder)).parts if part not in ("/", "..", ".")]
        for start in range(len(parts) + 1):
            place = os.path.join(self.root, *parts[start:])
            if os.path.isdir(place) and is_inside(os.path.realpath(place), self.root):
                return place
        return self.root


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8; a file name of other bytes can't."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_inside(path: str, root: str) -> bool:
    """Whether a normal absolute path is the root or below it."""
    return path == root or path.startswith(root.rstrip("/") + "/")
