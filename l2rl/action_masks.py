"""Which actions are valid right now: what environments say of it, read and checked.

The convention is sb3-contrib's: a method `action_masks()`, of the VecEnv itself, (n_envs, n) bool,
or of each of its environments, (n,) bool; n is the number of actions, and for MultiDiscrete
actions the sum over their parts. True means valid. Wrappers of VecEnvs let it through.

A VecEnv starts the next episode at once, so the mask of an episode's last state can only be had
from its last info: `terminal_action_mask`, or the `action_mask` that some environments put there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from l2rl.errors import UserError

METHOD = "action_masks"


class NoValidAction(UserError):
    """An environment said that nothing at all may be done."""


def mask_parts(space: spaces.Space[Any]) -> tuple[int, ...]:
    """How many options each part of an action has; a flat mask has their sum.

    Raises `UserError` for a space whose actions cannot be masked.
    """
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return tuple(int(n) for n in space.nvec.reshape(-1))
    raise UserError(
        f"actions in {space} cannot be masked\n"
        "  only Discrete and MultiDiscrete actions can: set `action_masks: false`"
    )


def require_choice(masks: np.ndarray, parts: Sequence[int], where: str, when: str) -> None:
    """Raise `NoValidAction` unless every part of every mask, (batch, n) bool, leaves an option."""
    start = 0
    for part in parts:
        options = masks[:, start : start + part].any(axis=1)
        if not options.all():
            raise NoValidAction(
                f"environment {int(np.argmin(options))} ({where}) has no valid action at {when}\n"
                "  its action mask must leave one option at least (with MultiDiscrete actions one "
                "in each part), if only to do nothing"
            )
        start += part


class MaskReader:
    """Reads the masks of one VecEnv. What it returns are copies."""

    def __init__(self, env: VecEnv) -> None:
        """Raises `UserError` for actions that cannot be masked."""
        self._env = env
        self._parts = mask_parts(env.action_space)
        self._shape = (env.num_envs, sum(self._parts))
        # The VecEnv's own method is one call for all environments.
        batched = getattr(env, METHOD, None)
        self._ask = batched if callable(batched) else self._ask_one_by_one

    def _ask_one_by_one(self) -> list[Any]:
        return self._env.env_method(METHOD)

    @property
    def name(self) -> str:
        """What the environments are called in messages."""
        inner = self._env.unwrapped
        task = getattr(inner, "task", None)
        return f"{type(inner).__name__} {task}" if isinstance(task, str) else type(inner).__name__

    def read(self, when: str) -> np.ndarray:
        """The masks now, (n_envs, n) bool; `when` is for messages, such as `env step 12`.

        Raises `UserError` when there are none or they have another shape, `NoValidAction` when
        one is empty.
        """
        try:
            given = self._ask()
        except AttributeError as error:
            raise UserError(
                f"{self.name} offers no action masks ({error})\n"
                f"  give the environment a method `{METHOD}()`, or (with Gymnasium ids) an "
                '`info["action_mask"]` at every reset and step; or set `action_masks: false`'
            ) from error
        masks = self._as_rows(given)
        require_choice(masks, self._parts, self.name, when)
        return masks

    def _as_rows(self, given: Any) -> np.ndarray:
        try:
            masks = np.array(given, dtype=bool)
        except ValueError:  # rows of different lengths
            masks = np.empty(0, dtype=bool)
        if masks.shape != self._shape:
            raise UserError(
                f"{self.name} offers action masks of shape {masks.shape}, not {self._shape}\n"
                "  a mask has one entry for each action; with MultiDiscrete actions those of all "
                "parts one after the other"
            )
        return masks

    def following(
        self, dones: np.ndarray, infos: Sequence[Mapping[str, Any]], when: str
    ) -> np.ndarray:
        """Masks of the states that the last step led to, (n_envs, n) bool, for bootstrapping.

        An episode cut by a time limit is bootstrapped from its last state: its mask, or all valid
        where the environment does not tell it. After a true end nothing is: all valid.
        """
        masks = self.read(when)
        ended = np.flatnonzero(dones).tolist()
        for i in ended:
            cut = infos[i].get("TimeLimit.truncated", False)
            masks[i] = _last_mask(infos[i]) if cut else True
        if ended:
            require_choice(masks, self._parts, self.name, f"the end of an episode, {when}")
        return masks


def _last_mask(info: Mapping[str, Any]) -> Any:
    """The mask of an episode's last state, as far as its last info tells it."""
    return info.get("terminal_action_mask", info.get("action_mask", True))
