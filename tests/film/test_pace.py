"""Pictures are taken evenly in the time of the world."""

from __future__ import annotations

from fractions import Fraction

import pytest

from l2rl.film.pace import Pace


def times(pace: Pace, steps: int) -> list[float]:
    """When pictures are taken, in env steps since the start."""
    pace.begin()
    return [step + share for step in range(steps) for share in pace.shares()]


@pytest.mark.parametrize(
    ("steps_per_second", "fps", "speed"),
    [(2, 10, 1), (2, 10, 4), (2, 12, 4), (50, 25, 1), (2, 10, 64), (3, 7, 1), (10, 10, 1)],
)
def test_pictures_are_equally_far_apart(steps_per_second: int, fps: int, speed: int) -> None:
    taken = times(Pace(steps_per_second, fps=fps, speed=speed), 300)
    interval = Fraction(speed * steps_per_second, fps)
    due = [float(k * interval) for k in range(1, 20000) if k * interval <= 300]
    assert taken == pytest.approx(due[: len(taken)], abs=1e-6)
    assert len(due) - len(taken) <= 1, "one at the very end may wait for the next step"


def test_shares_are_within_the_step_and_ascend() -> None:
    pace = Pace(2, fps=13, speed=1)
    for _ in range(100):
        shares = pace.shares()
        assert shares == sorted(shares)
        assert all(0 < share <= 1 for share in shares)


def test_a_faster_film_of_the_same_world_has_fewer_pictures_at_once() -> None:
    pace = Pace(2, fps=10, speed=1)
    slow = len(times(pace, 20))
    pace.speed = 10
    assert len(times(pace, 20)) == slow / 10
    pace.speed = 1000
    pace.shares()
    pace.speed = 1
    assert pace.shares(), "nobody waits for a picture that was due at the former speed"
