"""What the three lifelong learners share beyond SB3: host, clock, one iteration, exact state."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from l2rl.action_masks import MaskReader, mask_parts, require_choice
from l2rl.agents.host import ComponentHost
from l2rl.agents.multi_head import TaskHeads
from l2rl.agents.schedules import LifetimeClock, ScheduleScope, ScopedSchedule
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.engine.phase import Phase
from l2rl.errors import UserError

if TYPE_CHECKING:
    _Base = BaseAlgorithm
else:
    _Base = object


class LifelongAlgorithm(_Base):
    """Mixed into SB3's algorithms, before them in the order of resolution."""

    learner: str
    """Name in YAML: `ppo`, `dqn`, `sac`."""
    scoped_schedules: ClassVar[Mapping[str, str]]
    """Name of a schedule in YAML -> the attribute that holds it."""
    host: ComponentHost
    clock: LifetimeClock
    task_heads: TaskHeads
    _mask_reader: MaskReader | None = None
    """Of the environments that are collected from; None without masks."""
    acted_under: np.ndarray | None = None
    """The masks (n_envs, n) bool under which the last action was taken; None without masks."""

    def __init__(
        self,
        *args: Any,
        components: Iterable[Component] = (),
        surroundings: Surroundings | None = None,
        multi_head: bool = False,
        action_masks: bool = False,
        **kwargs: Any,
    ) -> None:
        """SB3's arguments, and: `components`; what the run offers them (`surroundings`); one
        output layer for each of its labels (`multi_head`); whether to take only the actions that
        the environment says are valid (`action_masks`, see `l2rl.action_masks`).

        Raises `CompositionError` before anything is built if the components do not fit together,
        `UserError` if actions cannot be masked.
        """
        seed = kwargs.get("seed")
        self.host = ComponentHost(self.learner, components, seed=seed, surroundings=surroundings)
        self.clock = LifetimeClock()
        labels = self.host.surroundings.labels if multi_head else ()
        self.task_heads = TaskHeads(labels)
        self.action_masks = action_masks
        super().__init__(*args, **kwargs)

    @abstractmethod
    def phases(self) -> dict[str, Phase]:
        """The phases of one update, in their order."""

    @abstractmethod
    def iterate(self, callback: BaseCallback) -> int:
        """One collection and the training that follows; the number of env steps collected.

        The body of the loop in SB3's `learn`, so that a driver can do without `learn`.
        """

    def _setup_model(self) -> None:
        super()._setup_model()  # type: ignore[safe-super]
        if self.action_masks:
            mask_parts(self.action_space)
            self._set_up_masks()
        changed = self.host.modify_networks(self, self.networks())
        if self.task_heads.labels:
            self.task_heads.install(self.policy, self.host.seed)
        if changed or self.task_heads.labels:
            start_targets(self.networks())
            self._rebuild_optimizers()
            self._find_running_statistics()
        self._bind_host()

    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """The networks by the name of their phase, and targets as `<phase>_target`."""

    @abstractmethod
    def _rebuild_optimizers(self) -> None:
        """Make the optimisers anew, as SB3 made them, for the parameters there are now."""

    def _find_running_statistics(self) -> None:
        """Look again for what targets copy beside parameters, now that networks have changed."""

    def _bind_host(self) -> None:
        self._phases = self.phases()
        if self.task_heads.labels:
            for phase in self._phases.values():
                if phase.network is not None:
                    phase.idle = partial(self.task_heads.idle, phase.network)
                    phase.heads = self.task_heads.heads_of(phase.heads)
                    phase.forget_asked = self.task_heads.forget_asked
        self.host.bind(self, self._phases)

    def _excluded_save_params(self) -> list[str]:
        ours = ["host", "clock", "_phases", "task_heads", "_mask_reader", "acted_under"]
        return [*super()._excluded_save_params(), *ours]

    # ---- action masks --------------------------------------------------------------------

    def _set_up_masks(self) -> None:
        """Make networks and buffers ready for masks, once, when the learner is built."""
        raise NotImplementedError(f"{self.learner} has no action masks")

    def mask_reader(self, env: VecEnv) -> MaskReader | None:
        """What reads the masks of an environment that this agent acts in; None without masks."""
        return MaskReader(env) if self.action_masks else None

    def _checked_masks(self, masks: np.ndarray) -> np.ndarray:
        """Masks given to `predict`, (n,) or (batch, n), as (batch, n) bool.

        Raises `UserError` for an agent without masks or a mask that leaves nothing.
        """
        if not self.action_masks:
            raise UserError(
                "`predict` was given action masks, but the agent was made without\n"
                "  make it with `action_masks: true`"
            )
        parts = mask_parts(self.action_space)
        rows = np.asarray(masks, dtype=bool).reshape(-1, sum(parts))
        require_choice(rows, parts, "of those given to `predict`", "this step")
        return rows

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        super()._update_current_progress_remaining(num_timesteps, total_timesteps)
        if self.clock.lifetime_remaining is not None:
            self._current_progress_remaining = self.clock.lifetime_remaining
        self.clock.advance(num_timesteps)

    def scope_schedules(self, scopes: Mapping[str, ScheduleScope]) -> None:
        """Say over what each schedule runs; unnamed ones stay `global`, which is SB3's way."""
        for name, scope in scopes.items():
            attribute = self.scoped_schedules.get(name)
            schedule = getattr(self, attribute, None) if attribute else None
            if attribute and schedule is not None and scope != "global":
                setattr(self, attribute, ScopedSchedule(schedule, scope, self.clock))

    # ---- moving between tasks ------------------------------------------------------------

    def enter_env(self, env: VecEnv) -> None:
        """Go on in another VecEnv (same spaces, same number of environments), freshly reset."""
        self.set_env(env, force_reset=True)
        assert self.env is not None
        self._last_obs = self.env.reset()  # type: ignore[assignment]
        self._last_episode_starts = np.ones((self.env.num_envs,), dtype=bool)
        if self._vec_normalize_env is not None:
            self._last_original_obs = self._vec_normalize_env.get_original_obs()

    def start_task(self, index: int, label: str) -> None:
        """The `index`-th learning block begins, on the task `label`."""
        self.host.start_task(index, label)
        self.task_heads.enter(label, self.host.belief)

    def end_task(self, index: int, label: str) -> None:
        """The `index`-th learning block ends."""
        self.host.end_task(index, label)

    @contextmanager
    def evaluating(self, evaluation: int, label: str) -> Iterator[None]:
        """Around the evaluation of one task: its head, and the components' contexts."""
        with self.task_heads.answering(label), self.host.evaluating(evaluation, label):
            yield

    def reset_optimizers(self) -> None:
        """Forget every moment of every optimiser; learning rates stay."""
        for phase in self._phases.values():
            phase.optimizer.state.clear()

    def clear_buffer(self) -> None:
        """Forget stored experience. On-policy learners keep none between iterations."""

    # ---- exact state ---------------------------------------------------------------------

    counters: tuple[str, ...] = (
        "num_timesteps",
        "_n_updates",
        "_episode_num",
        "_total_timesteps",
        "_num_timesteps_at_start",
        "_current_progress_remaining",
    )
    """Plain attributes that belong to the state."""

    def exact_state(self) -> dict[str, Any]:
        """All that decides what this agent does next, but for environments and the global
        generators: nested dicts of numbers, arrays and tensors (live, to be copied)."""
        return {
            "counters": {name: getattr(self, name) for name in self.counters},
            "policy": dict(self.policy.state_dict()),
            "optimizers": {n: p.optimizer.state_dict() for n, p in self._phases.items()},
            "last_obs": self._last_obs,
            "last_episode_starts": self._last_episode_starts,
            "action_space": dict(self.action_space.np_random.bit_generator.state),
            "clock": self.clock.state_dict(),
            "episodes": [
                {key: value for key, value in info.items() if key != "t"}
                for info in self.ep_info_buffer or ()
            ],
            "successes": list(self.ep_success_buffer or ()),
            "task_heads": self.task_heads.state_dict(),
            "host": self.host.state_dict(),
            "learner": self._learner_state(),
        }

    def load_exact_state(self, state: Mapping[str, Any]) -> None:
        """Give back what `exact_state` read. The environment must be in place already."""
        for name in self.counters:
            setattr(self, name, state["counters"][name])
        self.policy.load_state_dict(state["policy"])
        for name, phase in self._phases.items():
            phase.optimizer.load_state_dict(_copied(state["optimizers"][name]))
        self._last_obs = _copied(state["last_obs"])
        self._last_episode_starts = _copied(state["last_episode_starts"])
        self.action_space.np_random.bit_generator.state = state["action_space"]
        self.clock.load_state_dict(state["clock"])
        self.ep_info_buffer = deque(state["episodes"], maxlen=self._stats_window_size)
        self.ep_success_buffer = deque(state["successes"], maxlen=self._stats_window_size)
        self.task_heads.load_state_dict(state["task_heads"])
        self._load_learner_state(state["learner"])
        self.host.load_state_dict(state["host"])

    def _learner_state(self) -> dict[str, Any]:
        """What this learner has beyond the common state."""
        return {}

    def _load_learner_state(self, state: Mapping[str, Any]) -> None:
        """Give back what `_learner_state` read."""


def start_targets(networks: Mapping[str, nn.Module]) -> None:
    """Online and target networks start equal."""
    for name, network in networks.items():
        if f"{name}_target" in networks:
            networks[f"{name}_target"].load_state_dict(network.state_dict())


def _copied(value: Any) -> Any:
    """A deep copy of nested state: `load_state_dict` of an optimiser keeps the given tensors."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    return value
