"""What a gradient step costs more than a plain one, measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from l2rl.component import Component
from l2rl.testing.agents import small_agent
from l2rl.testing.life import TASK_ENV_STEPS, VISITS
from l2rl.testing.lives import lived
from l2rl.testing.registry import check
from l2rl.testing.report import Finding
from l2rl.testing.subject import Subject, Way

_BATCH: Final = 64
_LAYERS: Final = (64, 64)
_STEPS: Final = 30
_ROUNDS: Final = 3
_EXCESS: Final = 3.0
"""Machines differ: only so many times the declared budget is a failure."""


@check("cost", "A gradient step costs no more than declared", slow=True)
def cost(subject: Subject) -> Iterator[Finding]:
    budget = subject.cls.budget_ms_per_step
    measured = {}
    for kind, _ in lived(subject):
        if kind == "ppo-box":
            continue
        with_it, without = step_ms(subject, kind)
        measured[kind] = (with_it, without)
        excess = with_it - without
        if budget is not None and excess > _EXCESS * budget:
            yield Finding(
                f"a gradient step costs at most {budget} ms more (budget_ms_per_step)",
                f"{excess:.2f} ms more than {without:.2f} ms, on 64x64 and batch {_BATCH}",
                "no loops over parameters in the hooks of a step: one flat tensor; measure "
                "seldom; or declare what it costs",
                kind,
            )
    subject.memory["cost"] = measured


def step_ms(subject: Subject, kind: str) -> tuple[float, float]:
    """Milliseconds of one update of all phases with and without the component: the least of
    several rounds of each, taken in turn."""
    agents = [_agent(subject, kind, [subject.fresh()]), _agent(subject, kind, [])]
    rounds: list[list[float]] = [[], []]
    for _ in range(_ROUNDS):
        for agent, times in zip(agents, rounds, strict=True):
            times.append(_train_ms(agent))
    return min(rounds[0]), min(rounds[1])


def _agent(subject: Subject, kind: str, own: list[Component]) -> Any:
    way: Way = subject.usual_way(kind)
    script = [(i * TASK_ENV_STEPS, task) for i, task in enumerate(VISITS)]
    settings: dict[str, Any] = {"batch_size": _BATCH}
    settings["policy_kwargs"] = {"net_arch": list(_LAYERS)}
    agent = small_agent(
        kind,
        *own,
        *subject.companions(way, script),
        surroundings=way.surroundings(("a", "b")),
        **settings,
    )
    agent.start_task(0, "a")
    agent.learn(256 if way.learner == "ppo" else 160)
    agent.end_task(0, "a")
    agent.start_task(1, "b")
    return agent


def _train_ms(agent: Any) -> float:
    """Mean of one update of all phases, of as many as make a round."""
    phase = next(reversed(agent._phases.values()))
    updates = int(phase.updates)
    start = time.perf_counter()
    if hasattr(agent, "train_on_replay"):
        agent.train_on_replay(_STEPS)
    else:
        agent.train()
    elapsed_ms = 1000 * (time.perf_counter() - start)
    return elapsed_ms / max(int(phase.updates) - updates, 1)
