"""What every metric means, in a line, as the documentation says it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

FAMILIES = {
    "gap": "Stability gap",
    "matrix": "Task matrix",
    "l2m": "L2M",
    "cw": "Continual World",
    "libero": "LIBERO",
    "transfer": "Transfer",
    "plasticity": "Plasticity",
    "sleep": "Sleep",
    "detection": "Detection",
    "scalability": "Scalability",
}
SECONDS = {
    "scalability/wall_seconds": "seconds by the clock, evaluation and checkpoints included",
    "scalability/cpu_seconds": "seconds of the processor, evaluation and checkpoints included",
    "scalability/env_steps_per_second": "env steps of the lifetime per second by the clock",
    "scalability/wall_seconds_per_task": "mean over tasks of the seconds of their learning blocks",
}
"""Figures of the clocks, which the documentation lists in a sentence."""
SUFFIXES = {
    "success": "The same of the rate of success",
    "change": "Last measurement minus the first one",
}


def family_of(metric: str) -> str:
    """The heading of a metric's family; of an outside package, its own name."""
    name = metric.partition("/")[0]
    return FAMILIES.get(name, name)


def definition_of(metric: str) -> str:
    """The definition of a qualified name; of a variant (`.../success`), that of its metric."""
    known = _definitions()
    if metric in known:
        return known[metric]
    shorter, _, suffix = metric.rpartition("/")
    if suffix in SUFFIXES and shorter:
        return f"{SUFFIXES[suffix]}: {definition_of(shorter) or shorter}"
    family = metric.partition("/")[0]
    if family == "plasticity":
        return "what the plasticity monitor measured of this network at the end"
    if family in FAMILIES and shorter in known:
        return f"of {suffix}: {known[shorter]}"
    return ""


@cache
def _definitions() -> dict[str, str]:
    text = files("l2rl.report").joinpath("definitions.tsv").read_text(encoding="utf-8")
    pairs = (line.partition("\t") for line in text.splitlines())
    return {name: definition for name, _, definition in pairs} | SECONDS
