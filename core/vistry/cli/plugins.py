"""`vistry plugins`: what is installed, whether it works, and whether it is used."""

from __future__ import annotations

from collections.abc import Sequence

import click

from vistry.cli.nouns import Noun, as_json
from vistry.cli.printing import print_facts, print_json, print_table
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.notices import notices

for_user = click.option("--user", is_flag=True, help="In your own registry.toml, for all projects.")


@click.group(cls=Noun)
def plugins() -> None:
    """List the plugins, show one, check them, or switch one on or off."""


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
    plugin = Catalogue.read().plugin(name)
    if as_json:
        print_json(plugin=plugin.to_dict())
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
        }
    )


@plugins.command()
@as_json
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Import every plugin in use; exit 1 if one can't be used. A disabled plugin is left alone."""
    from vistry.hook_calls import checked

    catalogue = Catalogue.read()
    found = checked(catalogue)
    _print_plugins(found, catalogue, as_json)
    if any(plugin.state not in ("ok", "disabled") for plugin in found):
        ctx.exit(1)


@plugins.command()
@click.argument("name")
@for_user
@as_json
def enable(name: str, user: bool, as_json: bool) -> None:
    """Use a plugin again: write so in the nearest registry.toml."""
    _switch(name, on=True, user=user, as_json=as_json)


@plugins.command()
@click.argument("name")
@for_user
@as_json
def disable(name: str, user: bool, as_json: bool) -> None:
    """Stop using a plugin: write so in the nearest registry.toml."""
    _switch(name, on=False, user=user, as_json=as_json)


def _switch(name: str, on: bool, user: bool, as_json: bool) -> None:
    from vistry.registry.policy_file import file_to_write, switch

    path = file_to_write(user)
    switch(Catalogue.read().plugin(name), on, path)
    after = Catalogue.read().plugin(name)
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


def _print_plugins(found: Sequence[Plugin], catalogue: Catalogue, as_json: bool) -> None:
    if as_json:
        print_json(plugins=[plugin.to_dict() for plugin in found], notices=notices(catalogue))
        return
    rows = [
        (plugin.name, plugin.state, f"{plugin.distribution} {plugin.version}", str(len(plugin.models)))
        for plugin in found
    ]
    print_table(("plugin", "state", "distribution", "models"), rows, right=("models",))
    for plugin in found:
        if plugin.state != "ok":
            click.echo(f"{plugin.name} is {plugin.state}: {plugin.reason}; {plugin.remedy}")
    for notice in notices(catalogue):
        click.echo(f"note: {notice}", err=True)
    if not found:
        click.echo("no plugin is installed; install one, a distribution whose name starts with vistry-", err=True)
