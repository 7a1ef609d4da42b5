"""`experts.tame`: the selector's choice, and experts that rest with exactly the zeros asked for."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.components.distillation import distance
from l2rl.components.experts.pool import ExpertPool, ExpertPoolConfig
from l2rl.components.experts.pruning import largest
from l2rl.components.experts.selector import Selector
from l2rl.components.experts.tame import Tame, TameConfig
from l2rl.components.exploration.old_skills import OldSkills, OldSkillsConfig
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import decode, encode
from l2rl.views import ActView
from tests.components.small_agents import parameters_of, same, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")
STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 100, "sac": 50}
ACTING = {"ppo": "policy", "ppo-box": "policy", "dqn": "q", "sac": "actor"}


def tame(**settings: Any) -> Tame:
    defaults = {"prune_updates": 5, "prune_minimum_states": 32, "selector_updates": 40}
    return Tame(TameConfig(**{**defaults, **settings}))


def agent_of(kind: str, *components: Component, visibility: Any = "labels", **settings: Any) -> Any:
    seen = Surroundings(visibility=visibility, labels=("t1", "t2", "t3", "t4"))
    return small_agent(kind, *components, surroundings=seen, **settings)


def learn(agent: Any, index: int, label: str, kind: str) -> None:
    agent.start_task(index, label)
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    agent.end_task(index, label)


# ---- pruning ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "zeros"), [(0.0, 0), (0.5, 25), (0.98, 49), (0.33, 17)])
def test_exactly_the_share_asked_for_is_pruned(share: float, zeros: int) -> None:
    weights = torch.randn(5, 10, generator=torch.Generator().manual_seed(0))
    kept = largest(weights, share)
    assert int((~kept).sum()) == zeros
    if zeros:
        assert float(weights[~kept].abs().max()) <= float(weights[kept].abs().min())
    assert int((~largest(torch.zeros(5, 10), share)).sum()) == zeros


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_an_expert_rests_with_exactly_these_zeros(kind: str, share: float) -> None:
    component = tame(prune_share=share)
    agent = agent_of(kind, component)
    learn(agent, 0, "t1", kind)
    whole = parameters_of(agent)
    agent.start_task(1, "t2")
    state, roles = component.resting["0"], agent._phases[ACTING[kind]].roles
    for name, value in state["parameters"][ACTING[kind]].items():
        before = whole[f"{ACTING[kind]}/{name}"]
        if roles[name] != "acting":
            assert torch.equal(value, before)
        elif value.dim() > 1:
            assert int((value == 0).sum()) == int(value.numel() * share + 0.5)
            moments = state["optimizer"][ACTING[kind]][name]["exp_avg"]
            assert float(moments[value == 0].abs().sum()) == 0.0
            assert not torch.equal(value[value != 0], before[value != 0])
    for name, value in state["targets"].get("q", {}).items():
        assert torch.equal(value, state["parameters"]["q"][name])
    expected = sum(int(v.numel() * share + 0.5) for v in _weights(component, kind))
    total = sum(v.numel() for v in _weights(component, kind))
    assert component.metrics()["nonzero_share"] == pytest.approx(1 - expected / total)


def _weights(component: Tame, kind: str) -> list[torch.Tensor]:
    roles = component.agent.phases[ACTING[kind]].roles
    values = component.resting["0"]["parameters"][ACTING[kind]]
    return [v for n, v in values.items() if roles[n] == "acting" and v.dim() > 1]


@pytest.mark.parametrize("kind", KINDS)
def test_teaching_brings_a_pruned_expert_nearer_to_what_it_said(kind: str) -> None:
    def gap(updates: int) -> float:
        component = tame(prune_share=0.6, prune_updates=updates)
        agent = agent_of(kind, component)
        learn(agent, 0, "t1", kind)
        phase = agent._phases[ACTING[kind]]
        states = torch.as_tensor(component.samples["0"].read("observations").copy())
        live = {name: p.detach().clone() for name, p in phase.parameters.items()}
        agent.start_task(1, "t2")
        with torch.no_grad():
            before = phase.heads(live, states)
            now = phase.heads(component.resting["0"]["parameters"][ACTING[kind]], states)
        return float(distance(before, now, ("acting",)).mean())

    assert gap(200) < 0.6 * gap(0)


def test_zeros_stay_in_evaluations_and_may_grow_when_the_task_returns() -> None:
    component = tame(prune_share=0.75)
    agent = agent_of("dqn", component)
    learn(agent, 0, "t1", "dqn")
    learn(agent, 1, "t2", "dqn")
    resting = copy.deepcopy(component.resting["0"]["parameters"]["q"])
    with agent.evaluating(0, "t1"):
        assert all(torch.equal(p, resting[n]) for n, p in agent._phases["q"].parameters.items())
    agent.start_task(2, "t1")
    assert all(torch.equal(p, resting[n]) for n, p in agent._phases["q"].parameters.items())
    agent.learn(60, reset_num_timesteps=False)
    weights = [p for p in agent._phases["q"].parameters.values() if p.dim() > 1]
    assert all(int((w == 0).sum()) < 0.75 * w.numel() for w in weights)
    agent.end_task(2, "t1")
    agent.start_task(3, "t2")
    assert all(
        int((v == 0).sum()) == int(v.numel() * 0.75 + 0.5) for v in _weights(component, "dqn")
    )


def test_an_expert_nobody_has_seen_enough_of_rests_as_it_is() -> None:
    component = tame(prune_minimum_states=200)
    agent = agent_of("dqn", component)
    learn(agent, 0, "t1", "dqn")
    before = parameters_of(agent)
    agent.start_task(1, "t2")
    resting = component.resting["0"]["parameters"]["q"]
    assert all(torch.equal(before[f"q/{n}"], v) for n, v in resting.items())


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_without_pruning_it_is_the_pool_bit_for_bit(kind: str) -> None:
    def lived(component: Component) -> Any:
        agent = agent_of(kind, component)
        for index, label in enumerate(("t1", "t2", "t1")):
            learn(agent, index, label, kind)
        return agent

    assert same(lived(tame(prune_share=0.0)), lived(ExpertPool(ExpertPoolConfig())))


# ---- the selector ----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_separable_inputs_are_all_told_apart(share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    samples = {
        expert: torch.randn(200, 6, generator=generator) + 6.0 * centre
        for expert, centre in zip((0, 2, 5), torch.eye(6)[:3] - 0.5, strict=True)
    }
    selector = Selector(32, share)
    selector.train(samples, updates=200, batch_size=128, learning_rate=0.1, generator=generator)
    for number, observations in enumerate(samples.values()):
        answers = selector.log_probabilities(observations.numpy()).argmax(1)
        assert (answers == number).mean() == 1.0
    assert selector.experts == [0, 2, 5]
    zeros = int((selector.tensors["hidden"] == 0).sum())
    assert zeros == int(32 * 6 * share + 0.5)


def test_the_stream_t1_t2_t3_t2_t4_ends_with_four_experts_and_returns_to_the_second() -> None:
    component = tame()
    agent = agent_of("dqn", component)
    used = []
    for index, label in enumerate(("t1", "t2", "t3", "t2", "t4")):
        learn(agent, index, label, "dqn")
        used.append(component.active)
    assert used == [0, 1, 2, 1, 3]
    assert component.count == 4
    assert component.metrics()["nonzero_share"] == pytest.approx(0.1, abs=0.02)
    assert component.metrics()["resting_mb"] > 0


def shown(component: Tame, observations: np.ndarray, memory: dict[str, Any]) -> list[Any]:
    lent: list[Any] = []
    component.choose_expert(ActView(observations, 0, None, lent.append, memory))
    return lent


def test_the_selector_lends_the_expert_that_knows_the_observations() -> None:
    component = tame(selector="always", selector_updates=200)
    agent = agent_of("dqn", component)
    for index, label in enumerate(("t1", "t2")):
        agent.start_task(index, label)
        agent.learn(100, reset_num_timesteps=False)
        rows = component.samples[str(index)]._rows["observations"]
        rows += 20.0 * index  # as if the tasks looked different
        agent.end_task(index, label)
    memory: dict[str, Any] = {}
    assert component.active == 1
    assert shown(component, np.full((2, 4), 20.0, np.float32), memory) == []
    resting = component.resting["0"]["parameters"]
    alone: dict[str, Any] = {}
    assert shown(component, np.zeros((2, 4), np.float32), alone)[0] is resting
    for _ in range(9):
        shown(component, np.zeros((2, 4), np.float32), memory)
    assert memory["expert"] == 0
    back = [shown(component, np.full((2, 4), 20.0, np.float32), memory) for _ in range(30)]
    lent = [values for step in back for values in step]
    assert memory["expert"] == 1
    assert torch.equal(lent[-1]["q"]["q_net.0.bias"], agent._phases["q"].parameters["q_net.0.bias"])


def test_the_selector_is_asked_where_nobody_else_chooses() -> None:
    cases = {
        ("labels", "auto"): False,
        ("boundaries", "auto"): True,
        ("labels", "always"): True,
        ("boundaries", "never"): False,
    }
    for (visibility, selector), expected in cases.items():
        component = tame(selector=selector)
        agent_of("dqn", component, visibility=visibility)
        assert component.selecting is expected


def test_the_selector_learns_within_a_task_too() -> None:
    component = tame(selector_interval_env_steps=60)
    agent = agent_of("dqn", component, visibility="boundaries")
    agent.start_task(0, "t1")
    agent.learn(56, reset_num_timesteps=False)
    assert component._selector.experts == []
    agent.learn(8, reset_num_timesteps=False)
    assert component._selector.experts == [0]


# ---- composition and state -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_state_round_trip_in_mid_task(kind: str) -> None:
    agent = agent_of(kind, tame(selector="always"))
    learn(agent, 0, "t1", kind)
    agent.start_task(1, "t2")
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    state = decode(*encode(copy.deepcopy(agent.exact_state())))
    generators = global_generator_states()
    again = agent_of(kind, tame(selector="always"))
    again.load_exact_state(state)
    restore_global_generators(generators)
    for one in (agent, again):
        one.end_task(1, "t2")
        one.start_task(2, "t1")
    assert same(agent, again)
    ours, theirs = (encode(a.host.composition.components[0].state_dict()) for a in (agent, again))
    assert ours[0] == theirs[0]
    assert all(torch.equal(ours[1][key], theirs[1][key]) for key in ours[1])


def test_pruned_experts_at_rest_are_old_skills() -> None:
    settings = {"exploration_env_steps": 40, "minimum_env_steps": 0}
    skills, experts = OldSkills(OldSkillsConfig(**settings)), tame()
    agent = agent_of("sac", skills, experts)
    learn(agent, 0, "t1", "sac")
    agent.start_task(1, "t2")
    assert skills._candidates()["0"]["actor"] is experts.resting["0"]["parameters"]["actor"]
    agent.learn(60, reset_num_timesteps=False)
    assert skills.acted == 40
