"""Print the version that all distributions share, or write another one: `python tools/version.py 0.2.0`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r'^(version = "|version: )(\d+\.\d+\.\d+)("?)$', re.MULTILINE)
REQUIREMENT = re.compile(r'"(vistry[\w-]*(?:\[[\w,]+\])?)>=[\d.]+,<[\d.]+"')


def files_with_a_version() -> list[Path]:
    """List the files that carry the version: each distribution's pyproject.toml, core's first, and CITATION.cff."""
    projects = [path for folder in ("plugins", "examples") for path in sorted((ROOT / folder).glob("*/pyproject.toml"))]
    return [ROOT / "core" / "pyproject.toml", *projects, ROOT / "CITATION.cff"]


def read_version() -> str:
    """Return core's version, which all others equal."""
    match = VERSION.search(files_with_a_version()[0].read_text())
    assert match
    return match[2]


def compatible_range(version: str) -> str:
    """Return the range that plugins of a version require: its minor version before 1.0, its major version after."""
    major, minor, _ = map(int, version.split("."))
    return f">={major}.{minor},<{major + 1}" if major else f">=0.{minor},<0.{minor + 1}"


def write_version(version: str) -> None:
    """Write the version, and the range of it that plugins require, into every file that carries another."""
    for path in files_with_a_version():
        text = path.read_text()
        written = VERSION.sub(rf"\g<1>{version}\g<3>", text)
        written = REQUIREMENT.sub(rf'"\1{compatible_range(version)}"', written)
        if written != text:  # make installs again where a pyproject.toml is new
            path.write_text(written)


def main(arguments: list[str]) -> None:
    """Write the version that is given, if any, and print the one there is."""
    if len(arguments) > 1 or not all(re.fullmatch(r"\d+\.\d+\.\d+", argument) for argument in arguments):
        sys.exit(f"invalid version: expected MAJOR.MINOR.PATCH, got '{' '.join(arguments)}'; type for example 0.2.0")
    for version in arguments:
        write_version(version)
    print(read_version())


if __name__ == "__main__":
    main(sys.argv[1:])
