"""`vistry plugins`: what is installed, whether it works, whether it is used, and a first plugin of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

import vistry
from vistry.cli.list_group import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_table
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.unmatched_policy import notices
from vistry.registry.wrappers import WrappedHook, stated_hooks, wrapped_hooks

if TYPE_CHECKING:
    from vistry.testing.check_runs import Heavy

for_user = click.option("--user", is_flag=True, help="In your own registry.toml, for all projects.")


@click.group(cls=Noun)
def plugins() -> None:
    """List the plugins, show one, check them, switch one on or off, or begin one."""


@plugins.command(name="list")
@as_json
def list_plugins(as_json: bool) -> None:
    """List the plugins and what to do about those that can't be used."""
    catalogue = Catalogue.read()
    _print_plugins(catalogue.plugins, catalogue, as_json)


@plugins.command()
@click.argument("name")
@as_json
def show(name: str, as_json: bool) -> None:
    """Show one plugin by its name or its distribution's."""
    catalogue = Catalogue.read()
    plugin = catalogue.plugin(name)
    wrapped = wrapped_hooks(catalogue, plugin)
    if as_json:
        hooks = {"implements": list(stated_hooks(plugin)), "wraps": [hook.to_dict() for hook in wrapped]}
        print_json(plugin={**plugin.to_dict(), **hooks})
        return
    manifest = plugin.manifest
    print_facts(
        {
            "name": plugin.name,
            "summary": manifest.summary if manifest else "",
            "state": plugin.state,
            "reason": plugin.reason,
            "what to do": plugin.remedy,
            "distribution": f"{plugin.distribution} {plugin.version}",
            "license": manifest.license if manifest else "",
            "plugin API": manifest.api if manifest else "",
            "manifest": str(plugin.path or ""),
            "models": ", ".join(plugin.models),
            "implements": ", ".join(stated_hooks(plugin)),
            "wraps": ", ".join(_wrapped(plugin, hook) for hook in wrapped),
            "note": "; ".join(plugin.notes),
        }
    )


def _wrapped(plugin: Plugin, hook: WrappedHook) -> str:
    """A hook with the place of the plugin among those that wrap it, of which the last has the last word."""
    if plugin.handle not in hook.order:
        return f"{hook.hook} (not in use)"
    place = f"{hook.order.index(plugin.handle) + 1} of {len(hook.order)}"
    return f"{hook.hook} ({place}: {' -> '.join(hook.order)})"


@plugins.command()
@click.argument("name", required=False)
@click.option("--heavy", type=click.Choice(["all", "smallest"]), help="Compute all models, or the smallest only. [all]")
@click.option("--backend", help="Compute in this one, of the models that have it. [the first of each]")
@click.option("--expect", multiple=True, metavar="MODEL:CHECK=REASON", help="A check that is to fail, and why.")
@as_json
def check(
    name: str | None,
    heavy: Heavy | None,
    backend: str | None,
    expect: tuple[str, ...],
    as_json: bool,
) -> None:
    """Import every plugin in use, or with NAME try all that a plugin has to be; exit 1 if something fails.

    A disabled plugin is left alone unless it is named.
    """
    if name is not None:
        from vistry.cli.check_table import expected_failure, print_check_runs
        from vistry.testing.check_runs import check_runs_of

        check_runs = check_runs_of(name, dict(map(expected_failure, expect)), heavy=heavy or "all", backend=backend)
        if not print_check_runs(name, check_runs, as_json):
            raise Exit(1)
        return
    if heavy or backend or expect:
        raise click.UsageError("--heavy, --backend and --expect need the NAME of a plugin")
    checked = vistry.check_plugins()
    _print_plugins(checked, Catalogue.read(), as_json)
    if any(plugin.state not in ("ok", "disabled") for plugin in checked):
        raise Exit(1)


@plugins.command()
@click.argument("name")
@as_json
def new(name: str, as_json: bool) -> None:
    """Write a plugin that works, to make your own of, into ./vistry-NAME."""
    folder = vistry.new_plugin(name)
    files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    if as_json:
        print_json(folder=str(folder), files=files)
        return
    for file in files:
        click.echo(f"{folder.name}/{file}")
    click.echo(
        f"next:\n  pip install -e ./{folder.name}\n  vistry plugins check {name}\n"
        f"  vistry train --task multiclass --model {name} --data FOLDER"
    )


@plugins.command()
@click.argument("name")
@for_user
@as_json
def enable(name: str, user: bool, as_json: bool) -> None:
    """Use a plugin again: write so in the nearest registry.toml."""
    _print_switched(name, vistry.enable_plugin(name, user=user), as_json, on=True)


@plugins.command()
@click.argument("name")
@for_user
@as_json
def disable(name: str, user: bool, as_json: bool) -> None:
    """Stop using a plugin: write so in the nearest registry.toml."""
    _print_switched(name, vistry.disable_plugin(name, user=user), as_json, on=False)


def _print_switched(name: str, path: Path, as_json: bool, *, on: bool) -> None:
    after = vistry.find_plugin(name)
    if as_json:
        print_json(plugin=after.to_dict(), file=str(path))
        return
    click.echo(f"{name} is {'enabled' if on else 'disabled'} in {path}")
    _warn_if_overruled(after, on)


def _warn_if_overruled(plugin: Plugin, on: bool) -> None:
    if on and plugin.state == "disabled":
        click.echo(f"warning: {plugin.name} stays {plugin.reason}, which is stronger", err=True)
    elif not on and plugin.state != "disabled":
        click.echo(f"warning: a stronger registry.toml, or VISTRY_ENABLE, keeps {plugin.name} enabled", err=True)


def _print_plugins(listed: Sequence[Plugin], catalogue: Catalogue, as_json: bool) -> None:
    if as_json:
        print_json(plugins=[plugin.to_dict() for plugin in listed], notices=notices(catalogue))
        return
    rows = [
        (plugin.name, plugin.state, f"{plugin.distribution} {plugin.version}", str(len(plugin.models)))
        for plugin in listed
    ]
    print_table(("plugin", "state", "distribution", "models"), rows, right=("models",))
    for plugin in listed:
        if plugin.state != "ok":
            click.echo(f"{plugin.name} is {plugin.state}: {plugin.reason}; {plugin.remedy}")
    for notice in notices(catalogue):
        click.echo(f"note: {notice}", err=True)
    if not listed:
        click.echo("no plugin is installed; install one, a distribution whose name starts with vistry-", err=True)
