"""What DQN and SAC share: one iteration, minibatches, the replay ratio, the buffer's state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stable_baselines3.common.buffers import (
    DictReplayBuffer,
    NStepReplayBuffer,
    ReplayBuffer,
)
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import RolloutReturn, TrainFreq
from stable_baselines3.common.utils import get_parameters_by_name
from stable_baselines3.common.vec_env import VecEnv

from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.agents.masked_buffers import (
    MaskedDictReplayBuffer,
    MaskedNStepReplayBuffer,
    MaskedReplayBuffer,
)
from l2rl.component import Batch
from l2rl.composition import CompositionError, CompositionProblem
from l2rl.engine.phase import Phase

if TYPE_CHECKING:
    _Base = OffPolicyAlgorithm
else:
    _Base = object


class LifelongOffPolicy(LifelongAlgorithm, _Base):
    """Mixed into SB3's off-policy algorithms."""

    def _bind_host(self) -> None:
        super()._bind_host()
        if self._buffer_is_a_components():
            self._refuse_settings_that_would_be_lost()
            self.replay_buffer = self.host.make_replay_buffer(self.buffer_size)
            self._refuse_to_lose_masks()

    def _find_running_statistics(self) -> None:
        networks = self.networks()
        for name, network in networks.items():
            if f"{name}_target" in networks:
                target = networks[f"{name}_target"]
                self.batch_norm_stats = get_parameters_by_name(network, ["running_"])
                self.batch_norm_stats_target = get_parameters_by_name(target, ["running_"])

    def _refuse_settings_that_would_be_lost(self) -> None:
        """A replay component's buffer knows nothing of SB3's own variants."""
        lost = [
            name
            for name, is_set in (
                ("n_steps", self.n_steps > 1),
                ("replay_buffer_kwargs", bool(self.replay_buffer_kwargs)),
                ("optimize_memory_usage", self.optimize_memory_usage),
            )
            if is_set
        ]
        if lost:
            owner = self.host.composition["make_replay_buffer"][0]
            problem = CompositionProblem(
                owner.name,
                f"component {owner.name!r} replaces the replay buffer, so the learner's "
                f"{', '.join(lost)} would have no effect",
                "leave these settings at their defaults, or remove the component",
            )
            raise CompositionError([problem])

    def _refuse_to_lose_masks(self) -> None:
        """A replay component's buffer must keep the masks of next states where there are any."""
        if self.action_masks and not hasattr(self.replay_buffer, "note_next_masks"):
            owner = self.host.composition["make_replay_buffer"][0]
            problem = CompositionProblem(
                owner.name,
                f"the replay buffer of component {owner.name!r} keeps no action masks",
                "set `action_masks: false`, or give the buffer a `note_next_masks` "
                "(l2rl.engine.packed_ring has it)",
            )
            raise CompositionError([problem])

    # ---- one iteration -------------------------------------------------------------------

    def iterate(self, callback: BaseCallback) -> int:
        assert self.env is not None
        assert self.replay_buffer is not None
        assert isinstance(self.train_freq, TrainFreq)
        before = self.num_timesteps
        rollout = self.collect_rollouts(
            self.env,
            callback,
            train_freq=self.train_freq,
            replay_buffer=self.replay_buffer,
            action_noise=self.action_noise,
            learning_starts=self.learning_starts,
        )
        if rollout.continue_training and self.num_timesteps > self.learning_starts:
            steps = self.gradient_steps if self.gradient_steps >= 0 else rollout.episode_timesteps
            if steps > 0:
                self.train(gradient_steps=steps, batch_size=self.batch_size)
        return self.num_timesteps - before

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        train_freq: TrainFreq,
        replay_buffer: ReplayBuffer,
        *args: Any,
        **kwargs: Any,
    ) -> RolloutReturn:
        before = self.num_timesteps
        self._mask_reader = self.mask_reader(env)
        with self.host.collecting():
            rollout = super().collect_rollouts(
                env, self.host.listening(callback), train_freq, replay_buffer, *args, **kwargs
            )
        # The warm-up is not owed any updates.
        after_warm_up = self.num_timesteps - max(before, self.learning_starts)
        self._env_steps_since_training += max(after_warm_up, 0)
        self.host.collected()
        return rollout

    _env_steps_since_training: int = 0

    def _due_gradient_steps(self, default: int) -> int:
        """Gradient steps of this call of `train`: the replay ratio's owner decides, if any."""
        env_steps, self._env_steps_since_training = self._env_steps_since_training, 0
        return self.host.gradient_steps(
            default, env_steps, updates=self._n_updates, episodes=self._episode_num
        )

    def _sampled(self, batch_size: int, phase: Phase) -> Batch:
        """A minibatch after `transform_batch`."""
        assert self.replay_buffer is not None
        data: Any = self.replay_buffer.sample(batch_size, env=self._vec_normalize_env)
        return self.host.transformed(self._batch_of(data), phase)

    def train_on_replay(self, steps: int) -> None:
        """So many ordinary gradient steps outside an iteration; none while the buffer is empty."""
        if self.replay_buffer is None or self.replay_buffer.size() == 0:
            return
        self.policy.set_training_mode(True)
        for step in range(steps):
            self._replay_step(step)
        self._n_updates += steps

    @abstractmethod
    def _replay_step(self, step: int) -> None:
        """One gradient step of every phase on a minibatch of the replay buffer."""

    @staticmethod
    def _batch_of(data: Any) -> Batch:
        """A sample of a replay buffer, by field."""
        batch: Batch = {
            "observations": data.observations,
            "actions": data.actions,
            "next_observations": data.next_observations,
            "dones": data.dones,
            "rewards": data.rewards,
        }
        # By field: every named tuple has a method called `index`.
        for extra in _OPTIONAL_FIELDS & set(data._fields):
            if getattr(data, extra) is not None:
                batch[extra] = getattr(data, extra)
        return batch

    def _record_terms(self) -> None:
        for name, value in self.host.hooks.drain_terms().items():
            self.logger.record(f"terms/{name}", value)

    # ---- moving between tasks ------------------------------------------------------------

    def clear_buffer(self) -> None:
        assert self.replay_buffer is not None
        self.replay_buffer.reset()

    # ---- exact state ---------------------------------------------------------------------

    def _learner_state(self) -> dict[str, Any]:
        return {
            "env_steps_since_training": self._env_steps_since_training,
            "buffer": None if self._buffer_is_a_components() else buffer_state(self.replay_buffer),
        }

    def _load_learner_state(self, state: Mapping[str, Any]) -> None:
        self._env_steps_since_training = state["env_steps_since_training"]
        if state["buffer"] is not None:
            load_buffer_state(self.replay_buffer, state["buffer"])

    def _buffer_is_a_components(self) -> bool:
        return bool(self.host.composition["make_replay_buffer"])


