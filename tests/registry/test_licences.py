"""What a licence expression names, and who can use what is under it."""

from __future__ import annotations

import pytest
from vistry.registry.licences import is_met, licence_of_both, licences_in

EXPRESSIONS = {
    "MIT": ["MIT"],
    "Apache-2.0 AND GPL-3.0-only": ["Apache-2.0", "GPL-3.0-only"],
    "MIT OR Apache-2.0": ["MIT", "Apache-2.0"],
    "(MIT OR Apache-2.0) AND GPL-3.0-only": ["MIT", "Apache-2.0", "GPL-3.0-only"],
    "MIT OR Apache-2.0 AND GPL-3.0-only": ["MIT", "Apache-2.0", "GPL-3.0-only"],
    "MIT AND (Apache-2.0 OR (0BSD AND ISC))": ["MIT", "Apache-2.0", "0BSD", "ISC"],
    "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT": ["GPL-2.0-only WITH Classpath-exception-2.0", "MIT"],
    "MIT AND MIT": ["MIT"],
    "Our own licence": ["Our own licence"],
}


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS.items())
def test_the_licences_in_an_expression(expression: str, expected: list[str]) -> None:
    assert list(licences_in(expression)) == expected


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_met_as_pythons_own_and_and_or_say(expression: str) -> None:
    """Each expression under every choice of accepted licences, against Python's evaluation of it."""
    names = EXPRESSIONS[expression]
    code = expression
    for number, name in sorted(enumerate(names), key=lambda pair: -len(pair[1])):
        code = code.replace(name, f"v[{number}]")
    code = code.replace("AND", "and").replace("OR", "or")
    for choice in range(2 ** len(names)):
        values = [bool(choice >> number & 1) for number in range(len(names))]
        accepted = {name for name, value in zip(names, values, strict=True) if value}
        assert is_met(expression, accepted.__contains__) == eval(code, {"v": values}), (expression, accepted)


@pytest.mark.parametrize("text", ["MIT (expat)", "MIT )", "(MIT", "", "MIT AND", "AND"])
def test_what_is_no_expression_is_met_only_as_a_whole(text: str) -> None:
    assert not is_met(text, {"MIT", "expat"}.__contains__)
    assert is_met(text, {text}.__contains__)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("MIT", "MIT", "MIT"),
        ("Apache-2.0", "GPL-3.0-only", "Apache-2.0 AND GPL-3.0-only"),
        ("Apache-2.0 AND MIT", "MIT", "Apache-2.0 AND MIT"),
        ("MIT OR Apache-2.0", "GPL-3.0-only", "(MIT OR Apache-2.0) AND GPL-3.0-only"),
        ("(MIT OR Apache-2.0)", "MIT OR Apache-2.0", "(MIT OR Apache-2.0)"),
        ("Apache-2.0 WITH LLVM-exception", "MIT", "Apache-2.0 WITH LLVM-exception AND MIT"),
    ],
)
def test_the_licence_of_both(first: str, second: str, both: str) -> None:
    assert licence_of_both(first, second) == both
