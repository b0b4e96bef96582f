"""The two spellings of an option, `--learning-rate` and `--learning_rate`, and what is meant by a wrong one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import click


def with_dashes(name: str) -> str:
    """Spell a name with dashes. Click compares options by it, so that either spelling of each option is accepted."""
    return name.replace("_", "-")


def meant_option(name: str, context: click.Context) -> str:
    """Return the end of a sentence about an unknown option: what other tools mean by it, or the nearest option."""
    from vistry.hyperparameter import aliases

    documented = {with_dashes(option).strip("-"): option for option in _options(context) if option.startswith("--")}
    if meaning := aliases.meant_option(name, documented.values()):
        return meaning
    close = get_close_matches(with_dashes(name).strip("-"), documented, n=1)
    return f"did you mean {documented[close[0]]}?" if close else f"type: {context.command_path} --help"


def unknown_options(arguments: Sequence[str], context: click.Context) -> list[str]:
    """Return the words of a command line that look like options of a command and aren't, as they were typed."""
    options = _options(context)
    known = {with_dashes(option): parameter for option, parameter in options.items()}
    unknown, skip = {}, False
    for word in _after_command(arguments, context):
        if skip:  # the value of the option before it
            skip = False
            continue
        if word == "--":
            break
        name, equals, _ = word.partition("=")
        if not name.startswith("--"):
            continue
        if option := known.get(with_dashes(name)):
            skip = not equals and not option.is_flag and not option.count
        else:
            unknown[name] = None
    return list(unknown)


def _options(context: click.Context) -> dict[str, click.Option]:
    return {
        name: parameter
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def _after_command(arguments: Sequence[str], context: click.Context) -> Iterator[str]:
    """The words after the command's own name, all of them for the program's own options."""
    name = context.info_name if context.parent else None
    start = arguments.index(name) + 1 if name in arguments else 0
    return iter(arguments[start:])
