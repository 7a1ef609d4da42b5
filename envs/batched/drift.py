"""Gradual drift: quantities that move on a straight line as an environment lives. Compiled."""

from __future__ import annotations

from typing import Any

from .compiling import inner

Record = Any
"""Of an environment with the field `lived` (env steps); of rules with `drift_env_steps` (0: nothing
drifts), `drift_from` and `drift_to` (one number a quantity)."""


@inner
def share_of_drift(one: Record, rule: Record) -> float:
    """How far on its way everything is, from 0 to 1."""
    share = 0.0
    if rule.drift_env_steps > 0.0:
        share = min(one.lived / rule.drift_env_steps, 1.0)
    return share


@inner
def drifted(rule: Record, quantity: int, share: float) -> float:
    """One quantity, by its number, at a share of the way."""
    first, last = rule.drift_from[quantity], rule.drift_to[quantity]
    value: float = first + (last - first) * share
    return value
