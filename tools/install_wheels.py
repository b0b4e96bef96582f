"""Install the wheels of a folder into a bare environment, offline, and list the models that they bring.

Third-party libraries are those of the Python that runs this, so pip checks every requirement without an index.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path


def link_libraries(folder: Path) -> None:
    """Link the third-party libraries of this Python into a folder, and nothing of Vistry."""
    folder.mkdir()
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(site).iterdir():
            if "vistry" not in path.name and path.suffix != ".pth":
                (folder / path.name).symlink_to(path)


def install(environment: Path, wheels: list[Path]) -> None:
    """Make an environment without pip, and let this Python's pip install the wheels into it."""
    venv.create(environment, with_pip=False, symlinks=True)
    link_libraries(environment / "libraries")
    [site] = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(f"{environment / 'libraries'}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    options = ["--no-index", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", *options, *map(str, wheels)], check=True)


def ask(environment: Path, *arguments: str) -> str:
    """Return the output of the environment's own `vistry`, away from this checkout's and the user's settings."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("VISTRY_", "PYTHON"))}
    variables |= {"HOME": str(environment), "XDG_CONFIG_HOME": str(environment)}
    command = [str(environment / "bin" / "vistry"), *arguments]
    return subprocess.run(command, cwd=environment, env=variables, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(folder: Path) -> None:
    """Print the models of the installed wheels; exit with 1 where a plugin can't be used."""
    wheels = sorted(folder.resolve().glob("*.whl"))
    if not wheels:
        sys.exit(f"invalid folder: expected wheels, got none in '{folder}'; run make wheels")
    with tempfile.TemporaryDirectory() as name:
        environment = Path(name) / "environment"
        install(environment, wheels)
        plugins = json.loads(ask(environment, "plugins", "--json"))["plugins"]
        unusable = [plugin["name"] for plugin in plugins if plugin["state"] != "ok"]
        distributions = {plugin["distribution"] for plugin in plugins}
        if unusable or len(distributions) != len(wheels) - 1:
            sys.exit(f"{len(wheels)} wheels: {len(plugins)} plugins, not usable: {', '.join(unusable) or 'none'}")
        print(ask(environment, "models"), end="")
        print(f"{len(wheels)} wheels of {folder} work in a bare environment")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
