"""How large an agent is: parameters, gradient steps taken, and the bytes of everything it keeps.

Deterministic, so that it may stand in the log: a component that is resumed has the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch

from l2rl.agents.lifelong import LifelongAlgorithm

_NUMBER_BYTES: Final = 8


def footprint(agent: LifelongAlgorithm) -> dict[str, Any]:
    """What the end of a block says of the agent:

    `parameters`       numbers that its optimisers move (target networks and experts at rest are
                       in the bytes only)
    `gradient_steps`   taken so far, by phase of the update
    `state_bytes`      of `policy` (with target networks), `optimizers`, `learner` (its replay
                       buffer, as far as it is filled)
    `component_bytes`  of every component's state, by name
    """
    state = agent.exact_state()
    host = state["host"]
    return {
        "parameters": _parameters(agent),
        "gradient_steps": {n: int(updates) for n, updates in host["phase_updates"].items()},
        "state_bytes": {n: state_bytes(state[n]) for n in ("policy", "optimizers", "learner")},
        "component_bytes": {n: state_bytes(kept) for n, kept in host["components"].items()},
    }


def _parameters(agent: LifelongAlgorithm) -> int:
    """Each parameter once, though two phases may move it."""
    moved = {id(p): p for phase in agent.host.phases.values() for p in phase.parameters.values()}
    return sum(p.numel() for p in moved.values())


def state_bytes(value: Any) -> int:
    """Bytes of nested state: of tensors, arrays, bytes and text what they hold, 8 of a number;
    keys and containers weigh nothing."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, Mapping):
        return sum(state_bytes(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(state_bytes(item) for item in value)
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    return 0 if value is None else _NUMBER_BYTES
