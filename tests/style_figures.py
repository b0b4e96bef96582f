"""Figures of how core is written, counted from its syntax trees; `python tests/style_figures.py` prints them."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core" / "vistry"
PARTICIPLES = frozenset({"found", "kept", "settled", "asked", "seen", "said"})
MAX_PARAMETERS = 5
MAX_POSITIONAL = 3
# Records that stand in a table of their module, a line each, where keywords would hide what differs.
TABLE_ROWS = frozenset({"Check", "Metric", "ImageFormat", "DataFormat", "TaskInfo"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A file of Python; `name` is its path below the root, with forward slashes."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the file."""
        return self.text.splitlines()

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]


@dataclass(frozen=True)
class Place:
    """A function or a call in a file, and a number about it."""

    file: str
    line: int
    name: str
    count: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.name} ({self.count})"


def read_sources(folder: Path) -> list[Source]:
    """Read the Python files below a folder but for the template of a plugin, whose author is somebody else."""
    paths = sorted(path for path in folder.rglob("*.py") if "testing/template" not in path.as_posix())
    return [Source(path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def many_parameters(sources: Sequence[Source]) -> list[Place]:
    """List the functions with more than MAX_PARAMETERS named parameters, self and cls not counted.

    Signatures that somebody else fixes are left out: methods of protocols, specifications of hooks and commands of
    click, whose parameters are its options.
    """
    return [
        Place(source.name, function.lineno, function.name, count)
        for source in sources
        for function in _free_functions(source.tree)
        if (count := _parameters(function)) > MAX_PARAMETERS
    ]


def _free_functions(node: ast.AST) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in child.bases):
            continue
        if isinstance(child, Function):
            decorators = [ast.unparse(decorator) for decorator in child.decorator_list]
            if not any(re.match(r"hookspec|click\.|.*\.(command|group)\b", decorator) for decorator in decorators):
                yield child
        yield from _free_functions(child)


def _parameters(function: Function) -> int:
    arguments = function.args
    named = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(named) - (named[:1] in (["self"], ["cls"]))


def many_positional(sources: Sequence[Source], package: str = "vistry") -> list[Place]:
    """List the calls of a package's own functions and classes with more than MAX_POSITIONAL positional arguments.

    Left out are rows of tables, and functions that take any number of arguments of one kind.
    """
    variadic = {function.name for source in sources for function in source.functions if function.args.vararg}
    places = []
    for source in sources:
        own = _own_names(source.tree, package)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and len(node.args) > MAX_POSITIONAL and _is_own(node.func, own):
                name = ast.unparse(node.func)
                if name not in TABLE_ROWS and name.rpartition(".")[2] not in variadic:
                    places.append(Place(source.name, node.lineno, name, len(node.args)))
    return places


def _own_names(tree: ast.Module, package: str) -> set[str]:
    """Return the names that a file defines, or imports from the package; with `self`, whose methods count, too."""
    names = {"self", "cls"}
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package:
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def _is_own(function: ast.expr, own: set[str]) -> bool:
    """Return whether a call is of one of these names, or of an attribute of one, such as a class's method `of`."""
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id in own
    return isinstance(function, ast.Name) and function.id in own


def participles(sources: Sequence[Source]) -> list[Place]:
    """List the variables, arguments, attributes and functions whose name is one of PARTICIPLES."""
    places = []
    for source in sources:
        for node in ast.walk(source.tree):
            name = _defined_name(node)
            if name in PARTICIPLES:
                places.append(Place(source.name, getattr(node, "lineno", 0), name, 1))
    return places


def _defined_name(node: ast.AST) -> str:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, Function) else ""


def any_by_file(sources: Sequence[Source]) -> Counter[str]:
    """Count `Any` in each file, in lines without an import."""
    return Counter({source.name: count for source in sources if (count := sum(map(_anys, source.lines)))})


def _anys(line: str) -> int:
    return 0 if "import" in line else len(re.findall(r"\bAny\b", line))


def any_per_thousand_lines(sources: Sequence[Source]) -> float:
    """Return how often `Any` stands in a thousand lines."""
    return 1000 * any_by_file(sources).total() / total_lines(sources)


def total_lines(sources: Sequence[Source]) -> int:
    """Count all lines."""
    return sum(len(source.lines) for source in sources)


def comment_share(sources: Sequence[Source]) -> float:
    """Return the share of lines with a comment, one for a tool included."""
    return sum(map(comments, sources)) / total_lines(sources)


def comments(source: Source) -> int:
    """Count the comments in a file."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return sum(token.type == tokenize.COMMENT for token in tokens)


def longest(sources: Sequence[Source]) -> Source:
    """Return the longest file."""
    return max(sources, key=lambda source: len(source.lines))


def function_lengths(sources: Sequence[Source]) -> list[int]:
    """List the lines of each function, from `def` to its end."""
    return [(node.end_lineno or 0) - node.lineno + 1 for source in sources for node in source.functions]


def annotated_returns(sources: Sequence[Source]) -> float:
    """Return the share of functions whose return type is annotated."""
    functions = [node for source in sources for node in source.functions]
    return sum(node.returns is not None for node in functions) / len(functions)


def style_row(core: Sequence[Source], tests: Sequence[Source]) -> Mapping[str, str]:
    """Return the figures by the names of their columns."""
    lengths = function_lengths(core)
    files = [len(source.lines) for source in core]
    return {
        "files": str(len(core)),
        "median / largest file": f"{median(files):.0f} / {max(files)}",
        "median / p90 function": f"{median(lengths):.0f} / {quantiles(lengths, n=10)[-1]:.0f}",
        "returns annotated": f"{annotated_returns(core):.0%}",
        "test lines per source line": f"{total_lines(tests) / total_lines(core):.2f}",
        "Any per 1,000 lines": f"{any_per_thousand_lines(core):.1f}",
        "comments": f"{comment_share(core):.1%}",
    }


def main(root: Path = ROOT) -> None:
    """Print the figures of a checkout, and what stands out in each file."""
    core = read_sources(root / "core" / "vistry")
    row = style_row(core, read_sources(root / "tests"))
    print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|\n| " + " | ".join(row.values()) + " |")
    for title, places in (
        (f"more than {MAX_PARAMETERS} parameters", many_parameters(core)),
        (f"more than {MAX_POSITIONAL} positional arguments", many_positional(core)),
        ("participles", participles(core)),
    ):
        print(f"\n{title}: {len(places)}", *map(str, places), sep="\n  ")
    print("\nAny:", *(f"{count} {file}" for file, count in any_by_file(core).most_common()), sep="\n  ")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
