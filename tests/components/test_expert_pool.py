"""The pool of experts: what a switch moves, what it leaves alone, and who is chosen when."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.sac import LifelongSAC
from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import CHANGE_EVENTS, CONTEXT_ERRORS, TASK_BELIEF, TASK_BOUNDARY
from l2rl.component import Component
from l2rl.components.experts.pool import ExpertPool, ExpertPoolConfig
from l2rl.composition import CompositionError
from l2rl.views import ChangeEvent, NetworkEdit, TaskEvent

LABELS = ("a", "b", "c", "d")
LEARNERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ppo": (LifelongPPO, {"n_steps": 16, "batch_size": 16, "n_epochs": 2}),
    "dqn": (LifelongDQN, {"learning_starts": 8, "batch_size": 8, "target_update_interval": 12}),
    "sac": (LifelongSAC, {"learning_starts": 8, "batch_size": 8}),
}


class Noise(gym.Env[Any, Any]):
    """Random observations and rewards."""

    def __init__(self, action_space: spaces.Space[Any]) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.np_random.standard_normal(3).astype(np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation = self.np_random.standard_normal(3).astype(np.float32)
        return observation, float(self.np_random.random()), self.np_random.random() < 0.1, False, {}


def make_agent(
    learner: str, *components: Component, visibility: Any = "labels", seed: int = 0
) -> LifelongAlgorithm:
    algorithm, settings = LEARNERS[learner]
    actions = spaces.Box(-1, 1, (2,), np.float32) if learner == "sac" else spaces.Discrete(3)
    agent: LifelongAlgorithm = algorithm(
        "MlpPolicy",
        make_vec_env(lambda: Noise(actions), 2, seed=seed),
        components=components,
        surroundings=Surroundings(visibility=visibility, labels=LABELS),
        policy_kwargs={"net_arch": [8]},
        seed=seed,
        device="cpu",
        **settings,
    )
    return agent


def pool(**settings: Any) -> ExpertPool:
    return ExpertPool(ExpertPoolConfig(**settings))


def live(agent: LifelongAlgorithm) -> dict[str, Any]:
    """A copy of parameters, targets and optimiser state of every phase."""
    return {
        name: {
            "parameters": {n: p.detach().clone() for n, p in view.parameters.items()},
            "targets": {n: t.clone() for n, t in view.targets.items()},
            "optimizer": view.read_optimizer(),
        }
        for name, view in agent.host.phase_views.items()
    }


def same(one: Any, other: Any) -> bool:
    """Equality of nested values, bit for bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return bool(one == other)


def learn_task(agent: LifelongAlgorithm, index: int, label: str, steps: int = 32) -> None:
    agent.host.start_task(index, label)
    agent.learn(steps, reset_num_timesteps=False)
    agent.host.end_task(index, label)


def disturb(agent: LifelongAlgorithm) -> None:
    """Train whatever is in force on a made-up gradient; draws no random number."""
    for phase in agent._phases.values():
        for parameter in phase.parameters.values():
            parameter.grad = torch.ones_like(parameter)
        phase.optimizer.step()
        for target in phase.targets.values():
            target.add_(0.5)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_task_that_returns_finds_its_expert_as_it_left_it(learner: str) -> None:
    experts = pool()
    agent = make_agent(learner, experts)
    for index, label in enumerate("abc"):
        learn_task(agent, index, label)
        if label == "b":
            left = live(agent)
    assert not same(live(agent), left)
    agent.host.start_task(3, "b")
    assert same(live(agent), left)
    assert any(state["optimizer"] for state in left.values())
    agent.host.end_task(3, "b")
    learn_task(agent, 4, "d")
    assert experts.metrics() == {"experts": 4, "active": 3}


@pytest.mark.parametrize("learner", LEARNERS)
def test_training_goes_on_as_if_there_had_been_no_detour(learner: str) -> None:
    results = []
    for detour in (True, False):
        agent = make_agent(learner, pool())
        learn_task(agent, 0, "a")
        if detour:
            agent.host.start_task(1, "b")
            disturb(agent)
            agent.host.start_task(2, "a")
        agent.learn(48, reset_num_timesteps=False)
        results.append(live(agent))
    assert same(*results)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_fresh_expert_is_the_agent_at_birth(learner: str) -> None:
    agent = make_agent(learner, pool())
    born = live(agent)
    learn_task(agent, 0, "a")
    assert not same(live(agent), born)
    agent.host.start_task(1, "b")
    assert same(live(agent), born)


