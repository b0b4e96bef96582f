"""The command line: `vistry COMMAND`. A command's module is imported when it is invoked, and only that one."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

from vistry.errors import VistryError, suggestion

COMMANDS = {
    "train": "Train a model on a folder of labelled images.",
    "resume": "Go on with a run that was interrupted.",
    "evaluate": "Measure a run's model on labelled images.",
    "predict": "Label images with a run's model.",
    "runs": "List runs and their results.",
    "doctor": "Check a data set and name every fault in it.",
    "weights": "Take the weights out of a checkpoint from elsewhere.",
    "convert": "Write boxes and masks as COCO or JSON Lines.",
    "models": "List the models that can be trained.",
    "tasks": "List the tasks.",
    "hyperparameters": "List the hyperparameters of a model: range, default and origin.",
    "kernels": "List what plugins compute faster on a GPU, and whether that is used.",
    "plugins": "List, check, enable, disable and begin the plugins that bring the models.",
}


class Commands(click.Group):
    """The commands whose module is there, each imported on use; errors are printed as sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of a newcomer's needs."""
        here = Path(__file__).parent
        return [name for name in COMMANDS if (here / f"{name}.py").is_file()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of the module with its name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(importlib.import_module(f"vistry.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, which imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name, or a usage error with the nearest name."""
        names = self.list_commands(ctx)
        if args[0] not in names:
            raise click.UsageError(f"there is no command '{args[0]}'; {suggestion(args[0], names)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit with a sentence and the status of a VistryError, with 130 when interrupted."""
        try:
            return super().invoke(ctx)
        except VistryError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)


@click.command(cls=Commands)
@click.version_option(package_name="vistry", message="%(prog)s %(version)s")
@click.option(
    "--registry",
    type=click.Path(path_type=Path, dir_okay=False),
    help="One more registry.toml, stronger than every other.",
)
@click.pass_context
def main(ctx: click.Context, registry: Path | None) -> None:
    """Train image models on your own machine; the architectures are plugins."""
    if registry:
        from vistry.registry.policy import command_line_file

        ctx.with_resource(command_line_file(registry))
