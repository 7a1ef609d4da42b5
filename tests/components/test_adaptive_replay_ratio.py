"""`replay_ratio.adaptive`: the rule, what it measures, and the updates that follow."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from pydantic import ValidationError
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.sac import LifelongSAC
from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import CHANGE_EVENTS, TASK_BOUNDARY
from l2rl.component import Component
from l2rl.components.replay_ratio.adaptive import (
    AdaptiveRatioController,
    AdaptiveReplayRatio,
    activity_limits,
    fraction_of_active_units,
)
from l2rl.composition import CompositionError
from l2rl.errors import UserError
from l2rl.views import ChangeEvent, TransitionBatch, UpdateView

VECTOR = spaces.Box(-1, 1, (4,), np.float32)
IMAGE = spaces.Box(0, 255, (1, 36, 36), np.uint8)
BOX = spaces.Box(-1, 1, (2,), np.float32)
DISCRETE = spaces.Discrete(3)
SOON = {"check_interval_episodes": 2, "tolerance": 1.0}
"""Any two values are close: the second check decides."""
NEVER = {"check_interval_env_steps": 10**9}


# ---- the rule ------------------------------------------------------------------------------


def test_it_switches_when_two_values_are_close_and_never_back() -> None:
    controller = AdaptiveRatioController(0.5, 2.0, 1e-3)
    ratios = []
    for value in [0.50, 0.31, 0.36, 0.395, 0.3955, 0.39, 0.2, 0.7]:
        controller.feed(value)
        ratios.append(controller.ratio)
    assert ratios == [0.5, 0.5, 0.5, 0.5, 2.0, 2.0, 2.0, 2.0]


def test_rearmed_it_starts_anew() -> None:
    controller = AdaptiveRatioController(0.5, 2.0, 1e-3)
    controller.feed(0.3)
    controller.feed(0.3)
    assert controller.ratio == 2.0
    controller.rearm()
    assert controller.ratio == 0.5
    controller.feed(0.3)
    assert controller.ratio == 0.5
    controller.feed(0.3)
    assert controller.ratio == 2.0


# ---- what it measures ----------------------------------------------------------------------


def test_fau_of_the_worked_example() -> None:
    outputs = torch.relu(torch.tensor([[1.0, -1, 0.5], [0, 2, -3]]))
    assert fraction_of_active_units({"1": outputs}, activity_limits({"1": "ReLU"})) == 0.5


def test_all_layers_are_pooled_by_pairs_not_averaged_by_layer() -> None:
    activations = {"a": torch.ones(4, 6), "b": torch.zeros(4, 2)}
    limits = activity_limits({"a": "ReLU", "b": "ReLU"})
    assert fraction_of_active_units(activations, limits) == 0.75


def test_a_fresh_network_has_half_its_units_active_and_a_dead_one_none() -> None:
    torch.manual_seed(0)
    first = nn.Linear(20, 256)
    outputs = first(torch.randn(512, 20)).detach()
    limits = activity_limits({"a": "ReLU"})
    fau = fraction_of_active_units({"a": torch.relu(outputs)}, limits)
    assert fau == pytest.approx(0.5, abs=0.02)
    assert fraction_of_active_units({"a": torch.relu(outputs - 1e6)}, limits) == 0


def test_saturated_units_count_as_inactive() -> None:
    outputs = {"t": torch.tensor([[-0.999, -0.5, 0.0, 0.995]])}
    assert fraction_of_active_units(outputs, activity_limits({"t": "Tanh"})) == 0.5
    outputs = {"s": torch.tensor([[0.001, 0.5, 0.02, 0.999]])}
    assert fraction_of_active_units(outputs, activity_limits({"s": "Sigmoid"})) == 0.5


@pytest.mark.parametrize(
    ("kinds", "measured"),
    [
        ({"qf0.1": "ReLU", "qf1.1": "ReLU"}, {"qf0.1", "qf1.1"}),
        ({"features_extractor.cnn.1": "ReLU", "q_net.1": "ReLU"}, {"q_net.1"}),
        ({"features_extractor.cnn.1": "ReLU"}, {"features_extractor.cnn.1"}),
        ({"q_net.1": "ReLU", "q_net.3": "Tanh"}, {"q_net.1"}),
        ({"q_net.1": "GELU", "q_net.3": "Tanh"}, {"q_net.3"}),
        ({"q_net.1": "GELU"}, set()),
    ],
)
def test_which_layers_are_measured(kinds: dict[str, str], measured: set[str]) -> None:
    assert set(activity_limits(kinds)) == measured


# ---- on an agent ---------------------------------------------------------------------------


class Coin(gym.Env[Any, Any]):
    """Episodes of `length` steps, rewards by chance."""

    def __init__(
        self, observation_space: spaces.Space[Any], actions: spaces.Space[Any], length: int
    ):
        self.observation_space = observation_space
        self.action_space = actions
        self.length = length
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        reward = float(self.np_random.standard_normal())
        return self.observation_space.sample(), reward, False, self.steps >= self.length, {}


class Announcer(Component):
    """Announces a change after so many env steps."""

    provides = (CHANGE_EVENTS,)

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at: int | None = at

    def on_transitions(self, batch: TransitionBatch) -> None:
        if self.at is not None and batch.env_steps >= self.at:
            self.at = None
            event = ChangeEvent(self.name, batch.env_steps, "new", 1, 0)
            self.agent.announce_change(event)


def agent_of(
    settings: dict[str, Any],
    learner: type[Any] = LifelongDQN,
    *others: Component,
    n_envs: int = 1,
    length: int = 20,
    observation_space: spaces.Space[Any] = VECTOR,
    network: dict[str, Any] | None = None,
    visibility: Any = "labels",
    **keywords: Any,
) -> Any:
    actions = DISCRETE if learner is LifelongDQN else BOX
    component = AdaptiveReplayRatio(AdaptiveReplayRatio.Config(**settings))
    return learner(
        "MlpPolicy" if observation_space is VECTOR else "CnnPolicy",
        make_vec_env(lambda: Coin(observation_space, actions, length), n_envs, seed=0),
        components=[component, *others],
        surroundings=Surroundings(
            visibility=visibility, labels=("a", "b") if visibility == "labels" else ()
        ),
        seed=0,
        policy_kwargs=network or {"net_arch": [8, 8]},
        device="cpu",
        **{"buffer_size": 2000, "learning_starts": 0, "batch_size": 8, **keywords},
    )


def component_of(agent: Any) -> AdaptiveReplayRatio:
    found: AdaptiveReplayRatio = agent.host.composition.provider("REPLAY_RATIO")
    return found


@pytest.mark.parametrize(
    ("low", "high", "train_freq", "n_envs"),
    [(0.3, 0.3, 4, 1), (0.3, 0.3, 4, 3), (0.5, 2.0, 4, 1), (2, 2, 1, 3)],
)
def test_updates_per_env_step_are_the_ratio(
    low: float, high: float, train_freq: int, n_envs: int
) -> None:
    agent = agent_of({"low": low, "high": high, **NEVER}, n_envs=n_envs, train_freq=train_freq)
    agent.learn(1000)
    assert not component_of(agent).controller.settled
    assert abs(agent._n_updates - low * agent.num_timesteps) <= 1


@pytest.mark.parametrize("learner", [LifelongDQN, LifelongSAC])
def test_once_settled_the_ratio_is_high(learner: type[Any]) -> None:
    agent = agent_of({**SOON, "low": 0.25, "high": 1.0}, learner)
    agent.learn(200)
    assert component_of(agent).controller.settled
    # First question after step 4 (dqn) or 1 (sac), no episode then; two have ended at step 40.
    due = 0.25 * 40 + 1.0 * 160
    assert agent._n_updates == pytest.approx(due, abs=4)
    changes = [e for e in agent.host.drain_events() if e.name == "replay_ratio_changed"]
    assert [e.detail["ratio"] for e in changes] == [0.25, 1.0]
    assert changes[1].env_steps == 40
    assert agent.host.metrics()["adaptivereplayratio/settled"] == 1


def test_the_mean_is_over_the_updates_of_the_last_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = agent_of({"low": 0.25, "high": 1.0, "check_interval_episodes": 2, "tolerance": 1e-9})
    component = component_of(agent)
    fed: list[float] = []
    feed = component.controller.feed

    def overheard(value: float) -> None:
        fed.append(value)
        feed(value)

    monkeypatch.setattr(component.controller, "feed", overheard)
    faus = _overheard(component, monkeypatch)
    agent.learn(100)
    # One update after every fourth step, five an episode. The update that follows the last step
    # of an episode belongs to the next one: it is made after the question.
    assert fed[0] == faus[0]
    assert fed[1:] == [pytest.approx(np.mean(faus[e * 5 - 6 : e * 5 - 1])) for e in (2, 4)]


def _overheard(component: AdaptiveReplayRatio, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The FAU of every update to come, worked out apart."""
    faus: list[float] = []
    after_step = component.after_step

    def listen(view: UpdateView) -> None:
        layers = torch.cat([a.flatten() for a in view.activations.values()])
        faus.append(float((layers > 0).double().mean()))
        after_step(view)

    monkeypatch.setattr(component, "after_step", listen)
    return faus


