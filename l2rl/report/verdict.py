"""The verdict at the top of a report: the L2M criteria on this one lifetime, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from l2rl.metrics.criteria import CRITERIA, Criterion
from l2rl.report.style import number

Judged = Literal["met", "not met", "not measurable"]
SIGNS: Mapping[Judged, str] = {"met": "✓", "not met": "✗", "not measurable": "?"}
"""So that a verdict is not told by its colour alone."""


@dataclass(frozen=True)
class Meaning:
    """A criterion for readers who do not know it."""

    short: str
    name: str
    met: str
    not_met: str


MEANINGS: Mapping[str, Meaning] = {
    "l2m/performance_maintenance_mrlep": Meaning(
        "PM",
        "Performance maintenance",
        "earlier tasks were kept",
        "earlier tasks were forgotten in part",
    ),
    "l2m/forward_transfer_ratio": Meaning(
        "FT",
        "Forward transfer",
        "what was learned helped with tasks to come",
        "what was learned did not help with tasks to come",
    ),
    "l2m/backward_transfer_ratio": Meaning(
        "BT",
        "Backward transfer",
        "later tasks improved earlier ones",
        "later tasks did not improve earlier ones",
    ),
    "l2m/relative_performance": Meaning(
        "RP",
        "Relative performance",
        "it did better than single-task experts",
        "it did no better than single-task experts",
    ),
    "l2m/sample_efficiency": Meaning(
        "SE",
        "Sample efficiency",
        "it learned faster than single-task experts",
        "it learned no faster than single-task experts",
    ),
}


@dataclass(frozen=True)
class Judgement:
    """One criterion on one lifetime."""

    short: str
    name: str
    metric: str
    bound: str
    """Such as `> 1`."""
    judged: Judged
    value: str
    words: str
    """What it means, or why it cannot be measured."""
    note: str

    @property
    def sign(self) -> str:
        return SIGNS[self.judged]


def judgements(metrics: Mapping[str, Any]) -> list[Judgement]:
    """The five criteria, from what metrics.json holds."""
    return [_judged(criterion, metrics["metrics"][criterion.metric]) for criterion in CRITERIA]


def verdict_words(found: list[Judgement], finished: bool) -> str:
    """The verdict in a sentence or two."""
    measured = [j for j in found if j.judged != "not measurable"]
    if not measured:
        return "None of the five criteria of lifelong learning can be measured " + (
            "on this run; each tile says what is missing." if finished else "yet."
        )
    so_far = "" if finished else "So far, "
    met = [j for j in measured if j.judged == "met"]
    share = str(len(met)) if met else "none" if so_far else "None"
    text = f"{so_far}{share} of the five criteria of lifelong learning {_is(met)} met"
    text += f": {_listed(met)}" if met else ""
    failed = [j for j in measured if j.judged == "not met"]
    if failed:
        text += f"; {len(failed)} {_is(failed)} not: {_listed(failed)}"
    missing = len(found) - len(measured)
    if missing:
        text += f". {missing} cannot be measured; " + ("its" if missing == 1 else "their")
        text += (" tile says" if missing == 1 else " tiles say") + " why"
    return text + "."


def _judged(criterion: Criterion, figure: Mapping[str, Any]) -> Judgement:
    meaning = MEANINGS[criterion.metric]
    judged, words = _status(criterion, meaning, figure)
    return Judgement(
        short=meaning.short,
        name=meaning.name,
        metric=criterion.metric,
        bound=str(criterion).removeprefix(criterion.metric).strip().replace(">=", "≥"),
        judged=judged,
        value=number(figure["value"]),
        words=words[:1].upper() + words[1:],
        note=figure.get("note", ""),
    )


def _status(
    criterion: Criterion, meaning: Meaning, figure: Mapping[str, Any]
) -> tuple[Judged, str]:
    if figure["value"] is None:
        return "not measurable", shortened_reason(str(figure["reason"]))
    if criterion.met(figure["value"]):
        return "met", meaning.met + "."
    return "not met", meaning.not_met + "."


def shortened_reason(reason: str) -> str:
    """The first of several equal reasons (one a task, as a rule) with how many more there are."""
    first, *others = reason.split("; ")
    return f"{first}; and {len(others)} more like it." if others else f"{first}."


def _listed(found: list[Judgement]) -> str:
    return ", ".join(f"{j.words.rstrip('.').lower()} ({j.short})" for j in found)


def _is(found: list[Judgement]) -> str:
    return "is" if len(found) == 1 else "are"