def test_a_copied_expert_starts_from_the_one_in_force_without_moments() -> None:
    agent = make_agent("dqn", pool(initialise="copy"))
    learn_task(agent, 0, "a")
    before = live(agent)["q"]
    agent.host.start_task(1, "b")
    after = live(agent)["q"]
    assert same(after["parameters"], before["parameters"])
    assert same(after["targets"], before["targets"])
    assert before["optimizer"]
    assert not after["optimizer"]


@pytest.mark.parametrize("learner", LEARNERS)
def test_heads_scope_leaves_the_trunk_alone(learner: str) -> None:
    agent = make_agent(learner, pool(scope="heads"))
    born = live(agent)
    learn_task(agent, 0, "a")
    before = live(agent)
    agent.host.start_task(1, "b")
    after = live(agent)
    for name, view in agent.host.phase_views.items():
        for part in ("parameters", "targets", "optimizer"):
            for key, value in after[name][part].items():
                expected = born if key in view.output_layers else before
                assert same(value, expected[name][part][key]), (name, part, key)


@pytest.mark.parametrize("learner", LEARNERS)
def test_one_expert_without_events_changes_nothing(learner: str) -> None:
    results = []
    for components in ([pool()], []):
        agent = make_agent(learner, *components)
        learn_task(agent, 0, "a", steps=64)
        results.append(live(agent))
    assert same(*results)


def test_evaluation_by_label_lends_the_right_expert() -> None:
    agent = make_agent("sac", pool())
    learned = {}
    for index, label in enumerate("ab"):
        learn_task(agent, index, label)
        learned[label] = live(agent)
    for label, expected in (("a", "a"), ("b", "b"), ("never seen", "b")):
        with agent.host.evaluating(0, label):
            for phase, state in live(agent).items():
                assert same(state["parameters"], learned[expected][phase]["parameters"]), label
        assert same(live(agent), learned["b"])


def test_every_boundary_is_a_new_expert_until_the_cap() -> None:
    experts = pool(max_experts=3)
    agent = make_agent("dqn", experts, visibility="boundaries")
    for index in range(3):
        learn_task(agent, index, "hidden", steps=8)
        assert experts.metrics() == {"experts": index + 1, "active": index}
    before = live(agent)
    agent.host.start_task(3, "hidden")
    assert experts.metrics() == {"experts": 3, "active": 2}
    assert same(live(agent), before)
    names = [event.name for event in agent.host.drain_events()]
    assert names == ["expert_spawned", "expert_spawned", "experts_full"]


class Witness(Component):
    """Notes the parameters that it sees in the event and in the edit."""

    needs = (TASK_BOUNDARY,)

    def on_task_start(self, event: TaskEvent) -> None:
        self.in_event = self._weights()

    def on_network_edited(self, edit: NetworkEdit) -> None:
        self.in_edit = self._weights()
        self.parameter_set = edit.parameter_set

    def _weights(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.agent.phases["q"].parameters.values()])


def test_others_see_the_old_expert_in_the_event() -> None:
    witness = Witness()
    agent = make_agent("dqn", pool(), witness)
    learn_task(agent, 0, "a")
    trained = witness._weights()
    agent.host.start_task(1, "b")
    assert torch.equal(witness.in_event, trained)
    assert torch.equal(witness.in_edit, witness._weights())
    assert not torch.equal(witness.in_edit, trained)
    assert witness.parameter_set == (0, 1)


class Oracle(Component):
    """A detector that is told what to say."""

    provides = (CHANGE_EVENTS, TASK_BELIEF, CONTEXT_ERRORS)
    truth = 0

    def say(self, agent: LifelongAlgorithm, belief: int, previous: int) -> None:
        self.agent.announce_change(ChangeEvent(self.name, 0, "unknown", belief, previous))
        agent.host.collected()

    def context_errors(self, **fields: np.ndarray) -> dict[int, float]:
        assert len(fields["rewards"]) >= 4
        return {context: float(context != self.truth) for context in range(3)}


