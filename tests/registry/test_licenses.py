"""Licences of works that consist of two, by the grammar of SPDX."""

from __future__ import annotations

import pytest
from vistry.registry.licenses import license_of_both, licenses_in


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
    assert license_of_both(first, second) == both


def test_the_licences_in_an_expression() -> None:
    assert licenses_in("(MIT OR Apache-2.0) AND GPL-3.0-only") == {
        "(mit or apache-2.0) and gpl-3.0-only",
        "mit",
        "apache-2.0",
        "gpl-3.0-only",
    }
