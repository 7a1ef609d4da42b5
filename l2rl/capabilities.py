"""What components need of each other and of the run, and what they offer: the vocabulary.

A capability is a plain string, so an outside package may coin its own; those below are the ones
that the core itself offers or arbitrates. A component lists what it `needs` and `provides`;
`l2rl.composition` matches the two before anything starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Offered by the curriculum, according to its visibility and blocks.
TASK_LABEL: Final = "TASK_LABEL"
"""The identity of the current task. Without this need a component never receives one."""
TASK_BOUNDARY: Final = "TASK_BOUNDARY"
"""That a task starts or ends, without which one."""
SLEEP: Final = "SLEEP"
"""The curriculum has sleep blocks."""

# Offered by the learner.
GRADIENTS: Final = "GRADIENTS"
"""Gradients of each phase may be read and rewritten."""
ACTIVATIONS: Final = "ACTIVATIONS"
"""Outputs of the non-linearities during the update are recorded."""
PER_SAMPLE_LOSS: Final = "PER_SAMPLE_LOSS"
"""A batch may carry `weights`, one per sample, that scale the main loss."""
REPLAY: Final = "REPLAY"
"""The learner is off-policy and learns from a replay buffer."""
MAIN_GRADIENT: Final = "MAIN_GRADIENT"
"""The gradient of the learner's own loss, apart from every component's terms; costs a second
backward pass where components add terms."""
MAIN_LOSS: Final = "MAIN_LOSS"
"""The gradient of the learner's own loss can be had on a batch of the component's."""
SAMPLE_ERRORS: Final = "SAMPLE_ERRORS"
"""The TD error of each sample of a batch is told after the step."""
EXTRA_ROWS: Final = "EXTRA_ROWS"
"""`transform_batch` may hand back more rows than it was given."""
NETWORK_BUILD: Final = "NETWORK_BUILD"
"""Networks may be changed in structure when the agent is built."""

# Offered by components.
CHANGE_EVENTS: Final = "CHANGE_EVENTS"
"""Somebody announces detected task changes (`on_change_detected`)."""
TASK_BELIEF: Final = "TASK_BELIEF"
"""Somebody maintains the number of the context the agent believes to be in."""
CONTEXT_ERRORS: Final = "CONTEXT_ERRORS"
"""A service that scores transitions under every known context (`ContextErrors`)."""
REPLAY_BUFFER: Final = "REPLAY_BUFFER"
"""Somebody replaces the learner's replay buffer."""
REPLAY_RATIO: Final = "REPLAY_RATIO"
"""Somebody steers the number of gradient steps per env step."""
EXPERTS: Final = "EXPERTS"
"""Somebody switches between sets of parameters."""
WEIGHT_MASK: Final = "WEIGHT_MASK"
"""Somebody says which entries of the parameters may move at all."""
PARAMETER_IMPORTANCE: Final = "PARAMETER_IMPORTANCE"
"""A service that says how much each entry of the parameters matters (`ParameterImportance`)."""

EXCLUSIVE: Final = frozenset({TASK_BELIEF, REPLAY_BUFFER, REPLAY_RATIO, EXPERTS, WEIGHT_MASK})
"""Things that can have only one owner."""

WAYS_OUT: Final[Mapping[str, str]] = {
    TASK_LABEL: "set `visibility: labels` in the curriculum",
    TASK_BOUNDARY: "set `visibility: labels` or `visibility: boundaries` in the curriculum",
    SLEEP: "add a `sleep` block to the curriculum",
    EXTRA_ROWS: "use learner ppo, dqn, sac or td3",
    GRADIENTS: "use another learner",
    ACTIVATIONS: "use learner ppo, dqn or sac",
    PER_SAMPLE_LOSS: "use learner ppo, dqn or sac",
    REPLAY: "use an off-policy learner, such as dqn or sac",
    MAIN_GRADIENT: "use another learner",
    MAIN_LOSS: "use learner ppo, dqn or sac",
    SAMPLE_ERRORS: "use learner dqn or sac",
    NETWORK_BUILD: "use another learner",
    CHANGE_EVENTS: "add a detection component, such as `detection.loss_deviation`",
    TASK_BELIEF: "add a detection component, such as `detection.loss_deviation`",
    CONTEXT_ERRORS: "add `detection.loss_deviation`",
    REPLAY_BUFFER: "add a replay component, such as `replay.reservoir`",
    REPLAY_RATIO: "add a replay ratio component, such as `replay_ratio.adaptive`",
    EXPERTS: "add an expert component, such as `experts.pool`",
    WEIGHT_MASK: "add a component that isolates parameters",
    PARAMETER_IMPORTANCE: "add a consolidation component that measures importance",
}
"""What a user can do when nobody offers a capability."""


@dataclass(frozen=True)
class AnyOf:
    """A need that any one of several capabilities meets."""

    options: tuple[str, ...]

    def __str__(self) -> str:
        return " or ".join(self.options)


def any_of(*options: str) -> AnyOf:
    """`needs = (any_of(TASK_BOUNDARY, CHANGE_EVENTS),)`."""
    return AnyOf(options)


Need = str | AnyOf


def options_of(need: Need) -> tuple[str, ...]:
    """The capabilities that would meet a need."""
    return need.options if isinstance(need, AnyOf) else (need,)
