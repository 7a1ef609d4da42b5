"""`replay.reservoir`: what stays, what is drawn, and that learners learn from it."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy import stats
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.sac import LifelongSAC
from l2rl.agents.surroundings import Surroundings
from l2rl.components.replay.reservoir import Reservoir, ReservoirBuffer, reservoir_slots
from l2rl.errors import UserError
from l2rl.views import BufferView

BOX = spaces.Box(-1, 1, (2,), np.float32)
DISCRETE = spaces.Discrete(3)
IN_PLAIN_SIGHT = Surroundings(visibility="labels", labels=("a", "b"))


def buffer_of(
    capacity: int,
    n_envs: int = 1,
    recent_share: float = 0.5,
    recent_batch_share: float = 0.5,
    seed: int = 0,
    belief: Any = lambda: 0,
) -> ReservoirBuffer:
    view = BufferView(capacity, BOX, DISCRETE, n_envs, torch.device("cpu"), belief)
    generator = np.random.default_rng(seed)
    return ReservoirBuffer(view, capacity, recent_share, recent_batch_share, generator)


def fill(buffer: ReplayBuffer, steps: int, n_envs: int = 1, first: int = 0) -> None:
    """`steps` steps whose rewards are the running numbers of the transitions."""
    for step in range(first, first + steps):
        seen = np.full((n_envs, 2), step, np.float32)
        rewards = np.arange(step * n_envs, (step + 1) * n_envs, dtype=np.float32)
        actions, done = np.zeros((n_envs, buffer.action_dim)), np.zeros(n_envs, bool)
        buffer.add(seen, seen, actions, rewards, done, [{} for _ in range(n_envs)])


def kept(buffer: ReservoirBuffer, area: str = "both") -> list[int]:
    """Sorted running numbers of what is stored."""
    recent, reservoir = slice(0, buffer.recent_size), buffer.reservoir
    areas = {"recent": [recent], "reservoir": [reservoir], "both": [recent, reservoir]}[area]
    return sorted(np.concatenate([buffer.ring.columns["index"][s] for s in areas]).tolist())


# ---- what stays ----------------------------------------------------------------------------


@pytest.mark.parametrize("items", [1, 5, 50])
def test_every_offer_stays_with_probability_k_over_t(items: int) -> None:
    runs, size, offers = 4000, 10, 50
    generator = np.random.default_rng(0)
    counts = np.zeros(offers)
    for _ in range(runs):
        held = np.full(size, -1)
        for start in range(0, offers, items):
            slots = reservoir_slots(generator.random(items), start, size)
            entering = slots >= 0
            held[slots[entering]] = np.flatnonzero(entering) + start
        counts[held] += 1
    assert np.abs(counts / runs - size / offers).max() < 0.02
    assert _chi_square_p(counts, runs, size / offers) > 0.001


def _chi_square_p(counts: np.ndarray, runs: int, share: float) -> float:
    """Drawing k of n without replacement has (1 - k/n) n/(n-1) times the multinomial variance."""
    n = len(counts)
    expected = runs * share
    statistic = ((counts - expected) ** 2 / expected).sum() / (1 - share) * (n - 1) / n
    return float(stats.chi2.sf(statistic, n - 1))


@pytest.mark.parametrize(("recent_share", "n_envs"), [(0.0, 1), (0.0, 4), (0.5, 4)])
def test_the_buffer_keeps_a_uniform_sample_of_what_left_the_recent_area(
    recent_share: float, n_envs: int
) -> None:
    runs, capacity, steps = 800, 16, 60 // n_envs
    counts = np.zeros(60)
    for seed in range(runs):
        buffer = buffer_of(capacity, n_envs, recent_share, seed=seed)
        fill(buffer, steps, n_envs)
        counts[kept(buffer, "reservoir")] += 1
    recent = int(capacity * recent_share)
    eligible = counts[: 60 - recent]
    share = (capacity - recent) / len(eligible)
    assert counts[60 - recent :].sum() == 0
    assert _chi_square_p(eligible, runs, share) > 0.001


def test_the_recent_area_holds_the_newest_and_nothing_is_in_both() -> None:
    buffer = buffer_of(20, n_envs=3, recent_share=0.5)
    fill(buffer, 30, n_envs=3)
    assert kept(buffer, "recent") == list(range(80, 90))
    assert len(set(kept(buffer))) == buffer.size() == 20


def test_until_the_capacity_is_reached_nothing_is_lost() -> None:
    buffer = buffer_of(20, n_envs=2)
    fill(buffer, 10, n_envs=2)
    assert kept(buffer) == list(range(20))


def test_old_experience_stays_where_a_ring_forgets_it() -> None:
    ring = ReplayBuffer(100, BOX, DISCRETE, "cpu")
    fill(ring, 400)
    assert ring.rewards.min() == 300
    shares = []
    for seed in range(30):
        buffer = buffer_of(100, seed=seed)
        fill(buffer, 400)
        shares.append(np.mean(np.array(kept(buffer, "reservoir")) < 100))
    # 100 of the 350 that left the recent area.
    assert np.mean(shares) == pytest.approx(100 / 350, abs=0.04)


def test_clearing_empties_the_recent_area_into_the_reservoir() -> None:
    buffer = buffer_of(20)
    fill(buffer, 8)
    buffer.reset()
    assert buffer.recent_size == 0
    assert kept(buffer, "reservoir") == list(range(8))
    fill(buffer, 3, first=8)
    assert kept(buffer, "recent") == [8, 9, 10]
    fill(buffer, 500, first=11)
    buffer.reset()
    assert buffer.offered == buffer.added == 511
    assert buffer.reservoir_size == buffer.size() == 10


def test_clearing_offers_everyone_the_same_chance() -> None:
    counts = np.zeros(60)
    for seed in range(800):
        buffer = buffer_of(40, seed=seed)
        fill(buffer, 60)
        buffer.reset()
        counts[kept(buffer)] += 1
    assert _chi_square_p(counts, 800, 20 / 60) > 0.001


# ---- what is drawn -------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "recent"), [(0.0, 0), (0.3, 10), (0.5, 16), (1.0, 32)])
def test_every_minibatch_has_the_share_that_was_asked_for(share: float, recent: int) -> None:
    buffer = buffer_of(200, recent_batch_share=share)
    fill(buffer, 1000)
    for _ in range(20):
        index = buffer.sample(32).index
        assert isinstance(index, torch.Tensor)
        assert int((index >= 900).sum()) == recent
        assert bool((index[:recent] >= 900).all())


def test_draws_within_an_area_are_uniform() -> None:
    buffer = buffer_of(40)
    fill(buffer, 300)
    draws = np.concatenate([buffer.draw(64) for _ in range(2000)])
    counts = np.bincount(draws, minlength=40)
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize(
    ("capacity", "added", "cleared", "added_after", "expected"),
    [
        (200, 30, False, 0, 64),  # the reservoir is empty
        (200, 105, False, 0, 59),  # five in the reservoir: no more than five draws
        (200, 400, False, 0, 32),
        (200, 400, True, 3, 3),  # three in the recent area: no more than three draws
        (200, 400, True, 0, 0),
        (96, 60, False, 0, 51),  # less than a minibatch: 48 of 60 recent, all equally likely
    ],
)
def test_a_nearly_empty_area_gives_no_more_than_it_holds(
    capacity: int, added: int, cleared: bool, added_after: int, expected: int
) -> None:
    buffer = buffer_of(capacity)
    fill(buffer, added)
    if cleared:
        buffer.reset()
    fill(buffer, added_after)
    assert buffer.recent_draws(64) == expected
    recent = buffer.draw(64) < buffer.recent_capacity
    assert recent.sum() == expected


def test_an_empty_buffer_says_so() -> None:
    with pytest.raises(ValueError, match="empty"):
        buffer_of(10).sample(4)


def test_vec_normalize_is_applied_as_in_sb3() -> None:
    env = VecNormalize(make_vec_env(lambda: Corridor(DISCRETE)))
    assert isinstance(env.obs_rms, RunningMeanStd)
    env.obs_rms.mean, env.obs_rms.var = np.array([1.0, 2.0]), np.array([4.0, 9.0])
    env.ret_rms.var = np.array(25.0)
    ours, stock = buffer_of(50), ReplayBuffer(50, BOX, DISCRETE, "cpu")
    fill(ours, 20)
    fill(stock, 20)
    slots = np.arange(20)
    samples, expected = ours._get_samples(slots, env), stock._get_samples(slots, env)
    for field in ("observations", "next_observations", "rewards"):
        assert torch.equal(getattr(samples, field), getattr(expected, field)), field


# ---- on an agent ---------------------------------------------------------------------------


class Corridor(gym.Env[Any, Any]):
    """Being rewarded for the right action; with time limits and true ends."""

    def __init__(self, action_space: spaces.Space[Any]) -> None:
        self.observation_space = BOX
        self.action_space = action_space
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        ended = bool(self.np_random.random() < 0.05)
        return self._observe(), float(np.sum(action)), ended, self.steps >= 20, {}

    def _observe(self) -> np.ndarray:
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)


def agent_of(learner: type[Any], seed: int = 0, n_envs: int = 2, **settings: Any) -> Any:
    actions = DISCRETE if learner is LifelongDQN else BOX
    return learner(
        "MlpPolicy",
        make_vec_env(lambda: Corridor(actions), n_envs, seed=seed),
        components=[Reservoir(Reservoir.Config(**settings))],
        surroundings=IN_PLAIN_SIGHT,
        seed=seed,
        buffer_size=200,
        learning_starts=20,
        batch_size=16,
        policy_kwargs={"net_arch": [16, 16]},
        device="cpu",
    )


@pytest.mark.parametrize("learner", [LifelongDQN, LifelongSAC])
def test_learners_learn_from_it_and_the_seed_decides(learner: type[Any]) -> None:
    one, again, other = (agent_of(learner, seed).learn(304) for seed in (3, 3, 4))
    assert one._n_updates > 0
    values = one.policy.state_dict()
    same, different = again.policy.state_dict(), other.policy.state_dict()
    assert all(torch.equal(values[name], same[name]) for name in values)
    assert any(not torch.equal(values[name], different[name]) for name in values)
    assert one.replay_buffer.size() == 200
    assert one.replay_buffer.added == 304


def test_belief_and_metrics_follow_the_tasks() -> None:
    agent = agent_of(LifelongDQN)
    component = agent.host.composition.components[0]
    agent.host.start_task(0, "a")
    agent.learn(300)
    agent.host.start_task(1, "b")
    agent.learn(300, reset_num_timesteps=False)
    metrics = agent.host.metrics()
    assert metrics["reservoir/size"] == 200
    assert metrics["reservoir/reservoir_fill"] == 1
    # Of the 500 that left the recent area 300 are of the first task.
    assert metrics["reservoir/belief_0_share"] == pytest.approx(0.6, abs=0.15)
    assert metrics["reservoir/belief_0_share"] + metrics["reservoir/belief_1_share"] == 1
    recent = component.buffer.ring.columns["belief"][:100]
    assert (recent == 1).all()


@pytest.mark.parametrize("learner", [LifelongDQN, LifelongSAC])
def test_the_state_goes_on_bit_for_bit_in_mid_task(learner: type[Any]) -> None:
    agent = agent_of(learner).learn(330)
    component, host = agent.host.composition.components[0], agent.host
    state = copy.deepcopy(host.state_dict())
    assert len(state["components"]["reservoir"]["recent"]["rewards"]) == 100
    fill(component.buffer, 50, n_envs=2)
    expected = component.buffer.sample(32)

    restored = agent_of(learner, seed=9)
    restored.host.load_state_dict(state)
    buffer = restored.host.composition.components[0].buffer
    fill(buffer, 50, n_envs=2)
    for mine, theirs in zip(buffer.sample(32), expected, strict=True):
        assert mine is theirs is None or torch.equal(mine, theirs)


def test_a_hardly_filled_buffer_has_a_small_state() -> None:
    agent = agent_of(LifelongDQN, capacity=1_000_000).learn(40)
    state = agent.host.state_dict()["components"]["reservoir"]
    assert len(state["recent"]["rewards"]) == 40
    assert len(state["reservoir"]["rewards"]) == 0
    assert agent.host.metrics()["reservoir/reservoir_fill"] == 0


@pytest.mark.parametrize(
    "settings", [{"capacity": 10, "n_envs": 8}, {"capacity": 2, "recent_share": 0.9}]
)
def test_too_small_a_buffer_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="raise `capacity`"):
        agent_of(LifelongDQN, **settings)
