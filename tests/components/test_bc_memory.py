"""`consolidation.bc_memory`: stored answers never change; what is cloned; heads, masks, experts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.env_util import make_vec_env

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.capabilities import TASK_BOUNDARY
from l2rl.component import Component
from l2rl.components.consolidation.bc_memory import BehaviouralCloningMemory
from l2rl.state_codec import decode, encode
from l2rl.views import Head, TaskEvent
from tests.components.consolidation import (
    ACTING,
    END,
    KINDS,
    STEPS,
    answers,
    edit,
    live_block,
    lives_on_exactly,
    put,
    task,
    terms,
)
from tests.components.small_agents import (
    LABELS,
    bound,
    experience,
    hand_made_phase,
    parameters_of,
    same,
    small_agent,
)
from tests.support import masked_env  # noqa: F401 - registers the ids


def memory(**settings: Any) -> BehaviouralCloningMemory:
    settings = {"minimum_states": 4, "batch_size": 64, "states_per_task": 64, **settings}
    return BehaviouralCloningMemory(BehaviouralCloningMemory.Config(**settings))


def gaussian(
    parameters: Any, observations: torch.Tensor, actions: Any = None, beliefs: Any = None
) -> dict[str, Head]:
    """Means theta times the state, of scale 1/2."""
    mean = parameters["theta"] * observations
    return {"action": Head("gaussian", "acting", mean, torch.full_like(mean, 0.5))}


def begun(**settings: Any) -> tuple[Any, BehaviouralCloningMemory]:
    phase = hand_made_phase(gaussian, theta=[1.0, 2.0])
    component = memory(**settings)
    bound(component, phase, TASK_BOUNDARY)
    return phase, component


def finish_task(
    component: BehaviouralCloningMemory, state: float, belief: int = 0, label: str | None = None
) -> None:
    component.on_transitions(replace(experience([[state]] * 6), belief=belief))
    component.on_task_end(TaskEvent(index=0, env_steps=0, label=label))


# ---- the term --------------------------------------------------------------------------------


def test_it_is_strength_times_kl_of_the_stored_answer_to_the_one_now() -> None:
    phase, component = begun(strength=10.0)
    assert terms(component, phase) == {}
    finish_task(component, 2.0)
    assert float(terms(component, phase)["cloning"].detach()) == pytest.approx(0.0, abs=1e-6)
    put(phase, 1.5, 2.0)
    # Means apart by 0.5 * 2, both of scale 1/2: KL = 1 / (2 * 0.25).
    term = terms(component, phase)["cloning"]
    assert float(term.detach()) == pytest.approx(10 * 2.0)
    (gradient,) = torch.autograd.grad(term, [phase.parameters["theta"]])
    assert gradient.tolist() == pytest.approx([10 * (1.0 / 0.25) * 2.0, 0.0])


def test_stored_answers_never_change() -> None:
    phase, component = begun()
    finish_task(component, 2.0)
    first = component._tasks.read("values").copy()
    put(phase, -4.0, 9.0)
    finish_task(component, 5.0, belief=1)
    component.on_network_edited(edit(phase, 0.0, 0.0))
    assert np.array_equal(component._tasks.read("values")[:6], first)
    assert component._tasks.read("values")[6:].tolist() == [[-20.0, 45.0]] * 6


def test_tasks_are_known_by_label_or_else_by_context() -> None:
    _, component = begun()
    finish_task(component, 1.0, belief=0, label="a")
    finish_task(component, 2.0, belief=1, label="b")
    finish_task(component, 3.0, belief=2, label="a")
    assert component._tasks.counts == {"b": 6, "a": 6}
    assert set(component._tasks.read("observations").ravel()) == {2.0, 3.0}
    _, component = begun()
    finish_task(component, 1.0, belief=0)
    finish_task(component, 2.0, belief=1)
    finish_task(component, 3.0, belief=2)
    assert len(component._tasks.counts) == 3


def test_every_state_is_as_likely_in_a_batch() -> None:
    _, component = begun(batch_size=3000)
    for belief in range(3):
        finish_task(component, float(belief), belief)
    rows = component.term_tensors("q")
    assert rows is not None
    counts = torch.bincount(rows["belief"], minlength=3) / 3000
    assert counts.tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    again = component.term_tensors("q")
    assert again is not None
    assert not torch.equal(rows["belief"], again["belief"])


def test_each_expert_clones_its_own_answers() -> None:
    phase, component = begun(strength=1.0)
    finish_task(component, 2.0)
    component.on_network_edited(edit(phase, 9.0, 9.0, sets=(0, 1)))
    assert component.term_tensors("q") is None
    finish_task(component, 1.0, belief=1)
    stored = decode(*encode(component.state_dict()))
    again = memory(strength=1.0)
    bound(again, phase, TASK_BOUNDARY)
    again.load_state_dict(stored)
    for each in (component, again):
        each.on_network_edited(edit(phase, 1.0, 2.0, sets=(1, 0)))
        assert float(terms(each, phase)["cloning"].detach()) == pytest.approx(0.0, abs=1e-6)
        each.on_network_edited(edit(phase, 9.0, 9.0, sets=(0, 1)))
        assert float(terms(each, phase)["cloning"].detach()) == pytest.approx(0.0, abs=1e-5)


# ---- in running agents -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_answers_are_those_of_the_network_that_learned_the_task(kind: str) -> None:
    component = memory(strength=1.0)
    agent = small_agent(kind, component)
    agent.start_task(0, "a")
    agent.learn(STEPS[kind])
    agent.end_task(0, "a")
    phase = agent._phases[ACTING[kind]]
    rows = component._tasks
    states = torch.as_tensor(rows.read("observations"))
    with torch.no_grad():
        heads = phase.heads(phase.parameters, states)
    head = next(h for h in heads.values() if h.role == "acting")
    assert np.allclose(head.values.numpy(), rows.read("values"), atol=1e-5)
    if head.scale is not None:
        assert np.allclose(head.scale.numpy(), rows.read("scale"), atol=1e-5)
    kept = rows.read("values").copy()
    live_block(agent, kind, 1)
    assert np.array_equal(rows.read("values")[: len(kept)], kept)


def test_critics_are_untouched() -> None:
    component = memory()
    agent = small_agent("sac", component)
    agent.learn(50)
    agent.end_task(0, "a")
    phases = agent._phases
    assert [n for n in phases if component.term_tensors(n) is not None] == ["actor"]
    for kind in ("ppo", "ppo-box"):
        other = memory()
        agent = small_agent(kind, other)
        agent.learn(STEPS[kind])
        agent.end_task(0, "a")
        agent.learn(STEPS[kind], reset_num_timesteps=False)
        phase = agent._phases["policy"]
        term = terms(other, phase)["cloning"]
        gradients = torch.autograd.grad(term, list(phase.parameters.values()), allow_unused=True)
        for name, gradient in zip(phase.parameters, gradients, strict=True):
            assert phase.roles[name] == "acting" or gradient is None


def consolidated(kind: str, *components: Component) -> Any:
    agent = small_agent(kind, *components)
    agent.learn(STEPS[kind] // 2)
    agent.end_task(0, "a")
    return agent.learn(STEPS[kind] // 2, reset_num_timesteps=False)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_as_if_it_were_not_there(kind: str) -> None:
    assert same(consolidated(kind, memory(strength=0)), consolidated(kind))


@pytest.mark.parametrize("kind", ["ppo", "dqn"])
def test_a_huge_strength_keeps_old_answers_while_a_new_head_learns(kind: str) -> None:
    moved = {}
    for strength in (0.0, 1e4):
        agent = small_agent(kind, memory(strength=strength), multi_head=True, learning_rate=1e-3)
        live_block(agent, kind, 0)
        before, born = answers(agent, kind), parameters_of(agent)
        live_block(agent, kind, 1)
        moved[strength] = float((answers(agent, kind) - before).abs().max())
        new = [n for n in born if n.startswith(ACTING[kind]) and "heads.1" in n]
        now = parameters_of(agent)
        assert any(not torch.equal(now[n], born[n]) for n in new)
    assert moved[1e4] < 0.1
    assert moved[1e4] < 0.5 * moved[0.0]


@pytest.mark.parametrize("learner", ["ppo", "dqn"])
def test_under_masks_only_valid_actions_are_cloned(learner: str) -> None:
    component = memory()
    env = make_vec_env("l2rl-test/ShownMasks-method-v0", 2, seed=1)
    common: dict[str, Any] = {
        "components": [component],
        "surroundings": LABELS,
        "action_masks": True,
        "seed": 0,
        "device": "cpu",
    }
    if learner == "ppo":
        agent: Any = LifelongPPO("MlpPolicy", env, n_steps=32, batch_size=32, **common)
    else:
        agent = LifelongDQN("MlpPolicy", env, learning_starts=10, **common)
    agent.learn(64)
    agent.end_task(0, "a")
    rows = component._tasks
    assert np.array_equal(rows.read("action_masks"), rows.read("observations") > 0)
    phase = agent._phases[ACTING[learner]]
    tensors = component.term_tensors(phase.name)
    assert tensors is not None
    with torch.no_grad():
        for parameter in phase.parameters.values():
            parameter.add_(0.05)
    term = float(terms(component, phase)["cloning"].detach())
    assert term > 0
    rows.read("values")[~rows.read("action_masks")] += 1000.0
    component.rng.numpy = np.random.default_rng(0)
    perturbed = float(terms(component, phase)["cloning"].detach())
    rows.read("values")[~rows.read("action_masks")] -= 1000.0
    component.rng.numpy = np.random.default_rng(0)
    assert perturbed == pytest.approx(float(terms(component, phase)["cloning"].detach()), rel=1e-4)
    agent.learn(64, reset_num_timesteps=False)


def test_looking_at_old_heads_keeps_none_of_them_from_being_idle() -> None:
    component = memory(strength=1.0)
    agent = small_agent("dqn", component, multi_head=True)
    agent.start_task(0, "a")
    agent.enter_env(task("dqn", 0))
    agent.learn(STEPS["dqn"])
    agent.end_task(0, "a")
    assert agent.task_heads._asked == set()
    agent.start_task(1, "b")
    terms(component, agent._phases["q"])
    assert agent.task_heads._asked == {0}


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_its_state_lives_on_exactly(kind: str) -> None:
    lives_on_exactly(kind, lambda: memory(strength=1.0))


def test_its_state_lives_on_exactly_with_a_head_a_task() -> None:
    lives_on_exactly("dqn", lambda: memory(strength=1.0), multi_head=True)


def test_end_of_a_short_period_is_skipped() -> None:
    _, component = begun(minimum_states=7)
    finish_task(component, 1.0)
    component.on_task_end(END)
    assert component.term_tensors("q") is None
