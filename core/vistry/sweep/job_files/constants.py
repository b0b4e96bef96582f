"""One value of a hyperparameter in a job file, and the words in which distributions are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vistry.errors import suggestion
from vistry.registry.field_spec import FieldSpec, Scalar, to_json
from vistry.sweep.job_files.document import Node, Remarks, shown, snake_case

RANGE = ("min_value", "max_value")
NORMAL = ("mu", "sigma")
KEYS = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": RANGE,
    "loguniform": RANGE,
    "quniform": (*RANGE, "q"),
    "qloguniform": (*RANGE, "q"),
    "normal": NORMAL,
    "lognormal": NORMAL,
    "qnormal": (*NORMAL, "q"),
    "qlognormal": (*NORMAL, "q"),
}
# As the product's first version and its Python wrote them.
_EXPRESSION = re.compile(rf"\s*({'|'.join(KEYS)})\s*\((.*)\)\s*", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Constant:
    """A value in its field's own type, as JSON holds it; None for unset."""

    value: Scalar | None


def kind_of(spec: FieldSpec) -> str:
    """What the values of a hyperparameter are: integer, number, or word, of which there are only choices."""
    if spec.type in ("integer", "number"):
        return spec.type
    is_whole = bool(spec.choices) and all(type(choice) is int for choice in spec.choices or ())
    return "integer" if spec.type == "choice" and is_whole else "word"


def constant_of(node: Node, spec: FieldSpec, remarks: Remarks) -> Constant | None:
    """A value that is written down, checked; None where it is refused."""
    value = node.value
    if isinstance(value, str) and (match := _EXPRESSION.fullmatch(value)):
        remarks.refuse(node, f"{value} is how an early version wrote distributions", example(match[1].lower()))
    elif isinstance(value, list):
        remarks.refuse(node, "is a list", "write {type: choice, values: [...]} in search_space")
    elif isinstance(value, dict):
        remarks.refuse(node, "is a mapping, and must be one value", "a distribution stands in search_space")
    elif value is None:
        remarks.refuse(node, f"is null, and must be {spec.rule}", "leave it out for its default")
    elif _freezes_nothing(spec, value):
        remarks.say(node, "0 leaves it unset, as in the product")
        return Constant(None)
    else:
        return _parsed(node, value, spec, remarks=remarks)
    return None


def takes(spec: FieldSpec, value: object) -> bool:
    """Whether a value is in a hyperparameter's range."""
    try:
        spec.parse(value)
    except ValueError:
        return False
    return True


def example(name: str) -> str:
    """What to write for a distribution."""
    values = {"values": "[1, 2]", "upper": "4", "min_value": "0.001", "max_value": "0.01", "q": "1"}
    logs = {"min_value": "-7", "max_value": "-3"} if "log" in name else {}
    moments = {"mu": "-5", "sigma": "0.5"} if "log" in name else {"mu": "0.01", "sigma": "0.001"}
    keys = ", ".join(f"{key}: {(values | moments | logs)[key]}" for key in KEYS[name])
    return f"write {{type: {name}, {keys}}}"


def _freezes_nothing(spec: FieldSpec, value: object) -> bool:
    return spec.maximum_from == "freeze" and not isinstance(value, bool) and str(value).strip() in ("0", "0.0")


def _parsed(node: Node, value: object, spec: FieldSpec, remarks: Remarks) -> Constant | None:
    # The product takes its own words in any case, and in camels.
    is_word = isinstance(value, str) and spec.type == "choice"
    for form in (value, snake_case(str(value)) if is_word else value):
        if takes(spec, form):
            return Constant(to_json(spec.parse(form)))
    near = suggestion(str(value), [str(choice) for choice in spec.choices or ()]) if is_word else ""
    remarks.refuse(node, f"{shown(node.value)} must be {spec.rule}", near if near.startswith("did you") else "")
    return None
