"""`vistry plugins new`: a plugin that works, copied from `template/` under another name.

Each kind has a folder there; `shared` has what all of them need.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args

from vistry.errors import RegistryError, suggestion
from vistry.registry.catalogue import Catalogue

TEMPLATE = Path(__file__).parent / "template"
PluginKind = Literal["classifier", "backbone", "detector", "policy", "kernel", "reader"]
KINDS: tuple[PluginKind, ...] = get_args(PluginKind)
_TEMPLATE_NAME = "mynet"


def write_plugin(name: str, parent: Path, kind: PluginKind = "classifier") -> tuple[Path, list[str]]:
    """Write the plugin into a new folder below `parent`; return that folder, and the names of the files in it.

    Raises RegistryError for an invalid name or kind, or a folder that exists.
    """
    _check_name(name)
    if kind not in KINDS:
        raise RegistryError(f"there is no kind '{kind}' of plugin; {suggestion(kind, KINDS)}".rstrip("; "))
    distribution = f"vistry-{name.replace('_', '-')}"
    folder = parent / distribution
    if folder.exists():
        raise RegistryError(f"{folder} exists already; choose another name, or move it")
    for source in (TEMPLATE / "shared", TEMPLATE / kind):
        for path in source.rglob("*"):
            if path.suffix in (".toml", ".md", ".py"):
                file = folder / str(path.relative_to(source)).replace(_TEMPLATE_NAME, name)
                text = path.read_text(encoding="utf-8").replace(f"vistry-{_TEMPLATE_NAME}", distribution)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text.replace(_TEMPLATE_NAME, name), encoding="utf-8")
    return folder, sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _check_name(name: str) -> None:
    """Raise RegistryError for an invalid name, or one that is taken."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        close = re.sub(r"\W+", "_", name).casefold().strip("_")
        hint = f"; try {close}" if re.fullmatch(r"[a-z][a-z0-9_]*", close) else ""
        raise RegistryError(f"invalid name '{name}': use lower-case letters, digits and _, with a letter first{hint}")
    catalogue = Catalogue.read()
    for plugin in catalogue.plugins:
        if name in (plugin.name, *plugin.models):
            owner = "the name" if name == plugin.name else "a model"
            raise RegistryError(f"'{name}' is {owner} of the installed plugin {plugin.distribution}; choose another")
