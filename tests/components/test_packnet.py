"""`isolation.packnet`: who owns what, what may move, and that old tasks answer as they did."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.experts.pool import ExpertPool
from l2rl.components.isolation.owners import Owners
from l2rl.components.isolation.packnet import PackNet
from l2rl.components.isolation.settings import PackNetConfig
from l2rl.components.replay.reservoir import Reservoir
from l2rl.composition import CompositionError
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import decode, encode
from l2rl.views import TaskEvent
from tests.components.small_agents import parameters_of, same, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")
STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 80, "sac": 36}
ACTING = {"ppo": "policy", "ppo-box": "policy", "dqn": "q", "sac": "actor"}
STATES = torch.randn(32, 4, generator=torch.Generator().manual_seed(5))


def packnet(**settings: Any) -> PackNet:
    return PackNet(PackNetConfig(**{"retrain_updates": 5, **settings}))


def agent_of(kind: str, *components: Component, labels: str = "abc", **settings: Any) -> Any:
    seen = Surroundings(visibility="labels", labels=tuple(labels))
    return small_agent(kind, *components, surroundings=seen, **settings)


def learn(agent: Any, index: int, label: str, kind: str) -> None:
    agent.start_task(index, label)
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    agent.end_task(index, label)


def answers(agent: Any, kind: str, label: str) -> torch.Tensor:
    """What the agent says in an evaluation of a task, (32, n)."""
    phase = agent._phases[ACTING[kind]]
    with torch.no_grad(), agent.evaluating(0, label):
        heads = phase.heads(phase.parameters, STATES)
        return torch.cat([h.values for h in heads.values() if h.role == "acting"], 1)


# ---- shares ----------------------------------------------------------------------------------


def test_with_ten_tasks_each_owns_a_tenth_of_each_layer() -> None:
    weights = {"w": torch.randn(100, 10, generator=torch.Generator().manual_seed(0))}
    owners = Owners(weights)
    for owner in range(1, 11):
        owners.claim(weights, owner, 1.0 / (11 - owner))
    assert owners.counts()[:12].tolist() == [0, *[100] * 10, 0]


def test_with_a_pruned_share_of_three_quarters_ten_tasks_leave_five_percent_unused() -> None:
    weights = {"w": torch.randn(1000, 100, generator=torch.Generator().manual_seed(0))}
    owners = Owners(weights)
    for owner in range(1, 11):
        owners.claim(weights, owner, 0.25)
    shares = owners.counts() / 100_000
    assert shares[[1, 2, 10]].tolist() == pytest.approx([0.25, 0.1875, 0.0188], abs=5e-4)
    assert float(shares[0]) == pytest.approx(0.056, abs=5e-4)


def test_the_largest_free_weights_are_claimed_and_of_equal_ones_the_first() -> None:
    owners = Owners({"w": torch.zeros(6)})
    owners.claim({"w": torch.tensor([1.0, -5.0, 2.0, 0.0, 3.0, 0.5])}, 1, 1 / 3)
    assert owners.of["w"].tolist() == [0, 1, 0, 0, 1, 0]
    owners.claim({"w": torch.tensor([1.0, -5.0, 1.0, 1.0, 9.0, 0.5])}, 2, 0.5)
    assert owners.of["w"].tolist() == [2, 1, 2, 0, 1, 0]
    assert owners.seen([1, 2])["w"].tolist() == [True, True, True, False, True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_tasks_own_equal_shares_of_the_acting_weights(kind: str) -> None:
    component = packnet()
    agent = agent_of(kind, component)
    for index, label in enumerate("abc"):
        learn(agent, index, label, kind)
    for of in component.owners[ACTING[kind]].of.values():
        counts = torch.bincount(of.reshape(-1).long(), minlength=4)
        assert counts[0] == 0
        assert all(abs(int(n) - of.numel() / 3) <= 1 for n in counts[1:4])
    assert set(component.owners) == {ACTING[kind]}
    assert component.metrics()["owner_2_share"] == pytest.approx(1 / 3, abs=0.02)


# ---- isolation -------------------------------------------------------------------------------


@pytest.mark.parametrize("multi_head", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_learned_task_answers_bit_for_bit_as_it_did(kind: str, multi_head: bool) -> None:
    agent = agent_of(kind, packnet(), multi_head=multi_head)
    said: dict[str, torch.Tensor] = {}
    for index, label in enumerate("abca"):
        learn(agent, index, label, kind)
        for other, before in said.items():
            if other != label:
                assert torch.equal(answers(agent, kind, other), before)
        said[label] = answers(agent, kind, label)
    assert not torch.equal(said["a"], said["b"])
    assert not torch.equal(said["b"], said["c"])


@pytest.mark.parametrize("kind", KINDS)
def test_while_a_task_learns_others_are_already_seen_as_they_were(kind: str) -> None:
    agent = agent_of(kind, packnet())
    learn(agent, 0, "a", kind)
    before = answers(agent, kind, "a")
    agent.start_task(1, "b")
    live = parameters_of(agent)
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    trained = parameters_of(agent)
    assert any(not torch.equal(live[n], trained[n]) for n in live if n.startswith(ACTING[kind]))
    assert torch.equal(answers(agent, kind, "a"), before)
    assert all(torch.equal(trained[n], p) for n, p in parameters_of(agent).items())


def test_pruned_weights_are_zero_while_what_was_kept_is_retrained() -> None:
    component = packnet(retrain_updates=20)
    agent = agent_of("dqn", component)
    agent.start_task(0, "a")
    agent.learn(80, reset_num_timesteps=False)
    before = parameters_of(agent)
    agent.end_task(0, "a")
    after = parameters_of(agent)
    phase = agent._phases["q"]
    for name, of in component.owners["q"].of.items():
        assert float(after[f"q/{name}"][of == 0].abs().sum()) == 0.0
        assert float(before[f"q/{name}"][of == 0].abs().min()) > 0.0
        assert not torch.equal(after[f"q/{name}"][of == 1], before[f"q/{name}"][of == 1])
    assert phase.updates > 20
    agent.start_task(1, "b")
    assert phase.optimizer.state == {}
    assert all(torch.equal(phase.targets[n], p) for n, p in phase.parameters.items())


@pytest.mark.parametrize("kind", KINDS)
def test_distillation_brings_the_pruned_network_back_to_what_it_said(kind: str) -> None:
    def gap(updates: int) -> float:
        agent = agent_of(kind, packnet(retrain_updates=updates, retrain_by="distillation"))
        agent.start_task(0, "a")
        agent.learn(STEPS[kind], reset_num_timesteps=False)
        before = answers(agent, kind, "a")
        agent.end_task(0, "a")
        moved = answers(agent, kind, "a") - before
        if kind == "ppo":  # logits: what is added to all of them says nothing
            moved = moved - moved.mean(1, keepdim=True)
        return float(moved.square().mean())

    assert gap(100) < 0.7 * gap(0)


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_critics_are_free_unless_they_are_packed(kind: str) -> None:
    name = "policy/value_net.bias" if kind == "ppo" else "critic/qf0.0.bias"
    for packs in (False, True):
        component = packnet(pack_critic=packs)
        agent = agent_of(kind, component)
        learn(agent, 0, "a", kind)
        agent.start_task(1, "b")
        before = parameters_of(agent)[name]
        agent.learn(STEPS[kind], reset_num_timesteps=False)
        assert torch.equal(parameters_of(agent)[name], before) == packs


def test_biases_move_in_the_first_task_only() -> None:
    agent = agent_of("dqn", packnet())
    biases = {n for n in parameters_of(agent) if n.endswith("bias")}
    moved = []
    for index, label in enumerate("ab"):
        before = parameters_of(agent)
        learn(agent, index, label, "dqn")
        after = parameters_of(agent)
        moved.append({n for n in biases if not torch.equal(before[n], after[n])})
    assert moved == [biases, set()]


def test_nothing_moves_between_tasks() -> None:
    class Sleeps(Component):
        needs = ("TASK_BOUNDARY",)
        order = 99

        def on_task_end(self, event: TaskEvent) -> None:
            self.due = True

        def train(self) -> None:
            loss = sum((p**2).sum() for p in self.agent.phases["q"].parameters.values())
            self.agent.minimise("q", loss)

    sleeps = Sleeps()
    agent = agent_of("dqn", packnet(), sleeps)
    learn(agent, 0, "a", "dqn")
    before = parameters_of(agent)
    sleeps.train()
    assert all(torch.equal(before[n], p) for n, p in parameters_of(agent).items())


# ---- returns ---------------------------------------------------------------------------------


def test_a_returning_task_acts_through_its_view_and_trains_free_weights_only() -> None:
    component = packnet()
    agent = agent_of("dqn", component, labels="abcd")
    for index, label in enumerate("ab"):
        learn(agent, index, label, "dqn")
    before = answers(agent, "dqn", "a")
    second = answers(agent, "dqn", "b")
    agent.start_task(2, "a")
    phase = agent._phases["q"]
    assert torch.equal(phase.heads(phase.parameters, STATES)["q"].values, before)
    start = parameters_of(agent)
    agent.learn(80, reset_num_timesteps=False)
    end = parameters_of(agent)
    for name, of in component.owners["q"].of.items():
        assert torch.equal(start[f"q/{name}"][of > 0], end[f"q/{name}"][of > 0])
        assert float(end[f"q/{name}"][of == 2].abs().sum()) == 0.0
    agent.end_task(2, "a")
    assert component.views == {"a": [1, 3], "b": [1, 2]}
    assert torch.equal(answers(agent, "dqn", "b"), second)
    learn(agent, 3, "c", "dqn")
    assert component.views["c"] == [1, 2, 3, 4]
    assert torch.equal(answers(agent, "dqn", "b"), second)


@pytest.mark.parametrize("multi_head", [False, True])
def test_a_frozen_return_changes_nothing_and_claims_nothing(multi_head: bool) -> None:
    component = packnet(on_return="freeze")
    agent = agent_of("dqn", component, multi_head=multi_head)
    for index, label in enumerate("ab"):
        learn(agent, index, label, "dqn")
    before, free = answers(agent, "dqn", "a"), component.metrics()["free_share"]
    learn(agent, 2, "a", "dqn")
    assert torch.equal(answers(agent, "dqn", "a"), before)
    assert component.metrics()["free_share"] == free
    learn(agent, 3, "c", "dqn")
    assert component.metrics()["free_share"] == 0.0


def test_free_weights_can_start_fresh() -> None:
    component = packnet(free_weights="fresh")
    agent = agent_of("dqn", component)
    learn(agent, 0, "a", "dqn")
    said = answers(agent, "dqn", "a")
    agent.start_task(1, "b")
    for name, of in component.owners["q"].of.items():
        assert float(agent._phases["q"].parameters[name].detach()[of == 0].abs().min()) > 0.0
    assert torch.equal(answers(agent, "dqn", "a"), said)


# ---- composition and state -------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_before_the_first_end_nothing_differs_from_no_component(kind: str) -> None:
    def first_task(*components: Component) -> Any:
        agent = agent_of(kind, *components)
        agent.start_task(0, "a")
        return agent.learn(STEPS[kind], reset_num_timesteps=False)

    assert same(first_task(), first_task(packnet()))


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
@pytest.mark.parametrize("label", ["a", "b"])
def test_state_round_trip_in_mid_task(kind: str, label: str) -> None:
    agent = agent_of(kind, packnet())
    for index, name in enumerate("ab"):
        learn(agent, index, name, kind)
    agent.start_task(2, label)
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    state = decode(*encode(copy.deepcopy(agent.exact_state())))
    generators = global_generator_states()
    agent.end_task(2, label)
    again = agent_of(kind, packnet())
    again.load_exact_state(state)
    restore_global_generators(generators)
    again.end_task(2, label)
    assert same(agent, again)
    for task in "abc":
        assert torch.equal(answers(agent, kind, task), answers(again, kind, task))


def test_with_replayed_experience_of_earlier_tasks_old_answers_stay() -> None:
    agent = agent_of("dqn", packnet(), Reservoir(), multi_head=True)
    learn(agent, 0, "a", "dqn")
    said = answers(agent, "dqn", "a")
    learn(agent, 1, "b", "dqn")
    assert len({int(b) for b in agent.replay_buffer.sample(200).belief.ravel()}) == 2
    assert torch.equal(answers(agent, "dqn", "a"), said)


def test_other_components_measure_the_network_before_it_is_pruned() -> None:
    ewc = ElasticWeightConsolidation(ElasticWeightConsolidation.Config(fisher_samples=32))
    component = packnet(retrain_updates=0)
    agent = agent_of("dqn", component, ewc)
    learn(agent, 0, "a", "dqn")
    importance = ewc._anchors["q"].importance
    assert bool((importance > 0).any())
    of = ewc._anchors["q"].flat(
        {
            n: component.owners["q"].of.get(n, torch.ones_like(p, dtype=torch.int8))
            for n, p in agent._phases["q"].parameters.items()
        }
    )
    assert float(importance[of == 0].sum()) == 0.0


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(CompositionError, match="exchanges the whole network"):
        agent_of("dqn", packnet(), _typed(ExpertPool(), "experts.pool"))
    with pytest.raises(CompositionError, match="retrain_by: distillation"):
        agent_of("ppo", packnet(retrain_by="replay"))
    with pytest.raises(CompositionError, match="needs TASK_LABEL"):
        small_agent("dqn", packnet(), surroundings=Surroundings(visibility="boundaries"))


def _typed(component: Component, name: str) -> Component:
    component.type_name = name
    return component
