"""Any Gymnasium id as a task: `gymnasium/CartPole-v1`. Parameters go to `gymnasium.make`.

Saving in mid-episode works without pickling the environment: an episode is its start (the seed,
or the generator's state at the reset) and the actions since, and restoring plays it again. This
is exact for environments that draw only from `np_random` and carry nothing else from one episode
to the next. It is checked: when the replayed observation or return differs by one bit,
`load_state_dict` raises `RuntimeError`. Restoring costs as many steps as the episode had.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from l2rl.environments import EnvironmentSuite, TaskInfo
from l2rl.randomness import derive_seed

MaskFunction = Callable[[], Any]
_SIMPLE = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class EpisodeRecorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Remembers how the present episode began and every action since, and sums its rewards.

    The last info of an episode gets `episode` with `r`, `l` and, when the environment speaks of
    it, `success`: `is_success` of the last step, or whether any step had `success`; and
    `terminal_action_mask`, when the environment offers action masks.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.start: dict[str, Any] | None = None
        self.actions: list[np.ndarray] = []
        self.total = 0.0
        self.success: float | None = None
        own = env.has_wrapper_attr("action_masks")
        self._own_masks: MaskFunction | None = env.get_wrapper_attr("action_masks") if own else None
        self._mask_in_info: Any = None

    @property
    def action_masks(self) -> MaskFunction:
        """The environment's method, or the `action_mask` of its last info.

        A property, so that it is missing (`AttributeError`) where neither is offered.
        """
        if self._own_masks is not None:
            return self._own_masks
        if self._mask_in_info is None:
            raise AttributeError("no method `action_masks`, and no `action_mask` in the last info")
        return lambda: self._mask_in_info

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode and note how."""
        self.start = {"seed": seed, "options": copy.deepcopy(options), "generator": None}
        if seed is None:
            generator = self.env.unwrapped.np_random
            self.start["generator"] = copy.deepcopy(dict(generator.bit_generator.state))
        self.actions, self.total, self.success = [], 0.0, None
        seen, info = self.env.reset(seed=seed, options=options)
        self._mask_in_info = info.get("action_mask")
        return seen, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step, noted."""
        self.actions.append(np.array(action))
        seen, reward, terminated, truncated, info = self.env.step(action)
        self.total += float(reward)
        self._mask_in_info = info.get("action_mask")
        if "is_success" in info:
            self.success = float(info["is_success"])
        elif "success" in info:
            self.success = max(self.success or 0.0, float(info["success"]))
        if terminated or truncated:
            info["episode"] = {"r": self.total, "l": len(self.actions)}
            if self.success is not None:
                info["episode"]["success"] = self.success
            if hasattr(self, "action_masks"):
                info["terminal_action_mask"] = np.array(self.action_masks(), dtype=bool)
            if self.render_mode == "rgb_array":
                # The VecEnv starts the next episode before anybody can ask for a picture.
                info["terminal_picture"] = self.render()
        return seen, reward, terminated, truncated, info

    def record(self) -> dict[str, Any]:
        """The episode so far: start, actions (steps, ...), sum of rewards."""
        actions = np.array(self.actions) if self.actions else None
        return {"start": copy.deepcopy(self.start), "actions": actions, "total": self.total}

    def replay(self, record: Mapping[str, Any]) -> Any:
        """Play a recorded episode again; returns the observation it had come to."""
        start = record["start"]
        if start["generator"] is not None:
            # Some environments build what draws numbers only in their first reset.
            self.env.reset(seed=0)
            self.env.unwrapped.np_random.bit_generator.state = copy.deepcopy(start["generator"])
        seen, _ = self.reset(seed=start["seed"], options=start["options"])
        for action in () if record["actions"] is None else record["actions"]:
            seen, *_ = self.step(action)
        return seen


class ReplayVecEnv(DummyVecEnv):
    """A `DummyVecEnv` whose state is saved as episodes to replay (`StatefulVecEnv`)."""

    envs: list[EpisodeRecorder]  # type: ignore[assignment]

    def __init__(self, task: str, parameters: Mapping[str, Any], n_envs: int, seed: int) -> None:
        self.task, self.parameters = task, dict(parameters)
        super().__init__([lambda: EpisodeRecorder(make_one(task, parameters))] * n_envs)
        # 31 bits: environments written in C++ take no more.
        self._seeds = [derive_seed(seed, i) % 2**31 for i in range(n_envs)]

    def state_dict(self) -> dict[str, Any]:
        """Every environment's episode so far, and the action space's generator."""
        generator = self.action_space._np_random
        return {
            "task": self.task,
            "parameters": repr(sorted(self.parameters.items())),
            "pending_seeds": list(self._seeds),
            "pending_options": copy.deepcopy(self._options),
            "action_space": None if generator is None else dict(generator.bit_generator.state),
            "episodes": [self._episode(i) for i in range(self.num_envs)],
        }

    def _episode(self, i: int) -> dict[str, Any] | None:
        recorder = self.envs[i]
        if recorder.start is None:
            return None
        seen = {name or "": self.buf_obs[name][i].copy() for name in self.keys}
        return {**recorder.record(), "observation": seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replay every episode. `ValueError` for another task, `RuntimeError` when not exact."""
        for name in ("task", "parameters"):
            mine = {"task": self.task, "parameters": repr(sorted(self.parameters.items()))}[name]
            if state[name] != mine:
                raise ValueError(f"this state is of {name} {state[name]}, not {mine}")
        if len(state["episodes"]) != self.num_envs:
            raise ValueError(
                f"this state has {len(state['episodes'])} environments, not {self.num_envs}"
            )
        for i, episode in enumerate(state["episodes"]):
            if episode is not None:
                self._restore(i, episode)
        self._seeds = list(state["pending_seeds"])
        self._options = copy.deepcopy(state["pending_options"])
        if state["action_space"] is not None:
            self.action_space.np_random.bit_generator.state = state["action_space"]

    def _restore(self, i: int, episode: Mapping[str, Any]) -> None:
        self._save_obs(i, self.envs[i].replay(episode))
        same = self.envs[i].total == episode["total"] and all(
            self.buf_obs[name][i].tobytes() == episode["observation"][name or ""].tobytes()
            for name in self.keys
        )
        if not same:
            raise RuntimeError(
                f"gymnasium/{self.task} cannot be restored exactly: playing environment {i}'s "
                f"{len(self.envs[i].actions)} steps again led elsewhere. It draws from a generator "
                "other than np_random, or carries state from one episode to the next."
            )


