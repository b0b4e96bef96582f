"""`vistry plugins`: what is installed, whether it works, whether it is used, and a first plugin of one's own."""

from __future__ import annotations

import json
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
from vistry.registry.parts import parts_not_on_offer
from vistry.registry.unmatched_policy import notices
from vistry.registry.wrappers import WrappedHook, stated_hooks, wrapped_hooks
from vistry.testing.new_plugin import KINDS

if TYPE_CHECKING:
    from vistry.testing.check_runs import Heavy
    from vistry.testing.new_plugin import PluginKind

_MOST_NAMED = 100  # models in the table of one plugin
# What to type after a plugin of each kind is installed.
NEXT = {
    "classifier": "vistry train --task multiclass --model NAME --data FOLDER",
    "backbone": "vistry models --task detection",
    "detector": "vistry train --task detection --model NAME --data FOLDER",
    "policy": "vistry hyperparameters MODEL --task TASK --explain",
    "kernel": "vistry kernels",
    "reader": "vistry convert FOLDER OUT --to NAME",
}

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
            "models": _models(plugin),
            **{kind: ", ".join(names) for kind, names in plugin.parts.items()},
            "not on offer": "; ".join(parts_not_on_offer(catalogue, plugin)),
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
@click.argument("name", required=False, metavar="[NAME|FOLDER]")
@click.option("--model", "models", multiple=True, help="Check this model only; may be repeated.")
@click.option("--check", "checks", multiple=True, help="Make this check only; may be repeated.")
@click.option("--quick", is_flag=True, help="Compute the smallest model only, as --heavy smallest.")
@click.option("--heavy", type=click.Choice(["all", "smallest"]), help="Compute all models, or the smallest only. [all]")
@click.option("--backend", help="Compute in this one, of the models that have it. [the first of each]")
@click.option("--expect", multiple=True, metavar="MODEL:CHECK=REASON", help="A check that is to fail, and why.")
@click.option("--pairs", nargs=2, metavar="A B", help="Check that these two plugins go together.")
@as_json
def check(
    name: str | None,
    models: tuple[str, ...],
    checks: tuple[str, ...],
    quick: bool,
    heavy: Heavy | None,
    backend: str | None,
    expect: tuple[str, ...],
    pairs: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """Import every plugin in use, or with NAME try all that a plugin has to be; exit 1 if something fails.

    FOLDER is that of a plugin which isn't installed, such as ./vistry-mynet. A disabled plugin is left alone unless it
    is named.
    """
    if heavy == "all" and quick:
        raise click.UsageError("--quick computes the smallest model only, and --heavy all computes all; choose one")
    if pairs:
        if name or models or quick or heavy or backend or expect:
            raise click.UsageError("--pairs takes the names of two plugins, and no other option but --check and --json")
        _check_pair(pairs, checks, as_json)
    elif name is not None:
        from vistry.cli.check_table import expected_failure, print_check_runs
        from vistry.testing.check_runs import check_runs_of, chosen
        from vistry.testing.plugin_folder import checkable

        expected = dict(map(expected_failure, expect))
        with checkable(name) as plugin:
            runs = check_runs_of(plugin, expected, heavy="smallest" if quick else heavy or "all", backend=backend)
            if not print_check_runs(plugin, chosen(runs, models, checks), as_json):
                raise Exit(1)
    elif models or checks or quick or heavy or backend or expect:
        raise click.UsageError(
            "--model, --check, --quick, --heavy, --backend and --expect need the NAME or FOLDER of a plugin"
        )
    else:
        _check_all(as_json)


def _check_pair(pairs: tuple[str, str], checks: tuple[str, ...], as_json: bool) -> None:
    from vistry.cli.check_table import print_check_runs
    from vistry.testing.check_runs import check_runs_of_pair, chosen
    from vistry.testing.plugin_folder import checkable

    with checkable(pairs[0]) as first, checkable(pairs[1]) as second:
        if not print_check_runs(f"{first} {second}", chosen(check_runs_of_pair(first, second), (), checks), as_json):
            raise Exit(1)


def _check_all(as_json: bool) -> None:
    checked = vistry.check_plugins()
    _print_plugins(checked, Catalogue.read(), as_json)
    if any(plugin.state not in ("ok", "disabled") for plugin in checked):
        raise Exit(1)


@plugins.command()
@click.argument("name")
@as_json
@click.option("--kind", type=click.Choice(KINDS), default="classifier", show_default=True)
def new(name: str, as_json: bool, kind: PluginKind) -> None:
    """Write a plugin that works, to make your own of, into ./vistry-NAME."""
    folder = vistry.new_plugin(name, kind=kind)
    files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    if as_json:
        print_json(folder=str(folder), files=files)
        return
    for file in files:
        click.echo(f"{folder.name}/{file}")
    click.echo(
        f"next:\n  vistry plugins check ./{folder.name}\n  pip install -e ./{folder.name}\n"
        f"  {NEXT[kind].replace('NAME', name)}"
    )


def _models(plugin: Plugin) -> str:
    """The models by name, or where there are too many to read, how to list them."""
    if len(plugin.models) <= _MOST_NAMED:
        return ", ".join(plugin.models)
    return f"{len(plugin.models):,}; for their list type: vistry models --family {plugin.name}"


@plugins.command()
@click.option("--catalogue", is_flag=True, help="That of the catalogue file, which a plugin.toml may name.")
def schema(catalogue: bool) -> None:
    """Print the JSON Schema of plugin.toml, by which editors complete and check it, or of a catalogue file."""
    click.echo(json.dumps(vistry.plugin_schema(catalogue=catalogue), indent=2))


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
