"""Commands about one kind of thing: `vistry models` lists them, `vistry models show NAME` shows one."""

from __future__ import annotations

from difflib import get_close_matches

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


class GroupWithDefault(click.Group):
    """A group whose command is `unnamed` where none is named."""

    unnamed: str

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, with `unnamed` put first where no command of the group is named."""
        first = args[0] if args else ""
        if first not in (*self.commands, *self.get_help_option_names(ctx)):
            if first and not first.startswith("-") and not self._default_takes_a_name():
                raise click.UsageError(f"there is no command '{self.name} {first}'; {self._remedy(first)}", ctx)
            args = [self.unnamed, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of `unnamed`, which work without naming it, then the commands."""
        click.Command.format_options(self.commands[self.unnamed], ctx, formatter)
        self.format_commands(ctx, formatter)

    def _default_takes_a_name(self) -> bool:
        return any(isinstance(parameter, click.Argument) for parameter in self.commands[self.unnamed].params)

    def _default_has(self, option: str) -> bool:
        return any(option in parameter.opts for parameter in self.commands[self.unnamed].params)

    def _remedy(self, word: str) -> str:
        if any(sign in word for sign in "*?") and self._default_has("--name"):
            return f"type: vistry {self.name} --name '{word}'"
        # A word as near as `lst` is a misspelt command; any other is more likely the name of a thing to show.
        close = get_close_matches(word, self.commands, n=1, cutoff=0.7)
        return f"did you mean '{close[0]}'?" if close else f"type: vistry {self.name} show {word}"


class Noun(GroupWithDefault):
    """A group about one kind of thing, whose command is `list` where none is named."""

    unnamed = "list"
