"""TQC with components: sb3-contrib's update, through the facade of its optimisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sb3_contrib import TQC
from torch import nn

from l2rl.agents.entropy_phase import entropy_phase
from l2rl.agents.facade import FacadeOffPolicy
from l2rl.engine.contrib_heads import QuantileCritics, heads_through
from l2rl.engine.heads import squashed_actor_heads
from l2rl.engine.phase import Phase, following, last_layer, optimised_parameters


class LifelongTQC(FacadeOffPolicy, TQC):
    """`sb3_contrib.TQC` with `components`; bit-identical to it without any."""

    learner = "tqc"
    value_phase = "critic"
    scoped_schedules: ClassVar[Mapping[str, str]] = {"learning_rate": "lr_schedule"}

    def networks(self) -> dict[str, nn.Module]:
        return {
            "critic": self.critic,
            "critic_target": self.critic_target,
            "actor": self.actor,
        }

    def phases(self) -> dict[str, Phase]:
        critic = optimised_parameters(self.critic, self.critic.optimizer)
        actor = optimised_parameters(self.actor, self.actor.optimizer)
        output = {
            name
            for i, network in enumerate(self.critic.q_networks)
            for name in last_layer(network, f"qf{i}")
        }
        return {
            **entropy_phase(self),
            "critic": Phase(
                name="critic",
                network=self.critic,
                parameters=critic,
                roles=dict.fromkeys(critic, "value"),
                targets=following(critic, self.critic_target),
                output_layers=frozenset(output),
                optimizer=self.critic.optimizer,
                forward=lambda observations, actions: self.critic(observations, actions),
                heads=heads_through(QuantileCritics, self.critic),
            ),
            "actor": Phase(
                name="actor",
                network=self.actor,
                parameters=actor,
                roles=dict.fromkeys(actor, "acting"),
                targets={},
                output_layers=frozenset(n for n in actor if n.startswith(("mu.", "log_std"))),
                optimizer=self.actor.optimizer,
                forward=lambda observations, actions: self.actor(observations, deterministic=True),
                heads=squashed_actor_heads(self.actor),
            ),
        }
