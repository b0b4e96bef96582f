"""`vistry weights`: published weights, and other people's checkpoints as files to start from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

import vistry
from vistry.cli.hyperparameter_options import HyperparameterCommand
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_table
from vistry.weights.fetch_progress import size_text

if TYPE_CHECKING:
    from vistry.inference.import_checkpoint import ImportedWeights
    from vistry.weights.published import PublishedWeights


@click.group(cls=Noun)
def weights() -> None:
    """List the published weights, fetch, find, verify and remove them, or take them out of a checkpoint."""


@weights.command(name="list")
@click.argument("named", required=False, metavar="[MODEL]")
@click.option("--model", help="Only weights of this model, as MODEL.")
@as_json
def list_weights(named: str | None, model: str | None, as_json: bool) -> None:
    """List the weights that plugins publish for their models, or for one, and whether they are on this machine."""
    if named and model and named != model:
        raise click.UsageError(f"MODEL and --model name two models, {named} and {model}; name one")
    listed = vistry.weights(named or model)
    if as_json:
        print_json(weights=[entry.to_dict() for entry in listed])
        return
    rows = [
        (
            entry.name,
            f"{entry.model} (its backbone)" if entry.backbone else entry.model,
            _size(entry),
            entry.license,
            _figures(entry),
            entry.source,
            "yes" if entry.file else "no",
        )
        for entry in listed
    ]
    headers = ("weights", "model", "size", "license", "published", "from", "on this machine")
    print_table(headers, rows, right=("size",))


def _size(entry: PublishedWeights) -> str:
    return ("" if entry.size else "about ") + size_text(entry.expected_size)


def _figures(entry: PublishedWeights) -> str:
    return ", ".join(
        f"{data_set}.{figure} {value:g}"
        for data_set, figures in entry.metrics.items()
        for figure, value in figures.items()
    )


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
            "published": _figures(entry),
            "size": _size(entry),
            "default": "a training starts from them unless told otherwise" if entry.default else "",
            "source": entry.source,
            "SHA-256": entry.sha256 or "not stated; runs keep it",
            "revision": entry.revision or "",
            "file": str(entry.file or "not on this machine; fetched when a training needs it"),
        }
    )


_model = click.argument("model")
_name = click.argument("name", required=False)
_all = click.option("--all", "everything", is_flag=True, help="All weights of the model.")


@weights.command()
@_model
@_name
@_all
@click.option("--to", type=click.Path(path_type=Path), help="Copy the files to this folder, for another machine.")
@as_json
def fetch(model: str, name: str | None, everything: bool, to: Path | None, as_json: bool) -> None:
    """Fetch the weights that a training of MODEL starts from, or those of NAME, and print where they are.

    What is on this machine isn't fetched again. With --to they are copied as well: where there is no network, the
    folder's content belongs in ~/.cache/vistry/weights, or VISTRY_WEIGHTS names the folder.
    """
    _one_or_all(name, everything)
    fetched = vistry.fetch_weights(model, name, everything=everything, to=to, quiet=as_json)
    if as_json:
        print_json(weights=[entry.to_dict() for entry in fetched])
        return
    for entry in fetched:
        click.echo(str(entry.file))


@weights.command()
@_model
@_name
@as_json
def path(model: str, name: str | None, as_json: bool) -> None:
    """Print where the weights are that a training of MODEL starts from, or those of NAME."""
    file = str(vistry.weights_path(model, name))
    if as_json:
        print_json(path=file)
    else:
        click.echo(file)


@weights.command()
@_model
@_name
@_all
@as_json
def remove(model: str, name: str | None, everything: bool, as_json: bool) -> None:
    """Remove the weights that a training of MODEL starts from, or those of NAME, from this machine."""
    _one_or_all(name, everything)
    removed = [str(file) for file in vistry.remove_weights(model, name, everything=everything)]
    if as_json:
        print_json(removed=removed)
        return
    for file in removed:
        click.echo(f"removed {file}")


@weights.command()
@click.argument("model", required=False)
@_name
@as_json
def verify(model: str | None, name: str | None, as_json: bool) -> None:
    """Hold the weights on this machine, all or a model's, against their hashes; exit 1 if one is another file."""
    verified = vistry.verify_weights(model, name)
    if as_json:
        print_json(weights=[entry.to_dict() for entry in verified])
    else:
        rows = [(entry.name, entry.model, entry.state, entry.problem or str(entry.file)) for entry in verified]
        print_table(("weights", "model", "file", "where"), rows)
    if any(entry.problem for entry in verified):
        raise Exit(1)


def _one_or_all(name: str | None, everything: bool) -> None:
    if name and everything:
        raise click.UsageError(f"--all means all weights of the model, and {name} one of them; choose one")


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
