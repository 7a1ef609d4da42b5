"""The suite: what it offers, what it refuses, and what it says when the game is not there."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from l2rl.config import load_text
from l2rl.envs.minigames import SUITE as EMBEDDED
from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.starcraft2 import SUITE
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from l2rl.errors import UserError
from l2rl.registry import environment_suite
from l2rl.task_environments import check_task, make_task_env

# ---- what is offered and refused -----------------------------------------------------------


def test_the_same_tasks_under_their_own_name() -> None:
    assert environment_suite("starcraft2") is SUITE
    assert list(SUITE.tasks()) == list(GAMES)
    assert SUITE.version == "build 75689"
    assert SUITE.missing() is None


@pytest.mark.parametrize("task", GAMES)
def test_every_variant_that_is_offered_can_be_made(task: str) -> None:
    variants = SUITE.tasks()[task].variants
    assert {"default", "remapped", "rotated", "mirrored"} <= set(variants)
    for parameters in variants.values():
        SUITE.check(task, parameters)
    for name in set(GAMES[task].variants) - set(variants):
        with pytest.raises(ValueError, match="map"):
            SUITE.check(task, GAMES[task].variants[name])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"marines": 5}, r"marines = 5 is not possible, since the map fixes it \(9\)"),
        ({"limit_s": 200}, "limit_s = 200 is not possible, since the map ends after 120 s"),
        ({"rectangle": [0, 0, 64, 64]}, "rectangle = .* the map fixes it"),
        ({"enemy_health": 2}, "enemy_health = 2.0 is not possible"),
        (
            {"drift": {"over_env_steps": 10, "enemy_speed": [1, 2]}},
            "enemy_speed cannot drift.*what can: observation_angle, reward_scale",
        ),
        ({"marins": 5}, "starcraft2/DefeatRoaches has no parameter 'marins'"),
        ({"restart": 5}, r"no parameter 'restart' \(did you mean 'restarts'\?\)"),
        ({"attempts": 0}, "attempts = 0 is not possible; it must be a whole number from 1"),
        ({"observation": "pixels"}, "observation = 'pixels' is not possible"),
    ],
)
def test_what_the_map_fixes_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SUITE.check("DefeatRoaches", parameters)


def test_the_episodes_limit_is_the_embedded_games() -> None:
    for suite, backend in ((EMBEDDED, {}), (EMBEDDED, {"backend": "sc2"}), (SUITE, {})):
        assert suite.episode_limit("DefeatRoaches", {"limit_s": 10.2, **backend}) == 21


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match="DefeatRoachs"):
        SUITE.check("DefeatRoachs", {})


def test_what_the_map_has_anyway_is_not_refused() -> None:
    SUITE.check("DefeatRoaches", {"marines": 9, "limit_s": 120, "restarts": 3})


# ---- what is not installed -----------------------------------------------------------------


def test_without_the_game_one_message_says_what_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SC2PATH", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="cannot be played here") as told:
        SUITE.make("MoveToBeacon", parameters={}, n_envs=1, seed=0)
    text = str(told.value)
    assert "s2client-proto#downloads" in text
    assert f"MoveToBeacon in {tmp_path / 'nowhere' / 'Maps' / 'mini_games'}" in text
    assert "SC2PATH" in text
    assert "pip" not in text
    assert SUITE.version == "not installed"
    assert "FindAndDefeatZerglings" in str(SUITE.missing())


def test_a_missing_map_alone_is_told(stand_in: Path) -> None:
    path = stand_in / "Maps/mini_games/MoveToBeacon.SC2Map"
    content = path.read_bytes()
    path.unlink()
    try:
        SUITE.check("DefeatRoaches", {})
        with pytest.raises(ValueError, match="the maps MoveToBeacon in"):
            SUITE.check("MoveToBeacon", {})
    finally:
        path.write_bytes(content)


def test_without_the_library_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("l2rl.envs.starcraft2.installation.LIBRARIES", ("no_such_library",))
    with pytest.raises(ValueError, match=r"pysc2-evolved: pip install 'l2rl\[sc2\]'"):
        SUITE.check("MoveToBeacon", {})


# ---- the switch ----------------------------------------------------------------------------

CURRICULUM = """
agent: {learner: ppo}
curriculum:
  tasks:
    beacon: minigames/MoveToBeacon
    shards: {env: minigames/CollectMineralShards, parameters: {backend: embedded}}
    pole: CartPole-v1
  blocks: [{learn: beacon, env_steps: 10}]
