"""DQN made of components: SB3's chassis and collection, our update in one phase, `q`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from stable_baselines3 import DQN

from l2rl.agents.off_policy import LifelongOffPolicy
from l2rl.engine.dqn_loss import dqn_loss
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
        batch, gamma = self._sampled(batch_size, phase)
        with self.task_heads.for_batch(batch):
            with self.host.recording(phase) as activations:
                loss = dqn_loss(self.q_net, self.q_net_target, batch, gamma)
            self.host.step(phase, loss, batch, activations)
        return loss.item()
