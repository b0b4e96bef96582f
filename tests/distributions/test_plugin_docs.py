"""The tutorials about plugins, step by step, in an environment that has Vistry and nothing else of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
TUTORIALS = CHECKOUT / "docs" / "tutorials"
STEP = re.compile(r"(?:<!-- (file|lines of): (\S+) -->\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANY_NUMBER = re.compile(r"\d+\.\d+|(?<=epoch )\d+")


def steps(page: str) -> Iterator[tuple[str, str, str]]:
    """What a page tells to do before its list of further things: file, lines or command; of what; the text."""
    text_of_page = (TUTORIALS / page).read_text()
    for kind, path, language, text in STEP.findall(text_of_page.partition("## Further")[0]):
        if kind:
            yield kind, path, text
        elif language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                yield "command", command, printed.rstrip("\n")


def change_lines(path: Path, text: str) -> None:
    """Put lines in the place of the last ones in a file that set the same keys."""
    content = path.read_text()
    for line in text.splitlines():
        key = line.partition(" = ")[0]
        found = re.findall(rf"^{key} = .*", content, re.MULTILINE)
        assert found, f"{path.name} sets no {key}"
        content = content.replace(found[0], line)
    path.write_text(content)


def is_shown(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed, where '...' stands for any text and a figure for any other."""
    pattern = re.escape(ANY_NUMBER.sub("0.0", shown)).replace(r"\.\.\.", r".*?")
    return re.fullmatch(pattern, ANY_NUMBER.sub("0.0", printed.strip("\n")), re.DOTALL) is not None


@pytest.fixture(scope="module")
def environment(make_environment: Callable[..., Any], wheels: dict[str, Path]) -> Any:
    return make_environment(wheels["vistry"])


def follow(page: str, environment: Any, folder: Path, until: str = "") -> list[str]:
    """Do what a page tells in a folder, up to a command, and compare what is printed; gives the commands."""
    done = []
    for kind, what, text in steps(page):
        if kind == "file":
            (folder / what).write_text(text)
        elif kind == "lines of":
            change_lines(folder / what, text)
        elif until and what.startswith(until):
            break
        else:
            done.append(what)
            program, *arguments = shlex.split(what)
            if program == "pip":
                offline = ["--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
                command = ["python", "-m", "pip", *arguments, *offline]
            else:
                command = [program, *arguments]
            result = environment.run(*command, cwd=folder, OMP_NUM_THREADS="1")
            assert is_shown(text, result.stdout), f"{what}\n{result.stdout}\n{result.stderr}"
    return [command.split()[1] for command in done]


def test_the_first_page_is_what_happens_before_it_trains(environment: Any, tmp_path: Path) -> None:
    """test_new_plugin.py trains such a model."""
    done = follow("plugin.md", environment, tmp_path, until="vistry train")
    assert done == ["plugins", "plugins", "install", "models", "plugins", "plugins"]


@pytest.mark.long
def test_the_first_page_is_what_happens(environment: Any, tmp_path: Path) -> None:
    """Slow, because it trains the page's model on all of the page's data."""
    run_path(str(CHECKOUT / "docs" / "demo.py"))["write_digits"](tmp_path / "demo" / "digits")
    done = follow("plugin.md", environment, tmp_path)
    assert done == ["plugins", "plugins", "install", "models", "plugins", "plugins", "train", "predict"]
    tested = environment.run("python", "-m", "pytest", "-q", "vistry-mynet/tests", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert "21 passed" in tested.stdout, tested.stdout


@pytest.mark.long
def test_the_second_page_is_what_happens(
    make_environment: Callable[..., Any], wheels: dict[str, Path], tmp_path: Path
) -> None:
    run_path(str(CHECKOUT / "docs" / "demo.py"))["write_digits"](tmp_path / "demo" / "digits")
    done = follow("more-plugins.md", make_environment(wheels["vistry"]), tmp_path)
    assert done.count("plugins") == 9
    assert done.count("install") == 4
    assert done[-2:] == ["convert", "doctor"]


def test_what_counts_as_shown() -> None:
    assert is_shown("a\n...\nb 0.5", "a\nx\ny\nb 0.75\n")
    assert is_shown("...\nb", "a\nb\n")
    assert not is_shown("a\nb", "a\nx\nb")
    assert not is_shown("a", "b")
