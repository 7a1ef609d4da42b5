"""Through the real client library a task is what it is embedded: to the last bit."""

from __future__ import annotations

from typing import Any

import pytest

from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.scripted import POLICIES
from tests.starcraft2.play import any_valid, assert_plays_as_embedded, policy_of


@pytest.mark.parametrize("task", GAMES)
def test_every_map_at_random(task: str) -> None:
    assert_plays_as_embedded(task, lambda: any_valid(1), 2, limit_s=60)


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        ("MoveToBeacon", {"observation_rotation": 90, "action_remap": 1, "step_mul": 5}),
        ("CollectMineralShards", {"observation": "planes", "observation_mirror": True}),
        ("CollectMineralShards", {"fog": True, "camera": True}),
        ("FindAndDefeatZerglings", {"observation": "planes", "plane_size": 32}),
        ("FindAndDefeatZerglings", {"fog": False, "camera": False}),
        ("CollectMineralsAndGas", {"observation": "planes", "limit_s": 60, "action_remap": 3}),
        ("BuildMarines", {"observation": "planes", "limit_s": 60, "fog": True}),
        (
            "DefeatRoaches",
            {"drift": {"over_env_steps": 50, "reward_scale": [1, 2], "observation_angle": [0, 90]}},
        ),
    ],
)
def test_every_kind_of_view_and_control(task: str, parameters: dict[str, Any]) -> None:
    assert_plays_as_embedded(task, lambda: any_valid(2), 2, **{"limit_s": 20, **parameters})


_LONG = {"CollectMineralsAndGas": {"limit_s": 210}, "BuildMarines": {"limit_s": 300}}
"""The two long games stop when their bases are at work; the others play to their ends."""


@pytest.mark.slow
@pytest.mark.parametrize("task", POLICIES)
def test_a_scripted_policy_scores_the_same(task: str) -> None:
    limit = _LONG.get(task, {})
    returns = assert_plays_as_embedded(task, lambda: policy_of(task), 1 if limit else 2, **limit)
    assert all(score > 0 for score in returns)


def test_the_same_through_every_change_of_a_wave() -> None:
    """Orders, selection and places of survivors when everybody is put somewhere else."""
    assert_plays_as_embedded("DefeatZerglingsAndBanelings", lambda: any_valid(3), 12)
