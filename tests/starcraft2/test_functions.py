"""pysc2's function calls and features on the client: what the embedded games make of them too."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from l2rl.envs.minigames.functions import CHOICES, N_FUNCTIONS, function_ids
from l2rl.envs.minigames.pysc2_agents import play
from l2rl.envs.starcraft2 import SUITE
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from tests.starcraft2.play import Policy, assert_plays_as_embedded
from tests.support.runs import differences

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("functions")]
SIZE = 16
FEATURES = {"actions": "functions", "observation": "features", "screen_size": SIZE, "limit_s": 20}


def any_call(seed: int) -> Policy:
    """An available function with arguments at random, small ones where there are many."""
    chance = np.random.default_rng(seed)

    def policy(seen: Any, masks: np.ndarray) -> np.ndarray:
        calls = [
            [
                chance.choice(np.flatnonzero(mask[:N_FUNCTIONS])),
                *chance.integers(0, SIZE, 6),
                *(chance.integers(0, min(values, 4)) for values in CHOICES.values()),
            ]
            for mask in masks
        ]
        return np.array(calls)

    return policy


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        ("MoveToBeacon", {}),
        (
            "CollectMineralShards",
            {"observation_rotation": 90, "observation_mirror": True, "action_remap": 2},
        ),
        ("FindAndDefeatZerglings", {}),
        ("DefeatRoaches", {"observation": "vector"}),
        ("CollectMineralsAndGas", {}),
        ("BuildMarines", {"observation": "planes"}),
    ],
)
def test_features_calls_and_their_failures_are_the_same(
    task: str, parameters: dict[str, Any]
) -> None:
    assert_plays_as_embedded(task, lambda: any_call(1), 1, **{**FEATURES, **parameters})


def test_another_process_goes_on_in_mid_episode() -> None:
    one, other = (StarCraftVecEnv("DefeatRoaches", FEATURES, n_envs=2, seed=2) for _ in range(2))
    policy, seen = any_call(0), one.reset()
    for _ in range(12):
        seen = one.step(policy(seen, one.action_masks()))[0]
    other.load_state_dict(one.state_dict())
    assert differences(other.state_dict(), one.state_dict()) == []
    action = policy(seen, one.action_masks())
    assert differences(list(one.step(action)), list(other.step(action))) == []
    for env in (one, other):
        env.close()


def test_the_face_of_gymnasium_tells_which_functions_are_available() -> None:
    env = gymnasium.make("l2rl/StarCraft2-MoveToBeacon-v0", disable_env_checker=True, **FEATURES)
    seen, info = env.reset(seed=1)
    assert env.observation_space.contains(seen)
    assert not info["available_actions"][function_ids()["Move_screen"]]
    action = np.zeros(17, np.int64)
    action[0] = function_ids()["select_army"]
    seen, _, _, _, info = env.step(action)
    assert info["action_mask"][function_ids()["Move_screen"]]
    assert seen["feature_screen"].any()
    env.close()


def test_an_unavailable_call_does_nothing_and_is_counted() -> None:
    env = StarCraftVecEnv("MoveToBeacon", {**FEATURES, "limit_s": 1})
    env.reset()
    action = np.zeros((1, 17), np.int64)
    action[0, 0] = function_ids()["Train_SCV_quick"]
    env.step(action)
    assert env.step(action)[3][0]["invalid_actions"] == 2
    env.close()


@pytest.mark.parametrize(
    "parameters",
    [
        {"observation_angle": 45},
        {"drift": {"over_env_steps": 9, "observation_angle": [0, 9]}},
        {"fog": True},
    ],
)
def test_what_cannot_be_done_to_the_games_own_pictures_is_refused(
    parameters: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match="not possible with features"):
        SUITE.check("MoveToBeacon", {**FEATURES, **parameters})


def test_an_agent_of_pysc2s_own_on_its_own_environment_scores_as_embedded() -> None:
    from pysc2_evolved.agents.scripted_agent import CollectMineralShards

    from l2rl.envs.starcraft2.library import sc2_env

    expected = play(
        "CollectMineralShards", CollectMineralShards, n_episodes=1, seed=3, screen_size=SIZE
    )
    env = sc2_env.SC2Env(
        map_name="CollectMineralShards",
        players=[sc2_env.Agent(sc2_env.Race.terran)],
        agent_interface_format=sc2_env.AgentInterfaceFormat(
            feature_dimensions=sc2_env.Dimensions(screen=SIZE, minimap=SIZE)
        ),
        random_seed=3,
    )
    agent = CollectMineralShards()
    agent.setup(env.observation_spec()[0], env.action_spec()[0])
    agent.reset()
    step, score = env.reset()[0], 0.0
    while not step.last():
        step = env.step([agent.step(step)])[0]
        score += step.reward
    env.close()
    assert [score] == expected
    assert score > 10
