"""PackNet: every task owns a share of the weights, which no later task can move.

At the end of a task the free weights of each layer are pruned by magnitude: the largest are kept
and belong to the task from then on, the others become zero and free again. What was kept is then
retrained to make up for what is missing. A later task sees all the weights that earlier tasks own
but trains only the free ones, so that earlier tasks answer bit for bit as they did.

    shares: equal    keep 1 / (left + 1) of the free weights, left = tasks not yet learned: with T
                     tasks each owns 1 / T, and the last one all that is left
    shares: fixed    keep 1 - prune_share of the free weights each time: geometric shares

Sources: arXiv 1711.05769; the equal split, the frozen biases and the reset of the optimiser before
and after retraining as in Continual World (arXiv 2105.10919), where the actor alone is packed.
Not taken from there: its gradient clip of 2e-5 in retraining; the learner's own clip applies.

What is packed: weights of linear and convolutional layers that decide actions, and with
`pack_critic` those that judge them. Everything else in the same networks (biases, `log_std`,
normalisation) is frozen when the first task ends. With one output layer a task (`multi_head`) a
head belongs to its task whole, and moves only while that task learns.

Retraining: off-policy learners take their ordinary steps on their replay buffer, in which other
components take part; PPO imitates what the un-pruned network said on recent states, KL(un-pruned ||
pruned), as can any learner (`retrain_by: distillation`).

A task that returns finds the weights that it learned with (its own and those of earlier tasks) and
zeros elsewhere: later tasks' weights are kept aside meanwhile. Then `on_return` decides: `extend`
lets free weights move and gives the task a further share of them (which shrinks the shares of
tasks to come); `freeze` lets nothing move. Free weights run out when the last task has taken what
is left; from then on returning tasks only act. No more than 127 shares can be given.

In an evaluation each learned task is seen through its own weights; the task that is being learned,
and tasks never learned, are seen through the network as it is. Between the end of a task and the
next start nothing that is packed moves, so that sleep leaves it alone.

It does not see running statistics of batch normalisation, nor a feature extractor that SAC's actor
shares with the critic unless `pack_critic` is set; both would change old tasks' answers.

Cost: 0.4 ms per gradient step of a 64x64 network, 0.7 ms of a 256x256 one (a quarter of an update
of DQN's), from the second task on; `retrain_updates` gradient steps at each end of a task; 1 byte
per weight, and P more while a returning task hides later tasks' weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Final, Literal

import torch

from l2rl.capabilities import TASK_LABEL, WEIGHT_MASK
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.testing import Conformance
from l2rl.views import (
    AgentView,
    ComponentGenerators,
    EvaluationEvent,
    Head,
    NetworkEdit,
    NetworkView,
    PhaseView,
    Role,
    TaskEvent,
    TransitionBatch,
)

from ..distillation import distance, frozen
from ..recent_experience import RecentExperience, seen_by_networks
from .owners import MOST_OWNERS, Owners
from .settings import PackNetConfig

Values = dict[str, dict[str, torch.Tensor]]
"""phase -> parameter name -> values."""
Stage = Literal["learning", "retraining", "resting"]
_HEAD: Final = re.compile(r"(?:^|\.)heads\.(\d+)\.")
_ROLES: Final[tuple[Role, ...]] = ("acting", "value")


class PackNet(Component):
    """Owner of WEIGHT_MASK: prunes, retrains and freezes what each task has learned."""

    needs = (TASK_LABEL,)
    provides = (WEIGHT_MASK,)
    order = 90  # after everybody has measured the network of the task that ends
    conflicts: ClassVar[Mapping[str, str]] = {
        name: "it exchanges the whole network under the shares that tasks own in it"
        for name in ("experts.pool", "experts.tame")
    }
    conformance = Conformance(
        active={"retrain_updates": 4},
        own_moments="what is kept trains on with fresh moments, then stands still",
    )
    cost: ClassVar[str] = (
        "0.4-0.7 ms per gradient step, 1 byte per weight, `retrain_updates` steps per task"
    )
    stateful = ("stage", "label", "visit", "claimed", "view", "views", "aside", "wish")
    Config: ClassVar[type[ComponentConfig]] = PackNetConfig
    config: PackNetConfig

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.distils = self._resolved_distillation()
        self.names = {p: self._protected(v) for p, v in agent.phases.items() if self._protected(v)}
        self.owners = {
            phase: Owners(_packable(agent.phases[phase].parameters, names))
            for phase, names in self.names.items()
        }
        self.stage: Stage = "learning"
        self.label: str | None = None
        self.visit = 1
        """Owner of what the current visit of a task claims; 0 if it may claim nothing."""
        self.claimed = 0
        """Shares given so far."""
        self.view: list[int] = []
        """Owners whose weights are in the live network."""
        self.views: dict[str, list[int]] = {}
        """Label of a learned task -> the owners that it is seen through."""
        self.aside: Values = {}
        """Weights of owners that are not in the live network, zero elsewhere."""
        self.wish: Literal["open", "close"] | None = None
        self._memory = RecentExperience(
            self.config.distillation_states, self.config.memory_env_steps, rng.numpy
        )
        self._lessons: dict[str, _Lesson] = {}
        self._masks: dict[str, dict[str, torch.Tensor]] = {}

    def _resolved_distillation(self) -> bool:
        off_policy = self.agent.train_on_replay is not None
        if self.config.retrain_by == "replay" and not off_policy:
            raise UserError(
                f"component {self.name!r}: learner {self.agent.learner!r} has no replay buffer to "
                "retrain on\n  set `retrain_by: distillation` (or auto)"
            )
        return self.config.retrain_by == "distillation" or not off_policy

    def _protected(self, view: PhaseView) -> list[str]:
        """Names of the parameters of a phase that this component keeps."""
        roles = _ROLES if self.config.pack_critic else _ROLES[:1]
        return [name for name, role in view.roles.items() if role in roles]

    # ---- boundaries ----------------------------------------------------------------------
    # Events only note a wish: while they are handed round everybody sees the network as it was.

    def on_transitions(self, batch: TransitionBatch) -> None:
        if self.distils and self.config.retrain_updates:
            with_actions = "critic" in self.names
            space = self.agent.action_space
            self._memory.add(seen_by_networks(batch, space, with_actions=with_actions))

    def on_task_start(self, event: TaskEvent) -> None:
        assert event.label is not None
        self.label, self.wish = event.label, "open"
        returns = event.label in self.views
        stays = returns and self.config.on_return == "freeze"
        self.visit = 0 if stays or self.claimed == MOST_OWNERS else self.claimed + 1
        self.view = list(self.views[event.label] if returns else range(1, self.claimed + 1))
        self._memory.clear()

    def on_task_end(self, event: TaskEvent) -> None:
        self.wish = "close"

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        wish, self.wish = self.wish, None
        if wish == "open":
            return self._open()
        return self._close() if wish == "close" else None

    def _open(self) -> NetworkEdit | None:
        """Put in place what the task sees; the first task finds the network as it was born."""
        values = self._seen_through(self.view)
        if self.claimed and self.visit and self.config.free_weights == "fresh":
            self._draw_free(values)
        self.aside = self._hidden_from(self.view)
        self._enter("learning")
        return self._edit("weights_of_task", values) if self.claimed else None

    def _draw_free(self, values: Values) -> None:
        for phase, owners in self.owners.items():
            drawn = self.agent.phases[phase].fresh_parameters(self.rng.torch)
            for name, of in owners.of.items():
                values[phase][name] = torch.where(of == 0, drawn[name], values[phase][name])

    def _close(self) -> NetworkEdit | None:
        """Prune: what the task keeps is its own, the rest zero; retraining follows the edit."""
        assert self.label is not None
        if self.visit:
            self._learn_by_heart()
            for phase, owners in self.owners.items():
                owners.claim(self.agent.phases[phase].parameters, self.visit, self._kept_share())
            self.claimed = self.visit
            self.view = [*self.view, self.visit]
        self.views[self.label] = list(self.view)
        self._enter("retraining" if self.visit else "resting")
        return self._edit("weights_pruned", self._seen_through(self.view)) if self.visit else None

    def _kept_share(self) -> float:
        """Of the free weights, the part that the current visit claims."""
        labels = self.agent.labels or ()
        if self.config.shares == "fixed" or not labels:
            return 1.0 - self.config.prune_share
        left = len(set(labels) - set(self.views) - {self.label})
        return 1.0 / (left + 1)

    def _edit(self, reason: str, values: Values) -> NetworkEdit:
        """New weights, and every moment of these phases' optimisers forgotten."""
        whole = {
            phase: {
                name: values[phase].get(name, self.agent.phases[phase].parameters[name].detach())
                for name in names
            }
            for phase, names in self.names.items()
        }
        return NetworkEdit(reason, whole, targets="copy", optimizer="clear")

    def on_network_edited(self, edit: NetworkEdit) -> None:
        if self.stage == "retraining":
            self._retrain()
            self._enter("resting")
            self.agent.emit("weights_packed", owner=self.visit, free_share=self._share_of(0))

    # ---- retraining ----------------------------------------------------------------------

    def _learn_by_heart(self) -> None:
        """What the un-pruned network says on the remembered states, for distillation."""
        if not self.distils or len(self._memory) == 0:
            return
        observations, actions = self._remembered("observations"), None
        for phase in self.names:
            view = self.agent.phases[phase]
            if phase == "critic":
                actions = self._remembered("actions")
            with torch.no_grad():
                said = view.heads(view.parameters, observations, actions)
            self._lessons[phase] = _Lesson(observations, actions, said)

    def _remembered(self, field: str) -> torch.Tensor:
        return torch.as_tensor(self._memory.read(field).copy(), device=self.agent.device)

    def _retrain(self) -> None:
        if not self.distils:
            assert self.agent.train_on_replay is not None
            self.agent.train_on_replay(self.config.retrain_updates)
            return
        lessons, self._lessons = self._lessons, {}
        for phase, lesson in lessons.items():
            for _ in range(self.config.retrain_updates):
                self._imitate(phase, lesson)

    def _imitate(self, phase: str, lesson: _Lesson) -> None:
        size = min(self.config.distillation_batch_size, len(lesson.observations))
        chosen = self.rng.numpy.integers(0, len(lesson.observations), size)
        rows = torch.as_tensor(chosen, device=self.agent.device)
        view = self.agent.phases[phase]
        actions = None if lesson.actions is None else lesson.actions[rows]
        said = view.heads(view.parameters, lesson.observations[rows], actions)
        loss = distance(frozen(lesson.said, rows), said, _ROLES).mean()
        self.agent.minimise(phase, loss)

    # ---- what is seen and what may move --------------------------------------------------

    def _known(self, phase: str, name: str) -> torch.Tensor:
        """A weight with all its owners' values, those kept aside included."""
        live = self.agent.phases[phase].parameters[name].detach()
        kept = self.aside.get(phase, {}).get(name)
        return live if kept is None else torch.where(kept != 0, kept, live)

    def _seen_through(self, view: list[int]) -> Values:
        """Every packed weight as these owners' tasks see it: zero where another owns it."""
        return {
            phase: {
                name: torch.where(seen, self._known(phase, name), 0.0)
                for name, seen in owners.seen(view).items()
            }
            for phase, owners in self.owners.items()
        }

    def _hidden_from(self, view: list[int]) -> Values:
        """What must be kept aside while this view is in place; empty if nothing must."""
        hidden = [n for n in range(1, self.claimed + 1) if n not in view]
        return self._seen_through(hidden) if hidden else {}

    def evaluation_context(self, event: EvaluationEvent) -> AbstractContextManager[None]:
        """A learned task is seen through its own weights; the live one is already."""
        if event.label is None or event.label == self.label or event.label not in self.views:
            return nullcontext()
        return event.lend(self._seen_through(self.views[event.label]))

    def weight_mask(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        return self._masks.get(phase)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self._refresh_masks()

    def _refresh_masks(self) -> None:
        self._masks = {phase: self._free(phase) for phase in self.names}

    def _free(self, phase: str) -> dict[str, torch.Tensor]:
        """Masks of what is not wholly free."""
        moving = self.visit if self.stage == "retraining" else 0
        masks = {}
        for name in self.names[phase]:
            parameter = self.agent.phases[phase].parameters[name]
            if name in self.owners[phase].of:
                of = self.owners[phase].of[name]
                mask = (of == moving) & (self.visit > 0 and self.stage != "resting")
            else:
                mask = torch.full_like(parameter, self._may_move(name), dtype=torch.bool)
            if not bool(mask.all()):
                masks[name] = mask
        return masks

    def _may_move(self, name: str) -> bool:
        """Whether a parameter that is not packed may move now."""
        if self.stage == "resting":
            return False
        head = _HEAD.search(name)
        if head is None:
            return self.visit == 1
        stays = self.visit == 0 and self.label in self.views
        return int(head[1]) == self._current_head() and not stays

    def _current_head(self) -> int:
        labels = self.agent.labels or ()
        return labels.index(self.label) if self.label in labels else 0

    # ---- books ---------------------------------------------------------------------------

    def _share_of(self, owner: int) -> float:
        counts = sum(owners.counts() for owners in self.owners.values())
        assert isinstance(counts, torch.Tensor)
        return float(counts[owner] / counts.sum())

    def metrics(self) -> Mapping[str, float]:
        """Share of the packable weights that is free, and of each owner."""
        owned = {f"owner_{n}_share": self._share_of(n) for n in range(1, self.claimed + 1)}
        return {"free_share": self._share_of(0), **owned}

    def state_dict(self) -> dict[str, Any]:
        return {
            **super().state_dict(),
            "owners": {phase: owners.state_dict() for phase, owners in self.owners.items()},
            "memory": self._memory.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        for phase, owners in self.owners.items():
            owners.load_state_dict(state["owners"][phase])
        self._memory.load_state_dict(state["memory"])
        self._refresh_masks()


class _Lesson:
    """What a network said on some states."""

    def __init__(
        self, observations: torch.Tensor, actions: torch.Tensor | None, said: Mapping[str, Head]
    ) -> None:
        self.observations = observations
        self.actions = actions
        self.said = said


def _packable(parameters: Mapping[str, torch.Tensor], names: list[str]) -> dict[str, torch.Tensor]:
    """Weights of layers shared by tasks; heads belong to their task whole."""
    return {
        name: parameters[name]
        for name in names
        if name.endswith("weight") and parameters[name].dim() > 1 and _HEAD.search(name) is None
    }
