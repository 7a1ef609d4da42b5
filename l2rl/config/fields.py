"""The building blocks of every model: a strict base, and numbers that forgive only YAML's quirks.

Values are taken as written: `"100"` is not a number and `1` is not a truth value. Two things are
forgiven, because they are what people write: `1e5` where a whole number is meant, and
`1e-3` that reached us as text.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SCIENTIFIC = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
WORDS_OF_TRUTH = {"yes": True, "on": True, "no": False, "off": False}


class Model(BaseModel):
    """Base of all configuration models: strict, closed, immutable, finite numbers only."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=False,
    )


def _number(value: Any) -> Any:
    if isinstance(value, str) and SCIENTIFIC.fullmatch(value):
        return float(value)
    return value


def _whole(value: Any) -> Any:
    value = _number(value)
    # Larger ones could be written into a run's configuration, but not read again.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _flag(value: Any) -> Any:
    return WORDS_OF_TRUTH.get(value.lower(), value) if isinstance(value, str) else value


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Flag = Annotated[bool, BeforeValidator(_flag)]

Positive = Annotated[Whole, Field(gt=0)]
"""A count of at least one."""
NonNegative = Annotated[Whole, Field(ge=0)]
"""A count, zero included."""
Fraction = Annotated[Number, Field(ge=0, le=1)]
"""Between 0 and 1, both included."""
PositiveNumber = Annotated[Number, Field(gt=0)]
NonNegativeNumber = Annotated[Number, Field(ge=0)]
NormLimit = Annotated[
    float,
    Field(gt=0, allow_inf_nan=True),
    BeforeValidator(_number),
]
"""A norm, > 0; `.inf` switches the clip off."""
