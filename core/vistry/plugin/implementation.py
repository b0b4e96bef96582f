"""One plugin's function for a hook: how it is called, and held against the hook's contract."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any, TypeAlias

from vistry.plugin.answers import wrong_answer
from vistry.registry.discovery import Plugin
from vistry.registry.plugin_code import PluginCode, WrongAnswerError, is_fault, place_of

HookAnswer: TypeAlias = Any
"""What a hook answers, or is given: each hook has types of its own."""

Named = Mapping[str, HookAnswer]


@dataclass(frozen=True)
class Implementation:
    """A plugin's function for a hook. `others`: the plugins whose code it may come to run."""

    hook: str
    plugin: Plugin
    function: Callable[..., HookAnswer]
    others: tuple[Plugin, ...] = ()

    @property
    def place(self) -> str:
        """The file and line of the function."""
        return place_of(self.function, self.plugin)

    @property
    def code(self) -> PluginCode:
        """The function as code that may fail."""
        return PluginCode(self.plugin, self.hook, self.function, others=self.others)

    def answer(self, arguments: Named) -> HookAnswer:
        """Call the function with those of the arguments that it names. Raises BrokenPluginError."""
        with self.code:
            answer = self.function(**self._named(arguments))
        self._check(answer, arguments)
        return answer

    def answer_around(self, inner: Callable[[], HookAnswer], arguments: Named) -> tuple[HookAnswer, HookAnswer]:
        """Call a wrapper around `inner`; return what `inner` answered, and what the wrapper makes of it.

        Raises BrokenPluginError, and what `inner` raises unless the wrapper answers in its place.
        """
        with self.code:
            generator = self.function(**self._named(arguments))
            next(generator)
        before = None
        try:
            before = inner()
        except BaseException as error:
            answer = self._answer_to(error, generator)
        else:
            with self.code:
                answer = _ended(generator.send, _copy(before))
        self._check(answer, arguments)
        return before, answer

    def _check(self, answer: object, arguments: Named) -> None:
        self.code.require(wrong_answer(self.hook, answer, arguments))

    def _named(self, arguments: Named) -> Named:
        return {name: arguments[name] for name in signature(self.function).parameters}

    def _answer_to(self, error: BaseException, generator: Generator[None, HookAnswer, HookAnswer]) -> HookAnswer:
        """Let a wrapper clean up after an error, or answer in its place."""
        try:
            return _ended(generator.throw, error)
        except BaseException as raised:
            if raised is error or not is_fault(raised):
                raise
            raise self.code.fault(raised) from raised


def _ended(resume: Callable[[HookAnswer], object], value: object) -> HookAnswer:
    """Resume a wrapper after its `yield`, and return its answer."""
    try:
        resume(value)
    except StopIteration as end:
        return end.value
    raise WrongAnswerError("yields twice; yield once, for the answer that it wraps, and return the one to use")


def _copy(answer: HookAnswer) -> HookAnswer:
    """Return a list or a dictionary that a wrapper may change, without changing what was answered."""
    return answer.copy() if isinstance(answer, list | dict) else answer
