"""Experience replay balanced over tasks: every update learns from earlier tasks, too.

From each task at most `capacity_per_task` rows are kept, a uniform sample of all its rows. Once a
task has ended, every minibatch of B rows is joined by round(`memory_share` * B) rows from memory,
equally many of each earlier task, and the learner's loss is the mean over all of them: with the
default of 1 each half counts as much as the other. This is the experience replay (ER) of LIBERO
(arXiv 2306.03310; after arXiv 1902.10486) with its 1000 items a task and equal halves.

What a row is depends on the learner. DQN and SAC keep transitions as they are collected, and learn
from them as from any other. PPO keeps rows of its rollouts with the advantages, returns and
probabilities of then; its clipped ratio bounds what a row that is too old can still teach, and
advantages are normalised over both halves together. (`replay.clear` computes them anew.)

A task that returns is known again where the run gives labels or where a detector's owner of
TASK_BELIEF says so; while it is going on its memory grows but is not replayed. After a detected
change the first rows of the new task, those of the detector's delay, are kept as the old one's.
With one output layer a task each row is answered by that of its own task.

Units: rows. Cost: that of a batch larger by `memory_share`, and 0.2 ms to draw and join: beside a
batch of 64, 0.2-0.4 ms a step on a 64x64 network, up to 1.8 ms of SAC's on 256x256. Memory:
`capacity_per_task` rows a task.
"""

from __future__ import annotations

from pydantic import Field

from l2rl.batches import joined, rows_in
from l2rl.capabilities import EXTRA_ROWS
from l2rl.component import Batch
from l2rl.views import UpdateView

from .earlier_tasks import EarlierTasks, EarlierTasksConfig


class TaskBalanced(EarlierTasks):
    """Joins every minibatch with rows of all earlier tasks, equally many of each."""

    needs = (EXTRA_ROWS,)
    order = -10  # Before what works on whole batches, such as augmentation.
    cost = "with memory_share 1: 10-25 % of an update at a batch of 64, once a task has ended"

    class Config(EarlierTasksConfig):
        """Settings of `replay.task_balanced`."""

        memory_share: float = Field(
            1.0, ge=0, description="rows from memory for each row of the learner's minibatch"
        )

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        batch = super().transform_batch(batch, view)
        replayed = self.replayed(int(self.config.memory_share * rows_in(batch) + 0.5))
        if replayed is None:
            return batch
        return joined(batch, replayed, belief=view.belief, gamma=self.agent.gamma)
