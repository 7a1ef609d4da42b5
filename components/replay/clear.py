"""CLEAR: PPO that also learns from old unrolls, off-policy, and stays near what it did in them.

Every minibatch of B rows of the new rollout is joined by rows of replayed unrolls, by default as
many. On these PPO learns with V-trace (`v_trace.py`, arXiv 1802.01561): at the start of each
training the present policy and value function are asked about all steps of the unrolls, and with
the behaviour's probabilities, kept from the time of collection, give value targets v and advantages

    A_t = min(rho_max, rho_t) (r_t + gamma v_{t+1} - V(x_t)),    rho_t = pi(a_t|x_t) / mu(a_t|x_t)

PPO's clipped ratio is then of the policy under training over the present one, so that its first
gradient is the policy gradient of V-trace. Two terms on replayed rows alone, means over them, hold
the network to what it did when it collected them:

    policy_cloning * KL(mu_old || pi) + value_cloning * (V - V_old)^2

Source: arXiv 1811.11682, with its equal halves, 0.01 and 0.005. No task boundaries, no labels. The
memory is a uniform sample of all unrolls so far, with a reservoir for each environment.

An unroll is `unroll_steps` steps in a row of one environment (all of a rollout if that is shorter;
what is left over at the end of a rollout is not kept). An episode may end within: behind an end
there is no trace, and no value either unless a time limit cut it, where the value of the true last
observation stands in. Action masks are kept and obeyed. Advantages are normalised over new and
replayed rows together where the learner does so. An agent with one output layer a task answers each
row by that of its own task.

Not for off-policy learners: they learn from any transition anyway, which `replay.reservoir` keeps.

Units: steps of one environment; nats. Cost: twice the rows a minibatch and a second forward pass
for the cloning terms: an update takes 2-2.5 times as long. Memory: two observations, the action,
and the outputs of both heads a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field

from l2rl.batches import joined, rows_in
from l2rl.capabilities import EXTRA_ROWS
from l2rl.component import Batch, Component, ComponentConfig
from l2rl.views import (
    AgentView,
    ComponentGenerators,
    Head,
    LossView,
    TransitionBatch,
    UpdateView,
)

from .head_distributions import divergences, log_probabilities
from .unrolls import UnrollReservoir
from .v_trace import v_trace

_INSTEAD = "use `replay.reservoir`, which keeps old experience for off-policy learners"


class Clear(Component):
    """Joins PPO's minibatches with replayed unrolls and clones the behaviour of then."""

    learners = ("ppo",)
    needs = (EXTRA_ROWS,)
    ways_out = {"dqn": _INSTEAD, "sac": _INSTEAD}  # noqa: RUF012
    order = -10  # Before what works on whole batches, such as augmentation.
    stateful = ("_clipped_share",)
    cost = "100-150 % of an update"

    class Config(ComponentConfig):
        replay_share: float = Field(
            0.5, ge=0, lt=1, description="share of replayed rows in every minibatch"
        )
        capacity_unrolls: int = Field(
            1000, ge=1, description="unrolls kept, of all environments together"
        )
        unroll_steps: int = Field(
            20, ge=1, description="steps of one environment that are kept and replayed together"
        )
        policy_cloning: float = Field(
            0.01, ge=0, description="weight of the distance from the policy of then"
        )
        value_cloning: float = Field(
            0.005, ge=0, description="weight of the squared distance from the values of then"
        )
        rho_max: float = Field(1.0, gt=0, description="importance ratios are clipped to this")
        c_max: float = Field(1.0, gt=0, description="the same in the trace, which passes them on")

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._phase = agent.phases["policy"]
        self._unrolls: UnrollReservoir | None = None
        self._drawn: dict[str, np.ndarray] = {}
        """Unrolls for the training to come, (length, unrolls, ...); empty: none."""
        self._rows: Batch = {}
        """Their steps as rows of PPO's, once the training has begun."""
        self._order = np.empty(0, np.int64)
        """Which of the rows come next in this pass over them."""
        self._clipped_share = 0.0

    # ---- memory --------------------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        if self.config.replay_share == 0:
            return
        if self._unrolls is None:
            length = min(self.config.unroll_steps, len(batch.rewards))
            self._unrolls = self._empty_reservoir(length)
        # Drawn first: what was collected just now is in the batch already.
        share = self.config.replay_share / (1 - self.config.replay_share)
        wanted = int(np.ceil(batch.rewards.size * share / self._unrolls.length))
        self._drawn = self._unrolls.draw(wanted) if self._unrolls.size else {}
        self._rows, self._order = {}, np.empty(0, np.int64)
        self._unrolls.offer(self._remembered(batch))

    def _empty_reservoir(self, length: int) -> UnrollReservoir:
        capacity = max(self.config.capacity_unrolls // self.agent.n_envs, 1)
        return UnrollReservoir(capacity, length, self.rng.numpy)

    def _remembered(self, batch: TransitionBatch) -> dict[str, np.ndarray]:
        """Steps (steps, n_envs, ...) with what the network that collected them said of them."""
        actions = batch.actions if batch.sampled_actions is None else batch.sampled_actions
        steps = {
            "observations": batch.observations,
            "next_observations": batch.next_observations,
            "actions": actions,
            "rewards": batch.rewards,
            "terminated": batch.terminated,
            "truncated": batch.truncated,
            "belief": np.full(batch.rewards.shape, batch.belief, np.int64),
        }
        if batch.action_masks is not None:
            steps["action_masks"] = batch.action_masks
        said = self._said(_flat(steps, self.agent.device))
        return steps | {
            name: values.cpu().numpy().reshape(*batch.rewards.shape, *values.shape[1:])
            for name, values in said.items()
        }

    def _said(self, rows: Batch) -> Batch:
        """What the present network says of steps (n, ...): parameters of its action distribution,
        log probability of the action, value; float32."""
        with torch.no_grad():
            heads = self._heads(self._phase.parameters, rows["observations"], rows["belief"])
            action = heads["action"]
            log_prob = log_probabilities(action, rows["actions"], rows.get("action_masks"))
        said = {
            "policy": action.values,
            "log_prob": log_prob,
            "values": heads["value"].values.flatten(),
        }
        return said if action.scale is None else {**said, "scale": action.scale}

    def _heads(
        self,
        parameters: Mapping[str, torch.Tensor],
        observations: torch.Tensor,
        beliefs: torch.Tensor | None,
    ) -> dict[str, Head]:
        return self._phase.heads(parameters, observations, None, beliefs)

    # ---- what is replayed ----------------------------------------------------------------

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        if not self._drawn:
            return batch
        if not self._rows:
            self._rows = self._judged(self._drawn)
        share = self.config.replay_share / (1 - self.config.replay_share)
        chosen = torch.as_tensor(self._next_rows(int(rows_in(batch) * share + 0.5)))
        rows = {name: values[chosen] for name, values in self._rows.items()}
        own = batch["actions"]
        rows["actions"] = rows["actions"].to(own.dtype).reshape(len(chosen), *own.shape[1:])
        return joined(batch, rows, belief=view.belief, gamma=self.agent.gamma)

    def _next_rows(self, count: int) -> np.ndarray:
        """Numbers of rows (count,): every one occurs before any occurs again."""
        while len(self._order) < count:
            more = self.rng.numpy.permutation(rows_in(self._rows))
            self._order = np.concatenate([self._order, more])
        chosen, self._order = self._order[:count], self._order[count:]
        return chosen

    def _judged(self, unrolls: Mapping[str, np.ndarray]) -> Batch:
        """The steps of unrolls as rows of PPO's, judged by the present network."""
        steps = _flat(unrolls, self.agent.device)
        said = self._said(steps)
        with torch.no_grad():
            after = self._heads(
                self._phase.parameters, steps["next_observations"], steps["belief"]
            )["value"].values.flatten()
        ratios = (said["log_prob"] - steps["log_prob"]).exp()
        self._clipped_share = float((ratios > self.config.rho_max).float().mean())
        shape = unrolls["rewards"].shape
        learned = v_trace(
            *(x.reshape(shape) for x in (steps["rewards"], said["values"], after, ratios)),
            terminated=steps["terminated"].reshape(shape),
            truncated=steps["truncated"].reshape(shape),
            gamma=self.agent.gamma,
            rho_max=self.config.rho_max,
            c_max=self.config.c_max,
        )
        kept = ("observations", "actions", "belief", "action_masks")
        rows: Batch = {name: steps[name] for name in kept if name in steps}
        rows["old_values"], rows["old_log_prob"] = said["values"], said["log_prob"]
        rows["returns"], rows["advantages"] = (
            learned.targets.flatten(),
            learned.advantages.flatten(),
        )
        for name in ("policy", "scale", "values"):
            if name in steps:
                rows[f"{self.name}/{name}"] = steps[name]
        rows[f"{self.name}/replayed"] = torch.ones_like(steps["rewards"])
        return rows

    # ---- cloning -------------------------------------------------------------------------

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        replayed = view.batch.get(f"{self.name}/replayed")
        if replayed is None:
            return {}
        heads = view.heads(
            view.parameters, view.batch["observations"], None, view.batch.get("belief")
        )
        masks = view.batch.get("action_masks")
        distance = divergences(self._policy_of_then(view, heads["action"]), heads["action"], masks)
        old_values = view.batch[f"{self.name}/values"]
        error = (heads["value"].values.flatten() - old_values).square()
        return {
            "policy_cloning": self.config.policy_cloning * mean_where(replayed, distance),
            "value_cloning": self.config.value_cloning * mean_where(replayed, error),
        }

    def _policy_of_then(self, view: LossView, now: Head) -> Head:
        """The action head that collected each row; any for rows that are not replayed."""
        scale = view.batch.get(f"{self.name}/scale")
        if scale is not None:
            scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        values = view.batch[f"{self.name}/policy"]
        return Head(now.kind, now.role, values, scale, now.sizes)

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Unrolls kept, and in what share of the replayed steps the ratio was clipped."""
        kept = 0 if self._unrolls is None else self._unrolls.size * self._unrolls.n_envs
        return {"unrolls": float(kept), "ratio_clipped_share": self._clipped_share}

    def state_dict(self) -> dict[str, Any]:
        """Without what was drawn: training is over, and the next rollout draws anew."""
        unrolls = None if self._unrolls is None else self._unrolls.state_dict()
        return {**super().state_dict(), "unrolls": unrolls}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._unrolls, self._drawn, self._rows = None, {}, {}
        if state["unrolls"] is not None:
            self._unrolls = self._empty_reservoir(state["unrolls"]["length"])
            self._unrolls.load_state_dict(state["unrolls"])


def mean_where(mark: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Mean of values (batch,) over the rows whose mark (batch,) is 1; 0 without any."""
    return (mark * values).sum() / mark.sum().clamp_min(1.0)


def _flat(steps: Mapping[str, np.ndarray], device: torch.device) -> Batch:
    """(steps, n, ...) -> (steps * n, ...), copies on the device."""
    return {
        name: torch.tensor(values.reshape(-1, *values.shape[2:]), device=device)
        for name, values in steps.items()
    }
