"""What a lifetime costs, and how the cost grows with the tasks met.

From the log alone, and so the same for an interrupted run and an undisturbed one:

    env_steps                 of the lifetime so far
    parameters                that the optimisers move, at the end of the last finished block
    gradient_steps            of the phase of the update that took most, until then
    gradient_steps_per_env_step
    state_bytes               of policy, optimisers, learner and components together
    state_bytes/<component>   of one component, such as its buffer or its experts at rest
    state_bytes_per_task      slope of `state_bytes` over the number of tasks met, least squares
                              over the learning blocks

From the clocks beside it (`timing_figures`), which no two runs share:

    wall_seconds, cpu_seconds, env_steps_per_second, wall_seconds_per_task (mean over tasks)

Seconds include evaluation, checkpoints and what killed processes spent until their last
checkpoint. `block_costs` has all of it block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from l2rl.metrics.figures import Computed, Definition, Figure, NotComputable, figure, without
from l2rl.metrics.run_log import RunLog


def scalability(run: RunLog) -> dict[str, Figure]:
    """The family `scalability`, but for seconds."""
    figures = {
        "scalability/env_steps": figure(partial(_lived, run), Definition("env steps", "neither"))
    }
    ended = [span for span in run.blocks if span.footprint]
    if not ended:
        reason = NotComputable(
            "no block has ended yet, or the log does not say how large the agent was"
        )
        return figures | {
            f"scalability/{name}": figure(without(reason), definition)
            for name, definition in _DEFINITIONS.items()
        }
    last = ended[-1].footprint
    steps = float(max(last["gradient_steps"].values(), default=0))
    values: dict[str, Callable[[], Computed | float]] = {
        "parameters": lambda: float(last["parameters"]),
        "gradient_steps": lambda: steps,
        "gradient_steps_per_env_step": lambda: _ratio(steps, ended[-1].end),
        "state_bytes": lambda: float(total_bytes(last)),
        "state_bytes_per_task": lambda: bytes_per_task(block_costs(run)),
    }
    figures |= {
        f"scalability/{name}": figure(values[name], definition)
        for name, definition in _DEFINITIONS.items()
    }
    for component, size in sorted(last["component_bytes"].items()):
        figures[f"scalability/state_bytes/{component}"] = figure(
            partial(float, size), _DEFINITIONS["state_bytes"]
        )
    return figures


def timing_figures(timing: Mapping[str, Any]) -> dict[str, Figure]:
    """The figures of the clocks, from what timing.json holds (`l2rl.runs.timing`)."""
    wall_s, cpu_s = float(timing["wall_s"]), float(timing["cpu_s"])
    none = None if wall_s > 0 else NotComputable("this run has no clock")
    learned = [block for block in timing["blocks"] if block["kind"] == "learn"]
    tasks = {block["task"] for block in learned}

    def made(value: float, unit: str, better: Any = "lower") -> Figure:
        compute = partial(float, value) if none is None else without(none)
        return figure(compute, Definition(unit, better))

    return {
        "scalability/wall_seconds": made(wall_s, "s"),
        "scalability/cpu_seconds": made(cpu_s, "s"),
        "scalability/env_steps_per_second": made(
            timing["env_steps"] / wall_s if none is None else 0.0, "env steps / s", "higher"
        ),
        "scalability/wall_seconds_per_task": made(
            sum(block["wall_s"] for block in learned) / max(len(tasks), 1), "s"
        ),
    }


def block_costs(run: RunLog) -> list[dict[str, Any]]:
    """One row for each finished block: `block`, `kind`, `task`, `tasks_met`, `start` and `end` in
    env steps, and what it was when the block ended: `parameters`, `gradient_steps` by phase,
    `state_bytes` by part, `component_bytes` by component, `total_bytes`."""
    rows = []
    met: set[str] = set()
    for span in run.blocks:
        met |= {span.task} if span.kind == "learn" else set()
        if span.footprint:
            rows.append(
                {
                    "block": span.index,
                    "kind": span.kind,
                    "task": span.task,
                    "tasks_met": len(met),
                    "start": span.start,
                    "end": span.end,
                    **span.footprint,
                    "total_bytes": total_bytes(span.footprint),
                }
            )
    return rows


def total_bytes(footprint: Mapping[str, Any]) -> int:
    """Policy, optimisers, learner and components together."""
    parts = (*footprint["state_bytes"].values(), *footprint["component_bytes"].values())
    return int(sum(parts))


def bytes_per_task(blocks: list[dict[str, Any]]) -> Computed:
    """Slope of the bytes over the number of tasks met, from rows of `block_costs`."""
    learned = [block for block in blocks if block["kind"] == "learn"]
    met = np.array([block["tasks_met"] for block in learned], dtype=np.float64)
    if np.unique(met).size < 2:
        raise NotComputable("fewer than two tasks were learned")
    sizes = np.array([block["total_bytes"] for block in learned], dtype=np.float64)
    centred = met - met.mean()
    return Computed(float((centred * (sizes - sizes.mean())).sum() / (centred**2).sum()))


def _lived(run: RunLog) -> float:
    return float(run.env_steps)


def _ratio(steps: float, env_steps: int) -> float:
    if not env_steps:
        raise NotComputable("nothing has been lived yet")
    return steps / env_steps


_DEFINITIONS = {
    "parameters": Definition("parameters", "lower"),
    "gradient_steps": Definition("gradient steps", "lower"),
    "gradient_steps_per_env_step": Definition("gradient steps per env step", "lower"),
    "state_bytes": Definition("bytes", "lower"),
    "state_bytes_per_task": Definition("bytes per task", "lower"),
}