def test_checks_by_env_steps_need_no_episodes() -> None:
    agent = agent_of(
        {"low": 0.25, "high": 1.0, "check_interval_env_steps": 50, "tolerance": 1.0}, length=10**6
    )
    agent.learn(52)
    assert not component_of(agent).controller.settled
    agent.learn(8, reset_num_timesteps=False)
    assert component_of(agent).controller.settled


@pytest.mark.parametrize("rearm", [True, False])
def test_a_detected_change_takes_it_back_to_low(rearm: bool) -> None:
    settings = {**SOON, "low": 0.25, "high": 1.0, "rearm_on_change": rearm}
    agent = agent_of(settings, LifelongDQN, Announcer(at=104))
    agent.learn(98)
    assert component_of(agent).controller.settled
    agent.learn(12, reset_num_timesteps=False)
    assert component_of(agent).controller.settled is not rearm
    assert agent.host.arbiter.ratio == (0.25 if rearm else 1.0)
    agent.learn(100, reset_num_timesteps=False)
    assert component_of(agent).controller.settled


def test_a_true_boundary_takes_it_back_only_if_asked() -> None:
    for asked in (True, False):
        agent = agent_of({**SOON, "rearm_on_boundary": asked})
        agent.host.start_task(0, "a")
        agent.learn(60)
        assert component_of(agent).controller.settled
        agent.host.start_task(1, "b")
        assert component_of(agent).controller.settled is not asked


