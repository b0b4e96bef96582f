"""`vistry kernels`: what core and the installed plugins compute faster, and whether it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import click

import vistry
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_table
from vistry.kernels.listing import KernelHere, ListedKernel
from vistry.registry.catalogue import Catalogue
from vistry.registry.policy import FILE_NAME, KERNELS_VARIABLE, KernelUse


@click.group(
    cls=Noun,
    epilog=f"Whether they are used is set by `use` under [kernels] in {FILE_NAME}, or by {KERNELS_VARIABLE}: "
    f"{', '.join(get_args(KernelUse))}.",
)
def kernels() -> None:
    """List the kernels, or show those of one operation."""


@kernels.command(name="list")
@as_json
def list_kernels(as_json: bool) -> None:
    """List the kernels, whether policy lets them be used, and in which dtypes they run on this machine."""
    listed = vistry.kernels()
    if as_json:
        use = Catalogue.read().policy.kernel_use()
        print_json(use=use.value, origin=use.origin, kernels=[entry.to_dict() for entry in listed])
        return
    rows = [
        (
            entry.kernel.spec.operation,
            entry.state,
            entry.kernel.plugin,
            ", ".join(entry.kernel.spec.devices),
            ", ".join(entry.kernel.spec.tolerance),
            ", ".join(entry.runs_in) or "none",
            entry.kernel.spec.summary,
        )
        for entry in listed
    ]
    print_table(("operation", "state", "plugin", "devices", "dtypes", "here", "summary"), rows)
    for entry in listed:
        if entry.reason:
            kernel = entry.kernel
            click.echo(f"{kernel.spec.operation} of {kernel.distribution} is {entry.state}: {entry.reason}")
    for reason, operations in _reasons_here(listed).items():
        click.echo(f"{', '.join(operations)}: the reference runs here, because {reason}")


def _reasons_here(listed: Sequence[ListedKernel]) -> dict[str, list[str]]:
    """Return why kernels that policy lets be used don't run on this machine, and the operations of each reason."""
    reasons: dict[str, list[str]] = {}
    for entry in listed:
        if entry.state in ("on", "required") and entry.reason_here:
            reasons.setdefault(entry.reason_here, []).append(entry.kernel.spec.operation)
    return reasons


@kernels.command()
@click.argument("operation")
@as_json
def show(operation: str, as_json: bool) -> None:
    """Show the kernels of an operation."""
    listed = vistry.find_kernels(operation)
    if as_json:
        print_json(kernels=[entry.to_dict() for entry in listed])
        return
    for entry in listed:
        spec = entry.kernel.spec
        print_facts(
            {
                "operation": spec.operation,
                "summary": spec.summary,
                "plugin": entry.kernel.distribution,
                "state": entry.state,
                "reason": entry.reason,
                "devices": ", ".join(spec.devices),
                "implementation": spec.implementation,
                "reference": spec.reference,
                "cast": spec.cast,
                **{f"{one.dtype} here": _what_runs(one) for one in entry.here},
                "tolerance": ", ".join(f"{dtype} {tolerance:g}" for dtype, tolerance in spec.tolerance.items()),
            }
        )


def _what_runs(here: KernelHere) -> str:
    return f"the kernel on {', '.join(here.devices)}" if here.devices else f"not the kernel: {here.reason}"
