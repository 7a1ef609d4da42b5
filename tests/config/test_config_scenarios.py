"""Curricula that are generated: every kind's blocks, groups of tasks, mistakes, and what is
written into a run's configuration."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2rl.config import ConfigError, LoadedExperiment, dump, load_curriculum, load_text
from l2rl.config.curricula import MOST_BLOCKS
from l2rl.config.document import BYTES_PER_VALUE, MAXIMUM_BYTES, parse
from l2rl.curriculum import Block
from l2rl.errors import UserError

ROACHES = "{env: minigames/DefeatRoaches, variants: [few, many]}"
TASKS = f"a: CartPole-v1, b: Acrobot-v1, roaches: {ROACHES}"


def loaded(scenario: str, tasks: str = TASKS, more: str = "", rest: str = "") -> LoadedExperiment:
    """An experiment with this scenario."""
    return load_text(
        "agent: {learner: ppo}\n"
        f"curriculum:\n  tasks: {{{tasks}}}\n  scenario: {{{scenario}}}\n{more}{rest}"
    )


def order(scenario: str, **options: str) -> str:
    """First letters of the tasks of the learning blocks; of variants the first of the variant."""
    blocks = loaded(scenario, **options).curriculum.learning_blocks()
    return "".join(block.task.rpartition("_")[2][0] for _, block in blocks)


# ---- the kinds -----------------------------------------------------------------------------

CLOSED_FORMS = {
    "kind: pairwise, tasks: [b, a], env_steps: 9": "ba",
    "kind: pairwise, tasks: [b, a], back: true, env_steps: 9": "bab",
    "kind: pairwise, tasks: roaches, env_steps: 9": "fm",
    "kind: alternating, tasks: [a, b], cycles: 3, seed: 0, env_steps: 9": "ababab",
    "kind: alternating, tasks: [a, roaches], cycles: 2, env_steps: 9": "afmafm",
    "kind: permuted, index: 0, env_steps: 9": "abfm",
    "kind: permuted, index: 23, env_steps: 9": "mfba",
    "kind: permuted, tasks: [b, roaches, a], index: 2, env_steps: 9": "bmfa",
    "kind: recurring, periods: 6, per_period: 2, spacing: regular, env_steps: 9": "abfmabfmabfm",
    "kind: recurring, tasks: [a, b], periods: 10, frequency: {a: 0.1, b: 0.3}, "
    "spacing: regular, env_steps: 9": "bab b".replace(" ", ""),
}


@pytest.mark.parametrize("scenario", CLOSED_FORMS)
def test_kinds_without_chance_in_closed_form(scenario: str) -> None:
    assert order(scenario) == CLOSED_FORMS[scenario]


DRAWN = {
    "condensed": "kind: condensed, env_steps: 9",
    "permuted": "kind: permuted, env_steps: 9",
    "alternating": "kind: alternating, cycles: 1, shuffle: true, env_steps: 9",
    "dispersed": "kind: dispersed, superblocks: 1, env_steps: 9",
}


@pytest.mark.parametrize("kind", DRAWN)
def test_drawn_orders_have_each_task_once_and_follow_their_seed(kind: str) -> None:
    orders = [order(f"{DRAWN[kind]}, seed: {seed}") for seed in range(12)]
    assert all(sorted(one) == sorted("abfm") for one in orders)
    assert len(set(orders)) > 5
    assert orders == [order(f"{DRAWN[kind]}, seed: {seed}") for seed in range(12)]


def test_the_order_is_the_scenarios_own_unless_the_experiment_decides() -> None:
    def orders(scenario: str) -> set[str]:
        return {order(scenario, rest=f"seed: {seed}\n") for seed in range(12)}

    assert len(orders("kind: condensed, env_steps: 9")) == 1
    assert len(orders("kind: condensed, env_steps: 9, seed: experiment")) > 5
    assert order("kind: condensed, env_steps: 9, seed: 7") in orders(
        "kind: condensed, env_steps: 9, seed: experiment"
    )


def test_dispersed_superblocks() -> None:
    found = order("kind: dispersed, superblocks: 4, env_steps: 9")
    assert [sorted(found[i : i + 4]) for i in range(0, 16, 4)] == [sorted("abfm")] * 4


def test_a_group_has_one_frequency_and_a_member_may_have_another() -> None:
    scenario = "kind: recurring, periods: 100, spacing: regular, env_steps: 9"
    frequency = "frequency: {a: 1, b: 0.25, roaches: 0.5, roaches_many: 0.02}"
    assert Counter(order(f"{scenario}, {frequency}")) == {"a": 100, "b": 25, "f": 50, "m": 2}


# ---- concept shift and drift ---------------------------------------------------------------


def concepts(scenario: str, task: str = "a: {env: CartPole-v1}") -> list[dict[str, Any]]:
    """Parameters of the tasks of the learning blocks, in order."""
    curriculum = loaded(scenario, tasks=task).curriculum
    return [
        dict(curriculum.tasks[block.task].parameters) for _, block in curriculum.learning_blocks()
    ]


def test_each_swap_changes_one_thing_and_concepts_return() -> None:
    scenario = "kind: concept_shift, task: a, env_steps: 9, swaps: 4"
    shifts = "shifts: [reward_sign, observation_mirror]"
    negative, mirrored = {"reward_scale": -1.0}, {"observation_mirror": True}
    assert concepts(f"{scenario}, {shifts}") == [{}, negative, negative | mirrored, mirrored, {}]
    curriculum = loaded(f"{scenario}, {shifts}", tasks="a: CartPole-v1").curriculum
    assert list(curriculum.tasks) == ["a_concept1", "a_concept2", "a_concept3", "a_concept4"]
    assert [b.task[-1] for _, b in curriculum.learning_blocks()] == ["1", "2", "3", "4", "1"]


def test_shifts_go_on_from_what_the_task_has() -> None:
    task = "a: {env: minigames/MoveToBeacon, variant: rotated, parameters: {reward_scale: 2}}"
    scenario = "kind: concept_shift, task: a, env_steps: 9, back: true"
    shifts = "shifts: [reward_sign, observation_rotation, {limit_s: 60}]"
    assert concepts(f"{scenario}, {shifts}", task) == [
        {"reward_scale": 2},
        {"reward_scale": -2},
        {"reward_scale": -2, "observation_rotation": 180},
        {"reward_scale": -2, "observation_rotation": 180, "limit_s": 60},
        {"reward_scale": 2},
    ]


def test_actions_get_a_new_meaning_each_time_which_the_seed_decides() -> None:
    def remaps(seed: int) -> list[int]:
        scenario = f"kind: concept_shift, task: a, env_steps: 9, swaps: 20, seed: {seed}"
        found = concepts(f"{scenario}, shifts: [action_remap]")
        assert found[0] == {}
        return [one["action_remap"] for one in found[1:]]

    assert all(one != other for one, other in itertools.pairwise(remaps(0)))
    assert remaps(0) == remaps(0) != remaps(1)


def test_drift_moves_level_by_level() -> None:
    parameters = "parameters: {g: [1.0, 0.4], n: [2, 5], up: [0, 90.0]}"
    scenario = f"kind: drift, task: a, env_steps: 9, levels: 4, {parameters}"
    assert concepts(scenario, "a: {env: CartPole-v1, parameters: {n: 7, k: 1}}") == [
        {"g": 1.0, "n": 2, "up": 0.0, "k": 1},
        {"g": 0.8, "n": 3, "up": 30.0, "k": 1},
        {"g": 0.6, "n": 4, "up": 60.0, "k": 1},
        {"g": 0.4, "n": 5, "up": 90.0, "k": 1},
    ]


def test_continuous_drift_reaches_the_end_with_the_block() -> None:
    scenario = "kind: drift, task: a, env_steps: 1001, continuous: true"
    parameters = "parameters: {own_speed: [1.0, 0.5]}"
    found = load_text(
        f"agent: {{learner: ppo, n_envs: 4}}\ncurriculum: {{tasks: {{a: minigames/MoveToBeacon}}, "
        f"scenario: {{{scenario}, {parameters}}}}}"
    ).curriculum
    assert found.blocks == (Block("learn", ("a_drifting",), 1001),)
    drift = {"over_env_steps": 251, "own_speed": [1.0, 0.5]}
    assert found.tasks["a_drifting"].parameters == {"drift": drift}
    assert found.tasks["a_last"].parameters == {"own_speed": 0.5}


# ---- budgets, sleep, evaluation ------------------------------------------------------------


def test_budgets_by_task_and_what_comes_after_each_block() -> None:
    scenario = "kind: alternating, cycles: 1, sleep: 5, evaluate: [roaches, a]"
    found = loaded(f"{scenario}, episodes: {{a: 1, b: 2, roaches: 3, roaches_many: 4}}").curriculum
    after = (Block("sleep", (), 5), Block("evaluate", ("roaches_few", "roaches_many", "a")))
    expected = [("a", 1), ("b", 2), ("roaches_few", 3), ("roaches_many", 4)]
    assert found.blocks == tuple(
        block
        for task, budget in expected
        for block in (Block("learn", (task,), budget, "episodes"), *after)
    )


def test_visibility_and_summary_are_kept_and_repeat_repeats() -> None:
    more = "  visibility: hidden\n  summary: twice\n  repeat: 2\n"
    found = loaded("kind: pairwise, tasks: [a, b], env_steps: 9", more=more).curriculum
    assert (found.visibility, found.summary, found.scenario) == ("hidden", "twice", "pairwise")
    assert [block.task for block in found.blocks] == ["a", "b", "a", "b"]


# ---- groups of tasks -----------------------------------------------------------------------


def test_variants_become_tasks_and_the_group_stands_for_them() -> None:
    found = load_text(
        "agent: {learner: ppo}\n"
        "curriculum:\n"
        "  tasks:\n"
        "    r: {env: minigames/DefeatRoaches, variants: [few, many], parameters: {fog: true}}\n"
        "    b: minigames/MoveToBeacon\n"
        "  blocks: [{learn: r_many, env_steps: 9}, {evaluate: [b, r]}, {evaluate: all}]\n"
        "evaluation: {tasks: r}\n"
    )
    tasks = found.curriculum.tasks
    assert {name: task.variant for name, task in tasks.items()} == {
        "r_few": "few",
        "r_many": "many",
        "b": "default",
    }
    assert tasks["r_many"].parameters == {"fog": True}
    assert found.curriculum.blocks[1].tasks == ("b", "r_few", "r_many")
    assert found.curriculum.blocks[2].tasks == ("r_few", "r_many", "b")
    assert found.config.evaluation.tasks == ["r_few", "r_many"]


def test_all_variants_are_those_of_the_suite() -> None:
    from l2rl.registry import environment_suite

    variants = environment_suite("minigames").tasks()["DefeatRoaches"].variants
    found = loaded(
        "kind: condensed, env_steps: 9", tasks="r: {env: minigames/DefeatRoaches, variants: all}"
    ).curriculum
    assert list(found.tasks) == [f"r_{variant}" for variant in variants]
    assert len(found.blocks) == len(variants)


def test_complaints_about_made_tasks_point_at_what_they_were_made_from(
    write: Callable[..., Path],
) -> None:
    write(
        "tasks:\n"
        "  a: {env: minigames/MoveToBeacon, variants: [wide]}\n"
        "  b: minigames/MoveToBeacon\n"
        "scenario: {kind: drift, task: b, parameters: {x: [0, 1]}, levels: 2, env_steps: 9}\n",
        "c.yaml",
    )
    found = load_curriculum("c.yaml")
    places = [str(found.locate(("curriculum", "tasks", name))) for name in ("a_wide", "b_level2")]
    assert places == ["c.yaml:2:3", "c.yaml:4:1"]
    assert str(found.locate(found.block_path(1))) == "c.yaml:4:1"


# ---- what a run writes down ----------------------------------------------------------------


@pytest.mark.parametrize("scenario", [*CLOSED_FORMS, *DRAWN.values()])
def test_the_resolved_file_has_plain_blocks_and_loads_to_the_same(scenario: str) -> None:
    first = loaded(f"{scenario}, sleep: 3, evaluate: roaches", rest="seed: 4\n")
    written = parse(first.text, "config.yaml").plain()["curriculum"]
    assert "scenario" not in written
    assert written["generated_by"]["kind"] == first.curriculum.scenario
    again = load_text(first.text)
    assert again.curriculum == first.curriculum
    assert again.config == first.config
    assert (again.text, again.content_hash) == (first.text, first.content_hash)


def test_without_the_generator_the_blocks_are_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    first = loaded("kind: dispersed, superblocks: 3, env_steps: 9, seed: experiment")

    def broken(*_: object) -> None:
        raise AssertionError("a resumed run must not generate anything")

    monkeypatch.setattr("l2rl.scenarios.fresh_order", broken)
    assert load_text(first.text).curriculum == first.curriculum


def test_runs_that_differ_in_the_seed_alone_have_one_hash() -> None:
    def hashes(scenario: str) -> set[str]:
        return {loaded(scenario, rest=f"seed: {seed}\n").content_hash for seed in range(5)}

    assert len(hashes("kind: condensed, env_steps: 9, seed: experiment")) == 1
    other = hashes("kind: condensed, env_steps: 8, seed: experiment")
    assert not other & hashes("kind: condensed, env_steps: 9, seed: experiment")
    seeds = [loaded(f"kind: condensed, env_steps: 9, seed: {n}").content_hash for n in range(5)]
    assert len(set(seeds)) > 1


def test_as_many_blocks_as_there_may_be_fit_into_a_file_that_is_read_again() -> None:
    found = loaded("kind: alternating, tasks: [a, b], cycles: 500, env_steps: 9, sleep: 1")
    blocks = found.resolved["curriculum"]["blocks"]
    text = dump({"curriculum": {"blocks": blocks}})
    values = sum(1 + len(block) for block in blocks)
    assert len(text) / len(blocks) * MOST_BLOCKS < MAXIMUM_BYTES / 2
    assert values < len(text) / BYTES_PER_VALUE


# ---- overrides -----------------------------------------------------------------------------


def overridden(*overrides: str) -> LoadedExperiment:
    return load_text("agent: {learner: ppo}\ncurriculum: alternating\n", overrides)


def test_a_shipped_scenario_takes_another_budget_from_the_command_line() -> None:
    found = overridden("curriculum.scenario.env_steps=1000", "curriculum.scenario.cycles=2")
    assert [block.budget for block in found.curriculum.blocks] == [1000] * 4
    in_episodes = overridden(
        "curriculum.scenario.env_steps=null", "curriculum.scenario.episodes=10"
    )
    assert {block.unit for block in in_episodes.curriculum.blocks} == {"episodes"}


def test_groups_are_changed_as_a_whole() -> None:
    found = load_text(
        "agent: {learner: ppo}\ncurriculum: condensed\n",
        ["curriculum.tasks.roaches.parameters.fog=true", "curriculum.tasks.shards.variants=fog"],
    ).curriculum
    assert found.tasks["roaches_scattered"].parameters == {"fog": True}
    assert [name for name in found.tasks if name.startswith("shards")] == ["shards_fog"]


def test_a_mistaken_override_is_told_as_it_was_typed() -> None:
    for override, message in {
        "curriculum.scenario.cycles=0": "`cycles` must be greater than 0",
        "curriculum.scenario.kind=altrnating": "not one of pairwise",
        "curriculum.scenario.tasks=[shards, roache]": "no task `roache`",
        "curriculum.scenario.superblocks=3": "is not a setting of `curriculum.scenario`",
    }.items():
        with pytest.raises(ConfigError, match=message) as caught:
            overridden(override)
        assert caught.value.file == f"--set {override}"


# ---- mistakes ------------------------------------------------------------------------------

MISTAKES = {
    "unknown kind": (
        "{kind: §dispersd, env_steps: 9}",
        "`kind` is `dispersd`, not one of pairwise, alternating, condensed, dispersed",
        "did you mean `dispersed`?",
    ),
    "no kind": ("§{env_steps: 9}", "a `scenario` needs a `kind`: pairwise", ""),
    "no budget": ("§{kind: condensed}", "a scenario needs a budget: `env_steps` or `epi", ""),
    "two budgets": ("§{kind: condensed, env_steps: 9, episodes: 9}", "one of them", ""),
    "budget of nothing": (
        "{kind: condensed, env_steps: §0}",
        "must be greater than 0",
        "Env steps",
    ),
    "budget of no task": (
        "{kind: condensed, env_steps: {a: 1, b: 1, roaches: 1, c: §1}}",
        "the curriculum has no task `c`",
        "",
    ),
    "task without a budget": (
        "{kind: condensed, §env_steps: {a: 1, roaches: 1}}",
        "`env_steps` lacks task `b`",
        "one for each",
    ),
    "unknown setting": (
        "{kind: condensed, env_steps: 9, §cycles: 2}",
        "`cycles` is not a setting of `curriculum.scenario`",
        "known: ",
    ),
    "unknown task": (
        "{kind: condensed, env_steps: 9, tasks: [a, §roache]}",
        "the curriculum has no task `roache`",
        "did you mean `roaches`?",
    ),
    "a task twice": (
        "{kind: condensed, env_steps: 9, tasks: [roaches_few, §roaches]}",
        "task `roaches_few` is named twice",
        "",
    ),
    "unknown task to evaluate": (
        "{kind: condensed, env_steps: 9, evaluate: §c}",
        "no task `c`",
        "",
    ),
    "three of a pair": (
        "{kind: pairwise, env_steps: 9, §tasks: [a, b, roaches_few]}",
        "a pair has two tasks, and these are 3",
        "alternating",
    ),
    "alternating alone": (
        "{kind: alternating, env_steps: 9, cycles: 3, §tasks: [a]}",
        "`alternating` needs two tasks or more",
        "",
    ),
    "no such permutation": (
        "{kind: permuted, env_steps: 9, index: §24}",
        "4 tasks have 24 permutations, and none is 24",
        "0 to 23",
    ),
    "seed": ("{kind: condensed, env_steps: 9, seed: §experimnt}", "not one of experiment", "`expe"),
    "too frequent": (
        "{kind: recurring, env_steps: 9, periods: 9, frequency: {a: §1.5}}",
        "`a` must be at most 1, not 1.5",
        "Share of periods",
    ),
    "never": (
        "{kind: recurring, env_steps: 9, periods: 9, frequency: §0}",
        "`frequency` must be greater than 0, not 0",
        "",
    ),
    "no frequency": (
        "§{kind: recurring, env_steps: 9, periods: 9}",
        "needs `per_period` or `frequency`",
        "",
    ),
    "too many in a period": (
        "{kind: recurring, env_steps: 9, periods: 9, per_period: §5}",
        "`per_period` is 5, and there are 4 tasks",
        "1 to 4",
    ),
    "nothing drawn": (
        "§{kind: recurring, env_steps: 9, periods: 3, frequency: 0.0001}",
        "no task was drawn in any period",
        "frequencies",
    ),
    "too many blocks": (
        "§{kind: alternating, env_steps: 9, cycles: 30_000}",
        "more blocks than a curriculum may have (100000)",
        "lower",
    ),
    "far too many cycles": (
        "{kind: alternating, env_steps: 9, cycles: §100_001}",
        "`cycles` must be at most 100000",
        "",
    ),
    "unknown shift": (
        "{kind: concept_shift, task: a, env_steps: 9, shifts: [§reward_sgn]}",
        "not one of action_remap, reward_sign",
        "did you mean `reward_sign`?",
    ),
    "a shift that changes nothing": (
        "{kind: concept_shift, task: a, env_steps: 9, shifts: [reward_sign, §{g: 1}], swaps: 4}",
        "swap 4 changes nothing",
        "other values",
    ),
    "a group that changes": (
        "{kind: concept_shift, task: §roaches, env_steps: 9, shifts: [reward_sign]}",
        "`roaches` stands for 2 tasks, and one is needed",
        "roaches_few, roaches_many",
    ),
    "a drift of one number": (
        "{kind: drift, task: a, env_steps: 9, levels: 2, parameters: {g: §1}}",
        "`g` must be two numbers, `[first, last]`, not 1",
        "",
    ),
    "levels and continuous": (
        "§{kind: drift, task: a, env_steps: 9, levels: 2, continuous: true, parameters: "
        "{g: [1, 2]}}",
        "`levels`, or is `continuous: true`",
        "",
    ),
    "levels that are the same": (
        "{kind: drift, task: a, env_steps: 9, levels: §5, parameters: {g: [1, 3]}}",
        "levels 2 and 3 are the same: g=2",
        "lower `levels`",
    ),
    "length of levels": (
        "§{kind: drift, task: a, env_steps: 9, levels: 2, over_env_steps: 9, parameters: "
        "{g: [1, 2]}}",
        "`over_env_steps` is for `continuous: true`",
        "",
    ),
}
MISTAKEN_TASKS = {
    "unknown variant": (
        "{r: {env: minigames/DefeatRoaches, variants: [few, §mny]}}",
        "task `minigames/DefeatRoaches` has no variant `mny`",
        "did you mean `many`?",
    ),
    "variant twice": (
        "{r: {env: minigames/DefeatRoaches, variants: [few, §few]}}",
        "variant `few` is named twice",
        "",
    ),
    "unknown game": (
        "{r: {env: §minigames/DefeatRoachs, variants: all}}",
        "minigames has no task `DefeatRoachs`",
        "did you mean `DefeatRoaches`?",
    ),
    "unknown suite": (
        "{r: {env: §minigame/DefeatRoaches, variants: all}}",
        "there is no environment suite `minigame`",
        "minigames/DefeatRoaches",
    ),
    "one name for two": (
        "{r: {env: minigames/DefeatRoaches, variants: [few]}, §r_few: CartPole-v1}",
        "two tasks are called `r_few`",
        "rename",
    ),
    "variant and variants": (
        "{r: {env: minigames/DefeatRoaches, §variant: few, variants: [few]}}",
        "`variant` is not a setting",
        "did you mean `variants`?",
    ),
}


def check_mistake(write: Callable[..., Path], marked: str, message: str, hint: str) -> None:
    before, _, after = marked.partition("§")
    write(before + after, "c.yaml")
    with pytest.raises(ConfigError) as caught:
        load_curriculum("c.yaml")
    error = caught.value
    line = before.split("\n")
    assert len(error.problems) == 1, str(error)
    place = (error.file, error.line, error.column)
    assert place == ("c.yaml", len(line), len(line[-1]) + 1), str(error)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_a_scenario_has_its_place_and_a_way_out(
    case: str, write: Callable[..., Path]
) -> None:
    scenario, message, hint = MISTAKES[case]
    # What is wrong with a mapping as a whole is told at its key.
    key = "\n§scenario: " if scenario.startswith("§") else "\nscenario: "
    check_mistake(write, f"tasks: {{{TASKS}}}{key}{scenario.lstrip('§')}\n", message, hint)


@pytest.mark.parametrize("case", MISTAKEN_TASKS)
def test_a_mistake_in_a_group_has_its_place_and_a_way_out(
    case: str, write: Callable[..., Path]
) -> None:
    tasks, message, hint = MISTAKEN_TASKS[case]
    check_mistake(
        write, f"tasks: {tasks}\nscenario: {{kind: condensed, env_steps: 9}}\n", message, hint
    )


def test_blocks_and_a_scenario_exclude_each_other(write: Callable[..., Path]) -> None:
    for more in ("", "blocks: [{sleep: 3}]\nscenario: {kind: condensed, env_steps: 9}\n"):
        write(f"tasks: {{a: b}}\n{more}", "c.yaml")
        with pytest.raises(ConfigError, match="needs `blocks` or a `scenario`, one of them"):
            load_curriculum("c.yaml")


def test_a_group_is_no_task_to_learn() -> None:
    with pytest.raises(ConfigError, match="`roaches` stands for 2 tasks, and one is needed"):
        load_text(
            "agent: {learner: ppo}\n"
            f"curriculum: {{tasks: {{{TASKS}}}, blocks: [{{learn: roaches, env_steps: 9}}]}}"
        )


WORDS = st.sampled_from(["all", "a", "roaches", "experiment", "few", "regular", "reward_sign", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 12) | st.floats(width=16) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
SETTINGS = st.sampled_from(
    ["tasks", "task", "env_steps", "episodes", "cycles", "superblocks", "index", "seed", "periods",
     "per_period", "frequency", "spacing", "shifts", "swaps", "parameters", "levels", "continuous",
     "sleep", "evaluate", "back", "shuffle", "over_env_steps"]
)  # fmt: skip
KINDS = [*(f"{{{s}}}" for s in CLOSED_FORMS), *(scenario for scenario, _, _ in MISTAKES.values())]


@settings(max_examples=200)
@given(st.sampled_from(KINDS), st.dictionaries(SETTINGS, VALUES, max_size=2))
def test_whatever_a_scenario_says_only_user_errors_come_out(
    scenario: str, changes: dict[str, Any]
) -> None:
    plain = parse(scenario.replace("§", ""), "f").plain() | changes
    tasks = parse(f"{{{TASKS}}}", "f").plain()
    text = dump({"agent": {"learner": "ppo"}, "curriculum": {"tasks": tasks, "scenario": plain}})
    try:
        found = load_text(text)
    except UserError:
        return
    assert load_text(found.text).curriculum == found.curriculum
