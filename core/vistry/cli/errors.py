"""Errors on the command line: one form, `error: ` and a sentence, on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import click
from click.exceptions import Exit, NoArgsIsHelpError

from vistry.cli.option_names import assignments, meant_assignment, meant_option, unknown_options, with_dashes
from vistry.errors import VistryError

# As click and the shells have it: 2 for a wrong command line, 128 + SIGINT for Ctrl-C.
USAGE = 2
INTERRUPTED = 130


@contextmanager
def errors_as_sentences(arguments: Sequence[str]) -> Iterator[None]:
    """Turn errors of Vistry's and of click's into a sentence and an exit status.

    `arguments` are the command line's, in which an unknown option is looked up as it was typed.
    """
    try:
        yield
    except VistryError as error:
        _keep_traceback(error)
        _exit(f"error: {error}", error.exit_status)
    except NoArgsIsHelpError:
        raise  # the text is the help, which click prints
    except click.UsageError as error:
        _exit(f"error: {_sentence(error, arguments)}", USAGE)
    except KeyboardInterrupt:
        _exit("interrupted", INTERRUPTED)


def _keep_traceback(error: VistryError) -> None:
    """Write the traceback of a plugin's fault, which the error's sentence then names."""
    from vistry.plugin.faults import keep_traceback
    from vistry.registry.plugin_code import BrokenPluginError

    if isinstance(error, BrokenPluginError):
        keep_traceback(error)


def _exit(text: str, status: int) -> NoReturn:
    click.echo(text, err=True)
    raise Exit(status)


def _sentence(error: click.UsageError, arguments: Sequence[str]) -> str:
    """Click's message in the form of ours, with what to do where it doesn't say."""
    if isinstance(error, click.NoSuchOption) and error.ctx:
        return _unknown_options(_as_typed(error.option_name, arguments), error.ctx, arguments)
    if error.ctx and (words := assignments(arguments, error.ctx)):
        return _undashed(words, error.ctx)
    text = error.format_message().removesuffix(".")
    if isinstance(error, click.BadOptionUsage):
        text = text.replace(error.option_name, _as_typed(error.option_name, arguments))
    text = text[:1].lower() + text[1:]
    if error.ctx is None or "; " in text:
        return text
    return f"{text}; type: {error.ctx.command_path} --help"


def _unknown_options(first: str, context: click.Context, arguments: Sequence[str]) -> str:
    """A sentence about the option that click stopped at, or a line each where there are several."""
    names = list(dict.fromkeys([first, *unknown_options(arguments, context)]))
    if len(names) == 1:
        return f"unknown option {first}; {meant_option(first, context)}"
    return "\n".join(
        [f"{len(names)} unknown options:", *(f"  - {name}: {meant_option(name, context)}" for name in names)]
    )


def _undashed(words: Sequence[str], context: click.Context) -> str:
    """A sentence about words such as `epochs=3`, each as an option."""
    options = [meant_assignment(word, context) for word in words]
    return f"options are written with dashes; instead of {' '.join(words)} type: {' '.join(options)}"


def _as_typed(name: str, arguments: Sequence[str]) -> str:
    """The user's spelling of an option; click knows it by the one that it compares with."""
    words = [word.partition("=")[0] for word in arguments]
    # Of -lr click names the first letter alone.
    same = [word for word in words if with_dashes(word) == name] or [
        word for word in words if word.startswith(name) and not word.startswith("--")
    ]
    return same[0] if same else name