def test_a_hidden_boundary_cannot_be_asked_for() -> None:
    component = AdaptiveReplayRatio(AdaptiveReplayRatio.Config(rearm_on_boundary=True))
    assert TASK_BOUNDARY in component.requirements()[0]
    with pytest.raises(CompositionError, match="TASK_BOUNDARY"):
        agent_of({"rearm_on_boundary": True}, visibility="hidden")


def test_the_state_goes_on_in_mid_episode() -> None:
    settings = {"low": 0.5, "high": 1.0, "check_interval_episodes": 1, "tolerance": 0.01}
    agent = agent_of(settings).learn(50)
    state = copy.deepcopy(agent.host.state_dict())
    restored = agent_of(settings)
    restored.host.load_state_dict(state)
    one, other = component_of(agent), component_of(restored)
    assert one.state_dict() == other.state_dict()
    assert one._updates > 0
    assert one._episode_mean is not None
    assert one.controller.ratio == other.controller.ratio


@pytest.mark.parametrize(
    ("learner", "network", "observation_space"),
    [
        (LifelongDQN, {"net_arch": [8], "activation_fn": nn.Tanh}, VECTOR),
        (LifelongSAC, {"net_arch": [8], "activation_fn": nn.Sigmoid}, VECTOR),
        (LifelongDQN, {}, IMAGE),
        (LifelongSAC, {"net_arch": [8], "share_features_extractor": True}, IMAGE),
    ],
)
def test_other_networks_are_measured_too(
    learner: type[Any], network: dict[str, Any], observation_space: spaces.Space[Any]
) -> None:
    agent = agent_of(
        NEVER, learner, network=network, observation_space=observation_space, buffer_size=50
    )
    agent.learn(8)
    reference = component_of(agent).controller.reference
    assert reference is not None
    assert 0 < reference <= 1


def test_units_without_a_zero_are_refused() -> None:
    with pytest.raises(UserError, match="activation_fn"):
        agent_of({}, network={"net_arch": [8], "activation_fn": nn.GELU})


# ---- settings ------------------------------------------------------------------------------


def test_settings_are_the_papers_and_survive_being_written_out() -> None:
    config = AdaptiveReplayRatio.Config()
    assert (config.low, config.high, config.tolerance) == (0.5, 2.0, 1e-3)
    assert config.check_interval_episodes == 50
    assert AdaptiveReplayRatio.Config(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"check_interval_episodes": 5, "check_interval_env_steps": 100}, "not both"),
        ({"low": 2.0, "high": 1.0}, "smaller than low"),
        ({"tolerence": 0.1}, "tolerence"),
    ],
)
def test_wrong_settings_are_errors(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AdaptiveReplayRatio.Config(**settings)