"""


def test_one_word_switches_a_curriculum() -> None:
    tasks = load_text(CURRICULUM, ["curriculum.backend=sc2"]).curriculum.tasks
    assert tasks["beacon"].parameters == {"backend": "sc2"}
    assert tasks["shards"].parameters == {"backend": "embedded"}
    assert tasks["pole"].parameters == {}
    env = make_task_env(tasks["beacon"], n_envs=1, seed=0)
    assert isinstance(env, StarCraftVecEnv)
    check_task(tasks["beacon"])


def test_without_the_word_nothing_is_switched() -> None:
    loaded = load_text(CURRICULUM)
    assert loaded.curriculum.tasks["beacon"].parameters == {}
    assert load_text(loaded.text).curriculum == loaded.curriculum


def test_a_switched_task_is_checked_by_the_real_games_rules() -> None:
    text = CURRICULUM.replace(
        "minigames/MoveToBeacon", "{env: minigames/MoveToBeacon, variant: wide}"
    )
    task = load_text(text, ["curriculum.backend=sc2"]).curriculum.tasks["beacon"]
    with pytest.raises((ValueError, UserError), match=r"rectangle = .* the map fixes it"):
        check_task(task)


def test_another_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="backend = 'sc1' is not possible; it must be one of"):
        EMBEDDED.check("MoveToBeacon", {"backend": "sc1"})


# ---- Gymnasium -----------------------------------------------------------------------------


def test_gymnasiums_own_checker_is_content() -> None:
    env = gymnasium.make("l2rl/StarCraft2-MoveToBeacon-v0", limit_s=5)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_reset_with_a_seed_begins_its_stream() -> None:
    env = gymnasium.make("l2rl/StarCraft2-CollectMineralShards-v0", limit_s=2)
    first, info = env.reset(seed=4)
    second, _ = env.reset()
    assert info["action_mask"].shape == (30,)
    assert first.tobytes() != second.tobytes()
    assert env.reset(seed=4)[0].tobytes() == first.tobytes()
    assert env.reset()[0].tobytes() == second.tobytes()
    ends = [env.step(0)[2:4] for _ in range(4)]
    assert ends == [(False, False)] * 3 + [(False, True)]
    env.close()


# ---- being a good guest --------------------------------------------------------------------

QUIET = """
import logging, random, sys
import numpy as np
import l2rl.envs.starcraft2
assert not {"numba", "pysc2_evolved", "pygame", "s2clientprotocol"} & set(sys.modules)
from l2rl.envs.starcraft2 import library
from absl import flags
assert flags.FLAGS.is_parsed()
library.parse_flags_once()
assert logging.root.handlers == [] and logging.root.manager.disable == 0
"""


def test_importing_is_cheap_and_quiet_and_parses_flags_once() -> None:
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_global_generators_are_the_learners() -> None:
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    env = StarCraftVecEnv("MoveToBeacon", {"limit_s": 2})
    env.reset()
    for _ in range(5):
        env.step(np.zeros(1, int))
    env.close()
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002


def test_what_is_known_of_a_game_can_be_drawn() -> None:
    env = StarCraftVecEnv("CollectMineralShards")
    env.reset()
    (picture,) = env.get_images()
    assert picture is not None
    assert picture.dtype == np.uint8
    assert picture.std() > 10
    env.close()
