"""TD3 with components: SB3's update, through the facade of its optimisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from stable_baselines3 import TD3
from stable_baselines3.common.noise import NormalActionNoise
from torch import nn

from l2rl.agents.facade import FacadeOffPolicy
from l2rl.engine.contrib_heads import Deterministic, heads_through
from l2rl.engine.phase import Phase, following, last_layer


class LifelongTD3(FacadeOffPolicy, TD3):
    """`stable_baselines3.TD3` with `components`; bit-identical to it without any."""

    learner = "td3"
    value_phase = "critic"
    scoped_schedules: ClassVar[Mapping[str, str]] = {"learning_rate": "lr_schedule"}

    def __init__(
        self, policy: Any, env: Any, *args: Any, action_noise_std: float = 0.0, **kwargs: Any
    ) -> None:
        """SB3's arguments, and `action_noise_std`: deviation of Gaussian noise on actions while
        experience is collected, on the scale of actions from -1 to 1; 0 for none."""
        if action_noise_std > 0 and kwargs.get("action_noise") is None:
            size = env.action_space.shape
            noise = NormalActionNoise(np.zeros(size), np.full(size, action_noise_std))
            kwargs["action_noise"] = noise
        super().__init__(policy, env, *args, **kwargs)

    def networks(self) -> dict[str, nn.Module]:
        return {
            "critic": self.critic,
            "critic_target": self.critic_target,
            "actor": self.actor,
            "actor_target": self.actor_target,
        }

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
                targets=following(critic, self.critic_target),
                output_layers=frozenset(output),
                optimizer=self.critic.optimizer,
                forward=lambda observations, actions: self.critic(observations, actions),
            ),
            "actor": Phase(
                name="actor",
                network=self.actor,
                parameters=actor,
                roles=dict.fromkeys(actor, "acting"),
                targets=following(actor, self.actor_target),
                output_layers=frozenset(last_layer(self.actor.mu, "mu")),
                optimizer=self.actor.optimizer,
                forward=lambda observations, actions: self.actor(observations),
                heads=heads_through(Deterministic, self.actor),
            ),
        }
