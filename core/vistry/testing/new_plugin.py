"""`vistry plugins new`: a plugin that works, copied from `template/` under another name."""

from __future__ import annotations

import re
from pathlib import Path

from vistry.errors import RegistryError
from vistry.registry.catalogue import Catalogue

TEMPLATE = Path(__file__).parent / "template"
_NAME_THERE = "mynet"


def write_plugin(name: str, where: Path) -> tuple[Path, list[str]]:
    """Write the plugin into a folder of its own; that folder, and the files in it.

    Raises RegistryError for a name that can't be used, or a folder that is there already.
    """
    _check_name(name)
    distribution = f"vistry-{name.replace('_', '-')}"
    folder = where / distribution
    if folder.exists():
        raise RegistryError(f"{folder} exists already, and nothing is written over; choose another name, or move it")
    files = []
    for path in sorted(TEMPLATE.rglob("*")):
        if path.suffix in (".toml", ".md", ".py"):
            file = str(path.relative_to(TEMPLATE)).replace(_NAME_THERE, name)
            text = path.read_text(encoding="utf-8").replace(f"vistry-{_NAME_THERE}", distribution)
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text.replace(_NAME_THERE, name), encoding="utf-8")
            files.append(file)
    return folder, files


def _check_name(name: str) -> None:
    """Raise RegistryError for what is no name of a plugin, or is one's already."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        close = re.sub(r"\W+", "_", name).casefold().strip("_")
        hint = f"; try {close}" if re.fullmatch(r"[a-z][a-z0-9_]*", close) else ""
        raise RegistryError(f"'{name}' must be lower-case letters, digits and _, beginning with a letter{hint}")
    catalogue = Catalogue.read()
    for plugin in catalogue.plugins:
        if name in (plugin.name, *plugin.models):
            what = "the name" if name == plugin.name else "a model"
            raise RegistryError(f"'{name}' is {what} of the installed plugin {plugin.distribution}; choose another")
