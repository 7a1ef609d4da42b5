"""The kit itself: each wrong component is caught by the check that is for it, and by no other."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from l2rl.component import Component
from l2rl.testing import check_component
from l2rl.testing.report import Finding
from l2rl.testing.runner import chosen, run_check
from l2rl.testing.subject import subject_of
from tests.conformance import wrong_components as wrong

CAUGHT: list[tuple[type[Component], str, str, str]] = [
    # component, learner, check, and words of its message
    (wrong.DrawsGlobally, "dqn", "generators", "self.rng.torch"),
    (wrong.DrawsFromPython, "ppo", "generators", "python's `random`"),
    (wrong.ForgetsItsState, "dqn", "resume", "stateful"),
    (wrong.KeepsTheLoaded, "ppo", "resume", "clone"),
    (wrong.UnwritableState, "dqn", "resume", "state.*set"),
    (wrong.StillPullsAtZero, "dqn", "null", "strength"),
    (wrong.AnchorsTheOld, "ppo", "anchored", "zero at the anchor"),
    (wrong.DrawsInItsLoss, "dqn", "pure_loss", "pure function"),
    (wrong.Detached, "dqn", "loss_gradient", "detach"),
    (wrong.NeedsData, "sac", "empty_batch", "observations"),
    (wrong.MomentumMoves, "dqn", "masks", "WEIGHT_MASK"),
    (wrong.MasksNothing, "ppo", "masks", "every entry was free"),
    (wrong.Resets, "dqn", "moments", "drawn? anew|draws anew"),
    (wrong.ClearsTooMuch, "dqn", "moments", "leaves alone"),
    (wrong.IgnoresEdits, "dqn", "edits", "on_network_edited"),
    (wrong.ListsLayersByName, "dqn", "expansion", "view.parameters"),
    (wrong.IdleLayer, "dqn", "expansion", "learn"),
    (wrong.WritesToBatches, "dqn", "read_only", "new dictionary"),
    (wrong.WritesToTransitions, "ppo", "read_only", "copy an array"),
    (wrong.EvaluationStays, "dqn", "evaluation", "event.lend"),
    (wrong.RemembersEvaluations, "dqn", "evaluation", "outside the state"),
    (wrong.PeeksAtLabels, "dqn", "labels", "TASK_LABEL"),
    (wrong.TellsTheTime, "dqn", "deterministic", "self.rng"),
    (wrong.Misspelt, "dqn", "declaration", "on_task_"),
    (wrong.HiddenNeed, "dqn", "declaration", "never called"),
    (wrong.Explodes, "ppo", "works", "finite"),
    (wrong.CannotSac, "sac", "works", "KeyError"),
    (wrong.TrainsForever, "dqn", "works", "short lives"),
    (wrong.DoesNothing, "dqn", "effect", "bit for bit"),
]
ALSO = {
    # What a mistake cannot but break besides.
    wrong.DoesNothing: {"anchored", "resume"},
    wrong.TellsTheTime: {"resume", "labels", "evaluation"},
    wrong.RemembersEvaluations: {"resume"},
}
SLOW: list[tuple[type[Component], str, str, str]] = [
    (wrong.BranchesInItsLoss, "dqn", "compiles", "term_tensors"),
    (wrong.IsSlow, "dqn", "cost", "budget_ms_per_step"),
]


def test_the_right_one_passes_everything_and_everything_applies() -> None:
    report = check_component(wrong.Right, fast=True)
    assert report.passed, str(report)
    beside = {r.check for r in report.results if r.status == "not applicable"}
    assert beside == {"masks", "moments"}


@pytest.mark.parametrize(("cls", "learner", "check", "words"), CAUGHT, ids=lambda v: str(v)[-40:])
def test_a_wrong_component_is_caught_for_its_own_reason(
    cls: type[Component], learner: str, check: str, words: str
) -> None:
    subject = subject_of(cls, learners=[learner])
    results = {c.name: run_check(c, subject) for c in chosen(fast=True)}
    failed = {name for name, result in results.items() if result.status == "failed"}
    assert check in failed
    assert failed - {check} <= ALSO.get(cls, set())
    _helpful(results[check].findings, words)


def _helpful(findings: Sequence[Finding], words: str) -> None:
    assert all(f.expected and f.seen and f.mend for f in findings)
    assert re.search(words, "\n".join(map(str, findings)))


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "learner", "check", "words"), SLOW, ids=lambda v: str(v)[-40:])
def test_slow_checks_catch_theirs(
    cls: type[Component], learner: str, check: str, words: str
) -> None:
    right = check_component(wrong.Right, learners=[learner], checks=[check])
    assert right.results[0].status == "passed", str(right)
    report = check_component(cls, learners=[learner], checks=[check])
    assert not report.passed
    _helpful(report[check].findings, words)
