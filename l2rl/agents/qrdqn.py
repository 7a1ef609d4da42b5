"""QR-DQN with components: sb3-contrib's update, through the facade of its optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sb3_contrib import QRDQN
from torch import nn

from l2rl.agents.facade import FacadeOffPolicy
from l2rl.engine.contrib_heads import QuantilesOfActions, heads_through
from l2rl.engine.phase import Phase, following, last_layer


class LifelongQRDQN(FacadeOffPolicy, QRDQN):
    """`sb3_contrib.QRDQN` with `components`; bit-identical to it without any."""

    learner = "qrdqn"
    value_phase = "q"
    scoped_schedules: ClassVar[Mapping[str, str]] = {
        "learning_rate": "lr_schedule",
        "exploration": "exploration_schedule",
    }
    counters = (*FacadeOffPolicy.counters, "_n_calls", "exploration_rate")

    def networks(self) -> dict[str, nn.Module]:
        return {"q": self.quantile_net, "q_target": self.quantile_net_target}

    def optimizer_place(self, phase: str) -> tuple[Any, str]:
        return self.policy, "optimizer"

    def phases(self) -> dict[str, Phase]:
        parameters = dict(self.quantile_net.named_parameters())
        phase = Phase(
            name="q",
            network=self.quantile_net,
            parameters=parameters,
            roles=dict.fromkeys(parameters, "acting"),
            targets=following(parameters, self.quantile_net_target),
            output_layers=frozenset(last_layer(self.quantile_net.quantile_net, "quantile_net")),
            optimizer=self.policy.optimizer,
            forward=lambda observations, actions: self.quantile_net(observations),
            clip_parameters=list(self.policy.parameters()),
            max_grad_norm=self.max_grad_norm,
            heads=heads_through(QuantilesOfActions, self.quantile_net),
        )
        # The clip is in our step, behind the components' gradients; not twice.
        self.max_grad_norm = None
        return {"q": phase}
