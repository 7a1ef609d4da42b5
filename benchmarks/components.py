"""What each component costs: a life with it beside the same life without, for each learner.

Every shipped component lives a short life of two tasks on DQN, PPO and SAC (64x64 networks), with
the settings and the companions of its example in `examples/components`; beside it, in turn, the
same life without it. The figure is the ratio of the process CPU time of the learning blocks, as
median and range over the pairs (1.10: the whole life takes a tenth longer), one thread.
Evaluation, checkpoints and reports are not in it. A dash: the learner does not take it.

    OMP_NUM_THREADS=1 python benchmarks/components.py [--pairs 3] [--only NAME ...]
        [--learners dqn ppo sac] [--markdown]
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from l2rl import running
from l2rl.config import load_text
from l2rl.config.loading import dump
from l2rl.errors import UserError

EXAMPLES = Path(__file__).parent.parent / "examples" / "components"
GAMES = {"beacon": "minigames/MoveToBeacon", "shards": "minigames/CollectMineralShards"}
PENDULA = {
    "light": "gymnasium/Pendulum-v1",
    "heavy": {"env": "gymnasium/Pendulum-v1", "parameters": {"g": 15.0}},
}
NETWORK = {"layers": [64, 64]}
REPLAYING = {"batch_size": 64, "buffer_size": 10_000, "learning_starts": 500, "train_freq": 1}
LEARNERS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "dqn": (
        {"n_envs": 16, "network": NETWORK, "settings": {**REPLAYING, "gradient_steps": 4}},
        GAMES,
        6_000,
    ),
    "ppo": (
        {
            "n_envs": 16,
            "network": NETWORK,
            "settings": {"n_steps": 64, "batch_size": 256, "n_epochs": 4},
        },
        GAMES,
        16_384,
    ),
    "sac": (
        {"n_envs": 4, "network": NETWORK, "settings": {**REPLAYING, "gradient_steps": 1}},
        PENDULA,
        3_000,
    ),
}
"""Learner -> (agent, tasks, env steps a task)."""


def experiment(learner: str, example: dict[str, Any], without: str | None) -> dict[str, Any]:
    """The life of one learner with an example's components, or without one of them."""
    agent, tasks, env_steps = LEARNERS[learner]
    components = copy.deepcopy(example["agent"]["components"])
    if without is not None:
        del components[without]
    blocks: list[dict[str, Any]] = []
    for task in tasks:
        blocks.append({"learn": task, "env_steps": env_steps})
        if without == "sleep.wake_sleep" or "sleep.wake_sleep" in components:
            blocks.append({"sleep": 100})
    visibility = example["curriculum"].get("visibility", "labels")
    return {
        "experiment": "cost",
        "agent": {"learner": learner, **agent, "components": components},
        "curriculum": {"visibility": visibility, "tasks": tasks, "blocks": blocks},
        "evaluation": {
            "interval_env_steps": None,
            "at_start": False,
            "at_block_end": False,
            "episodes": 1,
            "n_envs": 1,
        },
        "checkpoint": {"interval_s": None},
    }


def cpu_s(life: dict[str, Any], root: Path) -> float:
    """Process CPU seconds of the learning blocks of one life. Raises `UserError` if refused."""
    loaded = load_text(dump(life))
    run = running.start(loaded, root=root, force=True)
    blocks = json.loads(run.timing_path.read_text())["blocks"]
    return sum(block["cpu_s"] for block in blocks if block["kind"] == "learn")


def ratios(learner: str, name: str, pairs: int) -> list[float]:
    """With the component to without, one for each pair; [] if the learner does not take it."""
    example = YAML(typ="safe").load(EXAMPLES / f"{name}.yaml")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found = []
        for pair in range(pairs):
            try:
                with_it = cpu_s(experiment(learner, example, None), root / "with")
            except UserError:
                if pair:
                    raise
                return []
            found.append(with_it / cpu_s(experiment(learner, example, name), root / "without"))
    return found


def told(found: list[float]) -> str:
    if not found:
        return "-"
    return f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pairs", type=int, default=3)
    arguments.add_argument("--only", nargs="*")
    arguments.add_argument("--learners", nargs="*", choices=LEARNERS, default=list(LEARNERS))
    arguments.add_argument("--markdown", action="store_true")
    given = arguments.parse_args()
    names = given.only or sorted(path.stem for path in EXAMPLES.glob("*.yaml"))
    bar = "| " if given.markdown else ""
    between, end = (" | ", " |") if given.markdown else ("  ", "")
    print(bar + between.join(["component".ljust(31), *(x.ljust(19) for x in given.learners)]) + end)
    if given.markdown:
        print("|---" * (1 + len(given.learners)) + "|")
    # What compiles or is cached at first use must not be counted for the first component.
    for learner in given.learners:
        with contextlib.suppress(UserError):
            ratios(learner, "plasticity.l2_init", 1)
    for name in names:
        cells = [told(ratios(learner, name, given.pairs)).ljust(19) for learner in given.learners]
        print(bar + between.join([name.ljust(31), *cells]) + end, flush=True)


if __name__ == "__main__":
    main()
