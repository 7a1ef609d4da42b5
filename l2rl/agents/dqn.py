"""DQN made of components: SB3's chassis and collection, our update in one phase, `q`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.noise import ActionNoise
from torch import nn

from l2rl.agents.masked_buffers import masked_class
from l2rl.agents.off_policy import LifelongOffPolicy
from l2rl.component import Batch
from l2rl.engine.dqn_loss import DQNLoss, dqn_loss
from l2rl.engine.phase import Phase, following, last_layer, optimised_parameters


class LifelongDQN(LifelongOffPolicy, DQN):
    """`stable_baselines3.DQN` with `components`; bit-identical to it without any."""

    learner = "dqn"
    scoped_schedules: ClassVar[Mapping[str, str]] = {
        "learning_rate": "lr_schedule",
        "exploration": "exploration_schedule",
    }
    counters = (*LifelongOffPolicy.counters, "_n_calls", "exploration_rate")

    def _rebuild_optimizers(self) -> None:
        policy = self.policy
        policy.optimizer = policy.optimizer_class(  # type: ignore[call-arg]
            self.q_net.parameters(), lr=self.lr_schedule(1), **policy.optimizer_kwargs
        )

    def networks(self) -> dict[str, nn.Module]:
        return {"q": self.q_net, "q_target": self.q_net_target}

    def phases(self) -> dict[str, Phase]:
        parameters = optimised_parameters(self.q_net, self.policy.optimizer)
        return {
            "q": Phase(
                name="q",
                network=self.q_net,
                parameters=parameters,
                roles=dict.fromkeys(parameters, "acting"),
                targets=following(parameters, self.q_net_target),
                output_layers=frozenset(last_layer(self.q_net.q_net, "q_net")),
                optimizer=self.policy.optimizer,
                forward=lambda observations, actions: self.q_net(observations),
                clip_parameters=list(self.policy.parameters()),
                max_grad_norm=self.max_grad_norm,
            )
        }

    # ---- action masks --------------------------------------------------------------------

    def _set_up_masks(self) -> None:
        self.replay_buffer = masked_class(self.replay_buffer)(
            self.buffer_size,
            self.observation_space,
            self.action_space,
            device=self.device,
            n_envs=self.n_envs,
            optimize_memory_usage=self.optimize_memory_usage,
            **self.replay_buffer_kwargs,
        )

    def _sample_action(
        self, learning_starts: int, action_noise: ActionNoise | None = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        if self._mask_reader is None:
            return super()._sample_action(learning_starts, action_noise, n_envs)
        masks = self._mask_reader.read(f"env step {self.num_timesteps}")
        self.acted_under = masks
        if self.num_timesteps < learning_starts:
            actions = self._random_actions(masks)
        else:
            actions, _ = self.predict(self._last_obs, action_masks=masks)
        return actions, actions

    def _store_transition(
        self,
        replay_buffer: ReplayBuffer,
        buffer_action: np.ndarray,
        new_obs: Any,
        reward: np.ndarray,
        dones: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        if self._mask_reader is not None:
            masks = self._mask_reader.following(dones, infos, f"env step {self.num_timesteps}")
            replay_buffer.note_next_masks(masks)  # type: ignore[attr-defined]
        super()._store_transition(replay_buffer, buffer_action, new_obs, reward, dones, infos)

    def predict(
        self,
        observation: Any,
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """SB3's, and `action_masks`: (n,) or (batch, n) bool, None for all valid."""
        if action_masks is None:
            return super().predict(observation, state, episode_start, deterministic)
        masks = self._checked_masks(action_masks)
        # SB3 draws from the global generator, which is the learner's.
        if not deterministic and np.random.rand() < self.exploration_rate:  # noqa: NPY002
            actions = self._random_actions(masks)
        else:
            actions = self._greedy_actions(observation, masks)
        return (
            actions if self.policy.is_vectorized_observation(observation) else actions[0]
        ), state

    def _random_actions(self, masks: np.ndarray) -> np.ndarray:
        """Uniform over the valid actions of each row of masks (batch, n) bool."""
        return np.array([self.action_space.sample(mask) for mask in masks.astype(np.int8)])

    def _greedy_actions(self, observation: Any, masks: np.ndarray) -> np.ndarray:
        """The valid action with the largest value in each row; masks (batch, n) bool."""
        self.policy.set_training_mode(False)
        observations, _ = self.policy.obs_to_tensor(observation)
        invalid = ~torch.as_tensor(masks, device=self.device)
        with torch.no_grad():
            values = self.q_net(observations).masked_fill(invalid, -torch.inf)
        actions: np.ndarray = values.argmax(dim=1).cpu().numpy()
        return actions

    # ---- updates -------------------------------------------------------------------------

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Gradient steps on replayed minibatches."""
        gradient_steps = self._due_gradient_steps(gradient_steps)
        if gradient_steps == 0:
            return
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        losses = [self._train_step(batch_size) for _ in range(gradient_steps)]
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", np.mean(losses))
        self._record_terms()
        self.host.settle()

    def _train_step(self, batch_size: int) -> float:
        phase = self._phases["q"]
        batch = self._sampled(batch_size, phase)
        with self.task_heads.for_batch(batch):
            with self.host.recording(phase) as activations:
                loss = self._loss(batch)
            own = self.host.own_loss(phase, lambda other: self._loss(other).total, loss.errors)
            self.host.step(phase, loss.total, batch, activations, own)
        return loss.total.item()

    def _loss(self, batch: Batch) -> DQNLoss:
        return dqn_loss(self.q_net, self.q_net_target, batch, self.gamma)

    def _replay_step(self, step: int) -> None:
        self._train_step(self.batch_size)
