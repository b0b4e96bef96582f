"""`vistry weights`: published weights, and other people's checkpoints as files to start from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

import vistry
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_table

if TYPE_CHECKING:
    from vistry.inference.import_checkpoint import ImportedWeights


@click.group(cls=Noun)
def weights() -> None:
    """List the published weights, show one, or take the weights out of a checkpoint from elsewhere."""


@weights.command(name="list")
@click.option("--model", help="Only weights of this model.")
@as_json
def list_weights(model: str | None, as_json: bool) -> None:
    """List the weights that plugins publish for their models."""
    listed = vistry.weights(model)
    if as_json:
        print_json(weights=[entry.to_dict() for entry in listed])
        return
    rows = [
        (
            entry.name,
            f"{entry.model} (its backbone)" if entry.backbone else entry.model,
            entry.license,
            "yes" if entry.file else "no",
        )
        for entry in listed
    ]
    print_table(("weights", "model", "license", "on this machine"), rows)


@weights.command()
@click.argument("name")
@click.option("--model", help="The model, where several have weights of this name.")
@as_json
def show(name: str, model: str | None, as_json: bool) -> None:
    """Show published weights, and where they are on this machine."""
    entry = vistry.find_weights(name, model)
    if as_json:
        print_json(weights=entry.to_dict())
        return
    print_facts(
        {
            "name": entry.name,
            "model": entry.model,
            "weights of": f"its backbone, {entry.backbone}" if entry.backbone else "",
            "license": entry.license,
            "classes": "" if entry.classes is None else str(entry.classes),
            "published": ", ".join(
                f"{data_set}.{figure} {value:g}"
                for data_set, figures in entry.metrics.items()
                for figure, value in figures.items()
            ),
            "source": entry.source,
            "SHA-256": entry.sha256,
            "file": str(entry.file or "not on this machine; fetched when a training needs it"),
        }
    )


@weights.command(
    name="import",
    cls=HyperparameterCommand,
    epilog="Hyperparameters that decide the shape of the model are options by their own names.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", help="Check that the weights are this model's.")
@click.option("--key", help="Which of the sets of weights in FILE. [a moving average, else the only one]")
@click.option("--output", type=click.Path(path_type=Path), help="The file to write. [FILE's name with .safetensors]")
@as_json
def import_(
    file: Path,
    model: str | None,
    key: str | None,
    output: Path | None,
    as_json: bool,
    hyperparameters: dict[str, str],
) -> None:
    """Write the weights in FILE, which torch.save wrote, as safetensors.

    Nothing in FILE is run, and the classes it names need not be installed.
    """
    if hyperparameters and not model:
        raise click.UsageError(f"option --{next(iter(hyperparameters))} needs --model; add --model MODEL")
    imported = vistry.import_weights(file, output=output, key=key, model=model, hyperparameters=hyperparameters)
    if as_json:
        facts = asdict(imported)
        print_json(**{name: str(value) if isinstance(value, Path) else value for name, value in facts.items()})
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
