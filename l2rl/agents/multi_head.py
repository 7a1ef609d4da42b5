"""One output layer for each task on a shared trunk (multi-head policies, arXiv 2105.10919).

The trunk never sees which task it is; only the choice of the head does, so this needs labels.
Every head is a module of its own and not a row of one big tensor: an optimiser with momentum
would otherwise go on moving the heads of tasks that the batch does not contain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import SACPolicy
from torch import nn

from l2rl.component import Batch
from l2rl.randomness import derive_seed, forked_generators
from l2rl.views import Head, HeadFunction


class HeadSelector:
    """Which head answers: one for everybody, or one for each sample of a batch."""

    def __init__(self) -> None:
        self.active = 0
        self.per_sample: torch.Tensor | None = None


class MultiHead(nn.Module):
    """Several linear layers of one shape; the selector says which one answers."""

    def __init__(self, layer: nn.Linear, count: int, selector: HeadSelector, seed: int) -> None:
        """The first head is `layer` itself; the others are drawn like it."""
        super().__init__()
        self.heads = nn.ModuleList([layer, *_drawn_like(layer, count - 1, seed)])
        self.selector = selector
        self.out_features = layer.out_features

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, in) -> (batch, out)."""
        chosen = self.selector.per_sample
        if chosen is None or len(chosen) != len(features):
            return self.heads[self.selector.active](features)  # type: ignore[no-any-return]
        result = features.new_zeros(len(features), self.out_features)
        for head in sorted(set(chosen.tolist())):
            rows = (chosen == head).nonzero(as_tuple=True)[0]
            result = result.index_copy(0, rows, self.heads[head](features[rows]))
        return result


def _drawn_like(layer: nn.Linear, count: int, seed: int) -> list[nn.Linear]:
    """New layers whose weights have the first one's scale in a random rotation, and its bias."""
    layers = []
    with forked_generators(seed):
        for _ in range(count):
            fresh = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None)
            norm = layer.weight.detach().norm()
            with torch.no_grad():
                fresh.weight.mul_(norm / fresh.weight.norm())
                if layer.bias is not None:
                    fresh.bias.copy_(layer.bias)
            layers.append(fresh.to(layer.weight.device))
    return layers


class TaskHeads:
    """The heads of one agent; does nothing when there are no labels (a single head for all)."""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        """`labels`: names of the tasks, in the order of first learning."""
        self.labels = tuple(labels)
        self.selector = HeadSelector()
        self._head_of_belief: dict[int, int] = {}
        self._asked: set[int] = set()
        """Heads that loss terms have asked since the last gradient step."""

    def install(self, policy: BasePolicy, seed: int) -> None:
        """Give every output of a policy one head a task, in place; optimisers must be made anew.

        Raises `NotImplementedError` for a policy of a kind not known here.
        """
        for number, (owner, name) in enumerate(_outputs(policy)):
            layer = owner[name] if isinstance(name, int) else getattr(owner, name)
            drawn = derive_seed(seed, "heads", number)
            multi = MultiHead(layer, len(self.labels), self.selector, drawn)
            if isinstance(name, int):
                owner[name] = multi
            else:
                setattr(owner, name, multi)

    def enter(self, label: str, belief: int) -> None:
        """From now on the head of this task learns; experience is stored under `belief`."""
        if self.labels:
            self.selector.active = self.labels.index(label)
            self._head_of_belief[belief] = self.selector.active

    @contextmanager
    def answering(self, label: str) -> Iterator[None]:
        """For the body, the head of this task answers; an unlearned task keeps the current one."""
        before = self.selector.active
        if label in self.labels:
            self.selector.active = self.labels.index(label)
        try:
            yield
        finally:
            self.selector.active = before

    @contextmanager
    def for_batch(self, batch: Batch) -> Iterator[None]:
        """For the body, each replayed sample is answered by the head of its own task."""
        if not self.labels or "belief" not in batch:
            yield
            return
        with self._answering_each(batch["belief"]):
            yield

    @contextmanager
    def _answering_each(self, beliefs: torch.Tensor) -> Iterator[None]:
        """For the body, row by row the head of its context; the current one where unknown."""
        known, current = self._head_of_belief, self.selector.active
        before = self.selector.per_sample
        heads = [known.get(belief, current) for belief in beliefs.reshape(-1).tolist()]
        self.selector.per_sample = torch.tensor(heads)
        try:
            yield
        finally:
            self.selector.per_sample = before

    def heads_of(self, heads: HeadFunction) -> HeadFunction:
        """The same heads, answered for each row's own context where contexts are given."""

        def of_each(
            parameters: Mapping[str, torch.Tensor],
            observations: torch.Tensor,
            actions: torch.Tensor | None = None,
            beliefs: torch.Tensor | None = None,
        ) -> dict[str, Head]:
            if beliefs is None:
                return heads(parameters, observations, actions)
            with self._answering_each(beliefs):
                assert self.selector.per_sample is not None
                # Whoever only looks, at the end of a task say, keeps no head from being idle.
                if torch.is_grad_enabled():
                    self._asked |= set(self.selector.per_sample.tolist())
                return heads(parameters, observations, actions)

        return of_each

    def idle(self, network: nn.Module) -> Iterable[nn.Parameter]:
        """Parameters of a network's heads that answer nothing right now."""
        if not self.labels:
            return ()
        chosen = self.selector.per_sample
        busy = {self.selector.active} if chosen is None else set(chosen.tolist())
        busy |= self._asked
        return [
            parameter
            for layer in network.modules()
            if isinstance(layer, MultiHead)
            for number, head in enumerate(layer.heads)
            if number not in busy
            for parameter in head.parameters()
        ]

    def forget_asked(self) -> None:
        """A gradient step has ended."""
        self._asked.clear()

    def state_dict(self) -> dict[str, Any]:
        return {"active": self.selector.active, "head_of_belief": dict(self._head_of_belief)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.selector.active = state["active"]
        self._head_of_belief = {int(k): v for k, v in state["head_of_belief"].items()}


def _outputs(policy: BasePolicy) -> Sequence[tuple[Any, int | str]]:
    if isinstance(policy, ActorCriticPolicy):
        return [(policy, "action_net"), (policy, "value_net")]
    if isinstance(policy, DQNPolicy):
        return [(policy.q_net.q_net, -1), (policy.q_net_target.q_net, -1)]
    if isinstance(policy, SACPolicy):
        critics = [*policy.critic.q_networks, *policy.critic_target.q_networks]
        return [(policy.actor, "mu"), (policy.actor, "log_std"), *((c, -1) for c in critics)]
    raise NotImplementedError(f"no multi-head form of {type(policy).__name__}")