def evaluated_weights(agent: LifelongAlgorithm, steps: int) -> torch.Tensor:
    """The weights in force after some steps of an evaluation with two environments."""
    fields = ("observations", "actions", "rewards", "next_observations")
    step_before = {name: np.zeros((2, 3), np.float32) for name in fields}
    with agent.host.evaluating(0, "hidden"):
        memory: dict[str, dict[str, Any]] = {}
        for step in range(steps):
            previous = step_before if step else None
            agent.host.choose_expert(np.zeros((2, 3), np.float32), step, previous, memory)
        return agent.policy.q_net.q_net[0].weight.detach().clone()  # type: ignore[union-attr]


def test_detected_contexts_have_experts_and_choose_among_them_in_evaluation() -> None:
    oracle, experts = Oracle(), pool(probe_transitions=4)
    agent = make_agent("dqn", experts, oracle, visibility="hidden")
    weights = []
    for belief in range(3):
        if belief:
            oracle.say(agent, belief, belief - 1)
        agent.learn(32, reset_num_timesteps=False)
        weights.append(agent.policy.q_net.q_net[0].weight.detach().clone())  # type: ignore[union-attr]
    before = live(agent)
    for truth, weight in enumerate(weights):
        oracle.truth = truth
        assert torch.equal(evaluated_weights(agent, 2), weights[2])
        assert torch.equal(evaluated_weights(agent, 4), weight)
        assert same(live(agent), before)
    oracle.say(agent, 0, 2)
    assert experts.metrics() == {"experts": 3, "active": 0}
    assert torch.equal(agent.policy.q_net.q_net[0].weight, weights[0])  # type: ignore[union-attr]


def test_evaluation_returns_to_the_live_expert_when_the_choice_was_wrong() -> None:
    oracle = Oracle()
    experts = pool(probe_transitions=4, probe_smoothing=1.0)
    agent = make_agent("dqn", experts, oracle, visibility="hidden")
    oracle.say(agent, 1, 0)
    disturb(agent)
    fields = ("observations", "actions", "rewards", "next_observations")
    previous = {name: np.zeros((4, 3), np.float32) for name in fields}
    weight = agent.policy.q_net.q_net[0].weight  # type: ignore[union-attr]
    expected = weight.detach().clone()
    with agent.host.evaluating(0, "hidden"):
        memory: dict[str, dict[str, Any]] = {}
        agent.host.choose_expert(previous["observations"], 0, None, memory)
        oracle.truth = 0
        agent.host.choose_expert(previous["observations"], 1, previous, memory)
        assert not torch.equal(weight, expected)
        oracle.truth = 1
        agent.host.choose_expert(previous["observations"], 2, previous, memory)
        assert torch.equal(weight, expected)


def test_state_round_trips_in_mid_task() -> None:
    agent = make_agent("sac", pool())
    for index, label in enumerate("ab"):
        learn_task(agent, index, label)
    agent.host.start_task(2, "c")
    agent.learn(16, reset_num_timesteps=False)
    state = copy.deepcopy(agent.exact_state())
    other = make_agent("sac", pool(), seed=5)
    other.load_exact_state(state)
    for _ in range(2):
        assert same(live(agent), live(other))
        for each in (agent, other):
            each.host.start_task(3, "a")
    agent_state, other_state = (x.host.state_dict()["components"] for x in (agent, other))
    assert same(agent_state, other_state)


def test_a_signal_that_nobody_offers_is_refused() -> None:
    with pytest.raises(CompositionError, match="CHANGE_EVENTS"):
        make_agent("dqn", pool(signal="detector"))
    with pytest.raises(CompositionError, match="TASK_LABEL"):
        make_agent("dqn", pool(signal="labels"), visibility="boundaries")
    with pytest.raises(CompositionError, match="nobody offers"):
        make_agent("dqn", pool(), visibility="hidden")


def test_context_errors_need_experts_of_contexts() -> None:
    with pytest.raises(ValueError, match="signal: detector"):
        ExpertPoolConfig(signal="labels", evaluation="context_errors")


@pytest.mark.parametrize(
    ("visibility", "with_detector", "signal", "evaluation"),
    [
        ("labels", True, "labels", "labels"),
        ("boundaries", True, "detector", "context_errors"),
        ("boundaries", False, "boundaries", "current"),
    ],
)
def test_auto_takes_the_best_that_is_offered(
    visibility: str, with_detector: bool, signal: str, evaluation: str
) -> None:
    experts = pool()
    make_agent("dqn", experts, *([Oracle()] if with_detector else []), visibility=visibility)
    assert (experts.signal, experts.evaluation) == (signal, evaluation)
