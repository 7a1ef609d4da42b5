"""Parameters of tasks: meaning, range, default, and errors that say the way out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One parameter: `check` returns the clean value or raises `ValueError` with the range."""

    default: Any
    meaning: str
    check: Callable[[Any], Any]

    @property
    def line(self) -> str:
        """One line for a user: meaning, range, default."""
        return f"{self.meaning}; default {self.default}"


def is_number(value: Any) -> bool:
    """Whether it is a number and not true or false."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def integer(low: int, high: int) -> Callable[[Any], int]:
    """A check for a whole number in [low, high]."""

    def check(value: Any) -> int:
        if not is_number(value) or value % 1 != 0 or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return check


def number(low: float, high: float) -> Callable[[Any], float]:
    """A check for a number in [low, high]."""

    def check(value: Any) -> float:
        if not is_number(value) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def choice(*options: Any) -> Callable[[Any], Any]:
    """A check for one of the options, of the same type."""

    def check(value: Any) -> Any:
        for option in options:
            if type(value) is type(option) and value == option:
                return option
        raise ValueError("one of " + ", ".join(map(str, options)))

    return check


def yes_or_no(value: Any) -> bool:
    """Check true or false."""
    return bool(choice(False, True)(value))


def drift_of(
    quantities: Mapping[str, Callable[[Any], float]],
) -> Callable[[Any], dict[str, Any] | None]:
    """A check for None or `{over_env_steps: N, quantity: [first, last], ...}`; `quantities` are
    those that may drift, with the check of their values."""
    text = (
        "none, or {over_env_steps: N, ...} and at least one of "
        f"{', '.join(quantities)} as [first, last]"
    )

    def check(value: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        if not isinstance(value, Mapping) or set(value) - {"over_env_steps", *quantities}:
            raise ValueError(text)
        moving = {name: pair for name, pair in value.items() if name != "over_env_steps"}
        if not moving or "over_env_steps" not in value:
            raise ValueError(text)
        checked: dict[str, Any] = {"over_env_steps": integer(1, 10**12)(value["over_env_steps"])}
        for name, pair in moving.items():
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise ValueError(f"{text}; {name} is not a pair")
            try:
                checked[name] = tuple(quantities[name](one) for one in pair)
            except ValueError as error:
                raise ValueError(f"made of values of {name} that are each {error}") from None
        return checked

    return check


def nearest_name(name: str, known: Mapping[str, Any]) -> str:
    """` (did you mean 'x'?)`, or nothing when no name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def resolve(
    address: str, known: Mapping[str, Parameter], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Every parameter of a task (`minigames/MoveToBeacon`) with its checked value.

    Raises `ValueError`.
    """
    for name in given:
        if name not in known:
            hint = nearest_name(name, known)
            raise ValueError(
                f"{address} has no parameter {name!r}{hint}; it has {', '.join(known)}"
            )
    values = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        try:
            values[name] = parameter.check(value)
        except ValueError as error:
            raise ValueError(
                f"{address}: {name} = {value!r} is not possible; it must be {error}"
            ) from None
    return values
