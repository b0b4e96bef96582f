"""`python docs/generate FOLDER`: write the reference pages that follow from the code."""

from __future__ import annotations

import sys
from pathlib import Path

from command_line import command_line
from findings import findings
from metrics import metrics
from plugin_api import plugin_api
from plugin_schema import plugin_schema
from python_api import python_api

PAGES = {
    "command-line.md": command_line,
    "findings.md": findings,
    "metrics.md": metrics,
    "plugin-api.md": plugin_api,
    "plugin.schema.json": plugin_schema,
    "python.md": python_api,
}


def main(folder: Path) -> None:
    """Write every page into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
