"""`plasticity.reset_layers`: which layers are drawn anew, when, and what is kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.plasticity.reset_layers import ResetLayers
from l2rl.errors import UserError
from tests.components.small_agents import goes_on_alike, parameters_of, same, small_agent

STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 100, "sac": 60}
KINDS = tuple(STEPS)


def resets(**settings: Any) -> ResetLayers:
    return ResetLayers(ResetLayers.Config(**settings))


def changed_by_a_task_end(kind: str, **settings: Any) -> tuple[Any, set[str], dict[str, Any]]:
    agent = small_agent(kind, resets(when="task_end", **settings))
    agent.start_task(0, "a")
    agent.learn(STEPS[kind])
    before = parameters_of(agent)
    moments = {name: phase.read_optimizer() for name, phase in agent._phases.items()}
    agent.end_task(0, "a")
    after = parameters_of(agent)
    return agent, {n for n in after if not torch.equal(after[n], before[n])}, moments


EXPECTED = {
    ("dqn", 1, 0): ["q/q_net.4"],
    ("dqn", 2, 1): ["q/q_net.2", "q/q_net.4"],
    ("sac", 1, 0): ["actor/mu", "actor/log_std"],
    ("sac", 0, 2): ["critic/qf0.2", "critic/qf0.4", "critic/qf1.2", "critic/qf1.4"],
    ("ppo", 0, 1): ["policy/value_net"],
    ("ppo", 2, 0): ["policy/action_net", "policy/mlp_extractor.policy_net.2"],
    ("ppo-box", 1, 0): ["policy/action_net", "policy/log_std"],
}


@pytest.mark.parametrize(("case", "layers"), EXPECTED.items())
def test_the_last_layers_are_drawn_anew_and_the_others_stay_bit_for_bit(
    case: tuple[str, int, int], layers: list[str]
) -> None:
    kind, acting, critic = case
    agent, changed, before = changed_by_a_task_end(kind, acting_layers=acting, critic_layers=critic)
    reset = {
        n for n in parameters_of(agent) if n.removesuffix(".weight").removesuffix(".bias") in layers
    }
    # A bias that SB3 starts at zero may still be there.
    assert {n for n in reset if n.endswith("weight")} <= changed <= reset
    for name, phase in agent._phases.items():
        now = phase.read_optimizer()
        for parameter, state in before[name].items():
            if f"{name}/{parameter}" in reset:
                assert parameter not in now
            else:
                assert all(torch.equal(state[key], now[parameter][key]) for key in state)


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_all_of_it_can_be_reset_with_its_target_while_the_buffer_stays(kind: str) -> None:
    agent = small_agent(kind, resets(when="task_end", acting_layers="all", critic_layers="all"))
    agent.start_task(0, "a")
    agent.learn(STEPS[kind])
    stored, before = agent.replay_buffer.size(), parameters_of(agent)
    rows = agent.replay_buffer.observations.copy()
    agent.end_task(0, "a")
    assert agent.replay_buffer.size() == stored > 0
    assert (agent.replay_buffer.observations == rows).all()
    for name, phase in agent._phases.items():
        for parameter, value in phase.parameters.items():
            assert torch.equal(before[f"{name}/{parameter}"], value) == (name == "entropy")
            if parameter in phase.targets:
                assert torch.equal(phase.targets[parameter], value)
        assert name == "entropy" or not phase.read_optimizer()


def test_it_happens_every_so_many_updates_of_each_phase() -> None:
    component = resets(interval_updates=10)
    agent = small_agent("sac", component)
    agent.learn(60)
    updates = agent._phases["critic"].updates
    expected = float(updates // 10)
    assert component.metrics() == {"critic/resets": expected, "actor/resets": expected}
    assert component._since["critic"] == updates % 10


def test_consolidation_lets_go_of_what_was_reset() -> None:
    settings = ElasticWeightConsolidation.Config(fisher_samples=64, minimum_states=4)
    anchors = ElasticWeightConsolidation(settings)
    agent = small_agent("dqn", resets(when="task_end"), anchors)
    agent.start_task(0, "a")
    agent.learn(150)
    agent.end_task(0, "a")
    anchor = anchors._anchors["q"]
    assert float(anchor._of("q_net.4.weight")["importance"].abs().sum()) == 0
    assert float(anchor._of("q_net.2.weight")["importance"].abs().sum()) > 0


def test_nothing_to_reset_is_refused_and_no_reset_is_no_change() -> None:
    with pytest.raises(UserError, match="would reset nothing"):
        small_agent("dqn", resets(acting_layers=0, critic_layers=1))
    plain = small_agent("dqn").learn(100)
    assert same(small_agent("dqn", resets()).learn(100), plain)


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_its_state_goes_on_bit_for_bit(kind: str) -> None:
    one = small_agent(kind, resets(interval_updates=13)).learn(STEPS[kind])
    other = small_agent(kind, resets(interval_updates=13)).learn(4)
    assert goes_on_alike(one, other, 60)
