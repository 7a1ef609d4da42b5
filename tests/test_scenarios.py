"""Orders of tasks: what each kind promises, for any tasks and any seed."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2rl import scenarios

TASKS = st.integers(1, 6).map(lambda n: tuple("abcdef"[:n]))
SEEDS = st.integers(0, 2**32 - 1)


def gaps(order: list[int]) -> list[int]:
    """Distances between the places where something occurs."""
    return [after - before for before, after in itertools.pairwise(order)]


# ---- permutations --------------------------------------------------------------------------


@given(TASKS, SEEDS)
def test_shuffled_is_a_permutation_that_the_seed_decides(tasks, seed):
    order = scenarios.shuffled(tasks, seed)
    assert sorted(order) == sorted(tasks)
    assert scenarios.shuffled(tasks, seed) == order


def test_every_permutation_is_drawn_equally_often():
    drawn = Counter(scenarios.shuffled("abc", seed) for seed in range(1200))
    assert len(drawn) == 6
    assert all(140 < count < 260 for count in drawn.values()), drawn


@given(TASKS)
def test_numbers_name_all_permutations_in_lexicographic_order(tasks):
    count = math.factorial(len(tasks))
    numbered = [scenarios.permutation(tasks, index) for index in range(count)]
    assert numbered == sorted(itertools.permutations(tasks))


@pytest.mark.parametrize("index", [-1, 6])
def test_a_permutation_that_does_not_exist_is_refused(index):
    with pytest.raises(ValueError, match="3 tasks have no permutation"):
        scenarios.permutation("abc", index)


# ---- dispersed -----------------------------------------------------------------------------


@given(TASKS, st.integers(1, 8), SEEDS)
def test_each_superblock_is_a_permutation_and_no_task_follows_itself(tasks, superblocks, seed):
    order = list(scenarios.dispersed(tasks, superblocks, seed))
    parts = [order[i : i + len(tasks)] for i in range(0, len(order), len(tasks))]
    assert [sorted(part) for part in parts] == [sorted(tasks)] * superblocks
    if len(tasks) > 1:
        assert all(one != other for one, other in itertools.pairwise(order))


def test_superblocks_differ_and_more_of_them_begin_alike():
    few, many = (tuple(scenarios.dispersed("abcd", n, 3)) for n in (4, 9))
    assert many[: len(few)] == few
    assert len({many[i : i + 4] for i in range(0, len(many), 4)}) > 4
    assert tuple(scenarios.dispersed("abcd", 4, 4)) != few


def test_what_may_begin_a_superblock_begins_it_equally_often():
    orders = [list(scenarios.dispersed("abc", 2, seed)) for seed in range(900)]
    firsts = Counter(order[3] for order in orders if order[2] == "a")
    assert set(firsts) == {"b", "c"}
    assert min(firsts.values()) > 0.4 * sum(firsts.values())


# ---- recurring -----------------------------------------------------------------------------


@given(TASKS, st.integers(1, 30), SEEDS, st.data())
def test_each_period_has_its_number_of_different_tasks(tasks, periods, seed, data):
    present = data.draw(st.integers(1, len(tasks)))
    order = list(scenarios.recurring_sample(tasks, present, periods, seed))
    parts = [order[i : i + present] for i in range(0, len(order), present)]
    assert len(parts) == periods
    assert all(len(set(part)) == present for part in parts)
    if present > 1:
        assert all(one != other for one, other in itertools.pairwise(order))


def test_two_of_ten_return_after_five_periods_and_seldom_stay_away_for_twenty():
    tasks, periods = "abcdefghij", 8000
    order = list(scenarios.recurring_sample(tasks, 2, periods, seed=0))
    away: list[int] = []
    for task in tasks:
        away += gaps([place // 2 for place, other in enumerate(order) if other == task])
    assert sum(away) / len(away) == pytest.approx(5, rel=0.02)
    # (1 - c / N)^n of the stretches that begin at a return last longer than n periods.
    longer = sum(gap > 20 for gap in away) / len(away)
    assert longer == pytest.approx((1 - 2 / 10) ** 20, rel=0.15)


def test_tasks_are_present_as_often_as_their_frequencies_say():
    frequency = {"a": 0.5, "b": 0.2, "c": 1.0, "d": 0.02}
    periods = 5000
    met = Counter(scenarios.recurring_by_chance("abcd", frequency, periods, seed=1))
    for task, share in frequency.items():
        deviation = math.sqrt(periods * share * (1 - share))
        assert abs(met[task] - periods * share) <= 4 * deviation, task


def test_chance_depends_on_the_seed_and_more_periods_begin_alike():
    frequency = dict.fromkeys("abcd", 0.4)
    few, many, other = (
        list(scenarios.recurring_by_chance("abcd", frequency, periods, seed))
        for periods, seed in ((20, 5), (60, 5), (20, 6))
    )
    assert many[: len(few)] == few
    assert other != few


SHARES = st.fractions(Fraction(1, 50), 1, max_denominator=50)


@given(st.dictionaries(st.sampled_from("abcdef"), SHARES, min_size=1), st.integers(1, 60))
def test_regular_returns_are_counted_exactly_and_evenly_spaced(frequency, periods):
    tasks = tuple(frequency)
    met = Counter(scenarios.recurring_regularly(tasks, frequency, periods))
    for task, share in frequency.items():
        wanted = periods * share
        if wanted.denominator == 1:
            assert met[task] == wanted
        assert math.floor(wanted) <= met[task] <= math.ceil(wanted)


def test_c_of_n_in_regular_turns_is_the_list_over_and_over():
    share = dict.fromkeys("abcde", Fraction(2, 5))
    assert "".join(scenarios.recurring_regularly("abcde", share, 5)) == "abcdeabcde"


def test_regular_returns_by_hand():
    # a is due at 0.5 / (1/2) = 1, 3, 5; b at 1 / 1 = 1, 2, ..., 6; at the same time a comes first.
    share = {"a": Fraction(1, 2), "b": Fraction(1)}
    assert "".join(scenarios.recurring_regularly("ab", share, 6)) == "abbabbabb"
