"""The two spellings of an option, `--learning-rate` and `--learning_rate`, and what is meant by a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

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


def meant_assignment(word: str, context: click.Context) -> str:
    """Return `epochs=3` as the option that it means, `--number_of_epochs 3`."""
    from vistry.hyperparameter import aliases

    name, _, value = word.partition("=")
    documented = {with_dashes(option).strip("-"): option for option in _options(context)}
    own = documented.get(with_dashes(name))
    return f"{own or next(iter(aliases.meant_options(name, documented.values())), f'--{name}')} {value}"


def unknown_options(arguments: Sequence[str], context: click.Context) -> list[str]:
    """Return the words of a command line that look like options of a command and aren't, as they were typed."""
    known = {with_dashes(option) for option in _options(context)}
    names = (word.partition("=")[0] for word in _own_words(arguments, context) if word.startswith("--"))
    return list(dict.fromkeys(name for name in names if with_dashes(name) not in known))


def assignments(arguments: Sequence[str], context: click.Context) -> list[str]:
    """Return the words of a command line of the form `name=value`, as other tools take them."""
    words = _own_words(arguments, context)
    return [word for word in words if re.fullmatch(r"[A-Za-z]\w*=.*", word) and not Path(word).exists()]


def _options(context: click.Context) -> dict[str, click.Option]:
    return {
        name: parameter
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def _own_words(arguments: Sequence[str], context: click.Context) -> Iterator[str]:
    """The words after the command's name, up to `--`, without the values of its options."""
    known = {with_dashes(name): option for name, option in _options(context).items()}
    is_value = False
    for word in _after_command(arguments, context):
        if is_value:
            is_value = False
            continue
        if word == "--":
            return
        yield word
        option = known.get(with_dashes(word))
        is_value = option is not None and not option.is_flag and not option.count


def _after_command(arguments: Sequence[str], context: click.Context) -> Sequence[str]:
    """The words after the command's own name, all of them for the program's own options."""
    name = context.info_name if context.parent else None
    return arguments[arguments.index(name) + 1 :] if name in arguments else arguments
