"""The driver: one agent through one curriculum, from wherever it is to the end.

    while blocks remain:
        enter the block (environment, boundary)
        until its budget is spent: collect and train once, then pause at a *safe point*
        leave the block

Everything the loop remembers is in `Position`, and everything else that decides the future is in
the agent, the environment and the global generators. At a safe point all of it can be written to
a checkpoint; a run that is killed and resumed repeats what came after its last checkpoint, bit for
bit, and throws away the log of what it had done since.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from stable_baselines3.common.vec_env import VecEnv

from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.assembly import build_agent, first_task, restarts_exploration
from l2rl.checkpoint import CheckpointStore
from l2rl.config import LoadedExperiment
from l2rl.curriculum import Block
from l2rl.episodes import EpisodeRecorder
from l2rl.errors import UserError
from l2rl.evaluation import Evaluator
from l2rl.footprint import footprint
from l2rl.lifetime_log import LifetimeLog
from l2rl.lifetime_position import Observer, Position, Silence, Stopped
from l2rl.randomness import derive_seed, global_generator_states, restore_global_generators
from l2rl.runs.run_directory import RunDirectory
from l2rl.task_environments import drain_events, make_task_env, stateful
from l2rl.views import ChangeEvent


class Lifetime:
    """One run. `live()` goes from the current position to the end."""

    def __init__(
        self, loaded: LoadedExperiment, run: RunDirectory, observer: Observer | None = None
    ) -> None:
        self.loaded, self.config = loaded, loaded.config
        self.curriculum = loaded.curriculum
        self.run = run
        self.observer: Observer = observer or Silence()
        self.seed = self.config.seed
        self.position = Position()
        self.stop_requested = False
        self.checkpoints = CheckpointStore(
            run.checkpoints_path,
            keep_last=self.config.checkpoint.keep_last,
            keep_every=self.config.checkpoint.keep_every,
        )
        torch.set_num_threads(self.config.resources.threads)
        self.log = LifetimeLog(run, tensorboard=self.config.logging.tensorboard)
        self.env = self._make_env(first_task(loaded).name, 0)
        self.agent: LifelongAlgorithm = build_agent(loaded, self.env)
        self.agent.host.change_listeners.append(self._on_change)
        self.recorder = EpisodeRecorder()
        _, self.callback = self.agent._setup_learn(
            self.curriculum.total_env_steps() or 1, self.recorder
        )
        self.evaluator = Evaluator(
            self._make_evaluation_env,
            seed=self.seed,
            episodes=self.config.evaluation.episodes,
            deterministic=self.config.evaluation.deterministic,
        )
        self._last_checkpoint_time = time.monotonic()
        self._last_checkpoint_env_steps = 0

    # ---- the loop ------------------------------------------------------------------------

    def live(self) -> None:
        """Go to the end of the curriculum.

        Raises `Stopped` after `request_stop`; whatever else goes wrong passes through, with the
        log and the last checkpoint safe on disk.
        """
        try:
            self._before_first_block()
            while self.position.block < len(self.curriculum.blocks):
                self._live_block(self.curriculum.blocks[self.position.block])
            self._after_last_block()
        finally:
            self._drain_environments()
            self.log.flush()
            self.evaluator.close()
            self.env.close()

    def request_stop(self) -> None:
        """Stop at the next safe point (called from a signal handler)."""
        self.stop_requested = True

    def _before_first_block(self) -> None:
        position = self.position
        if position.started:
            return
        interval = self.config.evaluation.interval_env_steps
        position.next_evaluation_env_steps = interval or 0
        position.next_log_env_steps = self.config.logging.interval_env_steps
        if self.config.evaluation.at_start:
            self._evaluate(self._evaluated_tasks())
        position.started = True
        self.checkpoint()

    def _live_block(self, block: Block) -> None:
        if not self.position.inside:
            self._enter(block)
        if block.kind == "learn":
            self._learn(block)
        elif block.kind == "sleep":
            self._sleep(block)
        else:
            self._evaluate(block.tasks)
        self._leave(block)
        self._safe_point(force=True)

    def _after_last_block(self) -> None:
        if self.position.finished:
            return
        if self.config.evaluation.at_end and not self._just_evaluated():
            self._evaluate(self._evaluated_tasks())
        self._log_scalars()
        self.position.finished = True
        self.checkpoint()

    def _enter(self, block: Block) -> None:
        position = self.position
        position.inside = True
        position.block_start_env_steps = self.env_steps
        position.block_episodes = 0
        position.sleep_steps = 0
        self._note_place()
        self.log.block_starts(block)
        if block.kind == "learn":
            self._enter_task(block)

    def _enter_task(self, block: Block) -> None:
        self._switch_env(block)
        if self.curriculum.visibility != "hidden":
            self._restart(block.budget if block.unit == "env_steps" else None)
        elif self.position.learning_blocks == 0:
            # Birth is no secret: schedules begin with the lifetime.
            self.agent.clock.start(0, self._schedule_period(None))
        self.agent.start_task(self.position.learning_blocks, block.task)
        self.position.learning_blocks += 1
        if self.position.learning_blocks > 1:
            self.log.boundary()

    def _switch_env(self, block: Block) -> None:
        """A new world, whose episodes begin now; the seed depends on the block alone."""
        if self.position.learning_blocks > 0:
            self.env.close()
            self.env = self._make_env(block.task, self.position.block)
        self.env.seed(self._block_seed(self.position.block))
        self.agent.enter_env(self.env)

    def _leave(self, block: Block) -> None:
        if block.kind == "learn":
            self.agent.end_task(self.position.learning_blocks - 1, block.task)
        self._drain()
        if (
            block.kind != "evaluate"
            and self._evaluates_after_blocks()
            and not self._just_evaluated()
        ):
            self._evaluate(self._evaluated_tasks())
        self.log.block_ends(block, footprint(self.agent))
        self.position.block += 1
        self.position.inside = False
        self._note_place()

    # ---- blocks --------------------------------------------------------------------------

    def _learn(self, block: Block) -> None:
        while not self._spent(block):
            self.agent.iterate(self.callback)
            self._follow_lifetime(block)
            self._drain()
            if self.env_steps >= self.position.next_log_env_steps:
                self._log_scalars()
            if self._evaluation_is_due() and not self._spent(block):
                self._evaluate(self._evaluated_tasks())
            self.observer.on_progress(self)
            self._safe_point()

    def _spent(self, block: Block) -> bool:
        if block.unit == "episodes":
            return self.position.block_episodes >= block.budget
        return self.env_steps - self.position.block_start_env_steps >= block.budget

    def _follow_lifetime(self, block: Block) -> None:
        """Where budgets count episodes, blocks are equal shares of the lifetime."""
        if self.curriculum.total_env_steps() is None and block.unit == "episodes":
            inside = min(self.position.block_episodes / block.budget, 1.0)
            lived = self.position.learning_blocks - 1 + inside
            total = sum(1 for _ in self.curriculum.learning_blocks())
            self.agent.clock.lifetime_remaining = 1.0 - lived / total

    def _sleep(self, block: Block) -> None:
        remaining = block.budget - self.position.sleep_steps
        for _ in self.agent.host.sleep(remaining, block.budget):
            self.position.sleep_steps += 1
            self.observer.on_progress(self)
            self._safe_point()

    # ---- evaluation ----------------------------------------------------------------------

    def _evaluated_tasks(self) -> tuple[str, ...]:
        wanted = self.config.evaluation.tasks
        return tuple(self.curriculum.tasks) if wanted == "all" else tuple(wanted)

    def _evaluation_is_due(self) -> bool:
        interval = self.config.evaluation.interval_env_steps
        return interval is not None and self.env_steps >= self.position.next_evaluation_env_steps

    def _just_evaluated(self) -> bool:
        return self.position.last_evaluation_env_steps == self.env_steps

    def _evaluates_after_blocks(self) -> bool:
        following = self.position.block + 1
        blocks = self.curriculum.blocks
        next_evaluates = following < len(blocks) and blocks[following].kind == "evaluate"
        return self.config.evaluation.at_block_end and not next_evaluates

    def _evaluate(self, tasks: tuple[str, ...]) -> None:
        position = self.position
        for task in tasks:
            result = self.evaluator.evaluate(self.agent, task, position.evaluations)
            self.log.evaluation(position.evaluations, result)
            self._drain_environments()
        position.evaluations += 1
        position.last_evaluation_env_steps = self.env_steps
        interval = self.config.evaluation.interval_env_steps
        while interval and position.next_evaluation_env_steps <= self.env_steps:
            position.next_evaluation_env_steps += interval
        self.observer.on_progress(self)

    # ---- reactions to boundaries ---------------------------------------------------------

    def _on_change(self, event: ChangeEvent) -> None:
        """A detected change stands for a boundary only where boundaries are hidden."""
        if self.curriculum.visibility == "hidden":
            self._restart(None)

    def _restart(self, period_env_steps: int | None) -> None:
        """What the experiment wants restarted when a task begins."""
        wanted = self.config.at_boundary
        if self.position.learning_blocks > 0:
            if wanted.optimiser == "reset":
                self.agent.reset_optimizers()
            if wanted.buffer == "clear":
                self.agent.clear_buffer()
        if restarts_exploration(self.loaded) or self.position.learning_blocks == 0:
            self.agent.clock.start(self.env_steps, self._schedule_period(period_env_steps))

    def _schedule_period(self, budget_env_steps: int | None) -> int:
        period = self.config.schedules.period_env_steps
        return period or budget_env_steps or self.curriculum.total_env_steps() or 1

    # ---- books ---------------------------------------------------------------------------

    @property
    def env_steps(self) -> int:
        """Env steps of the lifetime, all environments together, evaluation not counted."""
        return self.agent.num_timesteps

    def _note_place(self) -> None:
        """Tell the log what the rows to come belong to."""
        blocks, position = self.curriculum.blocks, self.position
        learning = [b.task for b in blocks[: position.block + position.inside] if b.kind == "learn"]
        self.log.place(
            block=position.block if position.inside else -1,
            trained_task=learning[-1] if learning else "",
            env_steps=lambda: self.env_steps,
        )

    def _drain(self) -> None:
        """Finished episodes and events into the log."""
        for episode in self.recorder.drain():
            self.log.training_episode(self.position.episodes, episode)
            self.position.episodes += 1
            self.position.block_episodes += 1
        self.log.events(self.agent.host.drain_events())
        self._drain_environments()

    def _drain_environments(self) -> None:
        self.log.environment_events(drain_events(self.env))
        self.log.environment_events(self.evaluator.drain_events())

    def _log_scalars(self) -> None:
        self.log.scalars(self.agent.logger.name_to_value)
        self.log.scalars(self.agent.host.metrics())
        self.agent.logger.dump(self.env_steps)
        interval = self.config.logging.interval_env_steps
        while self.position.next_log_env_steps <= self.env_steps:
            self.position.next_log_env_steps += interval

    # ---- environments --------------------------------------------------------------------

    def _block_seed(self, block: int) -> int:
        return derive_seed(self.seed, "learning", block) % 2**31

    def _make_env(self, task: str, block: int) -> VecEnv:
        return make_task_env(
            self.curriculum.tasks[task],
            n_envs=self.config.agent.n_envs,
            seed=self._block_seed(block),
        )

    def _make_evaluation_env(self, task: str, seed: int) -> VecEnv:
        n_envs = min(self.config.evaluation.n_envs, self.config.evaluation.episodes)
        env = make_task_env(self.curriculum.tasks[task], n_envs=n_envs, seed=seed % 2**31)
        return self.agent._wrap_env(env)

    # ---- checkpoints ---------------------------------------------------------------------

    def _safe_point(self, force: bool = False) -> None:
        """Nothing is half done here: checkpoint if it is time, stop if that was asked for."""
        settings = self.config.checkpoint
        seconds = time.monotonic() - self._last_checkpoint_time
        env_steps = self.env_steps - self._last_checkpoint_env_steps
        due = (settings.interval_s is not None and seconds >= settings.interval_s) or (
            settings.interval_env_steps is not None and env_steps >= settings.interval_env_steps
        )
        if due or force or self.stop_requested:
            self.checkpoint()
        if self.stop_requested:
            raise Stopped

    def checkpoint(self) -> None:
        """Write everything that decides the future."""
        self.checkpoints.write(self.state(), self.env_steps)
        self._last_checkpoint_time = time.monotonic()
        self._last_checkpoint_env_steps = self.env_steps

    def state(self) -> dict[str, Any]:
        """The whole state; see `l2rl.state_codec` for what it may consist of."""
        return {
            "position": asdict(self.position),
            "log": self.log.position(),
            "agent": self.agent.exact_state(),
            "env": stateful(self.env).state_dict(),
            "scalars": {k: float(v) for k, v in self.agent.logger.name_to_value.items()},
            "generators": global_generator_states(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state. The generators come last: building things draws from them."""
        self.position = Position(**state["position"])
        block = self.position.block
        if self.position.inside and self.curriculum.blocks[block].kind == "learn":
            self._reopen_env(self.curriculum.blocks[block].task, block)
        elif self.position.learning_blocks > 0:
            index, last = list(self.curriculum.learning_blocks())[self.position.learning_blocks - 1]
            self._reopen_env(last.task, index)
        stateful(self.env).load_state_dict(state["env"])
        self.agent.load_exact_state(state["agent"])
        self.log.truncate(state["log"])
        self._note_place()
        self.agent.logger.name_to_value.clear()
        self.agent.logger.name_to_value.update(state["scalars"])
        self._last_checkpoint_env_steps = self.env_steps
        restore_global_generators(state["generators"])

    def _reopen_env(self, task: str, block: int) -> None:
        self.env.close()
        self.env = self._make_env(task, block)
        self.agent.enter_env(self.env)

    def resume(self) -> None:
        """Go back to the newest sound checkpoint, or to birth if none was ever written.

        Raises `UserError` when there are checkpoints and all are damaged.
        """
        if not self.checkpoints.all():
            self.log.truncate(LifetimeLog.BEGINNING)
            return
        damaged: list[str] = []

        def on_damaged(path: Any, why: str) -> None:
            damaged.append(path.name)
            self.observer.on_message(f"checkpoint {path.name} is passed over: {why}")

        found = self.checkpoints.newest(on_damaged)
        if found is None:
            raise UserError(
                f"{self.run.path} has no usable checkpoint; start the run again with --force"
            )
        state, checkpoint = found
        self.restore(state)
        self.checkpoints.discard_after(checkpoint)
        if damaged:
            self.observer.on_message(f"going on from the one before: {checkpoint.path.name}")
