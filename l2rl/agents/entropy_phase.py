"""The phase of a learned entropy weight, as SAC and its relatives have it."""

from __future__ import annotations

from typing import Any

from l2rl.engine.phase import Phase


def entropy_phase(agent: Any) -> dict[str, Phase]:
    """The phase `entropy`, or nothing where the weight is fixed."""
    if agent.ent_coef_optimizer is None:
        return {}
    return {
        "entropy": Phase(
            name="entropy",
            network=None,
            parameters={"log_ent_coef": agent.log_ent_coef},
            roles={"log_ent_coef": "temperature"},
            targets={},
            output_layers=frozenset(),
            optimizer=agent.ent_coef_optimizer,
        )
    }
