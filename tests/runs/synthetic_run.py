"""A made-up lifetime with everything a real one can have, for tests of whatever reads the log.

Three tasks, the first of them met again at the end after a sleep block; evaluations on the way,
forgetting, a late and a false detection, experts, replay ratio and plasticity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from l2rl.curriculum import Task
from l2rl.randomness import numpy_generator
from l2rl.runs.clock import Clock
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import TidyLog

TASKS = ("beacon", "shards", "roaches")
CEILING = {"beacon": 26.0, "shards": 95.0, "roaches": 60.0}
ENVIRONMENTS = {"minigames": {"version": "1", "reward_versions": {"MoveToBeacon": "1"}}}
EPOCH = 1_700_000_000.0


@dataclass
class SyntheticLifetime:
    """Writes the rows; `steps` gives control back at every evaluation, to be interrupted."""

    log: TidyLog
    clock: Clock
    block_env_steps: int = 100_000
    interval_env_steps: int = 10_000
    episode_env_steps: int = 200
    tasks: tuple[str, ...] = TASKS
    ceilings: dict[str, float] = field(default_factory=lambda: dict(CEILING))
    skill: dict[str, float] = field(default_factory=dict)
    now: int = 0
    block: int = -1
    evaluation: int = 0
    episode: int = 0
    experts: int = 0
    trained: str = ""

    def steps(self) -> Iterator[None]:
        """The whole life, one piece at a time."""
        self.skill = dict.fromkeys(self.tasks, 0.03)
        self.evaluate()
        yield
        for task in self.tasks:
            yield from self.learn(task)
        self.sleep()
        yield
        yield from self.learn(self.tasks[0])

    def learn(self, task: str) -> Iterator[None]:
        self.block += 1
        self.trained = task
        if self.block:
            self.event("task_boundary", 1.0)
        self.mark("start", "learn", self.block_env_steps)
        begin = self.now
        known = self.block > self.tasks.index(task)
        while self.now < begin + self.block_env_steps:
            self.play(begin, known)
            if (self.now - begin) % self.interval_env_steps == 0:
                self.evaluate()
                yield
        self.mark("end", "learn", self.block_env_steps)

    def sleep(self) -> None:
        self.block += 1
        self.mark("start", "sleep", 2000)
        for task in self.tasks[:-1]:
            self.skill[task] = min(1.0, self.skill[task] * 1.5)
        self.mark("end", "sleep", 2000)
        self.evaluate()

    def play(self, begin: int, known: bool) -> None:
        """One training episode: the task in hand is learned, the others fade."""
        self.now += self.episode_env_steps
        progress = self.episode_env_steps / self.block_env_steps
        for task in self.tasks:
            if task == self.trained:
                self.skill[task] += 6.0 * progress * (0.97 - self.skill[task])
            else:
                self.skill[task] *= 1.0 - 1.2 * progress
        self.played(self.trained, "train", self.episode, -1)
        self.episode += 1
        self.clock.stamp(self.log.rows, EPOCH + self.now / 500)
        if self.now % (2 * self.interval_env_steps // 10) == 0:
            self.books()
        if self.block and self.now - begin == self.interval_env_steps // 5:
            self.detected("recurring" if known else "new")
        if self.block == 1 and self.now - begin == 7 * self.interval_env_steps:
            self.event("change_detected", 0.55, detector="loss_deviation", kind="unknown")
        if self.now - begin == 6 * self.interval_env_steps:
            self.event("replay_ratio_changed", 2.0)

    def played(self, task: str, phase: str, episode: int, evaluation: int) -> float:
        """One episode's row; the return scatters around the skill."""
        noise = numpy_generator(7, phase, self.now, task, episode).normal()
        value = self.ceilings.get(task, 10.0) * (self.skill[task] + 0.05 * noise)
        self.log.append_episode(
            phase="train" if phase == "train" else "test",
            episode=episode,
            environment=episode % 8,
            episode_return=value,
            length=self.episode_env_steps,
            success=float(noise < self.skill[task] * 2 - 1),
            env_steps=self.now,
            block=self.block,
            evaluation=evaluation,
            trained_task=self.trained,
            evaluated_task=task if phase == "test" else "",
        )
        return value

    def evaluate(self) -> None:
        for task in self.tasks:
            values = [self.played(task, "test", n, self.evaluation) for n in range(5)]
            figures = {"return": float(np.mean(values)), "return_std": float(np.std(values))}
            figures["episodes"] = 5.0
            for metric, value in figures.items():
                self.log.append(
                    kind="evaluation",
                    metric=metric,
                    value=value,
                    env_steps=self.now,
                    block=self.block,
                    evaluation=self.evaluation,
                    trained_task=self.trained,
                    evaluated_task=task,
                )
        self.evaluation += 1

    def books(self) -> None:
        """The scalars of the learner and of the plasticity monitor."""
        age = self.now / (4 * self.block_env_steps)
        noise = numpy_generator(7, "books", self.now).normal(size=16) * 0.03
        figures = {"train/loss": np.exp(-3 * age) + noise[0], "replay_ratio/realised": 0.5 + age}
        figures |= {"train/ent_coef": 0.2 - 0.1 * age, "train/actor_loss": -age + noise[1]}
        figures |= {"experts.pool/distance": abs(noise[2])}
        for i, network in enumerate(("actor", "critic")):
            start = f"plasticity.monitor/{network}"
            figures[f"{start}/fau"] = 0.5 - (0.1 + 0.2 * i) * age + noise[3 + i]
            figures[f"{start}/dormant_0.025"] = max(0.0, 0.3 * age * i + noise[5 + i])
            figures[f"{start}/effective_rank"] = 40 - 20 * age + 20 * noise[7 + i]
            figures[f"{start}/srank_0.01"] = 50 - 18 * age + 20 * noise[9 + i]
            figures[f"{start}/drift_rms"] = age**0.5 * (1 + i)
            figures[f"{start}/weight_norm"] = 10 + 5 * age + noise[11 + i]
        for name, value in figures.items():
            self.log.append(
                kind="scalar",
                metric=name,
                value=float(value),
                env_steps=self.now,
                block=self.block,
                trained_task=self.trained,
            )

    def detected(self, kind: str) -> None:
        self.event("change_detected", 0.9, detector="loss_deviation", kind=kind, belief=self.block)
        if kind == "new":
            self.experts += 1
            self.event("expert_spawned", float(self.experts))
        self.event("expert_switched", float(self.experts if kind == "new" else 0))
        self.event("replay_ratio_changed", 0.5)

    def event(self, name: str, value: float, **detail: object) -> None:
        self.log.append(
            kind="event",
            metric=name,
            value=value,
            env_steps=self.now,
            block=self.block,
            trained_task=self.trained,
            detail=detail,
        )

    def footprint(self) -> dict[str, object]:
        """An agent whose buffer fills and whose experts grow in number."""
        return {
            "parameters": 16_670,
            "gradient_steps": {"q": self.now // 4},
            "state_bytes": {"policy": 133_360, "optimizers": 133_512, "learner": 40 * self.now},
            "component_bytes": {"experts.pool": 133_360 * self.experts},
        }

    def mark(self, name: str, kind: str, budget: int) -> None:
        unit = "env_steps" if kind == "learn" else "gradient_steps"
        detail: dict[str, object] = {"kind": kind, "unit": unit}
        if name == "end":
            detail["footprint"] = self.footprint()
        self.log.append(
            kind="block",
            metric=name,
            value=budget,
            env_steps=self.now,
            block=self.block,
            trained_task=self.trained if kind == "learn" else "",
            detail=detail,
        )


def make_run(
    root: Path,
    pieces: int | None = None,
    tasks: tuple[str, ...] = TASKS,
    block_env_steps: int = 20_000,
    interval_env_steps: int = 2000,
) -> RunDirectory:
    """A run with the first `pieces` pieces of the life (all if None), closed and flushed."""
    described = {name: Task(name, "minigames/MoveToBeacon") for name in tasks}
    config = "learner: dqn\ncomponents:\n- experts.pool\n"
    run = RunDirectory.create(
        root,
        "minigames-3",
        "pool",
        0,
        config,
        tasks=described,
        environments=ENVIRONMENTS,
        command_line=["l2rl", "run", "minigames-3", "--variant", "pool", "--seed", "0"],
    )
    log, clock = run.open_log(), run.open_clock()
    life = SyntheticLifetime(log, clock, block_env_steps, interval_env_steps, tasks=tasks)
    for number, _ in enumerate(life.steps()):
        if pieces is not None and number + 1 >= pieces:
            break
    log.flush()
    clock.flush()
    if pieces is None:
        log.compact()
        clock.compact()
        run.set_state("complete")
    run.close()
    return run
