"""`vistry schema`: the form of what `--json` prints."""

from __future__ import annotations

import click

import vistry
from vistry.cli.printing import print_plain_json
from vistry.errors import RegistryError, suggestion


@click.command()
@click.argument("answer", required=False)
def schema(answer: str | None) -> None:
    """Print the JSON Schema of an ANSWER such as models or plugin, or those of all answers by name."""
    schemas = vistry.registry_schema()
    if answer is None:
        print_plain_json(schemas)
        return
    names = [name for name in schemas if name != "schema"]
    if answer not in names:
        raise RegistryError(f"there is no answer '{answer}'; {suggestion(answer, names)}")
    print_plain_json(schemas[answer])
