"""`exploration.old_skills`: who acts when a task begins, and where what was seen goes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import CHANGE_EVENTS
from l2rl.component import Component
from l2rl.components.experts.pool import ExpertPool, ExpertPoolConfig
from l2rl.components.exploration.old_skills import OldSkills, OldSkillsConfig
from l2rl.components.exploration.trials import Trials
from l2rl.composition import CompositionError
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import decode, encode
from l2rl.views import ChangeEvent
from tests.components.small_agents import parameters_of, same, small_agent

GREEDY = {"exploration_fraction": 1e-6, "exploration_final_eps": 0.0, "learning_starts": 8}


def old_skills(**settings: Any) -> OldSkills:
    defaults = {"exploration_env_steps": 40, "minimum_env_steps": 0, "trial_env_steps": 16}
    return OldSkills(OldSkillsConfig(**{**defaults, **settings}))


def agent_of(kind: str, *components: Component, visibility: Any = "labels", **settings: Any) -> Any:
    seen = Surroundings(visibility=visibility, labels=("a", "b", "c", "d"))
    settings = {**(GREEDY if kind == "dqn" else {"learning_starts": 8}), **settings}
    return small_agent(kind, *components, surroundings=seen, **settings)


def always(agent: Any, action: int) -> None:
    """Make a DQN prefer one action in all states, whatever it learns from now on is small."""
    phase = agent._phases["q"]
    with torch.no_grad():
        for name, parameter in phase.parameters.items():
            parameter.zero_()
            if name in phase.output_layers and name.endswith("bias"):
                parameter[action] = 1.0


def actions_since(agent: Any, env_steps: int) -> list[int]:
    buffer = agent.replay_buffer
    rows = env_steps // agent.n_envs
    return [int(a) for a in buffer.actions[rows : buffer.pos].ravel()]


def learn(agent: Any, index: int, label: str, env_steps: int = 40) -> None:
    agent.start_task(index, label)
    agent.learn(env_steps, reset_num_timesteps=False)
    agent.end_task(index, label)


# ---- who acts --------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["uniform", "best_return"])
def test_actions_come_from_the_old_skill_and_enter_the_new_tasks_buffer(choice: str) -> None:
    component = old_skills(choice=choice)
    agent = agent_of("dqn", component)
    agent.start_task(0, "a")
    agent.learn(40, reset_num_timesteps=False)
    always(agent, 2)
    agent.end_task(0, "a")
    agent.start_task(1, "b")
    agent.clear_buffer()
    always(agent, 0)
    before = parameters_of(agent)
    agent.learning_starts = 10_000  # nothing is learned: what is lent must be given back
    agent._sample_action = lambda *args, **kwargs: type(agent)._sample_action(agent, 0, None, 2)
    agent.learn(80, reset_num_timesteps=False)
    assert actions_since(agent, 0) == [2] * 40 + [0] * 40
    assert component.acted == 40
    assert all(torch.equal(before[n], p) for n, p in parameters_of(agent).items())


def test_sac_acts_with_the_old_actor_and_learns_with_its_own() -> None:
    component = old_skills()
    agent = agent_of("sac", component)
    learn(agent, 0, "a")
    skill = component.skills["a"]["values"]
    assert set(skill) == {"actor"}
    agent.start_task(1, "b")
    learned = agent._phases["actor"].flat_row()
    acted_with: list[torch.Tensor] = []
    original = agent.actor.forward

    def spy(*args: Any, **kwargs: Any) -> torch.Tensor:
        acted_with.append(agent._phases["actor"].flat_row())
        return original(*args, **kwargs)

    agent.actor.forward = spy
    agent.learn(60, reset_num_timesteps=False)
    old = torch.cat([skill["actor"][n].reshape(-1) for n in agent._phases["actor"].parameters])
    assert [torch.equal(row, old) for row in acted_with] == [True] * 20 + [False] * 10
    assert not torch.equal(agent._phases["actor"].flat_row(), learned)


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_no_env_steps_for_old_skills_change_no_bit(kind: str) -> None:
    def lived(*components: Component) -> Any:
        agent = agent_of(kind, *components)
        learn(agent, 0, "a")
        learn(agent, 1, "b")
        return agent

    assert same(lived(), lived(old_skills(exploration_env_steps=0)))
    assert not same(lived(), lived(old_skills()))


def test_with_multi_head_the_old_head_acts_in_the_place_of_the_new() -> None:
    component = old_skills()
    agent = agent_of("dqn", component, multi_head=True)
    learn(agent, 0, "a")
    phase = agent._phases["q"]
    states = torch.randn(9, 4)
    agent.start_task(1, "b")
    values = component._candidates()["a"]["q"]
    assert not any("heads.0" in name for name in values)
    with torch.no_grad():
        lent = phase.heads({**phase.parameters, **values}, states)["q"].values
        with agent.task_heads.answering("a"):
            own = phase.heads(component.skills["a"]["values"]["q"], states)["q"].values
    assert torch.equal(lent, own)


# ---- the choice ------------------------------------------------------------------------------


def run_trials(choice: Any, gains: dict[str, float], trials: int = 30) -> tuple[list[str], Trials]:
    """Each trial is one episode of 3 steps in each of two environments."""
    subject = Trials(2, 100, np.random.default_rng(0))
    chosen = []
    for _ in range(trials):
        name = subject.choose(list(gains), choice)
        chosen.append(name)
        for _ in range(2):  # the first episode began before the trial
            assert subject.choose(list(gains), choice) == name
            rewards = np.full((3, 2), gains[name])
            subject.watch(rewards, np.array([[0, 0], [0, 0], [1, 1]], bool))
    return chosen, subject


def test_the_best_return_is_chosen_once_each_was_tried() -> None:
    chosen, subject = run_trials("best_return", {"bad": -1.0, "good": 2.0, "fair": 1.0})
    assert set(chosen[:3]) == {"bad", "good", "fair"}
    assert set(chosen[3:]) == {"good"}
    assert subject.best() == "good"
    assert subject.summary() == {"return_bad": -3.0, "return_good": 6.0, "return_fair": 3.0}


def test_uniform_does_not_look_at_returns() -> None:
    chosen, _ = run_trials("uniform", {"bad": -1.0, "good": 2.0, "fair": 1.0}, 300)
    counts = [chosen.count(name) for name in ("bad", "good", "fair")]
    assert min(counts) > 75
    assert max(counts) < 125


def test_only_whole_episodes_count_unless_a_trial_has_none() -> None:
    subject = Trials(1, 10, np.random.default_rng(0))
    subject.choose(["x"], "uniform")
    subject.watch(np.array([[100.0], [1.0], [2.0]]), np.array([[True], [False], [True]]))
    assert subject.returns == {"x": [3.0, 1]}
    subject.choose(["x"], "uniform")
    subject.watch(np.full((10, 1), 2.0), np.zeros((10, 1), bool))
    assert subject.returns == {"x": [23.0, 2]}
    assert subject.over


# ---- what is remembered ----------------------------------------------------------------------


def test_snapshots_are_bounded_one_a_label_and_never_change() -> None:
    component = old_skills(max_skills=2)
    agent = agent_of("dqn", component)
    for index, label in enumerate("aba"):
        learn(agent, index, label)
        if index == 1:
            kept = copy.deepcopy(component.skills["b"])
    assert list(component.skills) == ["b", "a"]
    name = next(iter(kept["values"]["q"]))
    assert torch.equal(component.skills["b"]["values"]["q"][name], kept["values"]["q"][name])
    learn(agent, 3, "c")
    assert list(component.skills) == ["a", "c"]


def test_a_task_that_was_too_short_leaves_no_skill() -> None:
    component = old_skills(minimum_env_steps=41)
    agent = agent_of("dqn", component, visibility="boundaries")
    learn(agent, 0, "a", 40)
    assert component.skills == {}
    learn(agent, 1, "b", 48)
    assert list(component.skills) == ["until_88"]


def test_a_detected_change_ends_a_task() -> None:
    class Detects(Component):
        provides = (CHANGE_EVENTS,)
        name = "detects"

    component = old_skills()
    agent = agent_of("dqn", component, Detects(), visibility="hidden")
    agent.learn(40, reset_num_timesteps=False)
    component.on_change_detected(ChangeEvent("detects", 40, "new", 1, 0))
    agent.learn(60, reset_num_timesteps=False)
    assert list(component.skills) == ["until_40"]
    assert component.acted == 40


@pytest.mark.parametrize("scope", ["policy", "heads"])
def test_experts_at_rest_are_the_skills_where_there_is_a_pool(scope: Any) -> None:
    component = old_skills()
    pool = ExpertPool(ExpertPoolConfig(scope=scope))
    agent = agent_of("dqn", component, pool)
    agent.start_task(0, "a")
    agent.learn(40, reset_num_timesteps=False)
    always(agent, 1)
    agent.end_task(0, "a")
    agent.start_task(1, "b")
    if scope == "policy":
        always(agent, 0)
    agent.learn(40, reset_num_timesteps=False)
    assert component.skills == {}
    assert list(component._candidates()) == ["0"]
    expert = pool.resting["0"]["parameters"]["q"]
    assert component._candidates()["0"]["q"].keys() == expert.keys()
    assert actions_since(agent, 40) == [1] * 40


# ---- composition and state -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_state_round_trip_in_the_middle_of_a_trial(kind: str) -> None:
    def straight(upto: int) -> Any:
        agent = agent_of(kind, old_skills(exploration_env_steps=64))
        for index, label in enumerate("ab"):
            learn(agent, index, label)
        agent.start_task(2, "c")
        agent.learn(upto, reset_num_timesteps=False)
        return agent

    agent = straight(24)
    state = decode(*encode(copy.deepcopy(agent.exact_state())))
    generators = global_generator_states()
    again = agent_of(kind, old_skills(exploration_env_steps=64))
    again.learn(8)
    again.set_env(agent.env)
    again.load_exact_state(state)
    one, other = (a.host.composition.components[0] for a in (agent, again))
    assert not one._trials.over
    restore_global_generators(generators)
    world = copy.deepcopy(agent.env)
    agent.learn(64, reset_num_timesteps=False)
    again.env = world
    restore_global_generators(generators)
    again.learn(64, reset_num_timesteps=False)
    assert same(agent, again)
    ours, theirs = (encode(c.state_dict()) for c in (one, other))
    assert ours[0] == theirs[0]


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(CompositionError, match="use one of: dqn, sac"):
        agent_of("ppo", old_skills())
    with pytest.raises(CompositionError, match="needs EXPERTS"):
        agent_of("dqn", old_skills(source="experts"))
    with pytest.raises(CompositionError, match="TASK_BOUNDARY or CHANGE_EVENTS"):
        agent_of("dqn", old_skills(), visibility="hidden")
    with pytest.raises(CompositionError, match="visibility: labels"):
        agent_of("dqn", old_skills(), visibility="boundaries", multi_head=True)
