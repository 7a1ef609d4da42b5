"""Small agents on a toy task, as `l2rl.testing.agents` has them for everybody."""

from __future__ import annotations

from l2rl.testing.agents import (
    ACTIONS,
    LABELS,
    SETTINGS,
    Guess,
    bound,
    experience,
    hand_made_phase,
    parameters_of,
    same,
    small_agent,
)

__all__ = [
    "ACTIONS",
    "LABELS",
    "SETTINGS",
    "Guess",
    "bound",
    "experience",
    "hand_made_phase",
    "parameters_of",
    "same",
    "small_agent",
]
