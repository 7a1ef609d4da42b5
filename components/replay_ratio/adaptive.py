"""A low replay ratio until the critic's plasticity has settled, then a high one.

Many gradient steps per env step wear out a young critic, few waste the experience of a grown one
(arXiv 2310.07418). Its fraction of active units (FAU) tells the two apart: it moves while the
critic is being formed, and settles. The rule, with A the (sample, unit) pairs of one minibatch and
a their activations:

    FAU = (1/|A|) sum over A of [a > 0],    element-wise, all layers pooled
    M_k = mean FAU over the updates of the last finished episode before check k
    ratio = low, until |M_k - M_{k-1}| <= tolerance at some check; from then on high

M_0 is the FAU of the very first update. In lifelong learning (not in the paper) a change of task
takes the ratio back to low and starts anew, with the next update as reference; without this the
ratio would be high just when the critic is most fragile.

Measured are the ReLUs of the network that judges values (dqn: `q`, sac: both networks of
`critic`), without its feature extractor unless there are none elsewhere. A network without ReLUs
is measured by its saturating units: a Tanh beyond +-0.99, a Sigmoid outside [0.01, 0.99] counts as
inactive. Units without either (GELU, SiLU, ...) have no FAU, and a network of those is refused.

With several environments the last finished episode is the updates between the two most recent
collections in which an episode ended. Checks by env steps instead average over the updates since
the check before, so that they work where episodes never end.

Units: gradient steps per env step, all environments together. Cost: 1 % of an update while
measuring, and 1 % for the recording of activations; from the switch on high/low times as many
updates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from pydantic import Field, model_validator

from l2rl.capabilities import ACTIVATIONS, REPLAY, REPLAY_RATIO, TASK_BOUNDARY, Need
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.views import AgentView, ChangeEvent, ComponentGenerators, RatioView, TaskEvent, UpdateView

_RECTIFYING: Final = {"ReLU": (0.0, math.inf), "ReLU6": (0.0, math.inf)}
_SATURATING: Final = {"Tanh": (-0.99, 0.99), "Hardtanh": (-0.99, 0.99), "Sigmoid": (0.01, 0.99)}
"""Class name of a layer -> bounds between which an output counts as active."""
_PAPERS_INTERVAL_EPISODES = 50


class AdaptiveRatioController:
    """The rule alone: fed with M_0, M_1, ..., it says which ratio is due."""

    def __init__(self, low: float, high: float, tolerance: float) -> None:
        self.low = low
        self.high = high
        self.tolerance = tolerance
        self.settled = False
        self.reference: float | None = None
        """What the next value is compared with; None: the next value becomes the first."""

    @property
    def ratio(self) -> float:
        """Gradient steps per env step."""
        return self.high if self.settled else self.low

    def feed(self, mean_fau: float) -> None:
        """One more value; once two in a row are close the ratio is high for good."""
        if self.reference is not None and abs(mean_fau - self.reference) <= self.tolerance:
            self.settled = True
        self.reference = mean_fau

    def rearm(self) -> None:
        """Back to the low ratio, with nothing to compare with."""
        self.settled = False
        self.reference = None


class AdaptiveReplayRatio(Component):
    """Steers the learner's replay ratio by the critic's fraction of active units."""

    needs = (REPLAY, ACTIVATIONS)
    provides = (REPLAY_RATIO,)
    cost = "2 %; once settled high/low times as many updates"
    stateful = ("_fau_sum", "_updates", "_episode_mean", "_episodes", "_checked_at")

    class Config(ComponentConfig):
        low: float = Field(0.5, ge=0, description="gradient steps per env step at first")
        high: float = Field(2.0, ge=0, description="gradient steps per env step once settled")
        check_interval_episodes: int | None = Field(
            None, ge=1, description="finished episodes between checks; 50 if no interval is given"
        )
        check_interval_env_steps: int | None = Field(
            None, ge=1, description="env steps between checks, instead of episodes"
        )
        tolerance: float = Field(
            1e-3, ge=0, description="largest change of the mean FAU that counts as settled"
        )
        rearm_on_change: bool = Field(
            True, description="start anew with the low ratio at every detected change"
        )
        rearm_on_boundary: bool = Field(
            False, description="start anew with the low ratio at every true task boundary"
        )

        @model_validator(mode="before")
        @classmethod
        def _default_interval(cls, data: Any) -> Any:
            names = ("check_interval_episodes", "check_interval_env_steps")
            if isinstance(data, Mapping) and all(data.get(name) is None for name in names):
                return {**data, "check_interval_episodes": _PAPERS_INTERVAL_EPISODES}
            return data

        @model_validator(mode="after")
        def _check(self) -> AdaptiveReplayRatio.Config:
            if self.check_interval_episodes and self.check_interval_env_steps:
                raise ValueError(
                    "give check_interval_episodes or check_interval_env_steps, not both"
                )
            if self.high < self.low:
                raise ValueError("high must not be smaller than low")
            return self

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.controller = AdaptiveRatioController(
            self.config.low, self.config.high, self.config.tolerance
        )
        self._fau_sum = 0.0
        self._updates = 0
        self._episode_mean: float | None = None
        """Mean FAU over the updates of the last finished episode."""
        self._episodes = 0
        self._checked_at: int | None = None
        """Episodes (env steps) at the last check; None: counted from the next question on."""

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        extra = (TASK_BOUNDARY,) if self.config.rearm_on_boundary else ()
        return (*self.needs, *extra), self.provides

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._phase = "critic" if "critic" in agent.phases else "q"
        self._limits = activity_limits(agent.phases[self._phase].activation_kinds)
        if not self._limits:
            raise UserError(
                f"component {self.name!r} measures active units, but no layer of the "
                f"{self._phase!r} network is one of {', '.join((*_RECTIFYING, *_SATURATING))}"
                "\n  set `activation_fn` in the learner's policy_kwargs, or remove the component"
            )

    # ---- measuring -----------------------------------------------------------------------

    def after_step(self, view: UpdateView) -> None:
        # A step that is not the learner's own has no activations.
        if view.phase != self._phase or self.controller.settled or not view.activations:
            return
        fau = fraction_of_active_units(view.activations, self._limits)
        if self.controller.reference is None:
            self.controller.feed(fau)
        self._fau_sum += fau
        self._updates += 1

    def _take_mean(self) -> float | None:
        """Mean FAU over the updates since the last call; None without any."""
        mean = self._fau_sum / self._updates if self._updates else None
        self._fau_sum, self._updates = 0.0, 0
        return mean

    # ---- steering ------------------------------------------------------------------------

    def propose_replay_ratio(self, view: RatioView) -> float:
        if not self.controller.settled:
            if self.config.check_interval_env_steps:
                self._check_by_env_steps(view.env_steps)
            else:
                self._check_by_episodes(view.episodes)
        return self.controller.ratio

    def _check_by_episodes(self, episodes: int) -> None:
        if episodes > self._episodes:
            self._episodes = episodes
            # An episode without updates leaves the mean of the one before.
            self._episode_mean = self._take_mean() if self._updates else self._episode_mean
        if self._is_due(episodes, self.config.check_interval_episodes):
            self._feed(self._episode_mean)

    def _check_by_env_steps(self, env_steps: int) -> None:
        if self._is_due(env_steps, self.config.check_interval_env_steps):
            self._feed(self._take_mean())

    def _is_due(self, now: int, interval: int) -> bool:
        if self._checked_at is None:
            self._checked_at = now
        if now - self._checked_at < interval:
            return False
        self._checked_at = now
        return True

    def _feed(self, mean_fau: float | None) -> None:
        if mean_fau is not None:
            self.controller.feed(mean_fau)

    def _rearm(self) -> None:
        self.controller.rearm()
        self._take_mean()
        self._episode_mean = None
        self._checked_at = None

    def on_change_detected(self, event: ChangeEvent) -> None:
        if self.config.rearm_on_change:
            self._rearm()

    def on_task_start(self, event: TaskEvent) -> None:
        if self.config.rearm_on_boundary:
            self._rearm()

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> dict[str, float]:
        """Whether the ratio is high, and the last mean FAU that was looked at."""
        values = {"settled": float(self.controller.settled)}
        if self.controller.reference is not None:
            values["mean_fau"] = self.controller.reference
        return values

    def state_dict(self) -> dict[str, Any]:
        controller = self.controller
        return {
            **super().state_dict(),
            "settled": controller.settled,
            "reference": controller.reference,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.controller.settled = state["settled"]
        self.controller.reference = state["reference"]


def activity_limits(kinds: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Layer name -> (lower, upper) bound of an active unit's output, of the layers to measure.

    `kinds`: class name of each non-linearity by layer name. The first of these that exists: ReLUs
    outside the feature extractor, ReLUs anywhere, saturating units outside, saturating anywhere.
    """
    for bounds in (_RECTIFYING, _SATURATING):
        family = {name: bounds[kind] for name, kind in kinds.items() if kind in bounds}
        heads = {n: b for n, b in family.items() if not n.startswith("features_extractor")}
        if family:
            return heads or family
    return {}


def fraction_of_active_units(
    activations: Mapping[str, torch.Tensor], limits: Mapping[str, tuple[float, float]]
) -> float:
    """Share of active (sample, unit) pairs over all layers in `limits`, in [0, 1].

    `activations`: layer name -> (batch, units, ...) float32. Active: lower < output < upper.
    """
    active = pairs = 0
    for name, (lower, upper) in limits.items():
        # numpy: a comparison and a count cost a third of torch's at this size.
        outputs = activations[name].cpu().numpy()
        is_active = outputs > lower
        if upper < math.inf:
            is_active &= outputs < upper
        active += int(np.count_nonzero(is_active))
        pairs += outputs.size
    return active / pairs
