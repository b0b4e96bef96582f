"""`vistry kernels`: what core and the installed plugins compute faster, and whether it is used."""

from __future__ import annotations

import click

from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_json, print_table
from vistry.errors import RegistryError
from vistry.kernels.table import Kernel, all_kernels, kernels_for, select
from vistry.registry.catalogue import Catalogue


@click.group(cls=Noun)
def kernels() -> None:
    """List the kernels."""


@kernels.command(name="list")
@as_json
def list_kernels(as_json: bool) -> None:
    """List the kernels and whether policy lets them be used."""
    catalogue = Catalogue.read()
    use = catalogue.policy.kernel_use()
    found = [(kernel, *_state(catalogue, kernel)) for kernel in all_kernels(catalogue)]
    if as_json:
        listed = [{**kernel.to_dict(), "state": state, "reason": reason} for kernel, state, reason in found]
        print_json(use=use.value, origin=use.origin, kernels=listed)
        return
    rows = [
        (
            kernel.spec.operation,
            state,
            kernel.plugin,
            ", ".join(kernel.spec.devices),
            ", ".join(kernel.spec.tolerance),
            kernel.spec.summary,
        )
        for kernel, state, _ in found
    ]
    print_table(("operation", "state", "plugin", "devices", "dtypes", "summary"), rows)
    for kernel, state, reason in found:
        if reason:
            click.echo(f"{kernel.spec.operation} of {kernel.distribution} is {state}: {reason}")


def _state(catalogue: Catalogue, kernel: Kernel) -> tuple[str, str]:
    """A word, and what it is due to where that is no default."""
    use = catalogue.policy.kernel_use()
    if use.value == "off":
        return "off", f"by {use.origin}"
    try:
        winners = select(catalogue, kernels_for(catalogue, kernel.spec.operation))
    except RegistryError as error:
        return "in conflict", str(error)
    if kernel not in winners.values():
        preferred = catalogue.policy.preferred_kernel(kernel.spec.operation)
        return "passed over", f"by {preferred.origin}" if preferred else ""
    return ("required", f"by {use.origin}") if use.value == "require" else ("on", "")
