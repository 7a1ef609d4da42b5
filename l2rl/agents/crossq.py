"""CrossQ with components: sb3-contrib's update, through the facade of its optimisers.

Its networks keep running statistics of their batches. They belong to the agent's state, but to no
parameter: a component that puts other parameters in place leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sb3_contrib import CrossQ
from torch import nn

from l2rl.agents.entropy_phase import entropy_phase
from l2rl.agents.facade import FacadeOffPolicy
from l2rl.engine.contrib_heads import NormalisedActor, NormalisedCritics, heads_through
from l2rl.engine.phase import Phase, last_layer


class LifelongCrossQ(FacadeOffPolicy, CrossQ):
    """`sb3_contrib.CrossQ` with `components`; bit-identical to it without any."""

    learner = "crossq"
    value_phase = "critic"
    scoped_schedules: ClassVar[Mapping[str, str]] = {"learning_rate": "lr_schedule"}

    def networks(self) -> dict[str, nn.Module]:
        return {"critic": self.critic, "actor": self.actor}

    def phases(self) -> dict[str, Phase]:
        critic, actor = dict(self.critic.named_parameters()), dict(self.actor.named_parameters())
        output = {
            name
            for i, network in enumerate(self.critic.q_networks)
            for name in last_layer(network, f"qf{i}")
        }
        return {
            "critic": Phase(
                name="critic",
                network=self.critic,
                parameters=critic,
                roles=dict.fromkeys(critic, "value"),
                targets={},
                output_layers=frozenset(output),
                optimizer=self.critic.optimizer,
                forward=lambda observations, actions: self.critic(observations, actions),
                heads=heads_through(NormalisedCritics, self.critic),
            ),
            **entropy_phase(self),
            "actor": Phase(
                name="actor",
                network=self.actor,
                parameters=actor,
                roles=dict.fromkeys(actor, "acting"),
                targets={},
                output_layers=frozenset(n for n in actor if n.startswith(("mu.", "log_std"))),
                optimizer=self.actor.optimizer,
                forward=lambda observations, actions: self.actor(observations, deterministic=True),
                heads=heads_through(NormalisedActor, self.actor),
            ),
        }
