"""Lifelong normalisation of observations, in front of every network.

    x' = clip((x - mean) / sqrt(variance + epsilon), -clip, clip)

with mean and variance of all observations collected so far. `mode` says which those are:

    lifelong           of the whole life: they never start again, whatever the task
    per_task           of the current task alone (by label where labels are visible, otherwise by
                       the context believed in); replayed samples that carry their context are
                       normalised as it was, and in an evaluation the task's label decides, or
                       without labels the current task
    frozen_first_task  of the first task; they stay from its end on

Statistics change only between collections: a policy is evaluated, in the minibatches that follow,
on the very numbers on which it acted, so PPO's ratio is exactly 1 at first. Until a task has
`minimum_observations` the statistics stay what they were (at the very beginning the identity).
Buffers, detectors and other listeners have raw observations; targets and all networks share the
module, whose mean and scale are buffers of the agent's networks.

Only for `Box` observations that are no pictures. Rows that other components give to `heads`
(rehearsal, distillation) are normalised with the statistics in force.

Source: Chan et al. 1979 for the merge; kept over tasks as in lifelong model editing (UltraEdit,
arXiv:2505.14679). Cost: 0.06-0.08 ms a gradient step of DQN, 2 numbers per observed quantity and
task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from pydantic import Field
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from l2rl.capabilities import (
    CHANGE_EVENTS,
    NETWORK_BUILD,
    TASK_BELIEF,
    TASK_BOUNDARY,
    TASK_LABEL,
    Need,
    any_of,
)
from l2rl.component import Batch, Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.testing import Conformance
from l2rl.views import (
    AgentView,
    ChangeEvent,
    CollectionView,
    ComponentGenerators,
    EvaluationEvent,
    NetworkBuildView,
    NetworkEdit,
    NetworkView,
    TaskEvent,
    TransitionBatch,
    UpdateView,
)

from .observation_norm import NormalisedExtractor, ObservationNorm
from .running_moments import RunningMoments

_EXTRACTORS = ("features_extractor", "pi_features_extractor", "vf_features_extractor")
_WHOLE_LIFE = "life"


class LifelongNormalisation(Component):
    """Normalises observations with statistics that outlive tasks."""

    uses = (TASK_LABEL, TASK_BOUNDARY, TASK_BELIEF, CHANGE_EVENTS)
    cost = "0.06-0.08 ms per gradient step, 2 numbers per observed quantity and task"
    order = 1000
    """Whoever adds rows to a batch comes before."""

    conformance = Conformance(active={"minimum_observations": 8})

    class Config(ComponentConfig):
        """Settings of `network.lifelong_norm`."""

        mode: Literal["lifelong", "per_task", "frozen_first_task"] = Field(
            "lifelong", description="over which observations statistics are taken"
        )
        clip: float = Field(10.0, gt=0, description="bound of normalised observations")
        epsilon: float = Field(1e-8, gt=0, description="added to the variance")
        minimum_observations: int = Field(
            256, ge=2, description="observations of a task before its statistics are used"
        )

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        needs: dict[str, tuple[Need, ...]] = {
            "lifelong": (),
            "per_task": (any_of(TASK_LABEL, TASK_BOUNDARY, TASK_BELIEF),),
            "frozen_first_task": (any_of(TASK_BOUNDARY, CHANGE_EVENTS),),
        }
        return (NETWORK_BUILD, *needs[self.config.mode]), ()

    # ---- birth ---------------------------------------------------------------------------

    def modify_network(self, view: NetworkBuildView) -> None:
        self._refuse(view.observation_space)
        assert view.observation_space.shape is not None
        device = next(next(iter(view.networks.values())).parameters()).device
        self._norm = ObservationNorm(view.observation_space.shape, self.config.clip, device)
        wrapped: dict[int, NormalisedExtractor] = {}
        for network in view.networks.values():
            for name in _EXTRACTORS:
                self._wrap(network, name, wrapped)

    def _refuse(self, space: spaces.Space[Any]) -> None:
        if not isinstance(space, spaces.Box) or is_image_space(space, check_channels=False):
            kind = "pictures" if isinstance(space, spaces.Box) else type(space).__name__
            raise UserError(
                f"component {self.name!r} normalises vectors of numbers (`Box`), but the "
                f"observations are {kind}\n"
                "  pictures are scaled by the learner already; flatten a dictionary, or remove "
                "the component"
            )

    def _wrap(self, network: nn.Module, name: str, wrapped: dict[int, NormalisedExtractor]) -> None:
        """Put the module before an extractor; one that is shared stays shared."""
        inner = getattr(network, name, None)
        if not isinstance(inner, BaseFeaturesExtractor) or isinstance(inner, NormalisedExtractor):
            return
        if id(inner) not in wrapped:
            wrapped[id(inner)] = NormalisedExtractor(self._norm, inner)
        setattr(network, name, wrapped[id(inner)])

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        assert agent.observation_space.shape is not None
        self._shape = agent.observation_space.shape
        self._moments: dict[str, RunningMoments] = {}
        self._used: dict[str, dict[str, torch.Tensor]] = {}
        """What each task's observations were last normalised with."""
        self._label: str | None = None
        self._key_of_belief: dict[int, str] = {}
        self._key = _WHOLE_LIFE
        self._is_frozen = False

    # ---- whose statistics ----------------------------------------------------------------

    def on_task_start(self, event: TaskEvent) -> None:
        self._label = event.label

    def on_task_end(self, event: TaskEvent) -> None:
        self._freeze(TASK_BOUNDARY in self.agent.offered)

    def on_change_detected(self, event: ChangeEvent) -> None:
        self._freeze(TASK_BOUNDARY not in self.agent.offered)

    def _freeze(self, counts: bool) -> None:
        if self.config.mode == "frozen_first_task" and counts:
            self._is_frozen = True

    def _key_for(self, belief: int) -> str:
        if self.config.mode != "per_task":
            return _WHOLE_LIFE
        return f"label {self._label}" if self._label is not None else f"context {belief}"

    # ---- statistics ----------------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        """Count what was seen; nothing is normalised with it before the next collection."""
        if not self._is_frozen:
            key = self._key_for(batch.belief)
            moments = self._moments.setdefault(key, RunningMoments(self._shape))
            moments.merge(batch.flat(batch.observations))

    def collection_context(self, view: CollectionView) -> AbstractContextManager[None]:
        self._norm.of_rows = None
        self._key = self._key_for(view.belief)
        self._key_of_belief[view.belief] = self._key
        moments = self._moments.get(self._key)
        if moments is not None and moments.count >= self.config.minimum_observations:
            self._put(*self._statistics(moments))
        elif self._key in self._used:
            self._put(self._used[self._key]["mean"], self._used[self._key]["scale"])
        self._used[self._key] = {
            "mean": self._norm.mean.clone(),
            "scale": self._norm.scale.clone(),
        }
        return nullcontext()

    def _statistics(self, moments: RunningMoments) -> tuple[torch.Tensor, torch.Tensor]:
        """(mean, scale) float32 of an observation's shape."""
        scale = 1.0 / np.sqrt(moments.variance + self.config.epsilon)
        return torch.as_tensor(moments.mean).float(), torch.as_tensor(scale).float()

    def _put(self, mean: torch.Tensor, scale: torch.Tensor) -> None:
        self._norm.mean.copy_(mean)
        self._norm.scale.copy_(scale)

    # ---- batches that mix tasks ----------------------------------------------------------

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        """Each row of a replayed batch is normalised as its own context was."""
        self._norm.of_rows = None
        if self.config.mode == "per_task" and "belief" in batch:
            self._norm.of_rows = self._of_rows(batch["belief"].reshape(-1))
        return batch

    def _of_rows(self, beliefs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
        present, places = torch.unique(beliefs, return_inverse=True)
        keys = [self._key_of_belief.get(int(belief), self._key) for belief in present]
        if set(keys) == {self._key}:
            return None
        current = {"mean": self._norm.mean, "scale": self._norm.scale}
        used = [self._used.get(key, current) for key in keys]
        mean, scale = (torch.stack([u[name] for u in used])[places] for name in ("mean", "scale"))
        return mean, scale

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        """Training is over: the next batch of the same size may be another one."""
        self._norm.of_rows = None
        return None

    # ---- evaluation ----------------------------------------------------------------------

    def evaluation_context(self, event: EvaluationEvent) -> AbstractContextManager[None]:
        used = self._used.get(f"label {event.label}") if self.config.mode == "per_task" else None
        return nullcontext() if used is None else self._lent(used["mean"], used["scale"])

    @contextmanager
    def _lent(self, mean: torch.Tensor, scale: torch.Tensor) -> Iterator[None]:
        """For the body, another task's statistics."""
        before = self._norm.mean.clone(), self._norm.scale.clone()
        self._put(mean, scale)
        try:
            yield
        finally:
            self._put(*before)

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Observations counted, tasks told apart, and the range of the scales in force."""
        return {
            "observations": float(sum(m.count for m in self._moments.values())),
            "tasks": float(len(self._moments)),
            "smallest_scale": float(self._norm.scale.min()),
            "largest_scale": float(self._norm.scale.max()),
        }

    def state_dict(self) -> dict[str, Any]:
        return {
            "moments": {key: moments.state_dict() for key, moments in self._moments.items()},
            "used": self._used,
            "label": self._label,
            "key_of_belief": dict(self._key_of_belief),
            "key": self._key,
            "is_frozen": self._is_frozen,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        device = self._norm.mean.device
        self._moments = {}
        for key, moments in state["moments"].items():
            self._moments[key] = RunningMoments(self._shape)
            self._moments[key].load_state_dict(moments)
        self._used = {
            key: {name: value.to(device, copy=True) for name, value in used.items()}
            for key, used in state["used"].items()
        }
        self._label = state["label"]
        self._key_of_belief = {int(k): str(v) for k, v in state["key_of_belief"].items()}
        self._key = str(state["key"])
        self._is_frozen = bool(state["is_frozen"])
