"""A comparison in plain words: what each variant meets, and how it stands against the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from l2rl.metrics.comparison import Comparison, MetricInfo
from l2rl.metrics.criteria import Verdict
from l2rl.metrics.two_groups import PairedDifference
from l2rl.report.style import number

CRITERION_NAMES: Mapping[str, str] = {
    "l2m/performance_maintenance_mrlep": "performance maintenance",
    "l2m/forward_transfer_ratio": "forward transfer",
    "l2m/backward_transfer_ratio": "backward transfer",
    "l2m/relative_performance": "relative performance",
    "l2m/sample_efficiency": "sample efficiency",
}
Standing = Literal["better", "worse", "unclear", "unknown"]
SURE = 0.95
"""Confidence from which on a verdict is called sure."""
MOST_NAMED = 6
"""Metrics that a sentence lists; the others are in the tables."""


@dataclass(frozen=True)
class VariantWords:
    """What is said of one variant."""

    name: str
    index: int
    """In the order of the comparison, for its colour."""
    seeds: int
    criteria: str
    against: str
    """"" of the baseline, and without one."""


def variant_words(comparison: Comparison) -> list[VariantWords]:
    """One paragraph a variant."""
    return [
        VariantWords(
            name=group.name,
            index=index,
            seeds=len(group.runs),
            criteria=criteria_words(comparison.verdicts[group.name]),
            against=_against_words(comparison, group.name),
        )
        for index, group in enumerate(comparison.groups)
    ]


def headline(comparison: Comparison) -> str:
    """Which variants meet the L2M criteria, on the mean and surely, in two sentences."""
    counts = {n: sum(v.met is True for v in found) for n, found in comparison.verdicts.items()}
    judged = any(v.met is not None for found in comparison.verdicts.values() for v in found)
    if not judged:
        return (
            "Whether a variant satisfies the L2M criteria cannot be judged: no run has a value "
            "for any of them. The tables below say what is missing."
        )
    most, best = len(CRITERION_NAMES), max(counts.values())
    if best == 0:
        return "No variant meets any L2M criterion that could be judged."
    leaders = listed([name for name, count in counts.items() if count == best])
    if best == most:
        return f"All {most} L2M criteria are met by {leaders}. {_surely(comparison)}"
    return (
        f"No variant meets all {most} L2M criteria; the mean over seeds meets {best} of them with "
        f"{leaders}. {_surely(comparison)}"
    )


def _surely(comparison: Comparison) -> str:
    """How many criteria each variant meets beyond reasonable doubt."""
    counts = {
        name: sum(v.met is True and (v.confidence or 0.0) >= SURE for v in found)
        for name, found in comparison.verdicts.items()
    }
    said = [f"{name} {count}" for name, count in counts.items() if count]
    with_confidence = f"With at least {SURE:.0%} confidence"
    if not said:
        return f"{with_confidence}, none is met by any."
    rest = "" if len(said) == len(counts) else ", the others none"
    return f"{with_confidence}: {', '.join(said)}{rest}."


def criteria_words(verdicts: Sequence[Verdict]) -> str:
    """Such as `Meets performance maintenance >= 0 (0.12, confidence 98 %).`"""
    met = [_judged(v) for v in verdicts if v.met is True]
    missed = [_judged(v) for v in verdicts if v.met is False]
    unknown = [criterion_name(v) for v in verdicts if v.met is None]
    said = []
    if met:
        said.append(f"Meets {listed(met)}.")
    if missed:
        said.append(f"Does not meet {listed(missed)}.")
    if unknown and said:
        said.append(f"Not judged, for want of values: {listed(unknown)}.")
    return " ".join(said) or "No L2M criterion could be judged."


def standing(info: MetricInfo, difference: PairedDifference) -> Standing:
    """Better or worse where the whole interval of the paired difference lies on that side of 0."""
    mean = difference.summary.mean if difference.summary else None
    if mean is None or mean.low is None or mean.high is None or info.direction == "neither":
        return "unknown"
    if mean.low <= 0.0 <= mean.high:
        return "unclear"
    return "better" if (mean.low > 0.0) == (info.direction == "higher") else "worse"


def caveat(comparison: Comparison) -> str:
    """How many of the differences would look clear though there were none; "" without any."""
    judged = sum(
        standing(info, comparison.against[key].difference) != "unknown"
        for info in comparison.metrics
        for key in comparison.against
        if key[1] == info.name
    )
    if judged < 2:
        return ""
    wrong = judged * (1.0 - comparison.confidence)
    return (
        f"A difference is called clear where its {comparison.confidence * 100:g} % interval leaves "
        f"out 0. Of the {judged} differences that were looked at, about {number(wrong, 2)} would "
        "be called so by chance alone if no variant made any; more where intervals are too narrow."
    )


def criterion_name(verdict: Verdict) -> str:
    """Such as `forward transfer > 1`."""
    metric, _, bound = verdict.criterion.partition(" ")
    return f"{CRITERION_NAMES.get(metric, metric)} {bound}".strip().replace(">=", "≥")


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _judged(verdict: Verdict) -> str:
    sure = "" if verdict.confidence is None else f", confidence {verdict.confidence:.0%}"
    return f"{criterion_name(verdict)} ({number(verdict.value)}{sure})"


def _against_words(comparison: Comparison, name: str) -> str:
    if not comparison.baseline or name == comparison.baseline:
        return ""
    said = list(_standings(comparison, name))
    return f"Against {comparison.baseline}, seed by seed: {'; '.join(said)}."


def _standings(comparison: Comparison, name: str) -> Iterator[str]:
    by: dict[Standing, list[str]] = {"better": [], "worse": [], "unclear": [], "unknown": []}
    for info in comparison.metrics:
        difference = comparison.against[name, info.name].difference
        by[standing(info, difference)].append(info.name)
    for word in ("better", "worse"):
        if by[word]:
            more = len(by[word]) - MOST_NAMED
            tail = [f"{more} more"] if more > 0 else []
            yield f"{word} in {listed([*by[word][:MOST_NAMED], *tail])}"
    if by["unclear"]:
        yield f"no clear difference in {_metrics(len(by['unclear']))}"
    if by["unknown"]:
        yield f"not judged in {_metrics(len(by['unknown']))}"


def _metrics(count: int) -> str:
    return f"{count} metric{'s' if count != 1 else ''}"
