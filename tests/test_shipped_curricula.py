"""The curricula that come with the package: what each promises, and that it can be lived."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from l2rl.assembly import check_environments
from l2rl.config import load_curriculum, load_experiment, load_text
from l2rl.config.scenarios import SCENARIOS
from l2rl.registry import environment_suite, shipped_curricula
from l2rl.task_environments import check_task

KINDS = {
    "pairwise": "pairwise",
    "alternating": "alternating",
    "condensed": "condensed",
    "dispersed": "dispersed",
    "permuted": "permuted",
    "recurring": "recurring",
    "concept_shift": "concept_shift",
    "gradual_drift": "drift",
    "hundred_blocks": "recurring",
    "seven_games": "permuted",
    "three_games": "",
    "two_games": "",
    "arm_pair": "pairwise",
    "arm_five": "permuted",
    "arm_ten": "",
}


DOCS = (Path(__file__).parents[1] / "docs" / "curricula.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS, flags=re.DOTALL)


@pytest.mark.parametrize("example", range(len(EXAMPLES)))
def test_the_examples_of_the_documentation_can_be_lived(example: int, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(EXAMPLES[example])
    found = load_curriculum(tmp_path / "c.yaml")
    for task in found.curriculum.tasks.values():
        check_task(task)


def test_every_kind_is_documented_with_an_example() -> None:
    for kind in SCENARIOS:
        assert f"**{kind}**" in DOCS
        assert any(f"kind: {kind}," in example for example in EXAMPLES)


def test_the_commands_of_the_documentation_can_be_given() -> None:
    commands = re.findall(r"^    l2rl run (.*)$", DOCS, flags=re.MULTILINE)
    assert len(commands) >= 2
    for command in commands:
        name, *overrides = [word for word in command.split() if word != "--set"]
        load_experiment(name, overrides)


def learned(name: str) -> list[str]:
    return [block.task for _, block in load_curriculum(name).curriculum.learning_blocks()]


def test_the_library_is_complete() -> None:
    assert KINDS.keys() <= shipped_curricula().keys()


@pytest.mark.parametrize("name", KINDS)
def test_each_has_its_kind_and_a_summary_of_one_line_and_tasks_that_can_be_made(name: str) -> None:
    found = load_curriculum(name)
    assert found.curriculum.scenario == KINDS[name]
    assert 20 < len(found.curriculum.summary) < 100
    assert found.curriculum.summary.endswith((".", "?"))
    check_environments(found)


def test_condensed_and_dispersed_are_the_same_life_in_other_pieces() -> None:
    condensed, dispersed = (load_curriculum(name).curriculum for name in ("condensed", "dispersed"))
    assert condensed.tasks == dispersed.tasks
    assert condensed.total_env_steps() == dispersed.total_env_steps()
    assert Counter(learned("condensed")) == dict.fromkeys(condensed.tasks, 1)
    assert Counter(learned("dispersed")) == dict.fromkeys(condensed.tasks, 3)


def test_every_seed_of_an_experiment_meets_another_permutation() -> None:
    orders = set()
    for seed in range(10):
        text = f"seed: {seed}\nagent: {{learner: ppo}}\ncurriculum: permuted\n"
        orders.add(load_text(text).curriculum.learned_tasks())
    assert len(orders) > 5


def test_recurring_tasks_come_as_often_as_promised() -> None:
    met = Counter(task.partition("_")[0] for task in learned("recurring"))
    assert met["shards"] > met["roaches"] > met["banelings"] > 0


def test_a_hundred_blocks_in_which_everything_returns() -> None:
    order = learned("hundred_blocks")
    assert len(order) == 100
    tasks = load_curriculum("hundred_blocks").curriculum.tasks
    assert len(tasks) >= 20
    assert min(Counter(order).values()) >= 2
    assert Counter(order).keys() == tasks.keys()
    assert all(before != after for before, after in pairwise(order))


def test_seven_games_are_all_there_are() -> None:
    games = {task.env for task in load_curriculum("seven_games").curriculum.tasks.values()}
    known = environment_suite("minigames").tasks()
    assert games == {f"minigames/{name}" for name in known}
    assert len(learned("seven_games")) == len(known)


def test_concept_shift_comes_back_to_where_it_began() -> None:
    order = learned("concept_shift")
    assert order[0] == order[-1]
    assert len(set(order)) == len(order) - 1