def make_one(task: str, parameters: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    """One environment of this id. Raises `ValueError` with the way out."""
    try:
        env: gymnasium.Env[Any, Any] = gymnasium.make(task, disable_env_checker=True, **parameters)
    except gymnasium.error.UnregisteredEnv as error:
        near = difflib.get_close_matches(task, list(gymnasium.registry), n=3, cutoff=0.4)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise ValueError(f"Gymnasium knows no id {task!r}{hint} ({error})") from None
    except gymnasium.error.Error as error:
        raise ValueError(f"Gymnasium cannot make {task!r}: {error}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Gymnasium cannot make {task!r} with {dict(parameters)}: {error}"
        ) from None
    return env


def check_spaces(task: str, env: gymnasium.Env[Any, Any]) -> None:
    """Raise `ValueError` for a space that Stable-Baselines3 cannot use."""
    seen = env.observation_space
    parts = list(seen.values()) if isinstance(seen, spaces.Dict) else [seen]
    for kind, space in [("observation", part) for part in parts] + [("action", env.action_space)]:
        shifted = isinstance(space, spaces.Discrete) and space.start != 0
        if not isinstance(space, _SIMPLE) or shifted:
            raise ValueError(
                f"gymnasium/{task}: Stable-Baselines3 cannot use the {kind} space {space}; it "
                "takes Box, Discrete from 0, MultiDiscrete, MultiBinary, and for observations "
                "one flat Dict of these. Wrap the environment and register it under its own id."
            )


class GymnasiumSuite(EnvironmentSuite):
    """Every id in Gymnasium's registry; `module:Name-v0` imports the module first."""

    name = "gymnasium"
    version = gymnasium.__version__

    def tasks(self) -> Mapping[str, TaskInfo]:
        """None are listed: any id is accepted."""
        return {}

    def make(self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int) -> VecEnv:
        """A `ReplayVecEnv`; environment i is seeded from (seed, i)."""
        self.check(task, parameters)
        return ReplayVecEnv(task, parameters, n_envs, seed)

    def episode_limit(self, task: str, parameters: Mapping[str, Any]) -> int | None:
        """`max_episode_steps`, of the parameters or of the registry; None for an id whose module
        has not been imported yet."""
        limit = parameters.get("max_episode_steps")
        if limit is None:
            spec = gymnasium.registry.get(task.rpartition(":")[2])
            limit = spec.max_episode_steps if spec is not None else None
        # -1 is Gymnasium's word for no limit.
        return limit if isinstance(limit, int) and limit > 0 else None

    def make_visible(
        self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int
    ) -> VecEnv:
        """With `render_mode="rgb_array"`; the last info of an episode has `terminal_picture`."""
        visible = {"render_mode": "rgb_array", **parameters}
        return self.make(task, parameters=visible, n_envs=n_envs, seed=seed)

    def check(self, task: str, parameters: Mapping[str, Any]) -> None:
        """Raise `ValueError` for an unknown id, a refused parameter or a space without use."""
        env = make_one(task, parameters)
        try:
            check_spaces(task, env)
        finally:
            env.close()


SUITE = GymnasiumSuite()
