"""Shared by these tests: playing a game and keeping all that was seen, and finding processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from l2rl.envs.minigames.scripted import POLICIES
from l2rl.envs.minigames.vec_env import MinigameVecEnv
from l2rl.envs.starcraft2.supervisor import SupervisedGame, episode_seed
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from tests.support.runs import differences

Policy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(observations (N, ...), masks (N, 30)) to actions (N,)."""


class Step(NamedTuple):
    """All that one env step gives."""

    seen: np.ndarray
    masks: np.ndarray
    rewards: np.ndarray
    dones: np.ndarray
    infos: list[dict[str, Any]]


def any_valid(seed: int) -> Policy:
    """A valid action at random."""
    chance = np.random.default_rng(seed)

    def policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
        return np.array([chance.choice(np.flatnonzero(mask)) for mask in masks])

    return policy


def policy_of(task: str) -> Policy:
    """The scripted policy, or valid actions at random where there is none."""
    return POLICIES.get(task) or any_valid(0)


def steps(env: Any, policy: Policy, seen: np.ndarray, n: int) -> Iterator[Step]:
    """Play n env steps."""
    for _ in range(n):
        seen, rewards, dones, infos = env.step(policy(seen, env.action_masks()))
        yield Step(seen, env.action_masks().copy(), rewards, dones, infos)


def played(env: Any, n: int, seed: int = 0) -> list[Step]:
    """Reset, and play n env steps at random."""
    return list(steps(env, any_valid(seed), env.reset(), n))


def assert_same_play(one: list[Step], other: list[Step]) -> None:
    """Everything seen, every reward and every end are the same, bit for bit."""
    assert len(one) == len(other)
    for number, (a, b) in enumerate(zip(one, other, strict=True)):
        for name in ("seen", "masks", "rewards", "dones"):
            first, second = getattr(a, name), getattr(b, name)
            assert first.tobytes() == second.tobytes(), f"{name} differ at step {number}"
        for i in np.flatnonzero(a.dones):
            assert_same_end(a.infos[i], b.infos[i])


def assert_same_end(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two infos of an episode's last step say the same."""
    assert differences(one, other) == []


def embedded_episode(
    task: str, parameters: dict[str, Any], game: SupervisedGame
) -> tuple[MinigameVecEnv, np.ndarray]:
    """The embedded game at the start of the episode that a supervised game is in."""
    twin = MinigameVecEnv(task, parameters)
    twin.engine.seed([episode_seed(game.stream, game.episode)])
    twin.engine.games["lived"] = game.lived
    return twin, twin.engine.reset()


def assert_plays_as_embedded(
    task: str, policy: Callable[[], Policy], episodes: int, **parameters: Any
) -> list[float]:
    """Play through the client and embedded, side by side; the returns of the episodes."""
    env = StarCraftVecEnv(task, parameters, seed=5)
    returns = []
    try:
        seen = env.reset()
        for _ in range(episodes):
            twin, twin_seen = embedded_episode(task, parameters, env.games[0])
            choose, done = policy(), False
            while not done:
                assert differences(seen, twin_seen) == []
                assert differences(env.action_masks(), twin.action_masks()) == []
                action = choose(seen, env.action_masks())
                seen, rewards, dones, infos = env.step(action)
                twin_seen, twin_rewards, twin_dones, twin_infos = twin.step(action)
                assert rewards.tobytes() == twin_rewards.tobytes()
                assert dones.tobytes() == twin_dones.tobytes()
                done = bool(dones[0])
            assert_same_end(infos[0], twin_infos[0])
            returns.append(infos[0]["episode"]["r"])
    finally:
        env.close()
    return returns


# ---- processes -----------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    """Processes started by a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


def game_process(env: StarCraftVecEnv, i: int = 0) -> int:
    """The process of game i itself, below its guard."""
    client = env.games[i].client
    assert client is not None
    assert client.pid is not None
    (game,) = children(client.pid)
    return game


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, within_s: float = 10.0) -> bool:
    """Whether a process ends soon."""
    deadline = time.monotonic() + within_s
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def stand_ins(folder: Path) -> list[int]:
    """Processes, guards included, whose command line names this installation of the game."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in text and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return [pid for pid in found if alive(pid)]
