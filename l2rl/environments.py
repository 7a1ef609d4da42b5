"""What a world of tasks must offer: the environment side of the standard API.

A *suite* is a family of environments under one name (`minigames`, `gymnasium`). It is found
through the entry-point group `l2rl.envs`, whose value is an `EnvironmentSuite` instance, and is
addressed in YAML as `minigames/MoveToBeacon`. A suite hands out Stable-Baselines3 VecEnvs that can
also save and restore their state in the middle of an episode: exact resume needs that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True)
class TaskInfo:
    """What a suite says of one of its tasks."""

    name: str
    """Name inside the suite, such as `MoveToBeacon`."""
    summary: str
    """One line for `l2rl list envs`."""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"default": {}})
    """Named variants; each is a set of parameters that `make` accepts."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Every parameter with one line: meaning, unit, range, default."""
    reward_version: str = "1"
    """Raised whenever the same behaviour would score differently: results of two versions are
    never averaged."""
    return_range: tuple[float, float] | None = None
    """Mean return of a policy that knows nothing and of the best one known, for the default
    variant without parameters; None where that is not known. Metrics normalise by it."""


@runtime_checkable
class StatefulVecEnv(Protocol):
    """A VecEnv whose whole state, its generators included, can be read and given back.

    `state_dict` returns nested dicts and lists of numbers, strings, booleans, None, numpy arrays
    and tensors. After `load_state_dict` every later step gives bit-identical results.
    """

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class EnvironmentEvent:
    """Something worth a line in the log that an environment has gone through."""

    name: str
    """Such as `environment_restarted`."""
    detail: Mapping[str, Any]
    """Numbers, strings and booleans by name."""


@runtime_checkable
class EventfulVecEnv(Protocol):
    """A VecEnv that may have something to tell.

    What comes of a failure only: a run that is interrupted and resumed must leave the same log as
    one that is not.
    """

    def drain_events(self) -> list[EnvironmentEvent]:
        """Everything since the last call."""
        ...


@runtime_checkable
class FilmableVecEnv(Protocol):
    """A VecEnv that can show people more than `get_images` does (`l2rl play`, `l2rl replay`).

    Optional. Pictures are (height, width, 3) uint8; `size` is (width, height) in pixels, None for
    the environment's own choice; without `panel` only the world itself is shown, however small.
    """

    def picture(
        self, index: int, *, size: tuple[int, int] | None = None, panel: bool = True
    ) -> np.ndarray:
        """Environment `index` as it is now."""

    def film(
        self,
        index: int,
        action: Any,
        shares: Sequence[float],
        *,
        size: tuple[int, int] | None = None,
        panel: bool = True,
    ) -> list[np.ndarray]:
        """Environment `index` while it takes an action, which it does not really take.

        One picture for each share of the step, ascending in (0, 1]; when the episode would end
        within the step, its end comes last, asked for or not.
        """

    def caption(self, index: int) -> str:
        """Environment `index` in one line."""


@dataclass(frozen=True)
class Controls:
    """How a person plays a task whose actions are numbered."""

    names: Sequence[str]
    """What each action is called."""
    keys: Mapping[str, int]
    """Key -> action. Keys are characters, or `up`, `down`, `left`, `right`, `tab`, `enter`."""
    idle: int | None = None
    """The action while no key is pressed; None repeats the last one."""


ScriptedPolicy = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""(observations (N, ...), action masks (N, n) bool or None) -> actions (N, ...)."""


class EnvironmentSuite(ABC):
    """A family of environments. Building one must be cheap: heavy imports belong into `make`."""

    name: str
    """The prefix in YAML, equal to the entry point's name."""
    version: str
    """Version of the simulation; goes into the manifest and every row of the log."""

    @abstractmethod
    def tasks(self) -> Mapping[str, TaskInfo]:
        """The tasks this suite knows. May be empty when any id is accepted."""

    @abstractmethod
    def make(self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int) -> VecEnv:
        """`n_envs` environments of one task as one VecEnv that satisfies `StatefulVecEnv`.

        `parameters` are the variant's, overlaid by the user's. All randomness derives from
        `seed`. At the end of an episode `infos[i]["episode"]` holds `r` (undiscounted return),
        `l` (length in env steps), and, where the task has such a notion, `success` (0 or 1).

        Raises `ValueError` with a message a user can act on: unknown task or parameter, value
        out of range, something that must be installed first.
        """

    def check(self, task: str, parameters: Mapping[str, Any]) -> None:
        """Raise `ValueError` if `make` would refuse. Called before anything starts."""
        self.make(task, parameters=parameters, n_envs=1, seed=0).close()

    def episode_limit(self, task: str, parameters: Mapping[str, Any]) -> int | None:
        """Env steps after which an episode ends at the latest; None if there is no such limit or
        nobody knows. `parameters` as in `make`. Raises `ValueError` as `make` does."""
        return None

    def make_visible(
        self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int
    ) -> VecEnv:
        """The same as `make`, able to draw pictures where that must be asked for."""
        return self.make(task, parameters=parameters, n_envs=n_envs, seed=seed)

    def scripted_policy(self, task: str) -> ScriptedPolicy | None:
        """A policy written by hand, None without one. May raise `ValueError` when called with
        observations that it cannot read."""
        return None

    def controls(self, task: str) -> Controls | None:
        """How people play it from the keyboard, None where the suite has no opinion."""
        return None

    def missing(self) -> str | None:
        """None when usable; otherwise what is not installed and how to get it (for `doctor`)."""
        return None


def episode_statistics(
    infos: list[dict[str, Any]], dones: np.ndarray
) -> list[tuple[int, dict[str, Any]]]:
    """`(environment index, infos[i]["episode"])` for every environment that ended an episode."""
    return [(int(i), infos[i]["episode"]) for i in np.flatnonzero(dones) if "episode" in infos[i]]
