"""SAC made of components: SB3's chassis, our update in three phases: entropy, critic, actor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.utils import polyak_update
from torch import nn

from l2rl.agents.entropy_phase import entropy_phase
from l2rl.agents.off_policy import LifelongOffPolicy
from l2rl.component import Batch
from l2rl.engine import sac_loss
from l2rl.engine.phase import Phase, following, last_layer, optimised_parameters


class LifelongSAC(LifelongOffPolicy, SAC):
    """`stable_baselines3.SAC` with `components`; bit-identical to it without any."""

    learner = "sac"
    scoped_schedules: ClassVar[Mapping[str, str]] = {"learning_rate": "lr_schedule"}

    def _rebuild_optimizers(self) -> None:
        policy = self.policy
        shared = self.critic.share_features_extractor
        # A features extractor that both share belongs to the actor's optimiser.
        critic = [
            parameter
            for name, parameter in self.critic.named_parameters()
            if not (shared and "features_extractor" in name)
        ]
        for network, parameters in ((self.actor, self.actor.parameters()), (self.critic, critic)):
            network.optimizer = policy.optimizer_class(  # type: ignore[call-arg]
                parameters, lr=self.lr_schedule(1), **policy.optimizer_kwargs
            )

    def networks(self) -> dict[str, nn.Module]:
        return {
            "critic": self.critic,
            "critic_target": self.critic_target,
            "actor": self.actor,
        }

    def phases(self) -> dict[str, Phase]:
        return {
            **entropy_phase(self),
            "critic": self._critic_phase(),
            "actor": self._actor_phase(),
        }

    def _critic_phase(self) -> Phase:
        parameters = optimised_parameters(self.critic, self.critic.optimizer)
        output = {
            name
            for i, network in enumerate(self.critic.q_networks)
            for name in last_layer(network, f"qf{i}")
        }
        return Phase(
            name="critic",
            network=self.critic,
            parameters=parameters,
            roles=dict.fromkeys(parameters, "value"),
            targets=following(parameters, self.critic_target),
            output_layers=frozenset(output),
            optimizer=self.critic.optimizer,
            forward=lambda observations, actions: self.critic(observations, actions),
        )

    def _actor_phase(self) -> Phase:
        parameters = optimised_parameters(self.actor, self.actor.optimizer)
        output = {name for name in parameters if name.startswith(("mu.", "log_std"))}
        return Phase(
            name="actor",
            network=self.actor,
            parameters=parameters,
            roles=dict.fromkeys(parameters, "acting"),
            targets={},
            output_layers=frozenset(output),
            optimizer=self.actor.optimizer,
            forward=lambda observations, actions: self.actor(observations, deterministic=True),
        )

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Gradient steps on replayed minibatches."""
        gradient_steps = self._due_gradient_steps(gradient_steps)
        if gradient_steps == 0:
            return
        self.policy.set_training_mode(True)
        self._update_learning_rate([phase.optimizer for phase in self._optimizer_order()])
        logs = [self._train_step(step, batch_size) for step in range(gradient_steps)]
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name in logs[0]:
            self.logger.record(f"train/{name}", np.mean([log[name] for log in logs]))
        self._record_terms()
        self.host.settle()

    def _optimizer_order(self) -> list[Phase]:
        return [self._phases[n] for n in ("actor", "critic", "entropy") if n in self._phases]

    def _train_step(self, step: int, batch_size: int) -> dict[str, float]:
        batch = self._sampled(batch_size, self._phases["critic"])
        with self.task_heads.for_batch(batch):
            log = self._train_phases(batch)
        self._update_targets(step)
        return log

    def _replay_step(self, step: int) -> None:
        self._train_step(step, self.batch_size)

    def _train_phases(self, batch: Batch) -> dict[str, float]:
        if self.use_sde:
            self.actor.reset_noise()
        # One forward of the actor serves the entropy and the actor phase, as in SB3.
        with self.host.recording(self._phases["actor"]) as actor_activations:
            actions, log_prob = self.actor.action_log_prob(batch["observations"])
        log_prob = log_prob.reshape(-1, 1)
        ent_coef, log = self._train_entropy(batch, log_prob)
        log["critic_loss"] = self._train_critic(batch, ent_coef)
        loss = sac_loss.actor_loss(self.critic, batch, actions, log_prob, ent_coef)
        log["actor_loss"] = loss.item()
        phase = self._phases["actor"]
        own = self.host.own_loss(phase, lambda other: self._actor_loss(other, ent_coef))
        self.host.step(phase, loss, batch, actor_activations, own)
        return log

    def _actor_loss(self, batch: Batch, ent_coef: torch.Tensor) -> torch.Tensor:
        actions, log_prob = self.actor.action_log_prob(batch["observations"])
        return sac_loss.actor_loss(self.critic, batch, actions, log_prob.reshape(-1, 1), ent_coef)

    def _train_entropy(
        self, batch: Batch, log_prob: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Step of the entropy weight; the weight *before* that step is what the others use."""
        if self.log_ent_coef is None:
            return self.ent_coef_tensor, {"ent_coef": self.ent_coef_tensor.item()}
        ent_coef = torch.exp(self.log_ent_coef.detach())
        assert isinstance(self.target_entropy, float)
        loss = sac_loss.entropy_loss(self.log_ent_coef, log_prob, self.target_entropy)
        phase = self._phases["entropy"]
        self.host.step(phase, loss, batch, own=self.host.own_loss(phase))
        return ent_coef, {"ent_coef": ent_coef.item(), "ent_coef_loss": loss.item()}

    def _train_critic(self, batch: Batch, ent_coef: torch.Tensor) -> float:
        phase = self._phases["critic"]
        target = self._td_target(batch, ent_coef)
        with self.host.recording(phase) as activations:
            loss = sac_loss.critic_loss(self.critic, batch, target)
        value = loss.total.item()
        own = self.host.own_loss(
            phase, lambda other: self._critic_loss(other, ent_coef), loss.errors
        )
        self.host.step(phase, loss.total, batch, activations, own)
        return value

    def _td_target(self, batch: Batch, ent_coef: torch.Tensor) -> torch.Tensor:
        return sac_loss.td_target(self.actor, self.critic_target, batch, ent_coef, self.gamma)

    def _critic_loss(self, batch: Batch, ent_coef: torch.Tensor) -> torch.Tensor:
        target = self._td_target(batch, ent_coef)
        return sac_loss.critic_loss(self.critic, batch, target).total

    def _update_targets(self, step: int) -> None:
        if step % self.target_update_interval == 0:
            polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
            # Running statistics of batch normalisation are copied, not averaged.
            polyak_update(self.batch_norm_stats, self.batch_norm_stats_target, 1.0)

    # ---- exact state ---------------------------------------------------------------------

    def _learner_state(self) -> dict[str, Any]:
        return {**super()._learner_state(), "log_ent_coef": self.log_ent_coef}

    def _load_learner_state(self, state: Mapping[str, Any]) -> None:
        super()._load_learner_state(state)
        if self.log_ent_coef is not None:
            self.log_ent_coef.data.copy_(state["log_ent_coef"])
