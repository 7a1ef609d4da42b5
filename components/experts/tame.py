"""TAME whole: a pool of experts, a selector that routes to them, and pruning of those at rest.

Everything of `experts.pool`, its settings included, and beside it

*Selector.* A classifier from a single observation to the number of an expert, trained on a small
uniform sample of the observations of each. In an evaluation it looks at every observation before
the action; the expert with the highest mean log-probability so far acts (`probe_smoothing` is the
least weight of the latest step). By default it is asked where neither labels nor the errors of
contexts choose. It cannot tell tasks apart whose observations look alike; context errors can,
since they see rewards. It is trained when a task ends (where the run tells boundaries) and every
`selector_interval_env_steps`; until then the expert in force acts.

*Pruning.* An expert that is put to rest loses the weights of the smallest magnitude: of each layer
that decides actions exactly round(prune_share * n) become zero. Then it is taught by what it was
before, KL(before || pruned) on its sample of states, for `prune_updates` steps of Adam on the
weights that were kept. The zeros stay as long as it rests and when it is lent to an evaluation.
When its task returns it comes back into force and they may grow again (all of its weights learn, as
a mask would take them from every other component); the next rest prunes it anew. So with pruning a
switch does not return an expert bit for bit as it was left. Biases, `log_std` and what only judges
actions stay whole. Experts are stored dense: `nonzero_share` says what a sparse store would need.

Source: TAME, arXiv 2210.03869: the selector and its training (SGD 0.1, Nesterov momentum 0.9,
weight decay 5e-4, batches of 128, half of its weights pruned), pruning by magnitude and retraining
on a small buffer. There experts classify and are pruned by 98 %; distillation instead of labels is
our reconstruction for policies. Published buffers: 2500-7500 states for the selector, 200-6000 for
pruning; here one sample serves both.

Cost: that of the pool; 0.3 s for each training of the selector and 0.02 ms for each of its choices;
0.5 s to prune a 64x64 expert, 1.3 s a 256x256 one, per switch; `sample_states` observations per
expert.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from pydantic import Field

from l2rl.component import ComponentConfig
from l2rl.views import (
    ActView,
    AgentView,
    ComponentGenerators,
    Role,
    TaskEvent,
    TransitionBatch,
)

from ..distillation import distance, frozen
from ..recent_experience import RecentExperience, seen_by_networks
from .pool import ExpertPool, ExpertPoolConfig
from .pruning import largest, prunable, pruned
from .selector import Selector

_FOR_EVER: Final = 2**62
_ROLES: Final[tuple[Role, ...]] = ("acting",)


class TameConfig(ExpertPoolConfig):
    """Settings of `experts.tame`."""

    selector: Literal["auto", "always", "never"] = Field(
        "auto",
        description="who chooses the expert in an evaluation: always the selector, or (auto) where "
        "the pool alone would keep the one in force",
    )
    sample_states: int = Field(2500, ge=1, description="observations kept of each expert")
    selector_units: int = Field(64, ge=1, description="hidden units of the selector")
    selector_updates: int = Field(300, ge=1, description="gradient steps of each training of it")
    selector_batch_size: int = Field(128, ge=1, description="observations in one of them")
    selector_learning_rate: float = Field(0.1, gt=0, description="of its gradient descent")
    selector_prune_share: float = Field(
        0.5, ge=0, lt=1, description="of its weights, pruned after training and trained around"
    )
    selector_interval_env_steps: int = Field(
        10_000, ge=1, description="how often it is trained, besides at the end of each task"
    )
    prune_share: float = Field(
        0.9, ge=0, lt=1, description="of an expert's weights, zero while it rests; 0: not pruned"
    )
    prune_updates: int = Field(500, ge=0, description="steps that teach a pruned expert")
    prune_batch_size: int = Field(128, ge=1, description="states in one of them")
    prune_learning_rate: float = Field(1e-3, gt=0, description="of its Adam")
    prune_minimum_states: int = Field(
        64, ge=1, description="an expert with a smaller sample is put to rest as it is"
    )


class Tame(ExpertPool):
    """Owner of EXPERTS, with a selector and sparse experts at rest."""

    cost: ClassVar[str] = (
        "0.5-1.3 s per switch, 0.3 s per training of the selector, 4 P per expert at rest"
    )
    Config: ClassVar[type[ComponentConfig]] = TameConfig
    config: TameConfig

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.selecting = self.config.selector == "always" or (
            self.config.selector == "auto" and self.evaluation == "current"
        )
        if self.selecting:
            self.evaluation = "current"
        self.samples: dict[str, RecentExperience] = {}
        self._selector = Selector(self.config.selector_units, self.config.selector_prune_share)
        self.next_training_env_steps = self.config.selector_interval_env_steps

    # ---- samples -------------------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        key = str(self.active)
        if key not in self.samples:
            self.samples[key] = self._empty_sample()
        self.samples[key].add(seen_by_networks(batch, self.agent.action_space, with_actions=False))
        if batch.env_steps >= self.next_training_env_steps:
            self.next_training_env_steps = batch.env_steps + self.config.selector_interval_env_steps
            self._train_selector()

    def _empty_sample(self) -> RecentExperience:
        return RecentExperience(self.config.sample_states, _FOR_EVER, self.rng.numpy)

    def _observations(self, expert: int) -> torch.Tensor:
        """The sample of an expert, (n, ...)."""
        values = self.samples[str(expert)].read("observations")
        return torch.as_tensor(values.copy(), device=self.agent.device)

    # ---- the selector --------------------------------------------------------------------

    def on_task_end(self, event: TaskEvent) -> None:
        super().on_task_end(event)
        self._train_selector()

    def _train_selector(self) -> None:
        if not self.selecting or not self.samples:
            return
        self._selector.train(
            {int(expert): self._observations(int(expert)) for expert in self.samples},
            updates=self.config.selector_updates,
            batch_size=self.config.selector_batch_size,
            learning_rate=self.config.selector_learning_rate,
            generator=self.rng.torch,
        )

    def choose_expert(self, view: ActView) -> None:
        if not self.selecting:
            super().choose_expert(view)
            return
        if not self._selector.experts:
            return
        memory = view.memory
        if not memory:
            memory.update(live=self._live_values(), expert=self.active, n=0, scores=0.0)
        latest = self._selector.log_probabilities(view.observations).mean(0)
        memory["n"] += 1
        weight = max(1.0 / memory["n"], self.config.probe_smoothing)
        memory["scores"] = (1.0 - weight) * memory["scores"] + weight * latest
        chosen = self._selector.experts[int(np.argmax(memory["scores"]))]
        if chosen != memory["expert"]:
            memory["expert"] = chosen
            live = chosen == self.active
            view.lend(memory["live"] if live else self.resting[str(chosen)]["parameters"])

    # ---- pruning -------------------------------------------------------------------------

    def _state_to_rest(self) -> dict[str, Any]:
        state = super()._state_to_rest()
        sample = self.samples.get(str(self.active))
        if self.config.prune_share == 0:
            return state
        if sample is None or len(sample) < self.config.prune_minimum_states:
            self.agent.emit("expert_not_pruned", expert=self.active)
            return state
        for phase, view in self.agent.phases.items():
            acting = [n for n in self.names[phase] if view.roles[n] == "acting"]
            if acting:
                self._prune(phase, acting, state)
        self.agent.emit("expert_pruned", expert=self.active, share=self.config.prune_share)
        return state

    def _prune(self, phase: str, acting: list[str], state: dict[str, Any]) -> None:
        """One phase of an expert's state: parameters, targets that follow them, moments."""
        whole = {name: state["parameters"][phase][name] for name in acting}
        names = prunable(whole, acting)
        masks = {name: largest(whole[name], self.config.prune_share) for name in names}
        values = pruned(
            whole,
            masks,
            self._lesson(phase),
            updates=self.config.prune_updates,
            learning_rate=self.config.prune_learning_rate,
        )
        state["parameters"][phase].update(values)
        for name, value in values.items():
            if name in state["targets"][phase]:
                state["targets"][phase][name] = value.clone()
        for name, mask in masks.items():
            for moment in state["optimizer"][phase].get(name, {}).values():
                if moment.shape == mask.shape:
                    moment.mul_(mask)

    def _lesson(self, phase: str) -> Any:
        """Distance from what the expert, still in force, says on batches of its sample."""
        view, observations = self.agent.phases[phase], self._observations(self.active)
        live = {name: p.detach() for name, p in view.parameters.items()}
        with torch.no_grad():
            said = view.heads(live, observations)

        def lesson(parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
            count = self.config.prune_batch_size
            chosen = self.rng.numpy.integers(0, len(observations), count)
            rows = torch.as_tensor(chosen, device=observations.device)
            answer = view.heads(live | dict(parameters), observations[rows])
            return distance(frozen(said, rows), answer, _ROLES).mean()

        return lesson

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> dict[str, float]:
        """Also: share of acting weights at rest that are not zero, and memory as it is held."""
        return {
            **super().metrics(),
            "nonzero_share": self._nonzero_share(),
            "resting_mb": sum(_bytes(state) for state in self.resting.values()) / 1e6,
            "samples_mb": sum(_bytes(s.state_dict()) for s in self.samples.values()) / 1e6,
        }

    def _nonzero_share(self) -> float:
        """Of the weights that pruning is for, in all experts at rest; 1 without any."""
        nonzero = total = 0
        for state in self.resting.values():
            for phase, view in self.agent.phases.items():
                values = state["parameters"][phase]
                acting = [n for n in values if view.roles[n] == "acting"]
                for name in prunable(values, acting):
                    nonzero += int(values[name].count_nonzero())
                    total += values[name].numel()
        return nonzero / total if total else 1.0

    def state_dict(self) -> dict[str, Any]:
        return {
            **super().state_dict(),
            "samples": {key: sample.state_dict() for key, sample in self.samples.items()},
            "selector": self._selector.state_dict(),
            "next_training_env_steps": self.next_training_env_steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._selector.load_state_dict(state["selector"], self.agent.device)
        self.next_training_env_steps = state["next_training_env_steps"]
        self.samples = {}
        for key, sample in state["samples"].items():
            self.samples[key] = self._empty_sample()
            self.samples[key].load_state_dict(sample)


def _bytes(value: Any) -> int:
    """Of all tensors and arrays in nested dictionaries."""
    if isinstance(value, Mapping):
        return sum(_bytes(item) for item in value.values())
    return value.nbytes if isinstance(value, torch.Tensor | np.ndarray) else 0