_OPTIONAL_FIELDS = {"belief", "index", "weights", "discounts", "next_action_masks"}
_ARRAYS = (
    "observations",
    "next_observations",
    "actions",
    "rewards",
    "dones",
    "timeouts",
    "next_action_masks",
)
_KNOWN_BUFFERS = (
    ReplayBuffer,
    NStepReplayBuffer,
    DictReplayBuffer,
    MaskedReplayBuffer,
    MaskedNStepReplayBuffer,
    MaskedDictReplayBuffer,
)


def buffer_state(buffer: ReplayBuffer | None) -> dict[str, Any]:
    """The filled part of one of SB3's replay buffers, without a copy.

    Raises `NotImplementedError` for a buffer of a kind whose arrays are not known.
    """
    if type(buffer) not in _KNOWN_BUFFERS:
        raise NotImplementedError(
            f"exact resume is not available for a replay buffer of type {type(buffer).__name__}: "
            "use one of SB3's own or a replay component"
        )
    assert buffer is not None
    filled = buffer.buffer_size if buffer.full else buffer.pos
    if buffer.optimize_memory_usage:
        filled = min(filled + 1, buffer.buffer_size)
    arrays = {n: _filled(getattr(buffer, n), filled) for n in _ARRAYS if hasattr(buffer, n)}
    return {"pos": buffer.pos, "full": buffer.full, "arrays": arrays}


def _filled(values: Any, filled: int) -> Any:
    """The first rows of an array, or of every array of a dictionary observation."""
    if isinstance(values, Mapping):
        return {key: array[:filled] for key, array in values.items()}
    return values[:filled]


def load_buffer_state(buffer: ReplayBuffer | None, state: Mapping[str, Any]) -> None:
    """Give back what `buffer_state` read."""
    assert buffer is not None
    for name, values in state["arrays"].items():
        _refill(getattr(buffer, name), values)
    buffer.pos, buffer.full = state["pos"], state["full"]


def _refill(target: Any, values: Any) -> None:
    if isinstance(values, Mapping):
        for key, array in values.items():
            target[key][: len(array)] = array
    else:
        target[: len(values)] = values
