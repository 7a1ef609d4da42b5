"""A short life of a component on a small agent: three visits to two tasks, sleep, evaluation.

    a, sleep, b (evaluated in the middle), sleep, a again

A life is a list of steps, so that it can be cut anywhere, written to disk and gone on with.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from l2rl.component import Component
from l2rl.evaluation import Evaluator
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import read_state, write_state
from l2rl.testing.agents import small_agent, toy_env
from l2rl.testing.compare import copied, differences
from l2rl.testing.subject import Subject, Way

TASK_ENV_STEPS: Final = 64
SLEEP_STEPS: Final = 2
VISITS: Final = (0, 1, 0)
"""Which of the two tasks is learned, in turn."""
LABELS: Final = ("heron", "osprey")
_OFF_POLICY: Final[dict[str, Any]] = {"train_freq": 2, "learning_starts": 12}
_SETTINGS: Final[Mapping[str, dict[str, Any]]] = {
    "ppo": {"n_steps": 16, "batch_size": 16, "n_epochs": 2},
    "dqn": {**_OFF_POLICY, "target_update_interval": 12},
    "qrdqn": {**_OFF_POLICY, "target_update_interval": 12},
}
Step = tuple[str, int]
"""What happens, and in which visit (`sleep`: in which step)."""
SCRIPT: Final[tuple[Step, ...]] = (
    *(("start", 0), ("learn", 0), ("learn", 0), ("end", 0), ("sleep", 0), ("sleep", 1)),
    *(("start", 1), ("learn", 1), ("evaluate", 0), ("learn", 1), ("end", 1)),
    *(("sleep", 0), ("sleep", 1), ("start", 2), ("learn", 2), ("learn", 2), ("end", 2)),
)
MID_TASK: Final = 9
"""Where lives are cut: in the second task, after its evaluation."""
MID_SLEEP: Final = 12
"""Where they are cut again."""


@dataclass
class Trace:
    """What a life left behind: all of it copies."""

    state: dict[str, Any]
    """`exact_state` of the agent at the end."""
    parameters: dict[str, dict[str, torch.Tensor]]
    """phase -> name -> values at the end."""
    roles: dict[str, dict[str, str]]
    born: dict[str, dict[str, torch.Tensor]]
    """The same at birth."""
    metrics: list[dict[str, float]] = field(default_factory=list)
    """What the component reported after each visit."""
    events: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    disturbed: list[str] = field(default_factory=list)
    """What the evaluation changed."""
    middle: Trace | None = None
    """The same life at MID_SLEEP, for shorter lives to be compared with."""

    @property
    def component(self) -> Any:
        """Its state, generators included."""
        host = self.state["host"]
        return {k: host[k].get("subject", {}) for k in ("components", "generators")}


class Life:
    """A component (None: nobody) on an agent; `live` goes on to some step of the script."""

    def __init__(
        self,
        subject: Subject | None,
        way: Way,
        *,
        settings: Mapping[str, Any] | None = None,
        labels: tuple[str, ...] = LABELS,
        beside: Sequence[Component] = (),
        companions_of: Subject | None = None,
        on_built: Callable[[Component], None] | None = None,
    ) -> None:
        """`beside`: further components; `companions_of`: whose companions to have, if not the
        subject's; `on_built` is shown the component before the agent is built."""
        self.way, self.labels = way, labels
        self.component = subject.fresh(settings) if subject else None
        if self.component is not None and on_built is not None:
            on_built(self.component)
        host = companions_of or subject
        companions = host.companions(way, self._truth()) if host else []
        own = [self.component] if self.component is not None else []
        self.agent = small_agent(
            way.kind,
            *own,
            *companions,
            *beside,
            surroundings=way.surroundings(labels),
            env=self._env(0),
            multi_head=way.multi_head,
            action_masks=way.masks,
            **_SETTINGS.get(way.learner, _OFF_POLICY),
        )
        self.agent.set_logger(Logger(folder=None, output_formats=[]))
        _, self.callback = self.agent._setup_learn(1000, None)
        self.position = 0
        self.trace = Trace({}, {}, {}, self._values())

    def _truth(self) -> list[tuple[int, int]]:
        return [(i * TASK_ENV_STEPS, task) for i, task in enumerate(VISITS)]

    def _env(self, visit: int) -> VecEnv:
        return toy_env(self.way.kind, VISITS[visit], seed=3 + visit, masks=self.way.masks)

    def _values(self) -> dict[str, dict[str, torch.Tensor]]:
        return {
            name: {n: p.detach().clone() for n, p in phase.parameters.items()}
            for name, phase in self.agent._phases.items()
        }

    # ---- living --------------------------------------------------------------------------

    def live(
        self,
        until: int | None = None,
        *,
        without: Sequence[str] = (),
        after: Callable[[Step], None] | None = None,
    ) -> Life:
        """Take the steps up to number `until`, leaving out those named in `without`; `after` is
        told each step taken."""
        end = len(SCRIPT) if until is None else until
        while self.position < end:
            step = SCRIPT[self.position]
            if step[0] not in without:
                getattr(self, f"_{step[0]}")(step[1])
                if after is not None:
                    after(step)
            self.position += 1
        return self

    def _label(self, visit: int) -> str:
        return self.labels[VISITS[visit]]

    def _start(self, visit: int) -> None:
        if visit > 0:
            self.agent.enter_env(self._env(visit))
        self.agent.start_task(visit, self._label(visit))

    def _learn(self, visit: int) -> None:
        start = self.agent.num_timesteps
        while self.agent.num_timesteps - start < TASK_ENV_STEPS // 2:
            self.agent.iterate(self.callback)

    def _end(self, visit: int) -> None:
        self.agent.end_task(visit, self._label(visit))
        self.trace.metrics.append(
            {k: v for k, v in self.agent.host.metrics().items() if k.startswith("subject/")}
        )
        self._drain()

    def _drain(self) -> None:
        self.trace.events += [
            (e.name, e.env_steps, dict(e.detail))
            for e in self.agent.host.drain_events()
            if e.detail.get("component") == "subject"
        ]

    def _sleep(self, step: int) -> None:
        if self.way.sleep:
            next(self.agent.host.sleep(SLEEP_STEPS - step, SLEEP_STEPS))

    def _evaluate(self, number: int) -> None:
        def make_env(task: str, seed: int) -> VecEnv:
            visit = self.labels.index(task)
            masks = self.way.masks
            return toy_env(self.way.kind, visit, seed=seed % 2**31, n_envs=1, masks=masks)

        evaluator = Evaluator(make_env, seed=0, episodes=1)
        before = copied(self.agent.exact_state())
        for label in self.labels:
            evaluator.evaluate(self.agent, label, number)
        self.trace.disturbed += differences(before, copied(self.agent.exact_state()))
        evaluator.close()

    # ---- books ---------------------------------------------------------------------------

    def finished(self) -> Trace:
        """The trace up to now."""
        return replace(
            self.trace,
            state=copied(self.agent.exact_state()),
            parameters=self._values(),
            roles={n: dict(p.roles) for n, p in self.agent._phases.items()},
            metrics=list(self.trace.metrics),
            events=list(self.trace.events),
        )

    def whole(self) -> Trace:
        """Live to the end; the trace has its middle in it."""
        middle = self.live(MID_SLEEP).finished()
        return replace(self.live().finished(), middle=middle)

    def through_disk(self, subject: Subject, settings: Mapping[str, Any] | None = None) -> Life:
        """The same life on a new agent, from a state written to disk and read back.

        Raises `StateError` if the state cannot be written.
        """
        self._drain()
        env, generators = copy.deepcopy(self.agent.env), global_generator_states()
        with tempfile.TemporaryDirectory() as folder:
            write_state(self.agent.exact_state(), Path(folder))
            state = read_state(Path(folder))
        again = Life(subject, self.way, settings=settings, labels=self.labels)
        again.agent.set_env(env, force_reset=False)
        again.position, born = self.position, self.trace.born
        again.trace = Trace({}, {}, {}, born, list(self.trace.metrics), list(self.trace.events))
        kept = copied(state["host"]["components"])
        again.agent.load_exact_state(state)
        restore_global_generators(generators)
        again.loaded_state, again.loaded_copy = state["host"]["components"], kept
        return again

    loaded_state: Any = None
    """The components' states that this life was loaded from, and a copy made before."""
    loaded_copy: Any = None


@contextmanager
def generators_put_back() -> Iterator[None]:
    """The caller's global generators are as before afterwards, whatever the lives drew."""
    states = global_generator_states()
    try:
        yield
    finally:
        restore_global_generators(states)


_PLAIN: dict[Any, Trace] = {}


def plain_life(subject: Subject, way: Way) -> Trace:
    """The life of an agent without the component, beside the same companions."""
    key = way if not subject.hints.needs_with else (way, id(subject))
    if key not in _PLAIN:
        _PLAIN[key] = Life(None, way, companions_of=subject).whole()
    return _PLAIN[key]
