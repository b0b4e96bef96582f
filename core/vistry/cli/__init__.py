"""The command line: `vistry COMMAND`. A command's module is imported when it is invoked, and only that one."""

from __future__ import annotations

import atexit
import gc
import importlib
from pathlib import Path
from typing import Any

import click

from vistry.cli.errors import errors_as_sentences
from vistry.cli.option_names import with_dashes
from vistry.errors import suggestion

COMMANDS = {
    "train": "Train a model on a folder of labelled images.",
    "sweep": "Search for a good model: many trainings, of which the poor ones are ended early.",
    "resume": "Go on with a run or a sweep that was interrupted.",
    "job": "Carry out job files of the hosted product.",
    "evaluate": "Measure a run's model on labelled images.",
    "predict": "Label images with a run's model.",
    "export": "Write a run's model as a file that other programs can run.",
    "threshold": "Choose the score above which a run's predictions count.",
    "report": "Write a run's report again.",
    "runs": "List runs and their results.",
    "doctor": "Check a data set and name every fault in it.",
    "weights": "List, fetch, verify and remove published weights, and import a checkpoint from elsewhere.",
    "convert": "Write boxes and masks as COCO or JSON Lines.",
    "models": "List the models that can be trained, show one, or compare some.",
    "tasks": "List the tasks.",
    "hyperparameters": "List the hyperparameters of a model: range, default and origin.",
    "kernels": "List what plugins compute faster on a GPU, and whether that is used.",
    "schema": "Print the JSON Schema of what the listings print with --json.",
    "plugins": "List, check, enable, disable and begin the plugins that bring the models.",
}
_GROUPS = {"sweep": "sweep_group"}  # the modules of commands that have another name
_ARGUMENTS = "vistry.arguments"

# What is there at the end goes with the process; to look through it for garbage costs a tenth of a listing.
atexit.register(gc.freeze)


class Commands(click.Group):
    """The commands, each imported when it is used; every error is printed in one form."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order of a newcomer's needs."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of a command's name and return its command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(
            importlib.import_module(f"vistry.cli.{_GROUPS.get(cmd_name, cmd_name)}"), cmd_name
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands into the help without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, or raise a usage error with the nearest name."""
        if args[0] not in COMMANDS:
            raise click.UsageError(f"there is no command '{args[0]}'; {suggestion(args[0], list(COMMANDS))}", ctx)
        return super().resolve_command(ctx, args)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the options before the command."""
        arguments = list(args)
        with errors_as_sentences(arguments):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[_ARGUMENTS] = arguments
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the options after the command, and run it."""
        with errors_as_sentences(ctx.meta[_ARGUMENTS]):
            return super().invoke(ctx)


@click.command(cls=Commands, context_settings={"token_normalize_func": with_dashes})
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
