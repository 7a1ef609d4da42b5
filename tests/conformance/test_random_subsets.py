"""Any components that may go together do: drawn at random, killed, resumed, listed in any order.

The subsets are drawn from whatever is registered, with a fixed seed. Those that cannot be one agent
must be refused with names and a way out; then whoever was pointed at is left out until the rest
agree, and the rest must live: three visits to two tasks and a sleep, through the real driver, to
the same bits whether undisturbed, killed and resumed, or listed the other way round.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from l2rl.agents.surroundings import Surroundings, learners_for
from l2rl.assembly import check_agent, check_composition
from l2rl.component import Component
from l2rl.composition import Composition, CompositionError
from l2rl.config import ConfigError, LoadedExperiment, load_text
from l2rl.lifetime import Lifetime
from l2rl.registry import component_class, component_names
from l2rl.runs.run_directory import RunDirectory
from l2rl.testing import Conformance
from l2rl.testing.compare import differences
from tests.support.runs import final_state

SUBSETS = 10
SIZES = (2, 3, 2, 5, 3, 8)
LEARNERS: dict[str, dict[str, Any]] = {
    "ppo": {"n_steps": 16, "batch_size": 16, "n_epochs": 2},
    "dqn": {"learning_starts": 12, "batch_size": 16, "buffer_size": 300, "train_freq": 4},
    "sac": {"learning_starts": 12, "batch_size": 16, "buffer_size": 300, "train_freq": 4},
}
CRASHES_AFTER = {"ppo": 6, "dqn": 14, "sac": 14}
"""Progress reports before the crash: in the second task."""
TASKS = {"ppo": "CartPole-v1", "dqn": "CartPole-v1", "sac": "Pendulum-v1"}


class Crash(Exception):
    """What stands for `kill -9` within one process: nothing is written any more."""


class CrashesAfter:
    """An observer that ends the run in the middle, between two checkpoints."""

    def __init__(self, times: int) -> None:
        self.left = times

    def on_progress(self, lifetime: Lifetime) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash

    def on_message(self, text: str) -> None:
        pass


def settings_of(name: str) -> dict[str, Any]:
    """Those under which the kit checks it, in which something happens in a short life."""
    hints: Conformance = component_class(name).conformance or Conformance()
    return dict(hints.active)


def experiment(learner: str, visibility: str, names: Sequence[str]) -> LoadedExperiment:
    task = TASKS[learner]
    content = {
        "experiment": "subset",
        "seed": 3,
        "agent": {
            "learner": learner,
            "n_envs": 2,
            "settings": LEARNERS[learner],
            "network": {"layers": [16, 16]},
            "components": {name: settings_of(name) for name in names},
        },
        "curriculum": {
            "visibility": visibility,
            "tasks": {"one": task, "two": task},
            "blocks": [
                {"learn": "one", "env_steps": 64},
                {"sleep": 2},
                {"learn": "two", "env_steps": 64},
                {"learn": "one", "env_steps": 32},
            ],
        },
        "evaluation": {"interval_env_steps": 100, "episodes": 1, "n_envs": 1, "at_start": False},
        "checkpoint": {"interval_env_steps": 40, "interval_s": None},
        "logging": {"interval_env_steps": 50},
    }
    if learner == "sac":
        content["evaluation"] = {"at_start": False, "at_block_end": False, "at_end": False}
    return load_text(_yaml(content))


def _yaml(content: dict[str, Any]) -> str:
    from io import StringIO

    text = StringIO()
    YAML(typ="safe", pure=True).dump(content, text)
    return text.getvalue()


@cache
def drawn() -> list[tuple[str, str, tuple[str, ...]]]:
    """(learner, visibility, names): the same on every machine for the same registry."""
    generator = np.random.default_rng(20)
    result = []
    for number in range(SUBSETS):
        learner = ("dqn", "ppo", "sac")[number % 3]
        fitting = [n for n in component_names() if learner in learners_for(component_class(n))]
        size = min(SIZES[number % len(SIZES)], len(fitting))
        names = generator.choice(fitting, size, replace=False).tolist()
        visibility = ("labels", "boundaries")[int(generator.integers(2))]
        result.append((learner, visibility, tuple(names)))
    return result


def agreed(learner: str, visibility: str, names: Sequence[str]) -> list[str]:
    """The names that are left once whoever was refused has gone; each refusal is looked at."""
    left = list(names)
    while len(left) > 1:
        loaded = experiment(learner, visibility, left)
        try:
            check_composition(loaded)
            check_agent(loaded)
            return left
        except ConfigError as error:
            left.remove(_pointed_at(left, error))
    return left


def _pointed_at(names: Sequence[str], error: ConfigError) -> str:
    """Who a refusal names; it must name somebody, and say the way out."""
    named = [n for n in names if any(f"'{n}'" in p.message for p in error.problems)]
    assert named, f"no component is named: {error}"
    assert all(p.hint for p in error.problems), f"no way out: {error}"
    return named[-1]


def live(loaded: LoadedExperiment, root: Path, crash_after: int = 0) -> dict[str, Any]:
    """The final state of a life, with a crash in the middle if wanted."""
    run = RunDirectory.create(
        root, "subset", "default", 3, loaded.text, tasks=loaded.curriculum.tasks, environments={}
    )
    try:
        if crash_after:
            with pytest.raises(Crash):
                Lifetime(loaded, run, CrashesAfter(crash_after)).live()
            lifetime = Lifetime(loaded, run)
            lifetime.resume()
            assert 0 < lifetime.env_steps < 160
        else:
            lifetime = Lifetime(loaded, run)
        lifetime.live()
        return final_state(run.path)
    finally:
        run.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SUBSETS))
def test_a_random_subset_lives_and_resumes_in_any_order(number: int, tmp_path: Path) -> None:
    learner, visibility, names = drawn()[number]
    left = agreed(learner, visibility, names)
    whole = live(experiment(learner, visibility, left), tmp_path / "whole")
    crash_after = CRASHES_AFTER[learner]
    killed = live(experiment(learner, visibility, left), tmp_path / "killed", crash_after)
    other = live(experiment(learner, visibility, left[::-1]), tmp_path / "other")
    for part in ("agent", "env", "generators", "scalars"):
        assert differences(whole[part], killed[part], part) == [], (left, "killed and resumed")
        assert differences(whole[part], other[part], part) == [], (left, "listed otherwise")


@pytest.mark.parametrize("learner", ["ppo", "dqn", "sac"])
def test_every_pair_fits_or_is_refused_with_names_and_a_way_out(learner: str) -> None:
    fitting = [n for n in component_names() if learner in learners_for(component_class(n))]
    offered = Surroundings("labels", has_sleep=True).offered(learner)
    for one, other in itertools.combinations(fitting, 2):
        pair = [built(one), built(other)]
        try:
            Composition(pair, learner=learner, offered=offered)
        except CompositionError as error:
            _helpful(error, (one, other))


def _helpful(error: CompositionError, pair: tuple[str, str]) -> None:
    for problem in error.problems:
        assert problem.component in pair
        assert any(f"'{name}'" in problem.message for name in pair)
        assert problem.way_out


def built(name: str) -> Component:
    cls = component_class(name)
    component: Component = cls(cls.Config(**settings_of(name)))
    component.name = component.type_name = name
    return component


def test_the_draw_has_company_of_every_size() -> None:
    sizes = {len(names) for _, _, names in drawn()}
    assert {learner for learner, _, _ in drawn()} == {"ppo", "dqn", "sac"}
    assert min(sizes) == 2
    assert max(sizes) > 2
