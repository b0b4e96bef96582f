"""The factors on the learning rate of single parameters, such as a lower one for a pretrained backbone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vistry.registry.plugin_code import WrongAnswerError


def check_prefixes(factors: Mapping[str, float], parameters: Collection[str]) -> None:
    """Raise WrongAnswerError if a prefix with a factor begins the name of none of the `parameters`."""
    for prefix in factors:
        if not any(name.startswith(prefix) for name in parameters):
            first = ", ".join(sorted(parameters)[:3])
            raise WrongAnswerError(
                f"has the prefix '{prefix}', which matches no parameter; the first names are {first}; "
                "correct how the names begin"
            )


def rate_factors(factors: Mapping[str, float], parameters: Collection[str]) -> dict[str, float]:
    """Return the factor of each parameter: that of the longest prefix of its name, 1 where there is none."""
    longest_first = sorted(factors, key=len, reverse=True)
    return {
        name: float(next((factors[prefix] for prefix in longest_first if name.startswith(prefix)), 1.0))
        for name in parameters
    }
