"""A plugin's code, and its faults: an exception or a wrong answer of it as one sentence."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from inspect import unwrap
from pathlib import Path
from types import TracebackType

from vistry.errors import RegistryError, VistryError
from vistry.registry.discovery import Plugin

_CORE = Path(__file__).parents[1]
MOST_CHARACTERS = 300  # of an exception's message; a tensor library's may have pages
# What libraries say where memory ran out, which is nobody's fault.
_OUT_OF_MEMORY = ("out of memory", "resource_exhausted", "can't allocate memory", "not enough memory")


class BrokenPluginError(RegistryError):
    """A plugin whose code fails or breaks the contract: the reason with file and line, and the command to type.

    `details` is the traceback for the plugin's author, "" where there is none, and `file` where it was written.
    """

    def __init__(self, plugin: Plugin, reason: str, remedy: str, details: str = ""):
        self.plugin = plugin
        self.reason = reason
        self.remedy = f"{remedy}, or go on without it: vistry plugins disable {plugin.handle}"
        self.details = details
        self.file: Path | None = None
        super().__init__(reason)

    def __str__(self) -> str:
        plugin = self.plugin
        traceback_file = f"; the traceback is in {self.file}" if self.file else ""
        named = f"the plugin '{plugin.name}' of {plugin.distribution} {plugin.version}"
        return f"{named} is broken: {self.reason}{traceback_file}; {self.remedy}"


class WrongAnswerError(Exception):
    """What a plugin's code returned breaks the contract: the message says how, and what to do."""


@dataclass(frozen=True)
class PluginCode:
    """Code of a plugin that core runs. Entered as a context, it turns an exception into a BrokenPluginError.

    `what`: the hook, or what was built by one, such as "the forward pass of family/model". `source`: a function or
    a class of the plugin, to point at where no frame of the traceback lies in its files. `others`: plugins whose code
    it may call, such as a backbone's: the one with the innermost frame is at fault.

    Memory that runs out and Vistry's own errors pass.
    """

    plugin: Plugin
    what: str
    source: object
    others: tuple[Plugin, ...] = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and is_fault(error):
            raise self.fault(error) from error

    def fault(self, error: BaseException) -> BrokenPluginError:
        """Describe an exception, with its traceback, or a wrong answer."""
        plugin, place = self._at(error)
        if isinstance(error, WrongAnswerError):
            text, details = str(error), ""
        else:
            message = one_line(message_of(error))
            text = f"raised {type(error).__name__}" + (f": {message}" if message else "")
            details = "".join(traceback.format_exception(error))
        reason = f"{self.what} ({place}) {text}"
        return BrokenPluginError(plugin, reason, check_command(plugin), details=details)

    def require(self, wrong: str) -> None:
        """Raise BrokenPluginError with a sentence about what the code returned, unless it is ""."""
        if wrong:
            with self:
                raise WrongAnswerError(wrong)

    def _at(self, error: BaseException) -> tuple[Plugin, str]:
        """Return the plugin at fault, with the file and line."""
        plugins = (self.plugin, *self.others)
        for file, line in reversed(_places(error)):
            for plugin in plugins:
                if owns(plugin, file):
                    return plugin, f"{file}:{line}"
        return self.plugin, place_of(self.source, self.plugin)


def check_command(plugin: Plugin) -> str:
    """Return what to type to see a plugin's faults."""
    return f"type: vistry plugins check {plugin.handle}"


def is_fault(error: BaseException) -> bool:
    """Return whether an exception is a fault of the code that raised it: no interruption, no lack of memory."""
    if isinstance(error, VistryError | MemoryError) or not isinstance(error, Exception | SystemExit):
        return False
    text = message_of(error).casefold()
    return not any(words in text for words in _OUT_OF_MEMORY)


def message_of(error: BaseException) -> str:
    """Return an exception's message, "" where it has none that can be had."""
    try:
        return str(error)
    except Exception:
        return ""


def owns(plugin: Plugin, file: str) -> bool:
    """Return whether a file is in the plugin's package."""
    if plugin.path is None or file.startswith("<"):
        return False
    package, path = plugin.path.parent, Path(file)
    return path.is_relative_to(package) or path.resolve().is_relative_to(package.resolve())


def is_of_core(source: object) -> bool:
    """Return whether a function, a class or an object's class is Vistry's own."""
    return Path(file_of(source)).is_relative_to(_CORE)


def place_of(source: object, plugin: Plugin) -> str:
    """Return the file and line of a function, the file of an object's class, or else the manifest."""
    code = getattr(unwrap(source) if callable(source) else source, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else file_of(source) or str(plugin.path)


def file_of(source: object) -> str:
    """Return the file that a function, a class or an object's class is written in, "" where it has none."""
    code = getattr(unwrap(source) if callable(source) else source, "__code__", None)
    if code is not None:
        return str(code.co_filename)
    made = source if isinstance(source, type) else type(source)
    return getattr(sys.modules.get(made.__module__), "__file__", None) or ""


def one_line(text: str) -> str:
    """Return a message on one line, without its end where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}..."


def _places(error: BaseException) -> list[tuple[str, int]]:
    """Return file and line of each frame from the outermost inwards, last that of a syntax error."""
    places = [(frame.filename, frame.lineno or 1) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno or 1))
    return places
