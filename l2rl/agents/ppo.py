"""PPO made of components: SB3's chassis and collection, our update in one phase, `policy`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.agents.masked_buffers import masked_class
from l2rl.component import Batch
from l2rl.engine.masked_distributions import make_maskable, masked, set_masks
from l2rl.engine.phase import Phase, last_layer, optimised_parameters
from l2rl.engine.ppo_loss import PPOLoss, PPOSettings, ppo_loss
from l2rl.views import Role

_VALUE_PREFIXES = ("value_net.", "mlp_extractor.value_net.", "vf_features_extractor.")


class LifelongPPO(LifelongAlgorithm, PPO):
    """`stable_baselines3.PPO` with `components`; bit-identical to it without any."""

    learner = "ppo"
    scoped_schedules: ClassVar[Mapping[str, str]] = {
        "learning_rate": "lr_schedule",
        "clip_range": "clip_range",
    }
    policy: ActorCriticPolicy

    def _rebuild_optimizers(self) -> None:
        policy = self.policy
        policy.optimizer = policy.optimizer_class(  # type: ignore[call-arg]
            policy.parameters(), lr=self.lr_schedule(1), **policy.optimizer_kwargs
        )

    def networks(self) -> dict[str, nn.Module]:
        return {"policy": self.policy}

    def phases(self) -> dict[str, Phase]:
        parameters = optimised_parameters(self.policy, self.policy.optimizer)
        output = last_layer(self.policy.action_net, "action_net")
        output |= last_layer(self.policy.value_net, "value_net")
        return {
            "policy": Phase(
                name="policy",
                network=self.policy,
                parameters=parameters,
                roles={name: _role(name) for name in parameters},
                targets={},
                output_layers=frozenset((output | {"log_std"}) & set(parameters)),
                optimizer=self.policy.optimizer,
                forward=lambda observations, actions: (
                    self.policy.predict_values(observations)
                    + self.policy.get_distribution(observations).mode().sum() * 0
                ),
                clip_parameters=list(self.policy.parameters()),
                max_grad_norm=self.max_grad_norm,
            )
        }

    # ---- action masks --------------------------------------------------------------------

    def _set_up_masks(self) -> None:
        make_maskable(self.policy)
        self.rollout_buffer = masked_class(self.rollout_buffer)(
            self.n_steps,
            self.observation_space,
            self.action_space,
            device=self.device,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            n_envs=self.n_envs,
            **self.rollout_buffer_kwargs,
        )

    @contextmanager
    def _acting_under_masks(self, env: VecEnv, rollout_buffer: RolloutBuffer) -> Iterator[None]:
        """For the body, each forward pass of the policy obeys the masks of that moment, and the
        rollout keeps them. (`predict`, which callbacks may call, is no forward pass.)"""
        reader = self.mask_reader(env)
        if reader is None:
            yield
            return

        def put_on(policy: ActorCriticPolicy, inputs: Any) -> None:
            masks = self.acted_under = reader.read(f"env step {self.num_timesteps}")
            rollout_buffer.note_masks(masks)  # type: ignore[attr-defined]
            set_masks(policy, torch.as_tensor(masks, device=self.device))

        def take_off(policy: ActorCriticPolicy, inputs: Any, outputs: Any) -> None:
            set_masks(policy, None)

        handles = [
            self.policy.register_forward_pre_hook(put_on),
            self.policy.register_forward_hook(take_off),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

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
        masks = torch.as_tensor(self._checked_masks(action_masks), device=self.device)
        with masked(self.policy, masks):
            return super().predict(observation, state, episode_start, deterministic)

    # ---- one iteration -------------------------------------------------------------------

    def iterate(self, callback: BaseCallback) -> int:
        assert self.env is not None
        before = self.num_timesteps
        if not self.collect_rollouts(self.env, callback, self.rollout_buffer, self.n_steps):
            return self.num_timesteps - before
        self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
        self.train()
        return self.num_timesteps - before

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        with self.host.collecting(), self._acting_under_masks(env, rollout_buffer):
            going_on = super().collect_rollouts(
                env, self.host.listening(callback), rollout_buffer, n_rollout_steps
            )
        sets_before = self.host.sets_exchanged
        self.host.collected()
        # Another expert took over while this rollout was judged: its probabilities, values and
        # advantages are the other one's, and nothing can be learned from them.
        self._rollout_is_foreign = self.host.sets_exchanged != sets_before
        return going_on

    _rollout_is_foreign: bool = False

    def train(self) -> None:
        """Several epochs over the rollout, unless another network collected it."""
        if self._rollout_is_foreign:
            return
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        settings = self._loss_settings()
        log = _TrainingLog()
        for epoch in range(self.n_epochs):
            stopped = self._train_epoch(settings, log, is_last=epoch == self.n_epochs - 1)
            self._n_updates += 1
            if stopped:
                break
        self._record(settings, log)
        self.host.settle()

    def _train_epoch(self, settings: PPOSettings, log: _TrainingLog, *, is_last: bool) -> bool:
        """One pass over the rollout; True if it stopped early because of `target_kl`."""
        phase = self._phases["policy"]
        # Only the last epoch's estimate is logged, and only a target needs the others.
        estimates_kl = is_last or self.target_kl is not None
        log.approx_kl = []
        for batch in self._minibatches(phase):
            with self.task_heads.for_batch(batch):
                with self.host.recording(phase) as activations:
                    loss = ppo_loss(self.policy, batch, settings)
                log.add(loss)
                if estimates_kl:
                    log.approx_kl.append(loss.approximate_kl())
                if self.target_kl is not None and log.approx_kl[-1] > 1.5 * self.target_kl:
                    return True
                own = self.host.own_loss(
                    phase, lambda other: ppo_loss(self.policy, other, settings).total
                )
                self.host.step(phase, loss.total, batch, activations, own)
        return False

    def _minibatches(self, phase: Phase) -> Iterator[Batch]:
        for data in self.rollout_buffer.get(self.batch_size):
            actions = data.actions
            if isinstance(self.action_space, spaces.Discrete):
                actions = actions.long().flatten()
            batch: Batch = {
                "observations": data.observations,
                "actions": actions,
                "old_values": data.old_values,
                "old_log_prob": data.old_log_prob,
                "advantages": data.advantages,
                "returns": data.returns,
            }
            if self.action_masks:
                batch["action_masks"] = data.action_masks  # type: ignore[attr-defined]
            yield self.host.transformed(batch, phase)

    def _loss_settings(self) -> PPOSettings:
        remaining = self._current_progress_remaining
        return PPOSettings(
            clip_range=self.clip_range(remaining),  # type: ignore[operator]
            clip_range_vf=None if self.clip_range_vf is None else self.clip_range_vf(remaining),  # type: ignore[operator]
            normalize_advantage=self.normalize_advantage,
            ent_coef=self.ent_coef,
            vf_coef=self.vf_coef,
        )

    def _record(self, settings: PPOSettings, log: _TrainingLog) -> None:
        values, returns = self.rollout_buffer.values, self.rollout_buffer.returns
        record = self.logger.record
        record("train/entropy_loss", np.mean(log.entropy))
        record("train/policy_gradient_loss", np.mean(log.policy))
        record("train/value_loss", np.mean(log.value))
        record("train/approx_kl", np.mean(log.approx_kl))
        record("train/clip_fraction", np.mean(log.clip_fraction))
        record("train/loss", log.total.item())
        record("train/explained_variance", explained_variance(values.flatten(), returns.flatten()))
        if hasattr(self.policy, "log_std"):
            record("train/std", torch.exp(self.policy.log_std).mean().item())
        record("train/n_updates", self._n_updates, exclude="tensorboard")
        record("train/clip_range", settings.clip_range)
        if settings.clip_range_vf is not None:
            record("train/clip_range_vf", settings.clip_range_vf)
        for name, value in self.host.hooks.drain_terms().items():
            record(f"terms/{name}", value)


class _TrainingLog:
    """What one call of `train` logs."""

    def __init__(self) -> None:
        self.entropy: list[float] = []
        self.policy: list[float] = []
        self.value: list[float] = []
        self.clip_fraction: list[float] = []
        self.approx_kl: list[float] = []
        self.total = torch.tensor(float("nan"))

    def add(self, loss: PPOLoss) -> None:
        self.entropy.append(loss.entropy.item())
        self.policy.append(loss.policy.item())
        self.value.append(loss.value.item())
        self.clip_fraction.append(loss.clip_fraction.item())
        self.total = loss.total


def _role(name: str) -> Role:
    return "value" if name.startswith(_VALUE_PREFIXES) else "acting"
