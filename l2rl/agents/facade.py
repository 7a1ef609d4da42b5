"""Learners whose update is not ours: components act through a facade of their optimisers.

Stable-Baselines3's and sb3-contrib's updates call `zero_grad`, `backward` and `step`, and nothing
else of an optimiser. Here `step` goes on where our own gradient step goes on after the backward:
the components' loss terms, their rules and masks, the clip, the optimiser, `after_step`.
Minibatches pass the components on their way out of the replay buffer. So such a learner takes every
component that needs no more than that; what it does not offer (weights of single samples, TD
errors, its loss on another batch, for most more rows than asked for, one output a task) it says by
not offering the capability.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from l2rl import capabilities as cap
from l2rl.agents.off_policy import LifelongOffPolicy
from l2rl.component import Batch
from l2rl.engine.phase import Phase
from l2rl.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

    _Base = OffPolicyAlgorithm
else:
    _Base = object


class OptimizerFacade:
    """An optimiser whose `step` belongs to the components; everything else is the optimiser's."""

    def __init__(self, optimizer: torch.optim.Optimizer, step: Callable[[], None]) -> None:
        self._optimizer = optimizer
        self._step = step

    def step(self, closure: None = None) -> None:
        """The rest of a gradient step, the optimiser's own included."""
        self._step()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_optimizer":  # asked by `copy`, before there is one
            raise AttributeError(name)
        return getattr(self._optimizer, name)


class FacadeOffPolicy(LifelongOffPolicy, _Base):
    """Mixed into off-policy algorithms whose `train` stays as it is."""

    value_phase: ClassVar[str]
    """The phase that `transform_batch` is told; a batch serves all phases."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("multi_head"):
            raise UserError(
                f"learner {self.learner} has no outputs by task\n"
                "  set `heads: single`, or use learner ppo, dqn or sac"
            )
        self._current_batch: Batch = {}
        super().__init__(*args, **kwargs)

    def _bind_host(self) -> None:
        super()._bind_host()
        for phase in self._phases.values():
            self._put_facade(phase)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_current_batch", "_recorded"]

    def _put_facade(self, phase: Phase) -> None:
        """Let the learner find the facade where it looks for its optimiser."""

        def step() -> None:
            activations = self._recorded.get(phase.name, {})
            self.host.finish_step(phase, self._current_batch, dict(activations))

        owner, attribute = self.optimizer_place(phase.name)
        setattr(owner, attribute, OptimizerFacade(phase.optimizer, step))

    def optimizer_place(self, phase: str) -> tuple[Any, str]:
        """(object, attribute) where the learner keeps the optimiser of a phase."""
        if phase == "entropy":
            return self, "ent_coef_optimizer"
        return getattr(self, phase), "optimizer"

    def _rebuild_optimizers(self) -> None:
        policy = self.policy
        for name, network in self.networks().items():
            if name.endswith("_target"):
                continue
            owner, attribute = self.optimizer_place(name)
            optimizer = policy.optimizer_class(  # type: ignore[call-arg]
                network.parameters(), lr=self.lr_schedule(1), **policy.optimizer_kwargs
            )
            setattr(owner, attribute, optimizer)

    # ---- updates -------------------------------------------------------------------------

    _recorded: Mapping[str, Mapping[str, torch.Tensor]] = {}

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """The learner's own update, as often as the replay ratio says."""
        gradient_steps = self._due_gradient_steps(gradient_steps)
        if gradient_steps == 0:
            return
        self._train_with_components(gradient_steps, batch_size)
        self._record_terms()
        self.host.settle()

    def train_on_replay(self, steps: int) -> None:
        if self.replay_buffer is not None and self.replay_buffer.size() > 0:
            self._train_with_components(steps, self.batch_size)

    def _replay_step(self, step: int) -> None:
        self._train_with_components(1, self.batch_size)

    def _train_with_components(self, gradient_steps: int, batch_size: int) -> None:
        buffer = self.replay_buffer
        assert buffer is not None
        taps = bool(self.host.composition["loss_terms"] or self.host.composition["after_step"])
        taps = taps or bool(self.host.composition["transform_gradients"])
        with ExitStack() as stack:
            if self.host.records_activations:
                self._recorded = {
                    name: stack.enter_context(phase.recorder.recording_latest())
                    for name, phase in self._phases.items()
                    if phase.network is not None
                }
            if taps or self.host.composition["transform_batch"]:
                buffer.sample = self._sample_through_components  # type: ignore[method-assign]
                stack.callback(vars(buffer).pop, "sample", None)
            super().train(gradient_steps, batch_size)

    def _sample_through_components(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        """A minibatch after `transform_batch`, remembered for the loss terms."""
        phase = self._phases[self.value_phase]
        assert self.replay_buffer is not None
        data = type(self.replay_buffer).sample(self.replay_buffer, batch_size, env=env)
        batch = self.host.transformed(self._batch_of(data), phase)
        if len(batch["rewards"]) != batch_size and cap.EXTRA_ROWS not in self.host.offered:
            raise UserError(
                f"learner {self.learner} takes minibatches of {batch_size} rows, but a component "
                f"made it {len(batch['rewards'])}\n"
                "  such a component needs EXTRA_ROWS: use learner ppo, dqn, sac or td3"
            )
        self._current_batch = batch
        return ReplayBufferSamples(
            observations=batch["observations"],
            actions=batch["actions"],
            next_observations=batch["next_observations"],
            dones=batch["dones"],
            rewards=batch["rewards"],
            discounts=batch.get("discounts"),
        )

    # ---- exact state ---------------------------------------------------------------------

    def _learner_state(self) -> dict[str, Any]:
        return {
            **super()._learner_state(),
            "log_ent_coef": getattr(self, "log_ent_coef", None),
        }

    def _load_learner_state(self, state: Mapping[str, Any]) -> None:
        super()._load_learner_state(state)
        if state["log_ent_coef"] is not None:
            weight: torch.Tensor = self.log_ent_coef  # type: ignore[attr-defined]
            weight.data.copy_(state["log_ent_coef"])
