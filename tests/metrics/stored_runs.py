"""Run directories that were never lived: a real configuration, a log written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lives import HandMade

from l2rl.config import load_text
from l2rl.runs.run_directory import RunDirectory

YAML = """
agent: {learner: dqn, components: COMPONENTS}
curriculum:
  visibility: boundaries
  tasks: {a: minigames/MoveToBeacon, b: minigames/CollectMineralShards}
  blocks: [{learn: a, env_steps: 10}, {learn: b, env_steps: 10}]
evaluation: {interval_env_steps: 10, episodes: 5}
"""
ENVIRONMENTS: Mapping[str, Any] = {
    "minigames": {
        "version": "1",
        "reward_versions": {"MoveToBeacon": "1", "CollectMineralShards": "1"},
    }
}


def stored(
    root: Path,
    variant: str,
    seed: int,
    final: float,
    *,
    experiment: str = "exp",
    components: str = "{}",
    environments: Mapping[str, Any] = ENVIRONMENTS,
    overrides: tuple[str, ...] = (),
    complete: bool = True,
) -> RunDirectory:
    """A run that learned a up to 1 and ends with `final` on it; b is always 0.5 in the end."""
    text = f"experiment: {experiment}\n" + YAML.replace("COMPONENTS", components)
    loaded = load_text(text, [f"seed={seed}", *overrides])
    run = RunDirectory.create(
        root,
        experiment,
        variant,
        seed,
        loaded.text,
        tasks=loaded.curriculum.tasks,
        environments=environments,
    )
    life = HandMade(run.log_path).evaluate(a=0.0, b=0.0)
    life.learned("a", {"a": 1.0, "b": 0.1})
    if complete:
        life.learned("b", {"a": final, "b": 0.5})
        run.set_state("complete")
    life.run()
    run.close()
    return run


def sweep(root: Path, variants: Mapping[str, tuple[str, float]], seeds: int = 4) -> Path:
    """Variant -> (components, loss); every seed has luck that all variants share."""
    for variant, (components, loss) in variants.items():
        for seed in range(seeds):
            stored(root, variant, seed, 1.0 - loss + 0.1 * seed, components=components)
    return root
