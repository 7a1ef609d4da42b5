"""Two small tasks in turn, hand-made losses and edits: for tests of what holds on to the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.env_util import make_vec_env

from l2rl.component import Component
from l2rl.composition import Composition
from l2rl.engine.edits import apply_edit
from l2rl.engine.phase import Phase
from l2rl.engine.step import OwnLoss, StepHooks, gradient_step
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import decode, encode
from l2rl.views import LossView, NetworkEdit, TaskEvent
from tests.components.small_agents import ACTIONS, Guess, parameters_of, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")
STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 120, "sac": 50}
ACTING = {"ppo": "policy", "ppo-box": "policy", "dqn": "q", "sac": "actor"}
END = TaskEvent(index=0, env_steps=0, label=None)


class SignedGuess(Guess):
    """`Guess` that shows which of two tasks it is, and in the second one wants the opposite."""

    def __init__(self, action_space: Any, sign: float) -> None:
        super().__init__(action_space)
        self.sign = sign

    def _observe(self) -> np.ndarray:
        super()._observe()
        self.seen[3] = self.sign
        return self.seen

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, ended, cut, info = super().step(action)
        return observation, self.sign * reward, ended, cut, info


def task(kind: str, number: int) -> Any:
    """Environments of the first (0) or second (1) task, always from the same seed."""
    sign = 1.0 - 2.0 * number
    return make_vec_env(lambda: SignedGuess(ACTIONS[kind], sign), 2, seed=5 + number)


def old_states() -> torch.Tensor:
    """States of the first task, (200, 4)."""
    states = torch.randn(200, 4, generator=torch.Generator().manual_seed(1))
    states[:, 3] = 1.0
    return states


def live_block(agent: Any, kind: str, number: int, label: str = "") -> None:
    """One whole learning block."""
    label = label or "ab"[number]
    agent.start_task(number, label)
    agent.enter_env(task(kind, number))
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    agent.end_task(number, label)


def answers(agent: Any, kind: str) -> torch.Tensor:
    """What the acting network says on the first task's states, each row a distribution's
    parameters: centred logits, means and log scales, or values."""
    phase = agent._phases[ACTING[kind]]
    with torch.no_grad():
        heads = phase.heads(phase.parameters, old_states(), None, torch.zeros(200).long())
    head = next(h for h in heads.values() if h.role == "acting")
    values: torch.Tensor = head.values
    if head.kind == "categorical":
        return torch.log_softmax(values, dim=1)
    return values if head.scale is None else torch.cat([values, head.scale.log()], dim=1)


def forgetting(kind: str, *components: Component, **settings: Any) -> float:
    """How far the answers on the first task moved in the second: root mean square."""
    agent = small_agent(kind, *components, **settings)
    live_block(agent, kind, 0)
    before = answers(agent, kind)
    live_block(agent, kind, 1)
    return float((answers(agent, kind) - before).square().mean().sqrt())


def lives_on_exactly(kind: str, make: Callable[[], Component], **settings: Any) -> None:
    """A state taken in the second task makes a new agent do what the first one does."""

    def born() -> Any:
        agent = small_agent(kind, make(), **settings)
        agent._setup_learn(1000)
        return agent

    one = born()
    live_block(one, kind, 0)
    one.start_task(1, "b")
    one.enter_env(task(kind, 1))
    one.learn(STEPS[kind] // 2, reset_num_timesteps=False)
    stored = decode(*encode(one.exact_state()))
    other = born()
    other.load_exact_state(stored)
    generators = global_generator_states()
    ends = []
    for agent in (one, other):
        restore_global_generators(generators)
        agent.enter_env(task(kind, 1))
        agent.learn(STEPS[kind], reset_num_timesteps=False)
        agent.end_task(1, "b")
        live_block(agent, kind, 0)
        ends.append(encode(agent.host.state_dict())[0])
    ours, theirs = parameters_of(one), parameters_of(other)
    assert all(torch.equal(ours[n], theirs[n]) for n in ours)
    assert ends[0] == ends[1]
    one_is, other_is = (a.host.composition.components[0].metrics() for a in (one, other))
    assert one_is == other_is


# ---- by hand ---------------------------------------------------------------------------------


def put(phase: Phase, *values: float, name: str = "theta") -> None:
    """New values for a parameter, unseen by anybody."""
    with torch.no_grad():
        phase.parameters[name].copy_(torch.tensor(values))


def edit(phase: Phase, *values: float, sets: tuple[int, int] | None = None) -> NetworkEdit:
    """The applied edit of `theta`."""
    proposed = NetworkEdit("test", {"q": {"theta": torch.tensor(values)}}, parameter_set=sets)
    return apply_edit({"q": phase}, proposed)


def terms(
    component: Component, phase: Phase, batch: Mapping[str, Any] | None = None
) -> dict[str, torch.Tensor]:
    """A component's loss terms as they are now; none where it has nothing to say."""
    tensors = component.term_tensors(phase.name)
    if tensors is None:
        return {}
    view = LossView(phase.name, phase.parameters, dict(batch or {}), tensors, phase.heads)
    return dict(component.loss_terms(view))


def penalty(component: Component, phase: Phase) -> float:
    """The value of the term `penalty`."""
    return float(terms(component, phase)["penalty"].detach())


def descend(
    phase: Phase,
    component: Component,
    loss: Callable[[torch.Tensor], torch.Tensor],
    steps: int,
    *offered: str,
    own: bool = True,
) -> None:
    """Gradient steps on a loss of `theta`, with the component's share in them."""
    hooks = StepHooks.of(Composition([component], learner="dqn", offered=frozenset(offered)))
    for _ in range(steps):
        value = loss(phase.parameters["theta"])
        gradient_step(phase, value, {}, hooks, env_steps=0, own=OwnLoss() if own else None)
