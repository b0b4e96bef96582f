"""`vistry weights`: other people's checkpoints as files to start from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vistry.cli.hyperparameter_flags import parse_flags
from vistry.cli.list_group import as_json
from vistry.cli.printing import print_json

if TYPE_CHECKING:
    from vistry.inference.import_checkpoint import ImportedWeights


@click.group()
def weights() -> None:
    """Take the weights out of a checkpoint from elsewhere."""


@weights.command(
    name="import",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog="Hyperparameters that decide the shape of the model are flags by their own names, after FILE.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", help="Check that the weights are this model's.")
@click.option("--key", help="Which of the sets of weights in FILE. [a moving average, else the only one]")
@click.option("--output", type=click.Path(path_type=Path), help="The file to write. [FILE's name with .safetensors]")
@as_json
@click.pass_context
def import_(
    context: click.Context, /, file: Path, model: str | None, key: str | None, output: Path | None, **options: Any
) -> None:
    """Write the weights in FILE, which torch.save wrote, as safetensors.

    Nothing in FILE is run, and the classes it names need not be installed.
    """
    if str(file).startswith("--"):
        raise click.UsageError("FILE comes before the hyperparameters", context)
    flags = parse_flags(context.args, [parameter.opts[0] for parameter in context.command.params])
    if flags and not model:
        raise click.UsageError(f"--{next(iter(flags))} needs --model", context)
    from vistry.inference.import_checkpoint import import_weights

    imported = import_weights(file, output=output, key=key, model=model, given=flags)
    if options["as_json"]:
        print_json(
            **{name: str(value) if isinstance(value, Path) else value for name, value in asdict(imported).items()}
        )
    else:
        click.echo(_text(imported))


def _text(imported: ImportedWeights) -> str:
    place = f" of {imported.key!r}" if imported.key else ""
    place += f", beside {', '.join(map(repr, imported.other_keys))}" if imported.other_keys else ""
    lines = [f"{imported.output}: {imported.tensors} tensors{place}; {imported.elements:,} numbers"]
    if imported.model:
        head = f"with a head for {imported.classes} classes" if imported.classes else "as the weights of its backbone"
        lines.append(f"they fit {imported.model}, {head}")
    return "\n".join([*lines, f"notice: {imported.notice}"])
