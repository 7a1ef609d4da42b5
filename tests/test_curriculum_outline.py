"""Totals of a curriculum by hand, and its blocks told once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from l2rl.curriculum import Block, Curriculum, Task
from l2rl.curriculum_outline import Amount, Totals, cycle, repetitions, runs, strip, totals


def curriculum(*blocks: Block) -> Curriculum:
    return Curriculum("c", {name: Task(name, "x") for name in "abc"}, blocks)


def learn(task: str, budget: int = 100, unit: str = "env_steps") -> Block:
    return Block("learn", (task,), budget, "episodes" if unit == "episodes" else "env_steps")


def test_totals_by_hand() -> None:
    found = totals(
        curriculum(learn("a"), Block("sleep", (), 7), learn("b", 3, "episodes"), learn("a", 50)),
        {"a": 40, "b": 20, "c": None},
    )
    assert found["a"] == Totals(2, Amount(150), Amount(3.75, estimated=True))
    assert found["b"] == Totals(1, Amount(60, estimated=True), Amount(3))
    assert found["c"] == Totals()
    whole = sum(found.values(), Totals())
    assert (str(whole.env_steps), str(whole.episodes)) == ("~210", "~7")


def test_what_is_not_known_stays_unknown_in_the_sum() -> None:
    found = totals(curriculum(learn("a"), learn("b")), {"a": None, "b": 40})
    whole = sum(found.values(), Totals())
    assert (str(whole.env_steps), str(whole.episodes)) == ("200", "?")


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_repetitions_say_the_whole_sequence_again(items: list[str]) -> None:
    said: list[str] = []
    for start, period, times in repetitions(items):
        assert start == len(said)
        said += items[start : start + period] * times
    assert said == items


def test_repetitions_by_hand() -> None:
    assert list(repetitions("aaaa")) == [(0, 1, 4)]
    assert list(repetitions("ababab" + "c")) == [(0, 2, 3), (6, 1, 1)]
    assert list(repetitions("abc")) == [(0, 1, 1), (1, 1, 1), (2, 1, 1)]


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=5), st.integers(1, 5))
def test_cycle_is_the_shortest_part_that_is_repeated(part: list[str], times: int) -> None:
    found = cycle(part * times)
    assert list(found) * (len(part) * times // len(found)) == part * times
    assert len(found) <= len(part)


def test_runs_ignore_tasks_and_lengths_but_not_what_comes_between() -> None:
    sleep, other = Block("sleep", (), 7), Block("sleep", (), 8)
    blocks = [
        Block("evaluate", ("a",)),
        *(learn("a"), sleep, learn("b", 9), sleep, learn("c"), sleep),
        *(learn("a"), other),
    ]
    found = runs(blocks)
    assert [run.block_range for run in found] == [(0, 0), (1, 6), (7, 8)]
    assert [run.times for run in found] == [1, 3, 1]
    assert [block.task for block in found[1].learning] == ["a", "b", "c"]


def test_strip_has_a_sign_for_equally_many_blocks() -> None:
    blocks = [learn(task) for task in "aabacccc" + "ab"]
    assert strip(curriculum(*blocks), "a", 10) == "##.#....#."
    assert strip(curriculum(*blocks), "a", 5) == "#+..+"
    assert strip(curriculum(*blocks), "a", 4) == "+--."
    assert strip(curriculum(*blocks), "c", 4) == ".++."
