"""The two spellings of an option, `--learning-rate` and `--learning_rate`, and the nearest option to a wrong one."""

from __future__ import annotations

from difflib import get_close_matches

import click


def with_dashes(name: str) -> str:
    """Spell a name with dashes. Click compares options by it, so that either spelling of each option is accepted."""
    return name.replace("_", "-")


def nearest_option(name: str, context: click.Context) -> str:
    """Return the end of a sentence about an unknown option: the command's nearest option, spelt as documented."""
    documented = {
        with_dashes(option): option
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--")
    }
    close = get_close_matches(with_dashes(name), documented, n=1)
    return f"did you mean {documented[close[0]]}?" if close else f"type: {context.command_path} --help"
